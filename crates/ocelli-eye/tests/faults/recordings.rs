//! Recordings: nothing is dropped, and a seed repeats everything.

use std::sync::{Arc, atomic::Ordering};

use libtest_mimic::Trial;
use ocelli_core::{
    EventKind, EventRecord, GoneReason, StageError, WallTime, seam::Pace, settings::StreamSettings,
};
use ocelli_engine::{StreamPlan, StreamState};
use rustix::process::Signal;

use crate::{
    bench::{Bench, plan, settings},
    camera::Camera,
    scripted::{Script, car, person},
    test,
};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("a_recording_is_looked_at_whole_and_ends", whole),
        test("one_seed_repeats_every_event", seeds),
        test("a_recording_survives_the_death_of_its_eye", survives),
        test("a_recording_that_cannot_be_decoded_is_over", unfit),
        test(
            "a_recording_that_breaks_off_has_ended_and_says_why",
            breaks_off,
        ),
        test("a_recording_played_live_ends_once", played_live),
    ]
}

fn street(at: f64) -> Script {
    let mut found = vec![car(0.8, 0.5)];
    for walker in 0..4 {
        let place = (at / 20.0 + f64::from(walker) / 4.0).fract();
        found.push(person(place as f32, 0.6 + 0.1 * walker as f32));
    }
    Script::new(found)
}

fn recording(name: &str, secs: f64) -> StreamPlan {
    StreamPlan {
        settings: StreamSettings {
            every_picture: true,
            ..settings()
        },
        ..plan(name, Camera::recording(secs, street))
    }
}

async fn run(seed: Option<u64>) -> Vec<EventRecord> {
    let begin = WallTime::from_rfc3339("2026-11-24T08:00:00Z");
    let plans = vec![recording("a", 60.0), recording("b", 30.0)];
    let bench = Bench::start_with(1, plans, |options| {
        options.seed = seed;
        options.recordings_begin = begin;
    })
    .await;
    bench.engine.ended().await;
    let a = bench.stream("a");
    assert_eq!(a.state, StreamState::Ended);
    assert_eq!(
        (a.ledger.settled.decoded, a.looks_taken, a.held),
        (600, 600, 0)
    );
    assert_eq!(bench.stream("b").looks_taken, 300);
    let events = Arc::clone(&bench.events);
    bench.engine.stop().await;
    bench_events(&events).await
}

/// All events, once the reader has taken the last.
async fn bench_events(events: &std::sync::Mutex<Vec<EventRecord>>) -> Vec<EventRecord> {
    tokio::task::yield_now().await;
    let mut events = events.lock().unwrap().clone();
    events.sort_by(|a, b| (&a.stream, &a.id).cmp(&(&b.stream, &b.id)));
    events
}

async fn whole() {
    let events = run(None).await;
    let open = |kind| events.iter().filter(|event| event.kind == kind).count();
    assert!(open(EventKind::Appeared) >= 10);
    assert_eq!(open(EventKind::Appeared), open(EventKind::Gone));
    let last = events
        .iter()
        .rfind(|event| event.stream == "a" && event.kind == EventKind::Gone);
    assert!(last.is_some());
    assert!(
        events
            .iter()
            .any(|event| event.reason == Some(GoneReason::StreamEnded))
    );
    assert!(
        events
            .iter()
            .all(|event| event.time.starts_with("2026-11-24T08:0"))
    );
}

async fn seeds() {
    let first = run(Some(7)).await;
    assert!(first.len() > 50);
    assert_eq!(first, run(Some(7)).await);
    let tags = |events: &[EventRecord]| -> Vec<_> {
        events
            .iter()
            .filter_map(|event| event.tag.clone())
            .collect()
    };
    let other = run(None).await;
    assert_eq!(tags(&first).len(), tags(&other).len());
    assert!(
        tags(&other).iter().all(|tag| !tags(&first).contains(tag)),
        "the twin"
    );
}

async fn breaks_off() {
    let camera = Camera::ending(30.0, street, Pace::Recording, || {
        Some(StageError::Corrupt("the file is cut".to_owned()))
    });
    let opened = Arc::clone(&camera);
    let mut broken = recording("broken", 0.0);
    broken.source = camera;
    let nothing = Camera::ending(0.0, street, Pace::Recording, || {
        Some(StageError::Unavailable(
            "the disk does not answer".to_owned(),
        ))
    });
    let mut unread = recording("unread", 0.0);
    unread.source = nothing;
    let bench = Bench::start(1, vec![broken, unread, recording("whole", 30.0)]).await;
    bench.engine.ended().await;
    let (broken, whole) = (bench.stream("broken"), bench.stream("whole"));
    assert_eq!(broken.state, StreamState::Ended);
    assert_eq!(broken.reason, "ended early: the file is cut");
    // What came before it was looked at, to the last picture.
    assert_eq!((broken.ledger.settled.decoded, broken.held), (300, 0));
    assert_eq!(
        (whole.state, whole.reason.as_str()),
        (StreamState::Ended, "")
    );
    assert_eq!(whole.looks_taken, broken.looks_taken);
    let unread = bench.stream("unread");
    assert_eq!(unread.state, StreamState::Unavailable);
    assert!(
        unread.reason.contains("does not answer"),
        "{}",
        unread.reason
    );
    assert_eq!(opened.opened.load(Ordering::Relaxed), 1, "it is read once");
    bench.engine.stop().await;
}

async fn played_live() {
    let camera = Camera::ending(2.0, street, Pace::Live, || None);
    let opened = Arc::clone(&camera);
    let bench = Bench::start(1, vec![plan("live", camera)]).await;
    bench
        .until("it has ended", |bench| {
            bench.stream("live").state == StreamState::Ended
        })
        .await;
    let live = bench.stream("live");
    assert_eq!((live.reason.as_str(), live.held), ("", 0));
    assert_eq!(
        opened.opened.load(Ordering::Relaxed),
        1,
        "it is not played again"
    );
    bench.engine.stop().await;
}

async fn survives() {
    let camera = Camera::recording(600.0, street);
    let opened = Arc::clone(&camera);
    let mut long = recording("long", 0.0);
    long.source = camera;
    let bench = Bench::start(1, vec![long]).await;
    bench.until_looks_grow("long", 200).await;
    let pid = bench.signal(Signal::KILL);
    bench.until_replaced(pid).await;
    bench.engine.ended().await;
    let status = bench.stream("long");
    assert_eq!(status.state, StreamState::Ended, "{}", status.reason);
    assert_eq!(status.ledger.received, 6000);
    assert_eq!(status.held, 0);
    bench.check_accounts();
    assert_eq!(opened.opened.load(Ordering::Relaxed), 1, "it is read once");
    let events = bench.events.lock().unwrap().clone();
    let mut ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len());
    bench.engine.stop().await;
}

async fn unfit() {
    let mut bad = recording("bad", 10.0);
    "unheard-of".clone_into(&mut bad.settings.detector);
    let bench = Bench::start(1, vec![bad]).await;
    bench.engine.ended().await;
    let status = bench.stream("bad");
    assert_eq!(status.state, StreamState::Rejected);
    assert!(status.reason.contains("unheard-of"), "{}", status.reason);
    bench.engine.stop().await;
}
