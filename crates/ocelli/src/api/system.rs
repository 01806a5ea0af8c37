//! Whether the program runs.

use std::sync::Arc;

use axum::extract::State;

use super::{Api, problem::Problem};

/// Whether the program answers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "system",
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain"))
)]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the program is ready to serve.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "system",
    responses(
        (status = 200, description = "It is.", body = String, content_type = "text/plain"),
        (status = 503, description = "It is stopping.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(State(api): State<Arc<Api>>) -> Result<&'static str, Problem> {
    if api.stop.is_cancelled() {
        return Err(Problem::unavailable("stopping"));
    }
    Ok("ok\n")
}
