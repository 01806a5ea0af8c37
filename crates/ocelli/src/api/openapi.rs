//! The OpenAPI 3.1 document, generated from the routes and the table of rights.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{Method, header},
    response::IntoResponse,
};
use bytes::Bytes;
use ocelli_core::{EventKind, Label};
use ocelli_engine::StreamState;
use serde_json::{Map, Value, json};
use utoipa::{OpenApi, openapi::OpenApi as Document};

use super::{
    Api,
    problem::{PROBLEM_JSON, Problem, Wrong},
    table::{self, Need, Object, Route},
};

/// What the document begins with.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "ocelli",
        description = "Live video analytics: streams, the events on them, and who may see them.\n\n\
            Times are RFC 3339 in UTC. Boxes are `[x, y, w, h]` in fractions of the picture, from \
            its top left corner. Errors are problem details (RFC 9457). Send a token as \
            `Authorization: Bearer`; a browser that cannot do so for a WebSocket gets a ticket at \
            `/api/v1/tickets` and opens the socket with `?ticket=`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(Problem, Wrong))
)]
struct Begun;

/// The document before any route.
pub(crate) fn begun() -> Document {
    Begun::openapi()
}

/// The document as it is served: each operation says what it needs and how it may fail.
pub(crate) fn finished(document: &Document) -> Bytes {
    Bytes::from(completed(document).to_string())
}

/// The document with what the table knows.
fn completed(document: &Document) -> Value {
    // The document is made of maps and text only.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer" },
        "session": { "type": "apiKey", "in": "cookie", "name": super::identity::COOKIE },
    });
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
            let route = method.ok().and_then(|method| table::find(&method, path));
            if let (Some(route), Some(operation)) = (route, operation.as_object_mut()) {
                complete(operation, route);
            }
        }
    }
    document
}

fn complete(operation: &mut Map<String, Value>, route: &Route) {
    let open = route.need == Need::Nothing;
    let security = if open {
        json!([])
    } else {
        json!([{ "token": [] }, { "session": [] }])
    };
    operation.insert("security".to_owned(), security);
    if let Need::Right(right) = route.need {
        operation.insert("x-right".to_owned(), json!(right));
    }
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        name_choices(parameter);
    }
    let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    let mut add = |status: &str, description: &str| {
        responses
            .entry(status)
            .or_insert_with(|| problem(description));
    };
    if !open {
        add("401", "Nobody proved who asks.");
        add("429", "Too many requests.");
    }
    if matches!(route.need, Need::Right(_)) || route.object == Object::Whole {
        add("403", "Whoever asks may not.");
    }
    if route.object == Object::Stream {
        add("404", "There is no such stream, or none within reach.");
    }
    if route.socket {
        add("426", "The path is for WebSockets.");
    }
    add("default", "Anything else that may go wrong.");
}

/// Names what a parameter may be, where that is a closed list.
fn name_choices(parameter: &mut Value) {
    let choices = match parameter["name"].as_str() {
        Some("state") => json!(StreamState::ALL.map(StreamState::as_str)),
        Some("kind") => json!(EventKind::ALL.map(EventKind::as_str)),
        Some("label") => json!(Label::ALL.map(Label::as_str)),
        Some("order") => json!(["newest", "oldest"]),
        Some("by") => json!(["stream", "kind", "label", "place", "direction"]),
        _ => return,
    };
    let several = parameter.pointer("/schema/items").is_some();
    // A parameter is there or is not: it is never null.
    parameter["schema"] = if several {
        json!({
            "type": "array",
            "maxItems": choices.as_array().map_or(0, Vec::len),
            "items": { "type": "string", "enum": choices },
        })
    } else {
        json!({ "type": "string", "enum": choices })
    };
}

fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "system",
    responses((status = 200, description = "The document.", body = Object,
        content_type = "application/json"))
)]
pub(crate) async fn document(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let document = api.document.get().cloned().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], document)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::{routes_and_document, table::ROUTES};

    #[test]
    fn the_table_and_the_document_name_the_same_routes() {
        let document = completed(&routes_and_document().1);
        let mut documented = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                documented.insert((path.clone(), method.to_ascii_uppercase()));
                assert!(operation["summary"].is_string() || operation["description"].is_string());
                assert!(operation["responses"]["default"].is_object(), "{path}");
            }
        }
        let listed: BTreeSet<(String, String)> = ROUTES
            .iter()
            .map(|route| (route.path.to_owned(), route.method.to_string()))
            .collect();
        assert_eq!(documented, listed);
    }

    /// The page's types are generated from this file: `npm --prefix web run types`.
    #[test]
    fn the_page_has_the_document_as_it_is() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");
        let document = completed(&routes_and_document().1);
        let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
        if std::env::var_os("OCELLI_WRITE_OPENAPI").is_some() {
            std::fs::write(file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(file).unwrap();
        let hint =
            "OCELLI_WRITE_OPENAPI=1 cargo test -p ocelli openapi && npm --prefix web run types";
        assert!(kept == text, "the API changed: {hint}");
    }

    #[test]
    fn it_is_openapi_3_1_and_its_references_lead_somewhere() {
        let document = completed(&routes_and_document().1);
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
