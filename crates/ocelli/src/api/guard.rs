//! What every request passes before its route: Host, proof of who asks, rate, and the table.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{MatchedPath, RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    Api, host,
    identity::{self, Proof},
    problem::Problem,
    serve::Peer,
    table::{self, Need, Object, Route},
    trace,
};
use crate::access::Principal;

/// A request that takes longer is given up.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// How long an address waits for the answer to one more wrong token, once it sent many.
const REFUSAL_WAITS: Duration = Duration::from_millis(250);

/// Headers of every answer. Pages that show something set their own policy.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The outermost layer: time, Host, and headers of every answer.
pub(crate) async fn outer(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    // The path alone: a query may hold a ticket.
    let path = request.uri().path().to_owned();
    let answer = async {
        if path != "/healthz" {
            check_host(&api, &request)?;
        }
        tokio::time::timeout(REQUEST_MAX, next.run(request))
            .await
            .map_err(|_elapsed| Problem::too_slow())
    };
    let mut response = answer.await.unwrap_or_else(Problem::into_response);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
    response
}

/// The layer of every route: who asks, how often, and whether the table lets it through.
pub(crate) async fn inner(
    State(api): State<Arc<Api>>,
    matched: Option<MatchedPath>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let path = matched.as_ref().map(MatchedPath::as_str);
    let route = path.and_then(|path| table::find(request.method(), path));
    if route.is_some_and(|route| route.need == Need::Nothing) {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let address = address_of(&parts);
    let socket = route.is_some_and(|route| route.socket);
    let proof = identity::find(&api, &parts, socket).await?;
    let principal = match proof {
        Proof::Is(principal) => principal,
        Proof::None => return Err(Problem::unauthorized()),
        Proof::Wrong => {
            // Only who is wrong waits: others may share the address.
            if api.refusals.take(address).is_err() {
                tokio::time::sleep(REFUSAL_WAITS).await;
            }
            return Err(Problem::unauthorized());
        }
    };
    if principal.ambient && (socket || !is_safe(&parts.method)) {
        check_origin(&parts.headers)?;
    }
    api.requests
        .take(principal.id.clone())
        .map_err(|wait| Problem::too_many(wait.as_secs().max(1), "slow down"))?;
    match route {
        Some(route) => {
            check(route, &principal, parameters.as_ref().ok())?;
            let stream = stream_of(route, parameters.as_ref().ok());
            trace::look(&api, route, &principal, &parts, stream).await?;
        }
        None if path.is_none() => return Err(Problem::no_route()),
        // The router knows the path, and says which methods it has.
        None => {}
    }
    parts.extensions.insert(Arc::clone(&principal));
    let asked_at = parts.uri.path().to_owned();
    let response = next.run(Request::from_parts(parts, body)).await;
    if let Some(route) = route.filter(|_| response.status().is_success()) {
        trace::changed(&api, route, &principal, asked_at).await;
    }
    Ok(response)
}

/// The answer where no route fits; only who proved something gets here.
pub(crate) async fn no_route() -> Problem {
    Problem::no_route()
}

/// The answer where the path fits and the method does not.
pub(crate) async fn no_method() -> Problem {
    Problem::method_not_allowed()
}

/// Whether the table lets this principal through.
fn check(
    route: &Route,
    principal: &Principal,
    parameters: Option<&RawPathParams>,
) -> Result<(), Problem> {
    if let Need::Right(right) = route.need
        && !principal.may(right)
    {
        return Err(Problem::forbidden(format!(
            "this needs the right `{}`",
            right.as_str()
        )));
    }
    match route.object {
        Object::Site | Object::Reached => Ok(()),
        Object::Whole if principal.reach.is_all() => Ok(()),
        Object::Whole => Err(Problem::forbidden("this is about every stream")),
        Object::Stream => {
            let name = stream_of(route, parameters).unwrap_or_default();
            if principal.sees(name) {
                Ok(())
            } else {
                Err(Problem::not_found("stream", name))
            }
        }
    }
}

/// The stream that the path names.
fn stream_of<'a>(route: &Route, parameters: Option<&'a RawPathParams>) -> Option<&'a str> {
    let mut parameters = parameters?.iter();
    parameters
        .find(|(name, _value)| route.object == Object::Stream && *name == "name")
        .map(|(_name, value)| value)
}

fn check_host(api: &Api, request: &Request) -> Result<(), Problem> {
    let listed = &api.settings.hosts;
    let mut named = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return Err(Problem::malformed("a request names its host once"));
    };
    let host_fits = host.to_str().is_ok_and(|host| host::admits(host, listed));
    let target_fits = request
        .uri()
        .authority()
        .is_none_or(|authority| host::admits(authority.as_str(), listed));
    if host_fits && target_fits {
        Ok(())
    } else {
        Err(Problem::misdirected())
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Refuses a request that another site's page made a browser send: the cookie went along by
/// itself, and only the browser's own word says where the request comes from.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let fits = match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => site == "same-origin",
        // Older browsers, and WebSockets of some: the origin's authority is the host.
        None => text(header::ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_scheme, authority)| Some(authority) == text(header::HOST)),
    };
    if fits {
        Ok(())
    } else {
        Err(Problem::forbidden("the request comes from another site"))
    }
}

/// The address that asks.
pub(crate) fn address_of(parts: &Parts) -> IpAddr {
    parts
        .extensions
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_origin_may_use_a_cookie() {
        let fits = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("cams.example:8080"));
            for (name, value) in lines {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            check_origin(&headers).is_ok()
        };
        assert!(fits(&[("sec-fetch-site", "same-origin")]));
        assert!(fits(&[("origin", "http://cams.example:8080")]));
        for bad in [
            &[][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://cams.example")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://cams.example:8080"),
            ],
        ] {
            assert!(!fits(bad), "{bad:?}");
        }
    }
}
