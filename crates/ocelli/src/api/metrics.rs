//! Metrics in the text format of `OpenMetrics`, taken from the engine at each request.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use axum::{extract::State, http::header, response::IntoResponse};
use ocelli_core::{
    Attention,
    accounting::{DropReason, Settled},
};
use ocelli_engine::{EngineStatus, EyeStatus, StreamState, StreamStatus};
use ocelli_sinks::store::StoreStatus;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use super::{Api, health::coverage, histograms, problem::Problem};
use crate::{
    Configuration,
    sinks::{SinkState, SinkStatus},
};

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type SecondsCounters = Family<Labels, Counter<f64, AtomicU64>>;
type Gauges = Family<Labels, Gauge>;
type Ratios = Family<Labels, Gauge<f64, AtomicU64>>;

/// Everything that is measured, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "system",
    responses((status = 200, description = "OpenMetrics text.", body = String,
        content_type = "application/openmetrics-text"))
)]
pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Result<impl IntoResponse, Problem> {
    let configuration = api.site.configuration.borrow().clone();
    let engine = &api.site.engine;
    let text = text(
        &engine.streams(),
        &engine.eyes(),
        &engine.status(),
        &api.site.store.status(),
        &api.site.sinks.statuses(),
        &configuration,
    )
    .map_err(|error| Problem::unavailable(format!("no metrics: {error}")))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text))
}

/// The metrics as text.
fn text(
    streams: &[StreamStatus],
    eyes: &[EyeStatus],
    whole: &EngineStatus,
    store: &StoreStatus,
    sinks: &[SinkStatus],
    configuration: &Configuration,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("ocelli");
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program.", build);
    of_streams(&mut registry, streams, configuration);
    of_packets(&mut registry, streams);
    of_events(&mut registry, whole);
    of_store(&mut registry, store);
    of_eyes(&mut registry, eyes, whole);
    histograms::of_eyes(&mut registry, eyes);
    of_sinks(&mut registry, sinks);
    if configuration.metrics.per_stream {
        of_each_stream(&mut registry, streams);
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn label(name: &'static str, value: impl Into<String>) -> Labels {
    vec![(name, value.into())]
}

fn of_streams(registry: &mut Registry, streams: &[StreamStatus], configuration: &Configuration) {
    let states = Gauges::default();
    for state in StreamState::ALL {
        let number = streams
            .iter()
            .filter(|stream| stream.state == state)
            .count();
        states
            .get_or_create(&label("state", state.as_str()))
            .set(number as i64);
    }
    registry.register("streams", "Streams by state.", states);

    let reconnects = Counters::default();
    for (index, reason) in ["unavailable", "rejected", "other"].into_iter().enumerate() {
        let number = streams.iter().map(|stream| stream.reconnects[index]).sum();
        reconnects
            .get_or_create(&label("reason", reason))
            .inc_by(number);
    }
    registry.register(
        "stream_reconnects",
        "Connections that were lost or refused.",
        reconnects,
    );

    let attention = Gauges::default();
    for how in Attention::ALL {
        let number = streams.iter().filter(|stream| stream.attention == how);
        attention
            .get_or_create(&label("attention", how.as_str()))
            .set(number.count() as i64);
    }
    registry.register(
        "streams_attention",
        "Streams by how much they are looked at.",
        attention,
    );

    let mut by_profile: BTreeMap<&str, Vec<&StreamStatus>> = BTreeMap::new();
    for stream in streams {
        let config = configuration.streams.get(&stream.name);
        let profile = config.and_then(|config| config.profile.as_deref());
        by_profile
            .entry(profile.unwrap_or_default())
            .or_default()
            .push(stream);
    }
    let coverages = Ratios::default();
    for (profile, streams) in by_profile {
        if let Some(coverage) = coverage(streams) {
            coverages
                .get_or_create(&label("profile", profile))
                .set(coverage);
        }
    }
    registry.register(
        "coverage_ratio",
        "Looks taken over looks wanted, lately: mean over live streams.",
        coverages,
    );
}

fn of_packets(registry: &mut Registry, streams: &[StreamStatus]) {
    let sum = |value: fn(&StreamStatus) -> u64| streams.iter().map(value).sum::<u64>();
    let mut one = |name: &str, help: &str, value: u64| {
        let counter: Counter = Counter::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    };
    one(
        "groups_opened",
        "Groups of pictures that packet gates had decoded.",
        sum(|stream| stream.opened),
    );
    one(
        "groups_refuted",
        "Those of them in which nothing had changed.",
        sum(|stream| stream.refuted),
    );
    one(
        "packets_lost",
        "Packets of the network that did not arrive.",
        sum(|stream| stream.lost),
    );
    one(
        "received_bytes",
        "Bytes of video that arrived.",
        sum(|stream| stream.bytes),
    );
    one(
        "time_jumps",
        "Jumps of cameras' clocks.",
        sum(|stream| stream.time_jumps),
    );
    one(
        "looks_wanted",
        "Looks that were wanted.",
        sum(|stream| stream.looks_wanted),
    );
    one(
        "redactions",
        "Pictures that were redacted and encoded.",
        sum(|stream| stream.redactions),
    );
    one(
        "redactions_refused",
        "Pictures that redaction refused: no still was made of them.",
        sum(|stream| stream.redactions_refused),
    );
    one(
        "stills_refused",
        "Stills of eyes against their settings, their rate or the form of stills.",
        sum(|stream| stream.stills_refused),
    );

    let mut settled = Settled::default();
    for stream in streams {
        settled.add(&stream.ledger.settled);
    }
    let pictures = Counters::default();
    for (stage, number) in [
        ("received", sum(|stream| stream.ledger.received)),
        ("gated", settled.gated),
        ("decoded", settled.decoded),
        ("looked", sum(|stream| stream.looks_taken)),
    ] {
        pictures
            .get_or_create(&label("stage", stage))
            .inc_by(number);
    }
    registry.register(
        "pictures",
        "Coded pictures, by how far they came.",
        pictures,
    );

    let dropped = Counters::default();
    for reason in DropReason::ALL {
        dropped
            .get_or_create(&label("reason", reason.as_str()))
            .inc_by(settled.dropped_for(reason));
    }
    dropped
        .get_or_create(&label("reason", "corrupt"))
        .inc_by(settled.corrupt);
    registry.register("pictures_dropped", "Coded pictures dropped.", dropped);
}

fn of_events(registry: &mut Registry, whole: &EngineStatus) {
    let events = Counters::default();
    for ((kind, of), number) in &whole.events {
        let labels = vec![
            ("kind", kind.as_str().to_owned()),
            ("label", of.map_or("", |of| of.as_str()).to_owned()),
        ];
        events.get_or_create(&labels).inc_by(*number);
    }
    registry.register("events", "Events by kind and label.", events);
    let dropped = Counters::default();
    for (what, number) in [
        ("event", whole.events_dropped),
        ("boxes", whole.boxes_dropped),
        ("still", whole.stills_dropped),
    ] {
        dropped.get_or_create(&label("what", what)).inc_by(number);
    }
    registry.register(
        "output_dropped",
        "Results that found the way out of the engine full.",
        dropped,
    );
}

fn of_store(registry: &mut Registry, store: &StoreStatus) {
    let events = Counters::default();
    for (what, number) in [
        ("written", store.stored),
        ("again", store.duplicates),
        ("dropped", store.dropped),
        ("refused", store.refused),
        ("erased", store.erased),
    ] {
        events.get_or_create(&label("what", what)).inc_by(number);
    }
    registry.register(
        "store_events",
        "Events in the store since the start: written, come again, dropped for lack of room or a \
         failing disk, refused as nonsense, erased on request.",
        events,
    );
    let removed: Counter = Counter::default();
    removed.inc_by(store.removed_files);
    registry.register(
        "store_files_removed",
        "Files of the store whose time had passed, or for which there was no more room.",
        removed,
    );
    for (name, help, value) in [
        ("store_bytes", "Bytes of the store on disk.", store.bytes),
        ("store_files", "Files of the store.", store.files as u64),
        (
            "store_damaged_files",
            "Files of the store that are damaged.",
            store.damage.len() as u64,
        ),
        (
            "store_full",
            "1 while the last attempt to keep events found no room.",
            u64::from(store.full),
        ),
    ] {
        let gauge: Gauge = Gauge::default();
        gauge.set(value as i64);
        registry.register(name, help, gauge);
    }
}

fn of_eyes(registry: &mut Registry, eyes: &[EyeStatus], whole: &EngineStatus) {
    let secs = |micros: u64| micros as f64 / 1e6;
    let stages = SecondsCounters::default();
    let sum = |value: fn(&EyeStatus) -> u64| secs(eyes.iter().map(value).sum());
    stages
        .get_or_create(&label("stage", "decode"))
        .inc_by(sum(|eye| eye.decode_micros));
    stages
        .get_or_create(&label("stage", "detect"))
        .inc_by(sum(|eye| eye.detect_micros));
    registry.register("stage_cpu_seconds", "CPU time of eyes, by stage.", stages);

    let cpu = SecondsCounters::default();
    cpu.get_or_create(&label("process", "parent"))
        .inc_by(secs(whole.cpu_micros));
    cpu.get_or_create(&label("process", "eyes"))
        .inc_by(sum(|eye| eye.cpu_micros));
    registry.register("cpu_seconds", "CPU time, by process.", cpu);

    let ready = Gauges::default();
    for (state, wanted) in [("ready", true), ("away", false)] {
        let number = eyes.iter().filter(|eye| eye.ready == wanted).count();
        ready
            .get_or_create(&label("state", state))
            .set(number as i64);
    }
    registry.register("eyes", "Eyes by state.", ready);

    let mut counter = |name: &str, help: &str, value: u64| {
        let counter: Counter = Counter::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    };
    counter(
        "eye_starts",
        "Starts of eyes.",
        eyes.iter().map(|eye| eye.starts).sum(),
    );
    counter(
        "sandbox_refusals",
        "System calls of eyes that the sandbox refused.",
        eyes.iter().map(|eye| eye.refused_syscalls).sum(),
    );
    counter(
        "stream_moves",
        "Streams moved from one eye to another.",
        whole.moves,
    );
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value as i64);
        registry.register(name, help, gauge);
    };
    gauge(
        "eyes_memory_bytes",
        "Resident memory of all eyes.",
        eyes.iter().map(|eye| eye.memory_bytes).sum(),
    );
    gauge(
        "hold_bytes",
        "Bytes held of running groups.",
        whole.hold_bytes as u64,
    );
}

fn of_sinks(registry: &mut Registry, sinks: &[SinkStatus]) {
    let events = Counters::default();
    let failures = Counters::default();
    let working = Gauges::default();
    let waiting = Gauges::default();
    for sink in sinks {
        let name = ("sink", sink.name.clone());
        for (outcome, number) in [("delivered", sink.delivered), ("dropped", sink.dropped)] {
            let labels = vec![name.clone(), ("outcome", outcome.to_owned())];
            events.get_or_create(&labels).inc_by(number);
        }
        let labels = vec![name];
        failures.get_or_create(&labels).inc_by(sink.failures);
        working
            .get_or_create(&labels)
            .set((sink.state == SinkState::Working).into());
        waiting.get_or_create(&labels).set(sink.waiting as i64);
    }
    registry.register("sink_events", "Events of sinks, by outcome.", events);
    registry.register("sink_failures", "Attempts of sinks that failed.", failures);
    registry.register("sink_working", "Whether a sink takes events.", working);
    registry.register("sink_waiting", "Messages in a sink's own queue.", waiting);
}

fn of_each_stream(registry: &mut Registry, streams: &[StreamStatus]) {
    let coverage = Ratios::default();
    let rate = Ratios::default();
    let lag = Ratios::default();
    let up = Gauges::default();
    let looks = Counters::default();
    let events = Counters::default();
    for stream in streams {
        let labels = label("stream", &*stream.name);
        coverage.get_or_create(&labels).set(stream.coverage.into());
        rate.get_or_create(&labels).set(stream.looks_per_sec.into());
        lag.get_or_create(&labels)
            .set(f64::from(stream.lag_millis) / 1e3);
        up.get_or_create(&labels)
            .set(i64::from(stream.state == StreamState::Live));
        looks.get_or_create(&labels).inc_by(stream.looks_taken);
        events.get_or_create(&labels).inc_by(stream.events);
    }
    registry.register("stream_live", "Whether packets arrive.", up);
    registry.register(
        "stream_coverage_ratio",
        "Looks taken over looks wanted, lately.",
        coverage,
    );
    registry.register("stream_looks_per_second", "Looks a second, lately.", rate);
    registry.register(
        "stream_lag_seconds",
        "From arrival to the end of the look, lately.",
        lag,
    );
    registry.register("stream_looks", "Looks taken.", looks);
    registry.register("stream_events", "Events.", events);
}
