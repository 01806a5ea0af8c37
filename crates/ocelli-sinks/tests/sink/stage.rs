//! What a configuration says of a sink.

use std::path::Path;

use ocelli_sinks::sink::{Reach, SinkRequest};

pub(crate) fn request(folder: &Path, options: &serde_json::Value) -> SinkRequest {
    SinkRequest {
        name: "home".to_owned(),
        options: options.as_object().unwrap().clone(),
        folder: folder.to_owned(),
        reach: Reach::Operator,
    }
}
