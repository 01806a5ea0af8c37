//! Notices for the people in front of the cameras: for everyone, without a log-in.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::Html,
};

use super::{Api, body::Segments, problem::Problem};
use crate::notice::{self, Notices};

/// The page of all notices, for people.
#[utoipa::path(
    get,
    path = "/notices",
    tag = "notices",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html"))
)]
pub(crate) async fn page(State(api): State<Arc<Api>>, headers: HeaderMap) -> Html<String> {
    Html(notice::page(&notices(&api), wanted(&headers)))
}

/// The page of one camera's notice, by its public id.
#[utoipa::path(
    get,
    path = "/notices/{id}",
    tag = "notices",
    params(("id" = String, Path, description = "The camera's public id.")),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such public id.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn page_of(
    State(api): State<Arc<Api>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let notices = notices(&api)
        .only(&id)
        .ok_or_else(|| Problem::not_found("notice", &id))?;
    Ok(Html(notice::page(&notices, wanted(&headers))))
}

/// All notices, for programs.
#[utoipa::path(
    get,
    path = "/api/v1/notices",
    tag = "notices",
    responses((status = 200, description = "The notices.", body = Notices))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<Notices> {
    Json(notices(&api))
}

fn notices(api: &Api) -> Notices {
    Notices::of(&api.site.configuration.borrow())
}

fn wanted(headers: &HeaderMap) -> &str {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
