//! Whoever asks, about itself.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use ocelli_core::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    body::Json,
    identity::{self, Asker},
    problem::Problem,
};
use crate::access::{PrincipalId, Right, Role};

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The user.
    user: String,
    /// The token, by its public id, where one was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token: Option<String>,
    /// The user's role.
    role: Role,
    /// What may be done.
    rights: Vec<Right>,
    /// Whether every stream is within reach.
    every_stream: bool,
    /// Streams whose boxes may be followed at a time.
    box_streams_max: usize,
}

/// Says who asks and what they may do.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "access",
    responses((status = 200, description = "Who asks.", body = Me))
)]
pub(crate) async fn me(Asker(principal): Asker) -> axum::Json<Me> {
    axum::Json(Me {
        user: principal.user.clone(),
        token: match &principal.id {
            PrincipalId::Token(id) => Some(id.clone()),
            PrincipalId::User(_) => None,
        },
        role: principal.role,
        rights: principal.rights.list(),
        every_stream: principal.reach.is_all(),
        box_streams_max: principal.role.box_streams_max(),
    })
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The password until now, where there is one.
    #[serde(default)]
    #[schema(format = Password, max_length = 256)]
    old: Option<String>,
    /// The new one.
    #[schema(format = Password, min_length = 10, max_length = 256)]
    new: String,
}

/// Sets the password of whoever is logged in. Its other sessions end.
#[utoipa::path(
    put,
    path = "/api/v1/me/password",
    tag = "access",
    request_body = NewPassword,
    responses((status = 204, description = "Set."))
)]
pub(crate) async fn set_password(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    headers: HeaderMap,
    Json(NewPassword { old, new }): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    if !principal.ambient {
        return Err(Problem::forbidden(
            "a token sets no password: log in for that",
        ));
    }
    let session = identity::cookie(&headers).map(Secret::new);
    api.access
        .set_password(
            principal.user.clone(),
            old.map(Secret::new),
            Secret::new(new),
            session,
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
