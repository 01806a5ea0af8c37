//! Eyes that die, hang and are stopped.

use std::time::Duration;

use libtest_mimic::Trial;
use ocelli_core::{
    Direction, EventKind,
    settings::{RuleSettings, SceneSettings, StreamSettings},
};
use ocelli_engine::{StreamPlan, StreamState};
use rustix::process::Signal;

use crate::{
    bench::{Bench, plan, settings},
    camera::Camera,
    scripted::{Harm, Script, car, person},
    test,
};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("a_killed_eye_is_replaced_and_the_scene_goes_on", killed),
        test("a_stopped_eye_is_replaced_and_the_scene_goes_on", stopped),
        test(
            "an_eye_that_faults_is_replaced_and_the_scene_goes_on",
            faulted,
        ),
        test(
            "a_stream_that_crashes_its_eye_twice_is_quarantined",
            crashes,
        ),
        test("a_stream_that_hangs_its_eye_twice_is_quarantined", hangs),
        test("a_stream_that_spins_its_eye_twice_is_quarantined", spins),
        test(
            "a_stream_that_takes_all_memory_twice_is_quarantined",
            allocates,
        ),
        test("a_panic_quarantines_one_stream_and_no_eye", panics),
        test("a_storm_of_deaths_leaves_the_account_exact", storm),
        test("a_dead_eye_leaves_no_core_and_no_zombie", no_core),
    ]
}

/// A parked car, and someone who walks across a line in the middle at ten seconds.
fn crossing(at: f64) -> Script {
    let mut found = vec![car(0.8, 0.5)];
    if at < 22.0 {
        found.push(person(0.1 + 0.04 * at as f32, 0.8));
    }
    Script::new(found)
}

fn crossing_plan() -> StreamPlan {
    StreamPlan {
        settings: StreamSettings {
            scene: SceneSettings {
                rules: vec![RuleSettings {
                    kind: "line".to_owned(),
                    json: r#"{"name":"door","points":[[0.5,0.2],[0.5,1.0]]}"#.to_owned(),
                }],
                ..SceneSettings::default()
            },
            ..settings()
        },
        ..plan("door", Camera::live(crossing))
    }
}

/// With a parked car and half a crossing in view: nothing appears anew, and the count is right.
async fn survives(signal: Signal) {
    let bench = Bench::start(1, vec![crossing_plan()]).await;
    bench
        .until("both are there", |bench| {
            bench.count("door", EventKind::Appeared) == 2
        })
        .await;
    // At 9.6 s the person's feet are half a step before the line.
    bench
        .until("half a crossing", |bench| {
            bench.stream("door").ledger.received >= 95
        })
        .await;
    let pid = bench.signal(signal);
    let took = bench.until_replaced(pid).await;
    eprintln!("replaced after {} ms", took.as_millis());
    bench.until_looks_grow("door", 5).await;
    bench
        .until("the crossing", |bench| {
            bench.count("door", EventKind::Crossed) == 1
        })
        .await;
    bench
        .until("the person left", |bench| {
            bench.count("door", EventKind::Gone) == 1
        })
        .await;
    assert_eq!(
        bench.count("door", EventKind::Appeared),
        2,
        "nothing appeared anew"
    );
    assert_eq!(bench.count("door", EventKind::Crossed), 1);
    let crossed = {
        let events = bench.events.lock().unwrap();
        let mut ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), events.len(), "no event came twice");
        events
            .iter()
            .find(|event| event.kind == EventKind::Crossed)
            .cloned()
            .unwrap()
    };
    assert!(
        crossed
            .direction
            .is_some_and(|way| way == Direction::Left || way == Direction::Right)
    );
    assert_eq!(
        bench.stream("door").state,
        StreamState::Live,
        "a signal blames nobody"
    );
    let eye = bench.eye();
    assert_eq!(eye.starts, 2);
    bench.check_accounts();
    bench.engine.stop().await;
}

async fn killed() {
    survives(Signal::KILL).await;
}

async fn stopped() {
    survives(Signal::STOP).await;
}

async fn faulted() {
    survives(Signal::SEGV).await;
}

fn quiet(_at: f64) -> Script {
    Script::new(vec![car(0.5, 0.5)])
}

/// Suffers at two and at ten seconds, and whenever it is given another chance.
fn harmful(harm: Harm) -> impl Fn(f64) -> Script + Send + Sync {
    move |at| Script {
        harm: if at >= 2.0 && ((at * 10.0) as u64).is_multiple_of(10) {
            harm
        } else {
            Harm::None
        },
        ..quiet(at)
    }
}

async fn quarantined(harm: Harm) -> Bench {
    let streams = vec![
        plan("bad", Camera::live(harmful(harm))),
        plan("good", Camera::live(quiet)),
    ];
    let bench = Bench::start(1, streams).await;
    bench
        .until("quarantine", |bench| {
            bench.stream("bad").state == StreamState::Quarantined
        })
        .await;
    assert!(!bench.stream("bad").reason.is_empty());
    bench.until_looks_grow("good", 10).await;
    assert_eq!(bench.stream("good").state, StreamState::Live);
    assert_eq!(bench.count("good", EventKind::Appeared), 1);
    bench.check_accounts();
    let received = bench.stream("bad").ledger.received;
    bench.until_looks_grow("good", 10).await;
    assert_eq!(bench.stream("bad").ledger.received, received, "it rests");
    bench
}

async fn dies_twice(harm: Harm) {
    let bench = quarantined(harm).await;
    assert_eq!(bench.eye().starts, 3, "{}", bench.eye().last_end);
    bench.engine.stop().await;
}

async fn crashes() {
    dies_twice(Harm::Crash).await;
}

async fn hangs() {
    dies_twice(Harm::Hang).await;
}

async fn spins() {
    dies_twice(Harm::Spin).await;
}

async fn allocates() {
    dies_twice(Harm::Allocate).await;
}

async fn panics() {
    let bench = quarantined(Harm::Panic).await;
    assert_eq!(bench.eye().starts, 1);
    assert_eq!(bench.stream("bad").ledger.settled.corrupt, 1);
    // Another plan gives it another chance.
    let plans = vec![
        StreamPlan {
            source_version: 2,
            ..plan("bad", Camera::live(quiet))
        },
        plan("good", Camera::live(quiet)),
    ];
    let models = vec![crate::bench::model(b"good")];
    bench.engine.apply(models, plans).await.unwrap();
    bench.until_looks_grow("bad", 5).await;
    assert_eq!(bench.stream("bad").state, StreamState::Live);
    bench.engine.stop().await;
}

async fn storm() {
    let streams = (0..6)
        .map(|stream| plan(&format!("s{stream}"), Camera::live(quiet)))
        .collect();
    let bench = Bench::start(1, streams).await;
    for signal in [Signal::KILL, Signal::STOP, Signal::SEGV, Signal::KILL] {
        bench.until_looks_grow("s3", 3).await;
        let pid = bench.signal(signal);
        bench.until_replaced(pid).await;
    }
    bench.until_looks_grow("s3", 3).await;
    for stream in bench.engine.streams() {
        assert_eq!(stream.state, StreamState::Live);
        let events = bench.count(&stream.name, EventKind::Appeared);
        assert_eq!(events, 1, "{}: the car is one visit", stream.name);
    }
    bench.check_accounts();
    bench.engine.stop().await;
}

async fn no_core() {
    let bench = Bench::start(1, vec![plan("good", Camera::live(quiet))]).await;
    bench.until_looks_grow("good", 2).await;
    let pid = bench.eye().pid.unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let numbers: Vec<&str> = core
        .split_whitespace()
        .filter(|word| word.parse::<u64>().is_ok())
        .collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
    bench.signal(Signal::SEGV);
    bench.until_replaced(pid).await;
    let end = bench.eye().last_end;
    assert!(
        end.contains("SIGSEGV") && !end.contains("core dumped"),
        "{end}"
    );
    bench
        .until("the dead eye is reaped", |_| {
            !std::path::Path::new(&format!("/proc/{pid}")).exists()
        })
        .await;
    let next = bench.eye().pid.unwrap();
    bench.engine.stop().await;
    assert!(!std::path::Path::new(&format!("/proc/{next}")).exists());
    tokio::time::sleep(Duration::from_millis(1)).await;
}
