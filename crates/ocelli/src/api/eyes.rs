//! Eyes, as they are now.

use std::sync::Arc;

use axum::{Json, extract::State};
use ocelli_core::Label;
use ocelli_engine::EyeStatus;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;

/// One eye now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EyeEntry {
    /// Its number.
    eye: usize,
    /// Whether it works.
    ready: bool,
    /// Its process.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pid: Option<u32>,
    /// How often it was started.
    starts: u64,
    /// Why it ended last.
    #[serde(skip_serializing_if = "String::is_empty")]
    last_end: String,
    /// How it gave up its rights.
    sandbox: SandboxEntry,
    /// CPU seconds a second, lately.
    cpu_load: f32,
    /// CPU seconds so far.
    cpu_secs: f64,
    /// Resident memory.
    memory_bytes: u64,
    /// CPU seconds spent decoding.
    decode_secs: f64,
    /// CPU seconds spent detecting.
    detect_secs: f64,
    /// Packets that wait inside it.
    inbox_packets: u32,
    /// Bytes that wait on the way to it.
    outbox_bytes: usize,
    /// Streams that it has.
    streams: usize,
    /// The models that it was given.
    models: Vec<ModelEntry>,
}

/// How an eye gave up its rights.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SandboxEntry {
    /// Files are closed by Landlock.
    landlock: bool,
    /// System calls are filtered by seccomp.
    seccomp: bool,
    /// No core dumps, not traceable, no new privileges.
    undumpable: bool,
    /// What is missing and why.
    #[serde(skip_serializing_if = "String::is_empty")]
    missing: String,
    /// System calls that it refused.
    refused_syscalls: u64,
}

/// A model in an eye.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelEntry {
    /// What streams call it.
    name: String,
    /// Why it was refused; left out: it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refused: Option<String>,
    /// Labels that it finds.
    #[schema(value_type = Vec<String>)]
    labels: Vec<Label>,
    /// Its classes that have no label here and were dropped.
    dropped_classes: Vec<String>,
    /// What runs it.
    #[serde(skip_serializing_if = "String::is_empty")]
    provider: String,
}

/// The eyes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Eyes {
    /// By number.
    eyes: Vec<EyeEntry>,
}

impl EyeEntry {
    fn new(eye: usize, status: EyeStatus) -> Self {
        let secs = |micros: u64| micros as f64 / 1e6;
        let models = status
            .models
            .into_iter()
            .map(|(name, loaded)| match loaded {
                Ok(model) => ModelEntry {
                    name,
                    refused: None,
                    labels: model.labels,
                    dropped_classes: model.dropped_classes,
                    provider: model.provider,
                },
                Err(reason) => ModelEntry {
                    name,
                    refused: Some(reason),
                    labels: Vec::new(),
                    dropped_classes: Vec::new(),
                    provider: String::new(),
                },
            })
            .collect();
        Self {
            eye,
            ready: status.ready,
            pid: status.pid,
            starts: status.starts,
            last_end: status.last_end,
            sandbox: SandboxEntry {
                landlock: status.sandbox.landlock,
                seccomp: status.sandbox.seccomp,
                undumpable: status.sandbox.undumpable,
                missing: status.sandbox.missing,
                refused_syscalls: status.refused_syscalls,
            },
            cpu_load: status.cpu_load,
            cpu_secs: secs(status.cpu_micros),
            memory_bytes: status.memory_bytes,
            decode_secs: secs(status.decode_micros),
            detect_secs: secs(status.detect_micros),
            inbox_packets: status.inbox_packets,
            outbox_bytes: status.outbox_bytes,
            streams: status.streams,
            models,
        }
    }
}

/// Lists the eyes: the processes that decode and detect.
#[utoipa::path(
    get,
    path = "/api/v1/eyes",
    tag = "system",
    responses((status = 200, description = "The eyes.", body = Eyes))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<Eyes> {
    let eyes = api.site.engine.eyes().into_iter().enumerate();
    Json(Eyes {
        eyes: eyes
            .map(|(eye, status)| EyeEntry::new(eye, status))
            .collect(),
    })
}
