//! Where events go beside the store. One file for each kind of sink: its configuration, its code
//! and its tests; and one line in [`SINKS`].

use std::{path::PathBuf, sync::Arc};

use ocelli_core::{StageError, seam::Sink};
use serde::de::DeserializeOwned;

use crate::health::SinkHealth;

pub mod jsonl;
pub mod mqtt;
pub mod webhook;

/// Every kind of sink.
pub const SINKS: &[&SinkKind] = &[&jsonl::KIND, &mqtt::KIND, &webhook::KIND];

/// Who wrote a sink's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Whoever runs this machine, in a file: loopback may be connected to.
    Operator,
    /// Somebody through the API.
    Remote,
}

/// What a configuration says of one sink.
pub struct SinkRequest {
    /// Its name in the configuration: letters, digits, `-` and `_`.
    pub name: String,
    /// What stands under its kind.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// A folder for what it has to remember over a restart.
    pub folder: PathBuf,
    /// Which addresses may be connected to.
    pub reach: Reach,
    /// What it says of itself, where it goes on working after it has taken events.
    pub health: Arc<SinkHealth>,
}

/// One named way to make a sink.
pub struct SinkKind {
    /// The key in the configuration: lower case.
    pub name: &'static str,
    /// A lowercase phrase without a full stop.
    pub summary: &'static str,
    /// The shape of its configuration.
    pub options_schema: fn() -> serde_json::Value,
    /// Says what is wrong with a configuration, without making, connecting or writing anything.
    ///
    /// Err: [`StageError::Rejected`].
    pub check: fn(&SinkRequest) -> Result<(), StageError>,
    /// Makes one; called within a tokio runtime, in which it may go on working.
    ///
    /// Err: [`StageError::Rejected`] for a configuration that makes no sense,
    /// [`StageError::Unavailable`] where its folder does not work.
    pub build: fn(SinkRequest) -> Result<Box<dyn Sink>, StageError>,
    /// A configuration that a person could write, in JSON: for the reference page and for tests.
    pub example: &'static str,
}

/// Makes the sink of a kind. Err: as [`SinkKind::build`], or the kind is not known.
pub fn build(kind: &str, request: SinkRequest) -> Result<Box<dyn Sink>, StageError> {
    (find(kind, &request)?.build)(request)
}

/// Says what is wrong with a configuration. Err: as [`SinkKind::check`], or the kind is not known.
pub fn check(kind: &str, request: &SinkRequest) -> Result<(), StageError> {
    (find(kind, request)?.check)(request)
}

/// The kind of that name, for a sink whose name can be one.
fn find(kind: &str, request: &SinkRequest) -> Result<&'static SinkKind, StageError> {
    let known = SINKS.iter().find(|known| known.name == kind);
    let Some(known) = known else {
        let names: Vec<&str> = SINKS.iter().map(|known| known.name).collect();
        return Err(StageError::Rejected(format!(
            "unknown kind of sink `{kind}`, expected one of: {}",
            names.join(", ")
        )));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if request.name.is_empty() || request.name.len() > 64 || !request.name.chars().all(plain) {
        return Err(StageError::Rejected(
            "a sink's name is 1 to 64 letters, digits, `-` and `_`".to_owned(),
        ));
    }
    Ok(known)
}

/// Reads the configuration of a sink.
fn options<C: DeserializeOwned>(request: &SinkRequest) -> Result<C, StageError> {
    let options = serde_json::Value::Object(request.options.clone());
    C::deserialize(options).map_err(|error| StageError::Rejected(error.to_string()))
}

/// The shape of a configuration.
fn schema<C: schemars::JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(C).to_value()
}
