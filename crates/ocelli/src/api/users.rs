//! Users.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api,
    body::{Json, Segments},
    problem::Problem,
};
use crate::access::{NewUser, UserChange, UserEntry};

/// Every user.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    /// By name.
    users: Vec<UserEntry>,
}

/// What a user logs in with once.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneTimeLink {
    /// The secret part of the link: shown once. Good for a day.
    link: String,
}

/// Lists the users.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "access",
    responses((status = 200, description = "The users.", body = Users))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<axum::Json<Users>, Problem> {
    let users = api.access.users().await?;
    Ok(axum::Json(Users { users }))
}

/// Makes a user. The answer holds the link with which it logs in for the first time.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "access",
    request_body = NewUser,
    responses(
        (status = 201, description = "Made.", body = OneTimeLink),
        (status = 409, description = "The name is taken.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    Json(user): Json<NewUser>,
) -> Result<(StatusCode, axum::Json<OneTimeLink>), Problem> {
    let link = api.access.add_user(user, (api.now)()).await?;
    Ok((StatusCode::CREATED, axum::Json(one_time(&link))))
}

/// Shows a user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{user}",
    tag = "access",
    params(("user" = String, Path, description = "Name of the user.")),
    responses(
        (status = 200, description = "The user.", body = UserEntry),
        (status = 404, description = "There is none.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
) -> Result<axum::Json<UserEntry>, Problem> {
    Ok(axum::Json(api.access.user(name).await?))
}

/// Changes what a user may do.
#[utoipa::path(
    put,
    path = "/api/v1/users/{user}",
    tag = "access",
    params(("user" = String, Path, description = "Name of the user.")),
    request_body = UserChange,
    responses(
        (status = 200, description = "Changed.", body = UserEntry),
        (status = 404, description = "There is none.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
    Json(change): Json<UserChange>,
) -> Result<axum::Json<UserEntry>, Problem> {
    Ok(axum::Json(api.access.change_user(name, change).await?))
}

/// Removes a user, with its sessions and tokens.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{user}",
    tag = "access",
    params(("user" = String, Path, description = "Name of the user.")),
    responses(
        (status = 204, description = "Removed."),
        (status = 404, description = "There is none.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    api.access.remove_user(name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link with which a user logs in once, for one that has lost its password.
#[utoipa::path(
    post,
    path = "/api/v1/users/{user}/link",
    tag = "access",
    params(("user" = String, Path, description = "Name of the user.")),
    responses(
        (status = 201, description = "The link.", body = OneTimeLink),
        (status = 404, description = "There is no such user.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn new_link(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
) -> Result<(StatusCode, axum::Json<OneTimeLink>), Problem> {
    let link = api.access.new_link(name, (api.now)()).await?;
    Ok((StatusCode::CREATED, axum::Json(one_time(&link))))
}

fn one_time(link: &ocelli_core::Secret) -> OneTimeLink {
    OneTimeLink {
        link: link.expose().to_owned(),
    }
}
