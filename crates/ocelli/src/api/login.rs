//! Logging in and out in a browser.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ocelli_core::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Api,
    body::Json,
    guard,
    identity::{self, Asker, COOKIE},
    problem::Problem,
    serve::Peer,
    trace,
};
use crate::{
    access::SESSION_LIFE_SECS,
    record::{Deed, Who},
};

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// Name of the user.
    #[schema(max_length = 64)]
    user: String,
    /// Its password.
    #[schema(format = Password, max_length = 256)]
    password: String,
}

/// A one-time link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkLogin {
    /// The secret part of the link.
    #[schema(max_length = 64)]
    link: String,
}

/// Logs in with a password. The answer sets the session's cookie.
#[utoipa::path(
    post,
    path = "/api/v1/login",
    tag = "access",
    request_body = Login,
    responses(
        (status = 204, description = "Logged in."),
        (status = 401, description = "No such user, or another password.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn login(
    State(api): State<Arc<Api>>,
    peer: Peer,
    headers: HeaderMap,
    Json(Login { user, password }): Json<Login>,
) -> Result<Response, Problem> {
    check_sender(&headers)?;
    api.attempts
        .take(&peer.address, &user)
        .map_err(|wait| Problem::too_many(wait.as_secs().max(1), "too many attempts"))?;
    let password = Secret::new(password);
    if !api.access.check_password(user.clone(), password).await? {
        tracing::info!(address = %peer.address, "log-in refused");
        refused(&api, &peer).await?;
        return Err(Problem::unauthorized());
    }
    let session = api.access.begin_session(user, (api.now)()).await?;
    begun(&api, &session, "password", &peer).await
}

/// Logs in with a one-time link, which is used up. The answer sets the session's cookie.
#[utoipa::path(
    post,
    path = "/api/v1/login/link",
    tag = "access",
    request_body = LinkLogin,
    responses(
        (status = 204, description = "Logged in."),
        (status = 401, description = "The link is none, is used, or is too old.",
            body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn login_by_link(
    State(api): State<Arc<Api>>,
    peer: Peer,
    headers: HeaderMap,
    Json(LinkLogin { link }): Json<LinkLogin>,
) -> Result<Response, Problem> {
    check_sender(&headers)?;
    api.attempts
        .take(&peer.address, "")
        .map_err(|wait| Problem::too_many(wait.as_secs().max(1), "too many attempts"))?;
    let Some(session) = api.access.use_link(Secret::new(link), (api.now)()).await? else {
        refused(&api, &peer).await?;
        return Err(Problem::unauthorized());
    };
    begun(&api, &session, "link", &peer).await
}

/// Ends the session.
#[utoipa::path(
    post,
    path = "/api/v1/logout",
    tag = "access",
    responses((status = 204, description = "Logged out."))
)]
pub(crate) async fn logout(
    State(api): State<Arc<Api>>,
    _asker: Asker,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(session) = identity::cookie(&headers) {
        api.access.end_session(Secret::new(session)).await?;
    }
    set_cookie(&api, "", 0)
}

/// Another site's page may not log a browser in as somebody else.
fn check_sender(headers: &HeaderMap) -> Result<(), Problem> {
    let from_a_browser = headers.contains_key(header::ORIGIN)
        || headers.contains_key(HeaderName::from_static("sec-fetch-site"));
    if from_a_browser {
        guard::check_origin(headers)
    } else {
        Ok(())
    }
}

/// Nobody comes in whom the record does not know.
async fn begun(api: &Api, session: &Secret, with: &str, peer: &Peer) -> Result<Response, Problem> {
    let found = api.access.by_session(session.expose(), (api.now)()).await?;
    let principal = found.ok_or_else(Problem::unauthorized)?;
    let who = Who {
        user: principal.user.clone(),
        token: None,
    };
    let deed = Deed::LoggedIn {
        with: with.to_owned(),
        address: peer.address.to_string(),
    };
    trace::note(api, Some(who), deed).await?;
    set_cookie(api, session.expose(), SESSION_LIFE_SECS)
}

/// The name that was tried is not recorded: it may be a password at the wrong place.
async fn refused(api: &Api, peer: &Peer) -> Result<(), Problem> {
    let address = peer.address.to_string();
    if api.sight.refused(&address, (api.now)()) {
        trace::note(api, None, Deed::LogInRefused { address }).await?;
    }
    Ok(())
}

fn set_cookie(api: &Api, value: &str, life_secs: i64) -> Result<Response, Problem> {
    let secure = if api.settings.secure { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life_secs}{secure}");
    let mut cookie = HeaderValue::from_str(&cookie)
        .map_err(|_no_header| Problem::unavailable("no cookie could be made"))?;
    cookie.set_sensitive(true);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
