//! Every error answer: problem details (RFC 9457).

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::AccessError;

/// Media type of problem details.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What is wrong with a request, or why it was not served.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Names the kind of problem; the same kind has the same name.
    #[serde(rename = "type")]
    #[schema(example = "urn:ocelli:problem:not-found")]
    kind: String,
    /// The kind of problem in words.
    #[schema(example = "not found")]
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// Each thing that is wrong, where there may be several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Wrong>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Wrong {
    /// Where: the name of a parameter, or a JSON pointer into the body.
    pub(crate) at: String,
    /// What is wrong with it.
    pub(crate) detail: String,
}

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:ocelli:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: None,
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Says more.
    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Nobody proved who asks.
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "a token or a log-in is needed",
        )
        .header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"ocelli\""),
        )
    }

    /// Whoever asks may not.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "not allowed").detail(detail)
    }

    /// There is no such thing, or it is beyond the reach of whoever asks.
    pub(crate) fn not_found(what: &str, name: &str) -> Self {
        let name: String = name.chars().take(100).collect();
        Self::new(StatusCode::NOT_FOUND, "not-found", "not found")
            .detail(format!("there is no {what} `{name}`"))
    }

    /// There is no such path.
    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "not found")
            .detail("there is nothing at this path: see /api/openapi.json")
    }

    /// The path does not know the method.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "the path does not know this method",
        )
    }

    /// The bytes of the request do not have the shape of one.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "malformed request").detail(detail)
    }

    /// The request says something that cannot be.
    pub(crate) fn invalid(errors: Vec<Wrong>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "the request says something that cannot be",
        );
        problem.detail = errors
            .first()
            .map(|wrong| format!("{}: {}", wrong.at, wrong.detail));
        problem.errors = errors;
        problem
    }

    /// One thing is wrong.
    pub(crate) fn invalid_at(at: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![Wrong {
            at: at.into(),
            detail: detail.into(),
        }])
    }

    /// The name is taken, or something else stands in the way.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "conflict").detail(detail)
    }

    /// It is otherwise than whoever changes it saw.
    pub(crate) fn changed_meanwhile() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "changed-meanwhile",
            "changed by somebody else",
        )
        .detail("it is not what `If-Match` or `If-None-Match` says: look at it again")
    }

    /// The request does not say what it saw.
    pub(crate) fn precondition_required() -> Self {
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition-required",
            "the request does not say what it saw",
        )
        .detail("send `If-Match` with the ETag that you got, or `If-None-Match: *` for a new one")
    }

    /// It was there and is no longer known.
    pub(crate) fn forgotten() -> Self {
        Self::new(StatusCode::GONE, "forgotten", "no longer remembered")
            .detail("the event is no longer remembered: send its cursor, or leave `after` out")
    }

    /// The body is larger than it may be.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "the body is too large",
        )
        .detail(format!("{bytes_max} bytes at most"))
        .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// The body has a type that is not read here.
    pub(crate) fn unsupported_media_type(expected: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body has another type",
        )
        .detail(format!("send it as {expected}"))
    }

    /// The request did not arrive in time.
    pub(crate) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            "the request did not arrive in time",
        )
        .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// The Host header names another host.
    pub(crate) fn misdirected() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected",
            "this host is not served here",
        )
        .detail("use the address itself, or list the name under `api: hosts:`")
    }

    /// The path is for a WebSocket.
    pub(crate) fn upgrade_required() -> Self {
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade-required",
            "this path is for a WebSocket",
        )
        .header(header::UPGRADE, HeaderValue::from_static("websocket"))
        .header(header::CONNECTION, HeaderValue::from_static("upgrade"))
    }

    /// Too many requests.
    pub(crate) fn too_many(retry_after_secs: u64, detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "too many requests",
        )
        .detail(detail)
        .header(header::RETRY_AFTER, HeaderValue::from(retry_after_secs))
    }

    /// A part that is needed does not answer.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "not available now",
        )
        .detail(detail)
        .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// What is wrong, in one line.
    pub(crate) fn told(self) -> String {
        self.detail.unwrap_or_else(|| self.title.to_owned())
    }

    /// The status of the answer.
    #[cfg(test)]
    pub(crate) fn status(&self) -> u16 {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A struct of text and numbers always serialises.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.extend(self.headers);
        response
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Storage(reason) => {
                tracing::error!(reason, "users and tokens cannot be read or written");
                Self::unavailable("users and tokens cannot be read or written now")
            }
            AccessError::Unknown { what, name } => Self::not_found(what, &name),
            AccessError::Taken { .. } => Self::conflict(error.to_string()),
            AccessError::Refused(reason) => Self::invalid_at("", reason),
        }
    }
}
