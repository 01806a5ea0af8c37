//! API tokens.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api,
    body::{Json, Segments},
    identity::Asker,
    problem::Problem,
};
use crate::access::{NewToken, Principal, Right, Rights, TokenEntry};

/// Tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// By id.
    tokens: Vec<TokenEntry>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// What it is.
    #[serde(flatten)]
    entry: TokenEntry,
    /// Its text: shown once.
    token: String,
}

/// Lists one's own tokens, or those of everyone for who manages users.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "access",
    responses((status = 200, description = "The tokens.", body = Tokens))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
) -> Result<axum::Json<Tokens>, Problem> {
    let tokens = api.access.tokens(whose(&principal)).await?;
    Ok(axum::Json(Tokens { tokens }))
}

/// Makes a token for oneself. Its text is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "access",
    request_body = NewToken,
    responses((status = 201, description = "Made.", body = MadeToken))
)]
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    Json(token): Json<NewToken>,
) -> Result<(StatusCode, axum::Json<MadeToken>), Problem> {
    // A token makes no token that may more than itself.
    if !principal.ambient && !manages(&principal) {
        return Err(Problem::forbidden(
            "a token makes tokens only with the scope `administer`",
        ));
    }
    if !Rights::of(&token.scopes).within(principal.rights) {
        return Err(Problem::invalid_at(
            "/scopes",
            "more than whoever asks may do",
        ));
    }
    let user = principal.user.clone();
    let (entry, text) = api.access.add_token(user, token, (api.now)()).await?;
    let made = MadeToken {
        entry,
        token: text.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Ends a token of one's own, or anyone's for who manages users.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    tag = "access",
    params(("id" = String, Path, description = "Public id of the token.")),
    responses(
        (status = 204, description = "Ended."),
        (status = 404, description = "There is none.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    api.access.remove_token(id, whose(&principal)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn manages(principal: &Principal) -> bool {
    principal.may(Right::Administer) && principal.reach.is_all()
}

/// Whose tokens a principal sees: `None` is everyone's.
fn whose(principal: &Principal) -> Option<String> {
    (!manages(principal)).then(|| principal.user.clone())
}
