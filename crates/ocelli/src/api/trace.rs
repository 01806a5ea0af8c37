//! What the record hears of requests: what was looked at, and what was changed.

use std::sync::Arc;

use axum::http::{Method, request::Parts};

use super::{Api, problem::Problem, table::Route};
use crate::{
    access::{Principal, PrincipalId},
    record::{Deed, RecordError, Who},
};

/// Routes of which nothing is recorded: how ocelli and its parts are, who asks, and what writes
/// entries of its own. A route that is not here is recorded.
const UNTRACED: &[&str] = &[
    "/metrics",
    "/api/openapi.json",
    "/api/v1/tickets",
    "/api/v1/logout",
    "/api/v1/me",
    "/api/v1/kinds",
    "/api/v1/health",
    "/api/v1/eyes",
    "/api/v1/streams",
    "/api/v1/streams/{name}",
    "/api/v1/streams/{name}/erase",
    "/api/v1/events/{id}/still",
    "/api/v1/record/checkpoint",
    "/api/v1/exports/counts",
];

fn is_traced(route: &Route) -> bool {
    let changes = route.method != Method::GET;
    // A stream is added and removed at paths whose reading says how it is.
    !UNTRACED.contains(&route.path)
        || (changes && matches!(route.path, "/api/v1/streams" | "/api/v1/streams/{name}"))
}

/// Who asks, as the record says it.
pub(crate) fn who(principal: &Principal) -> Who {
    Who {
        user: principal.user.clone(),
        token: match &principal.id {
            PrincipalId::Token(id) => Some(id.clone()),
            PrincipalId::User(_) => None,
        },
    }
}

/// Records a look before it is had. Err: it cannot be recorded, so it is not had.
pub(crate) async fn look(
    api: &Api,
    route: &Route,
    principal: &Principal,
    parts: &Parts,
    of_path: Option<&str>,
) -> Result<(), Problem> {
    if route.method != Method::GET || !is_traced(route) {
        return Ok(());
    }
    let query = parts.uri.query().unwrap_or_default();
    let mut streams: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _value)| name == "stream")
        .map(|(_name, value)| value.into_owned())
        .chain(of_path.map(str::to_owned))
        // What does not exist, or is beyond reach, is not seen; nor may it fill the record.
        .filter(|name| principal.sees(name) && api.site.engine.stream(name).is_some())
        .collect();
    let named = !streams.is_empty();
    let is_about_streams = route.path.starts_with("/api/v1/") && !is_of_the_site(route);
    if !named && is_about_streams {
        let all = api.site.engine.streams();
        streams = all
            .iter()
            .filter(|stream| principal.sees(&stream.name))
            .map(|stream| stream.name.to_string())
            .collect();
    }
    look_at(api, principal, route.path, streams, named).await
}

/// Routes that show nothing of any stream.
fn is_of_the_site(route: &Route) -> bool {
    ["users", "tokens", "groups", "record"]
        .iter()
        .any(|what| route.path["/api/v1/".len()..].starts_with(what))
}

/// Records a look at `streams`: by name where `named`, else at all within reach.
pub(crate) async fn look_at(
    api: &Api,
    principal: &Principal,
    what: &str,
    streams: Vec<String>,
    named: bool,
) -> Result<(), Problem> {
    let who = who(principal);
    let deeds = api.sight.look(&who, what, streams, named, (api.now)());
    for deed in deeds {
        note(api, Some(who.clone()), deed).await?;
    }
    Ok(())
}

/// Adds an entry. Err: it is not on the disk.
pub(crate) async fn note(api: &Api, who: Option<Who>, deed: Deed) -> Result<(), Problem> {
    match api.site.record.note(who, deed).await {
        Ok(_number) => Ok(()),
        Err(error) => {
            tracing::error!("the record cannot be written: {error}");
            // What was remembered as recorded is not.
            api.sight.forget();
            Err(Problem::unavailable(
                "the record cannot be written, and nothing is done without it",
            ))
        }
    }
}

/// Records that something was changed.
pub(crate) async fn changed(api: &Arc<Api>, route: &Route, principal: &Principal, path: String) {
    if route.method == Method::GET || !is_traced(route) {
        return;
    }
    let deed = Deed::Changed {
        method: route.method.to_string(),
        path,
    };
    // It is done: whoever asked has to know that, whatever becomes of the entry.
    if let Err(problem) = note(api, Some(who(principal)), deed).await {
        tracing::error!("a change is not in the record: {}", problem.told());
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        tracing::error!("the record cannot be read: {error}");
        Self::unavailable(format!("the record cannot be read: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::table::ROUTES;

    #[test]
    fn what_is_not_recorded_stands_in_the_table() {
        for path in UNTRACED {
            assert!(ROUTES.iter().any(|route| route.path == *path), "{path}");
        }
        for path in [
            "/api/v1/events",
            "/api/v1/boxes/live",
            "/api/v1/events/live",
        ] {
            assert!(!UNTRACED.contains(&path), "{path}");
        }
    }
}
