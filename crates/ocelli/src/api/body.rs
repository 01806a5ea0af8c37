//! JSON bodies and path segments, with every error a problem.

use std::sync::Arc;

use axum::{
    body,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;

use super::{Api, problem::Problem};

/// The body of a request, read as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::unsupported_media_type("application/json"));
        }
        let bytes_max = api.settings.body_bytes_max;
        let announced = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
            return Err(Problem::too_large(bytes_max));
        }
        let bytes = body::to_bytes(request.into_body(), bytes_max)
            .await
            .map_err(|_either| Problem::too_large(bytes_max))?;
        read(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads JSON; the error points at the place.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        let cause = error.into_inner();
        match cause.classify() {
            serde_json::error::Category::Data => Problem::invalid_at(pointer, cause.to_string()),
            _ => Problem::malformed(format!("the body is not JSON: {cause}")),
        }
    })?;
    json.end()
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    Ok(value)
}

/// The JSON pointer (RFC 6901) of a place.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |mut pointer, segment| {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
        pointer
    })
}

/// The parts of a path that its route names.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::malformed(rejection.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        points: Vec<[f32; 2]>,
    }

    #[test]
    fn errors_say_where() {
        let shape: Shape = read(br#"{"points":[[0,1]]}"#).unwrap();
        assert_eq!(shape.points, [[0.0, 1.0]]);
        let at = |text: &str| {
            let problem = read::<Shape>(text.as_bytes()).unwrap_err();
            let body = serde_json::to_value(&problem).unwrap();
            (problem.status(), body["errors"][0]["at"].clone())
        };
        assert_eq!(
            at(r#"{"points":[[0,1],[0,"x"]]}"#),
            (422, "/points/1/1".into())
        );
        assert_eq!(at(r#"{"points":[],"more":1}"#), (422, "/more".into()));
        assert_eq!(at(r#"{"points":["#).0, 400);
        assert_eq!(at(r#"{"points":[]} x"#).0, 400);
        assert_eq!(at("").0, 400);
    }
}
