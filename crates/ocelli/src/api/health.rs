//! How the whole is.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use ocelli_engine::{StreamState, StreamStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, identity::Asker};
use crate::sinks::{SinkState, SinkStatus};

/// How the whole is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; `degraded` where an eye does not work, a live stream gets fewer looks than it wants,
    /// a stream does not run, a sink fails, or something was dropped.
    #[schema(example = "ok")]
    status: &'static str,
    /// What is wrong, in words.
    problems: Vec<String>,
    /// Version of the program.
    version: &'static str,
    /// When it was started.
    #[schema(format = DateTime)]
    started: String,
    /// Streams within reach, by state; states without any are left out.
    streams: BTreeMap<&'static str, usize>,
    /// Looks taken over looks wanted, lately, over the live streams within reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    coverage: Option<f64>,
    /// Eyes that work.
    eyes_ready: usize,
    /// Eyes.
    eyes: usize,
    /// Events so far, of streams within reach.
    events: u64,
    /// Dropped because nobody took them in time, of all streams.
    dropped: DroppedEntry,
    /// How the sinks do.
    sinks: Vec<SinkStatus>,
}

/// Dropped on the way out of the engine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DroppedEntry {
    /// Events.
    events: u64,
    /// Box updates.
    boxes: u64,
}

/// Coverage below which a stream is said to be short of looks.
const COVERAGE_FINE: f64 = 0.95;

/// Says how the whole is.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "system",
    responses((status = 200, description = "How it is.", body = Health))
)]
pub(crate) async fn health(State(api): State<Arc<Api>>, Asker(principal): Asker) -> Json<Health> {
    let engine = &api.site.engine;
    let mut streams = engine.streams();
    streams.retain(|stream| principal.sees(&stream.name));
    let mut by_state = BTreeMap::new();
    for stream in &streams {
        *by_state.entry(stream.state.as_str()).or_default() += 1;
    }
    let coverage = coverage(&streams);
    let eyes = engine.eyes();
    let eyes_ready = eyes.iter().filter(|eye| eye.ready).count();
    let whole = engine.status();
    let mut problems = Vec::new();
    let mut note = |number: u64, text: &str| {
        if number > 0 {
            problems.push(format!("{number} {text}"));
        }
    };
    note((eyes.len() - eyes_ready) as u64, "eyes do not work");
    for state in [
        StreamState::Unavailable,
        StreamState::Rejected,
        StreamState::Quarantined,
    ] {
        let number = by_state.get(state.as_str()).copied().unwrap_or_default();
        note(number as u64, &format!("streams are {}", state.as_str()));
    }
    note(whole.events_dropped, "events were dropped");
    let sinks = api.site.sinks.statuses();
    let failing = sinks.iter().filter(|sink| sink.state == SinkState::Failing);
    note(failing.count() as u64, "sinks fail");
    if coverage.is_some_and(|coverage| coverage < COVERAGE_FINE) {
        problems.push("looks are shed".to_owned());
    }
    Json(Health {
        status: if problems.is_empty() {
            "ok"
        } else {
            "degraded"
        },
        problems,
        version: env!("CARGO_PKG_VERSION"),
        started: api.site.started.to_rfc3339(),
        streams: by_state,
        coverage,
        eyes_ready,
        eyes: eyes.len(),
        events: streams.iter().map(|stream| stream.events).sum(),
        dropped: DroppedEntry {
            events: whole.events_dropped,
            boxes: whole.boxes_dropped,
        },
        sinks,
    })
}

/// Mean coverage of live streams.
pub(crate) fn coverage<'a>(streams: impl IntoIterator<Item = &'a StreamStatus>) -> Option<f64> {
    let mut sum = 0.0;
    let mut number = 0_u32;
    for stream in streams {
        if stream.state == StreamState::Live && stream.coverage.is_finite() {
            sum += f64::from(stream.coverage.clamp(0.0, 1.0));
            number += 1;
        }
    }
    (number > 0).then(|| sum / f64::from(number))
}
