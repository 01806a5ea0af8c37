//! The page, embedded in the program.
//!
//! Its files say nothing about any camera, so they need no log-in; everything that they show comes
//! from the guarded routes.

use axum::{
    Router,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};

/// What `npm run build` made in `web/`. A program that is built without it has no page.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// Scripts, styles and pictures of the page itself; it talks to where it came from and nowhere else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Assets carry a hash of what they hold in their name.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The routes of the page.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|| async { answer("index.html", false) }))
        .route("/icon.svg", get(|| async { answer("icon.svg", false) }))
        .route(
            "/assets/{file}",
            get(|Path(file): Path<String>| async move { answer(&format!("assets/{file}"), true) }),
        )
}

fn answer(path: &str, hashed: bool) -> Response {
    let Some(EmbeddedFile { data, .. }) = Files::get(path) else {
        let reason = "this ocelli was built without its page; the API is at /api/openapi.json\n";
        return (StatusCode::NOT_FOUND, reason).into_response();
    };
    let mut response = data.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind_of(path));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    if hashed {
        headers.insert(header::CACHE_CONTROL, FOR_EVER);
    }
    response
}

fn kind_of(path: &str) -> HeaderValue {
    let extension = path.rsplit('.').next().unwrap_or_default();
    HeaderValue::from_static(match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_has_no_file_for_is_not_found() {
        assert_eq!(
            answer("../Cargo.toml", false).status(),
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            answer("assets/none.js", true).status(),
            StatusCode::NOT_FOUND
        );
    }

    #[test]
    fn the_page_is_served_under_its_own_policy_if_it_was_built() {
        let response = answer("index.html", false);
        if Files::get("index.html").is_none() {
            eprintln!("needs the page: npm run build in web/");
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            return;
        }
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
    }
}
