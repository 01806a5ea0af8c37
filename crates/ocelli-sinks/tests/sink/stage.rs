//! Made-up events.

use std::path::Path;

use ocelli_core::EventRecord;
use ocelli_sinks::sink::{Reach, SinkRequest};

/// An event in JSON: these fields, and the others as they often are.
pub(crate) fn event(fields: serde_json::Value) -> EventRecord {
    let mut event = serde_json::json!({
        "id": "0000000000000abc-1", "stream": "lobby", "kind": "appeared",
        "tag": "0000000000041", "label": "person", "score": 0.877,
        "box": [0.0938, 0.3889, 0.0938, 0.2778], "time": "2026-11-24T08:30:00.123Z",
        "time_source": "receive", "media_secs": 1.235, "coverage": 1.0,
    });
    let serde_json::Value::Object(fields) = fields else {
        panic!("fields are an object");
    };
    event.as_object_mut().unwrap().extend(fields);
    serde_json::from_value(event).unwrap()
}

pub(crate) fn request(folder: &Path, options: &serde_json::Value) -> SinkRequest {
    SinkRequest {
        name: "home".to_owned(),
        options: options.as_object().unwrap().clone(),
        folder: folder.to_owned(),
        reach: Reach::Operator,
        health: std::sync::Arc::default(),
    }
}
