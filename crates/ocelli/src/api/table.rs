//! Who may do what: the one table of route x right x object.
//!
//! A route that is not in the table does not exist: the guard answers for it, and a test compares
//! the table with the routes of the OpenAPI document.

use axum::http::Method;

use crate::access::Right;

/// What a principal needs for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: everyone may ask.
    Nothing,
    /// A proof of who asks.
    Anyone,
    /// This right.
    Right(Right),
}

/// What a route is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    /// Nothing of any stream.
    Site,
    /// Streams: the answer holds what is within reach, and the route sees to it.
    Reached,
    /// The stream that the path names as `{name}`: beyond reach it does not exist.
    Stream,
    /// All streams at once: everything must be within reach.
    Whole,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// The method; HEAD is taken as GET.
    pub(crate) method: Method,
    /// The path as the router knows it.
    pub(crate) path: &'static str,
    /// What is needed.
    pub(crate) need: Need,
    /// What it is about.
    pub(crate) object: Object,
    /// Whether it is for a WebSocket, where a ticket may stand for a token.
    pub(crate) socket: bool,
}

const fn route(method: Method, path: &'static str, need: Need, object: Object) -> Route {
    Route {
        method,
        path,
        need,
        object,
        socket: false,
    }
}

const fn socket(path: &'static str, need: Need, object: Object) -> Route {
    Route {
        method: Method::GET,
        path,
        need,
        object,
        socket: true,
    }
}

const VIEW: Need = Need::Right(Right::View);
const OPERATE: Need = Need::Right(Right::Operate);
const ADMINISTER: Need = Need::Right(Right::Administer);

/// Every route.
pub(crate) const ROUTES: &[Route] = &[
    route(Method::GET, "/healthz", Need::Nothing, Object::Site),
    route(Method::GET, "/notices", Need::Nothing, Object::Site),
    route(Method::GET, "/notices/{id}", Need::Nothing, Object::Site),
    route(Method::GET, "/api/v1/notices", Need::Nothing, Object::Site),
    route(Method::GET, "/readyz", Need::Nothing, Object::Site),
    route(
        Method::GET,
        "/metrics",
        Need::Right(Right::Measure),
        Object::Whole,
    ),
    route(Method::GET, "/api/openapi.json", Need::Anyone, Object::Site),
    route(Method::POST, "/api/v1/tickets", Need::Anyone, Object::Site),
    route(Method::POST, "/api/v1/login", Need::Nothing, Object::Site),
    route(
        Method::POST,
        "/api/v1/login/link",
        Need::Nothing,
        Object::Site,
    ),
    route(Method::POST, "/api/v1/logout", Need::Anyone, Object::Site),
    route(Method::GET, "/api/v1/me", Need::Anyone, Object::Site),
    route(
        Method::PUT,
        "/api/v1/me/password",
        Need::Anyone,
        Object::Site,
    ),
    route(Method::GET, "/api/v1/tokens", Need::Anyone, Object::Site),
    route(Method::POST, "/api/v1/tokens", Need::Anyone, Object::Site),
    route(
        Method::DELETE,
        "/api/v1/tokens/{id}",
        Need::Anyone,
        Object::Site,
    ),
    route(Method::GET, "/api/v1/users", ADMINISTER, Object::Whole),
    route(Method::POST, "/api/v1/users", ADMINISTER, Object::Whole),
    route(
        Method::GET,
        "/api/v1/users/{user}",
        ADMINISTER,
        Object::Whole,
    ),
    route(
        Method::PUT,
        "/api/v1/users/{user}",
        ADMINISTER,
        Object::Whole,
    ),
    route(
        Method::DELETE,
        "/api/v1/users/{user}",
        ADMINISTER,
        Object::Whole,
    ),
    route(
        Method::POST,
        "/api/v1/users/{user}/link",
        ADMINISTER,
        Object::Whole,
    ),
    route(Method::GET, "/api/v1/groups", ADMINISTER, Object::Whole),
    route(
        Method::PUT,
        "/api/v1/groups/{group}",
        ADMINISTER,
        Object::Whole,
    ),
    route(
        Method::DELETE,
        "/api/v1/groups/{group}",
        ADMINISTER,
        Object::Whole,
    ),
    route(Method::GET, "/api/v1/kinds", VIEW, Object::Site),
    route(Method::GET, "/api/v1/health", VIEW, Object::Reached),
    route(Method::GET, "/api/v1/eyes", VIEW, Object::Site),
    route(Method::GET, "/api/v1/streams", VIEW, Object::Reached),
    route(Method::GET, "/api/v1/streams/{name}", VIEW, Object::Stream),
    route(
        Method::POST,
        "/api/v1/streams/{name}/erase",
        Need::Right(Right::Protect),
        Object::Stream,
    ),
    route(
        Method::GET,
        "/api/v1/streams/{name}/scene",
        VIEW,
        Object::Stream,
    ),
    route(
        Method::GET,
        "/api/v1/streams/{name}/settings",
        OPERATE,
        Object::Stream,
    ),
    route(
        Method::PUT,
        "/api/v1/streams/{name}/settings",
        OPERATE,
        Object::Stream,
    ),
    route(
        Method::DELETE,
        "/api/v1/streams/{name}/settings",
        OPERATE,
        Object::Stream,
    ),
    route(Method::GET, "/api/v1/profiles", OPERATE, Object::Site),
    route(Method::POST, "/api/v1/probe", OPERATE, Object::Site),
    route(
        Method::GET,
        "/api/v1/streams/{name}/plate",
        VIEW,
        Object::Stream,
    ),
    route(Method::GET, "/api/v1/events", VIEW, Object::Reached),
    route(
        Method::GET,
        "/api/v1/events/{id}/still",
        VIEW,
        Object::Reached,
    ),
    route(Method::GET, "/api/v1/counts", VIEW, Object::Reached),
    route(Method::GET, "/api/v1/exports/counts", VIEW, Object::Reached),
    route(
        Method::GET,
        "/api/v1/record",
        Need::Right(Right::Protect),
        Object::Whole,
    ),
    route(Method::GET, "/api/v1/record/checkpoint", VIEW, Object::Site),
    socket("/api/v1/events/live", VIEW, Object::Reached),
    socket("/api/v1/boxes/live", VIEW, Object::Reached),
];

/// The line of a route.
pub(crate) fn find(method: &Method, path: &str) -> Option<&'static Route> {
    let method = if method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    ROUTES
        .iter()
        .find(|route| route.method == *method && route.path == path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_route_stands_once_and_names_its_stream() {
        let mut seen = BTreeSet::new();
        for route in ROUTES {
            assert!(
                seen.insert((route.path, route.method.as_str())),
                "{route:?}"
            );
            assert!(!route.socket || route.method == Method::GET);
            let of_a_stream = route.path.starts_with("/api/v1/streams/{name}");
            assert_eq!(of_a_stream, route.object == Object::Stream, "{route:?}");
            assert!(
                route.object == Object::Site || route.need != Need::Nothing,
                "{route:?}"
            );
        }
    }

    #[test]
    fn head_is_taken_as_get() {
        assert_eq!(find(&Method::HEAD, "/healthz").unwrap().method, Method::GET);
        assert!(find(&Method::DELETE, "/healthz").is_none());
        assert!(find(&Method::GET, "/nowhere").is_none());
    }
}
