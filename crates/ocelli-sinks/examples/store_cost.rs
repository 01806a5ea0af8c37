//! What the store costs: CPU and bytes for each event, and how long questions about a day take.
//!
//! `cargo run --release -p ocelli-sinks --example store_cost -- [EVENTS] [STREAMS] [BATCH]`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement prints, stops at the first error and reads the clock"
)]

use std::time::Instant;

use ocelli_core::{
    Direction, EventKind, EventRecord, GoneReason, Label, Tag, WallSource, WallTime,
};
use ocelli_sinks::store::{
    Clock as _, CountQuery, EventQuery, Order, RetentionClass, SplitBy, Store, StoreOptions,
    SystemClock,
};

const WEEK: RetentionClass = RetentionClass { hours: 168 };
/// Each question is asked so often.
const ROUNDS: usize = 6;
const DAY_MS: i64 = 86_400_000;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().unwrap());
    let events: u64 = arguments.next().unwrap_or(1_000_000);
    let streams: u64 = arguments.next().unwrap_or(100);
    let batch = arguments.next().unwrap_or(1000);
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), StoreOptions::default()).unwrap();
    // Yesterday, whole.
    let today = SystemClock.wall().micros / 1000 / DAY_MS * DAY_MS;
    let start_ms = today - DAY_MS;

    let made: Vec<EventRecord> = (0..events)
        .map(|number| event(number, events, streams, start_ms))
        .collect();
    let (cpu, wall) = (cpu_secs(), Instant::now());
    let mut given = 0.0;
    for batch in made.chunks(batch as usize) {
        let before = cpu_secs();
        let batch = batch.to_vec();
        given += cpu_secs() - before;
        let appended = store.append(WEEK, batch).await.unwrap();
        assert_eq!(appended.duplicates, 0);
    }
    let (cpu, wall) = (cpu_secs() - cpu - given, wall.elapsed().as_secs_f64());
    println!("{events} events of {streams} streams in batches of {batch}");
    println!(
        "append: {:.0} events/CPU-s, {:.0} events/s",
        events as f64 / cpu,
        events as f64 / wall
    );
    let before = cpu_secs();
    for batch in made.chunks(batch as usize).take(100) {
        let appended = store.append(WEEK, batch.to_vec()).await.unwrap();
        assert_eq!(appended.stored, 0);
    }
    let replayed = (100 * batch).min(events);
    println!(
        "replay: {:.0} events/CPU-s",
        replayed as f64 / (cpu_secs() - before)
    );
    store.close().await;

    let (store, _) = Store::open(folder.path(), StoreOptions::default()).unwrap();
    println!(
        "size: {:.1} B/event",
        store.status().bytes as f64 / events as f64
    );
    questions(&store, start_ms, &made).await;
    let (before, cpu) = (Instant::now(), cpu_secs());
    let (from, to) = (at(start_ms), at(start_ms + DAY_MS / 2));
    let erased = store.erase("camera-3", from, to).await.unwrap();
    println!(
        "erase half a day of a stream: {} events in {:.2} s ({:.2} s CPU), {} bytes searched, {} found",
        erased.events,
        before.elapsed().as_secs_f64(),
        cpu_secs() - cpu,
        erased.searched_bytes,
        erased.found
    );
    store.close().await;
}

async fn questions(store: &Store, start_ms: i64, made: &[EventRecord]) {
    let tag = made
        .get(made.len() / 3)
        .and_then(|event| event.tag.as_ref());
    for (name, query) in asked(start_ms, tag) {
        let mut costs = Vec::new();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let (before, cpu) = (Instant::now(), cpu_secs());
            found = store.query(query.clone()).await.unwrap().events.len();
            costs.push((before.elapsed().as_secs_f64(), cpu_secs() - cpu));
        }
        println!("{name}: {found} events, {}", told(&costs));
    }
    for (name, query) in counted(start_ms) {
        let mut costs = Vec::new();
        let mut rows = 0;
        for _ in 0..ROUNDS {
            let (before, cpu) = (Instant::now(), cpu_secs());
            rows = store.counts(query.clone()).await.unwrap().buckets.len();
            costs.push((before.elapsed().as_secs_f64(), cpu_secs() - cpu));
        }
        println!("{name}: {rows} rows, {}", told(&costs));
    }
}

fn asked(start_ms: i64, tag: Option<&String>) -> Vec<(&'static str, EventQuery)> {
    let day = |change: &dyn Fn(&mut EventQuery)| {
        let mut query = EventQuery {
            from: Some(at(start_ms)),
            to: Some(at(start_ms + DAY_MS)),
            ..EventQuery::default()
        };
        change(&mut query);
        query
    };
    vec![
        ("first question after opening", day(&|_| {})),
        ("newest 100", day(&|_| {})),
        ("oldest 100", day(&|query| query.order = Order::OldestFirst)),
        (
            "one stream, newest 1000",
            day(&|query| {
                query.streams = vec!["camera-3".to_owned()];
                query.limit = 1000;
            }),
        ),
        (
            "one label (rare), 100",
            day(&|query| query.labels = vec![Label::Dog]),
        ),
        (
            "one kind (rare), 1000",
            day(&|query| {
                query.kinds = vec![EventKind::WrongWay];
                query.limit = 1000;
            }),
        ),
        (
            "kind and label and place, 1000",
            day(&|query| {
                query.kinds = vec![EventKind::Crossed];
                query.labels = vec![Label::Bus];
                query.place = Some("gate-7".to_owned());
                query.limit = 1000;
            }),
        ),
        (
            "nothing to find",
            day(&|query| query.place = Some("nowhere".to_owned())),
        ),
        ("one tag", day(&|query| query.tag = tag.cloned())),
    ]
}

fn counted(start_ms: i64) -> Vec<(&'static str, CountQuery)> {
    let day = |bucket_secs, streams: &[&str], by| CountQuery {
        streams: streams.iter().map(|&name| name.to_owned()).collect(),
        kinds: vec![],
        labels: vec![],
        rule: None,
        place: None,
        from: at(start_ms),
        to: at(start_ms + DAY_MS),
        bucket_secs,
        by,
    };
    let none = SplitBy::default();
    let both = SplitBy {
        kind: true,
        label: true,
        ..none
    };
    let direction = SplitBy {
        direction: true,
        ..none
    };
    vec![
        ("counts of a day in 5 minutes", day(300, &[], none)),
        (
            "counts of a day in hours by kind and label",
            day(3600, &[], both),
        ),
        (
            "counts of a stream's day in 5 minutes by direction",
            day(300, &["camera-3"], direction),
        ),
    ]
}

/// The first and the least of some costs: (seconds, CPU seconds).
fn told(costs: &[(f64, f64)]) -> String {
    let least = |of: fn(&(f64, f64)) -> f64| costs.iter().map(of).fold(f64::INFINITY, f64::min);
    let (first, first_cpu) = costs.first().copied().unwrap_or_default();
    format!(
        "first {:.1} ms ({:.1} ms CPU), least {:.1} ms ({:.1} ms CPU)",
        first * 1e3,
        first_cpu * 1e3,
        least(|cost| cost.0) * 1e3,
        least(|cost| cost.1) * 1e3
    )
}

fn at(ms: i64) -> WallTime {
    WallTime { micros: ms * 1000 }
}

/// CPU seconds of this process.
fn cpu_secs() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// A day of traffic: each tag appears, is updated, may cross a line, and goes.
fn event(number: u64, events: u64, streams: u64, start_ms: i64) -> EventRecord {
    let stream = number % streams;
    let own = number / streams;
    let step = own % 6;
    let visit = own / 6;
    let mix = (visit * streams + stream + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let at_ms = start_ms + (i128::from(number) * i128::from(DAY_MS) / i128::from(events)) as i64;
    let kind = match step {
        0 => EventKind::Appeared,
        3 if mix.is_multiple_of(5) => EventKind::Crossed,
        4 if mix.is_multiple_of(20_011) => EventKind::WrongWay,
        5 => EventKind::Gone,
        _ => EventKind::Updated,
    };
    let label = match mix >> 32 & 0xff {
        0..150 => Label::Car,
        150..230 => Label::Person,
        230..254 => Label::Bus,
        254 => Label::Bicycle,
        _ if mix & 0xf000_0000 == 0 => Label::Dog,
        _ => Label::Truck,
    };
    let crossed = kind == EventKind::Crossed;
    let part = |shift: u32| f64::from((mix >> shift & 0x3ff) as u32) / 2048.0;
    let fine = |value: f64| ((value * 1e4).round() / 1e4) as f32;
    EventRecord {
        id: format!(
            "{:016x}-{own:x}",
            0xfeed_beef_0000_0001_u64.wrapping_mul(stream + 1)
        ),
        stream: format!("camera-{stream}"),
        kind,
        tag: Some(Tag(mix).to_string()),
        label: Some(label),
        score: ((0.4 + part(3)) * 1e3).round() as f32 / 1e3,
        bbox: [
            fine(part(0)),
            fine(part(8)),
            fine(part(16) / 4.0),
            fine(part(24) / 4.0),
        ],
        time: at(at_ms).to_rfc3339(),
        time_source: WallSource::Receive,
        media_secs: (at_ms - start_ms) as f64 / 1e3,
        coverage: 1.0,
        rule: crossed.then(|| format!("line-{}", stream % 10)),
        place: crossed.then(|| format!("gate-{}", stream % 10)),
        reason: (kind == EventKind::Gone).then_some(GoneReason::Left),
        direction: crossed.then_some(if mix & 1 == 0 {
            Direction::Left
        } else {
            Direction::Right
        }),
        dwell_secs: (kind == EventKind::Gone).then_some(fine(part(5) * 100.0)),
        speed_kmh: None,
        count: None,
        count_out: None,
        appeared_inside: false,
    }
}
