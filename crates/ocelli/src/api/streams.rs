//! Streams, as they are now.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use ocelli_core::accounting::DropReason;
use ocelli_engine::{StreamState, StreamStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, body::Segments, identity::Asker, problem::Problem, query::Query};
use crate::config::StreamConfig;

/// Most streams of one answer.
const PAGE_MAX: u64 = 1000;

/// One stream now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamEntry {
    /// Its name.
    name: String,
    /// Where it comes from, without credentials.
    address: String,
    /// How it is.
    #[schema(example = "live")]
    state: &'static str,
    /// Why, where there is more to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// Whether it is a recording, which ends.
    recording: bool,
    /// The profile that it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    profile: Option<String>,
    /// Why it is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    purpose: Option<String>,
    /// How long its events are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "7d")]
    retention: Option<String>,
    /// Number of the eye that sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    eye: Option<usize>,
    /// Its compression and size, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    codec: Option<CodecEntry>,
    /// Looks taken over looks wanted, lately, 0..1.
    #[schema(minimum = 0, maximum = 1)]
    coverage: f32,
    /// Looks a second, lately.
    looks_per_sec: f32,
    /// Mean time from a packet's arrival to the end of its look, lately.
    lag_millis: f32,
    /// CPU milliseconds that it costs a second, lately.
    cpu_millis_per_sec: f32,
    /// Looks taken so far.
    looks_taken: u64,
    /// Looks wanted so far.
    looks_wanted: u64,
    /// Tags that are open now.
    tags: usize,
    /// Events so far.
    events: u64,
    /// What became of its packets.
    packets: PacketsEntry,
    /// Packets of the network that did not arrive.
    lost: u64,
    /// Bytes that arrived.
    bytes: u64,
    /// Connections that were lost or refused, by reason.
    reconnects: BTreeMap<&'static str, u64>,
    /// Jumps of the camera's clock.
    time_jumps: u64,
    /// How much it is looked at: `steady` (its gate has no states), `quiet`, `curious`, `attentive`.
    #[schema(example = "quiet")]
    attention: &'static str,
    /// With `gate: motion`: what is seen between key pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sight: Option<SightEntry>,
    /// Whether the run between two key pictures is too long to be held: the stream starts late
    /// when something happens. Shorten it in the camera.
    long_gop: bool,
}

/// What is seen of a stream between key pictures, without decoding.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SightEntry {
    /// `learning`, `calm` (macroblocks tell what changes), `boiling` (they do not: ask the camera for
    /// constant quality), `sizes` (the coding is not parsed; sizes of packets tell little), `keys`
    /// (there is nothing between them).
    #[schema(example = "calm")]
    class: &'static str,
    /// Why it is no better, where that is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'static str,
    /// Groups of pictures in which something seemed to change, and which were decoded.
    opened: u64,
    /// Those of them in which nothing did.
    refuted: u64,
}

/// Compression and size.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodecEntry {
    /// Name of the compression.
    #[schema(example = "H.264")]
    name: &'static str,
    /// Pixels.
    width: u32,
    /// Pixels.
    height: u32,
}

/// What became of packets: received = gated + decoded + corrupt + held + dropped.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PacketsEntry {
    /// That came out of the source.
    received: u64,
    /// Judged not worth decoding.
    gated: u64,
    /// Decoded.
    decoded: u64,
    /// Damaged.
    corrupt: u64,
    /// On their way.
    held: u64,
    /// Dropped, by reason; reasons that did not occur are left out.
    dropped: BTreeMap<&'static str, u64>,
}

impl StreamEntry {
    /// What `status` and, where it is configured, `config` say.
    fn new(status: StreamStatus, config: Option<&StreamConfig>) -> Self {
        let settled = &status.ledger.settled;
        let dropped = DropReason::ALL
            .into_iter()
            .map(|reason| (reason.as_str(), settled.dropped_for(reason)))
            .filter(|(_reason, packets)| *packets > 0)
            .collect();
        let [unavailable, rejected, other] = status.reconnects;
        Self {
            name: status.name.to_string(),
            address: status.address,
            state: status.state.as_str(),
            reason: status.reason,
            recording: status.recording,
            profile: config.and_then(|config| config.profile.clone()),
            purpose: config.map(|config| config.purpose.clone()),
            retention: config.map(|config| config.retention.to_string()),
            eye: status.eye,
            codec: status.codec.map(|(codec, width, height)| CodecEntry {
                name: codec.as_str(),
                width,
                height,
            }),
            coverage: finite(status.coverage),
            looks_per_sec: finite(status.looks_per_sec),
            lag_millis: finite(status.lag_millis),
            cpu_millis_per_sec: finite(status.eye_cpu_millis_per_sec),
            looks_taken: status.looks_taken,
            looks_wanted: status.looks_wanted,
            tags: status.tags,
            events: status.events,
            packets: PacketsEntry {
                received: status.ledger.received,
                gated: settled.gated,
                decoded: settled.decoded,
                corrupt: settled.corrupt,
                held: status.held,
                dropped,
            },
            lost: status.lost,
            bytes: status.bytes,
            reconnects: [
                ("unavailable", unavailable),
                ("rejected", rejected),
                ("other", other),
            ]
            .into(),
            time_jumps: status.time_jumps,
            attention: status.attention.as_str(),
            sight: status.sight.map(|sight| SightEntry {
                class: sight.as_str(),
                reason: sight.reason(),
                opened: status.opened,
                refuted: status.refuted,
            }),
            long_gop: status.long_gop,
        }
    }
}

/// JSON has no word for what is not a number.
fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}

/// Streams.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Streams {
    /// By name.
    streams: Vec<StreamEntry>,
    /// Send it as `after` to get the streams that follow; left out: these are the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Lists the streams within reach.
#[utoipa::path(
    get,
    path = "/api/v1/streams",
    tag = "streams",
    params(
        ("state" = Option<Vec<String>>, Query, description = "Only in one of these states."),
        ("after" = Option<String>, Query, description = "Only after this name."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000,
            description = "At most so many; 1000 without it."),
    ),
    responses((status = 200, description = "The streams.", body = Streams))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    mut query: Query,
) -> Result<Json<Streams>, Problem> {
    let states: Vec<StateName> = query.many("state", StreamState::ALL.len());
    let after: Option<String> = query.one("after");
    let limit = query.number("limit", 1, PAGE_MAX, PAGE_MAX) as usize;
    query.finish()?;
    let configuration = api.site.configuration.borrow().clone();
    let mut wanted: Vec<StreamStatus> = api.site.engine.streams();
    wanted.retain(|status| {
        principal.sees(&status.name)
            && after.as_deref().is_none_or(|after| &*status.name > after)
            && (states.is_empty() || states.iter().any(|state| state.0 == status.state))
    });
    wanted.sort_by(|one, other| one.name.cmp(&other.name));
    let more = wanted.len() > limit;
    wanted.truncate(limit);
    let streams: Vec<StreamEntry> = wanted
        .into_iter()
        .map(|status| {
            let config = configuration.streams.get(&status.name);
            StreamEntry::new(status, config)
        })
        .collect();
    let next = streams
        .last()
        .filter(|_last| more)
        .map(|last| last.name.clone());
    Ok(Json(Streams { streams, next }))
}

/// Shows a stream.
#[utoipa::path(
    get,
    path = "/api/v1/streams/{name}",
    tag = "streams",
    params(("name" = String, Path, description = "Name of the stream.")),
    responses((status = 200, description = "The stream.", body = StreamEntry))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
) -> Result<Json<StreamEntry>, Problem> {
    let status = api
        .site
        .engine
        .stream(&name)
        .ok_or_else(|| Problem::not_found("stream", &name))?;
    let configuration = api.site.configuration.borrow().clone();
    let config = configuration.streams.get(&status.name);
    Ok(Json(StreamEntry::new(status, config)))
}

/// A state as it is read.
struct StateName(StreamState);

impl std::str::FromStr for StateName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        StreamState::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .map(Self)
            .ok_or_else(|| {
                let names = StreamState::ALL.map(StreamState::as_str).join(", ");
                format!("unknown state, expected one of: {names}")
            })
    }
}
