//! Who asks: a bearer token, a ticket, or a session's cookie.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use super::{Api, problem::Problem};
use crate::access::{Evidence, FIRST_OWNER, Principal, PrincipalId, Reach, Role};

/// Name of the session's cookie.
pub(crate) const COOKIE: &str = "ocelli_session";

/// What a request says of who sends it.
pub(crate) enum Proof {
    /// This principal sends it.
    Is(Arc<Principal>),
    /// It says nothing.
    None,
    /// What it says is not true, or no longer.
    Wrong,
}

impl From<Option<Arc<Principal>>> for Proof {
    fn from(found: Option<Arc<Principal>>) -> Self {
        found.map_or(Self::Wrong, Self::Is)
    }
}

/// Finds out who sends the request of `parts`; a ticket counts where `socket` is true.
pub(crate) async fn find(api: &Api, parts: &Parts, socket: bool) -> Result<Proof, Problem> {
    let now = (api.now)();
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let Some(token) = value.to_str().ok().and_then(bearer) else {
            return Ok(Proof::Wrong);
        };
        let configured = api.settings.token.as_ref();
        if configured.is_some_and(|check| check.admits(token)) {
            return Ok(Proof::Is(configured_owner()));
        }
        return Ok(api.access.by_token(token, now).await?.into());
    }
    if socket && let Some(ticket) = ticket(parts) {
        return Ok(api.tickets.redeem(&ticket).into());
    }
    match cookie(&parts.headers) {
        Some(session) => Ok(api.access.by_session(session, now).await?.into()),
        None => Ok(Proof::None),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn ticket(parts: &Parts) -> Option<String> {
    url::form_urlencoded::parse(parts.uri.query()?.as_bytes())
        .find(|(name, _value)| name == "ticket")
        .map(|(_name, value)| value.into_owned())
}

/// The text of the session's cookie.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _value)| *name == COOKIE)
        .map(|(_name, value)| value)
}

/// Who has the token that the configuration names.
fn configured_owner() -> Arc<Principal> {
    Arc::new(Principal {
        id: PrincipalId::Token("configuration".to_owned()),
        user: FIRST_OWNER.to_owned(),
        role: Role::Owner,
        rights: Role::Owner.rights(),
        reach: Reach::All,
        ambient: false,
        evidence: Evidence::Configuration,
    })
}

/// Who asks, for a route that the guard let through.
pub(crate) struct Asker(pub(crate) Arc<Principal>);

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Arc<Principal>>()
            .map(|principal| Self(Arc::clone(principal)))
            .ok_or_else(Problem::unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; ocelli_sessionx=no"),
        );
        assert_eq!(cookie(&headers), None);
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("c=d;ocelli_session=yes; e"),
        );
        assert_eq!(cookie(&headers), Some("yes"));
    }

    #[test]
    fn only_bearer_is_read() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        for bad in ["abc", "Basic abc", "Bearer"] {
            assert_eq!(bearer(bad), None, "{bad}");
        }
    }
}
