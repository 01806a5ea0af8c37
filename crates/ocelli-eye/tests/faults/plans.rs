//! Other plans, more eyes, bad executables.

use std::sync::{Arc, atomic::Ordering};

use libtest_mimic::Trial;
use ocelli_core::{EventKind, GoneReason, settings::StreamSettings};
use ocelli_engine::{Applied, Engine, EngineError, EngineOptions, StreamPlan, StreamState};

use crate::{
    bench::{Bench, model, plan, settings},
    camera::Camera,
    scripted::{Script, car},
    test,
};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("apply_touches_only_what_differs", apply),
        test("a_model_that_is_mended_serves_its_streams", mended),
        test("disabled_streams_end_their_tags_and_rest", disabled),
        test("two_names_alike_are_refused", alike),
        test("an_executable_that_is_no_eye_is_an_error", no_eye),
        test("streams_spread_over_eyes_and_move_to_the_idle_one", spread),
        test("stop_ends_tags_and_eyes_in_order", stop),
    ]
}

fn quiet(_at: f64) -> Script {
    Script::new(vec![car(0.5, 0.5)])
}

fn camera() -> Arc<Camera> {
    Camera::live(quiet)
}

async fn apply() {
    let cameras = [camera(), camera(), camera()];
    let plans = |versions: [u64; 3]| -> Vec<StreamPlan> {
        cameras
            .iter()
            .zip(["a", "b", "c"])
            .zip(versions)
            .map(|((camera, name), source_version)| StreamPlan {
                source_version,
                ..plan(name, Arc::<Camera>::clone(camera))
            })
            .collect()
    };
    let bench = Bench::start(1, plans([1, 1, 1])).await;
    bench
        .until("all appeared", |bench| {
            ["a", "b", "c"]
                .iter()
                .all(|name| bench.count(name, EventKind::Appeared) == 1)
        })
        .await;
    let models = || vec![model(b"good")];
    let same = bench
        .engine
        .apply(models(), plans([1, 1, 1]))
        .await
        .unwrap();
    assert_eq!(
        same,
        Applied {
            kept: 3,
            ..Applied::default()
        }
    );

    let mut other = plans([1, 2, 1]);
    other[0].settings.look_rate = 2.0;
    other.remove(2);
    other.push(plan("d", camera()));
    let applied = bench.engine.apply(models(), other).await.unwrap();
    assert_eq!(
        applied,
        Applied {
            added: 1,
            changed: 2,
            removed: 1,
            kept: 0
        }
    );
    bench.until_looks_grow("d", 5).await;
    bench.until_looks_grow("a", 4).await;
    bench.until_looks_grow("b", 5).await;
    assert!(bench.engine.stream("c").is_none());
    bench
        .until("c said good-bye", |bench| {
            bench.count("c", EventKind::Gone) == 1
        })
        .await;
    let opened = cameras
        .each_ref()
        .map(|camera| camera.opened.load(Ordering::Relaxed));
    assert_eq!(
        opened,
        [1, 2, 1],
        "only another source is another connection"
    );
    assert_eq!(
        bench.count("a", EventKind::Appeared),
        1,
        "other settings keep the tags"
    );
    assert_eq!(
        bench.count("b", EventKind::Gone),
        1,
        "another source ends them"
    );
    assert_eq!(bench.eye().starts, 1);
    bench.check_accounts();
    bench.engine.stop().await;
}

async fn mended() {
    let bench = Bench::start(1, vec![plan("a", camera())]).await;
    bench.until_looks_grow("a", 2).await;
    let plans = || vec![plan("a", camera())];
    bench
        .engine
        .apply(vec![model(b"bad")], plans())
        .await
        .unwrap();
    bench
        .until("the eye refused it", |bench| {
            bench
                .eye()
                .models
                .iter()
                .any(|(id, result)| id == "nano" && result.is_err())
        })
        .await;
    // Whoever comes now is told why.
    let mut two = plans();
    two.push(plan("b", camera()));
    bench.engine.apply(vec![model(b"bad")], two).await.unwrap();
    bench
        .until("rejected", |bench| {
            bench.stream("b").state == StreamState::Rejected
        })
        .await;
    assert!(
        bench.stream("b").reason.contains("not a model"),
        "{}",
        bench.stream("b").reason
    );
    let mut two = plans();
    two.push(plan("b", camera()));
    bench
        .engine
        .apply(vec![model(b"better")], two)
        .await
        .unwrap();
    bench.until_looks_grow("b", 5).await;
    assert_eq!(bench.stream("b").state, StreamState::Live);
    bench.engine.stop().await;
}

async fn disabled() {
    let bench = Bench::start(1, vec![plan("a", camera()), plan("b", camera())]).await;
    bench
        .until("appeared", |bench| {
            bench.count("a", EventKind::Appeared) == 1
        })
        .await;
    let switched = |enabled| {
        let a = StreamPlan {
            enabled,
            ..plan("a", camera())
        };
        vec![a, plan("b", camera())]
    };
    bench
        .engine
        .apply(vec![model(b"good")], switched(false))
        .await
        .unwrap();
    bench
        .until("gone", |bench| bench.count("a", EventKind::Gone) == 1)
        .await;
    let gone = bench
        .events
        .lock()
        .unwrap()
        .iter()
        .find(|event| event.kind == EventKind::Gone)
        .cloned();
    assert_eq!(gone.unwrap().reason, Some(GoneReason::StreamEnded));
    assert_eq!(bench.stream("a").state, StreamState::Disabled);
    let received = bench.stream("a").ledger.received;
    bench.until_looks_grow("b", 5).await;
    assert_eq!(bench.stream("a").ledger.received, received);
    bench
        .engine
        .apply(vec![model(b"good")], switched(true))
        .await
        .unwrap();
    bench.until_looks_grow("a", 3).await;
    bench.engine.stop().await;
}

async fn alike() {
    let bench = Bench::start(1, vec![plan("a", camera())]).await;
    let plans = vec![plan("b", camera()), plan("b", camera())];
    let result = bench.engine.apply(vec![model(b"good")], plans).await;
    assert!(matches!(result, Err(EngineError::DuplicateStream(name)) if &*name == "b"));
    assert!(bench.engine.stream("a").is_some(), "what ran goes on");
    bench.engine.stop().await;
}

async fn no_eye() {
    for (path, part) in [
        ("/no/such/eye", "cannot be started"),
        ("/bin/false", "exit status: 1"),
    ] {
        let options = EngineOptions::new(path.into());
        match Engine::start(options, Vec::new(), Vec::new()).await {
            Err(EngineError::NoEye(reason)) => assert!(reason.contains(part), "{reason}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{path} is no eye"),
        }
    }
}

async fn spread() {
    // One in three costs much, and those come to lie on one eye.
    let heavy = |at: f64| Script {
        work_millis: 40,
        ..quiet(at)
    };
    let every = StreamSettings {
        look_rate: 10.0,
        ..settings()
    };
    let streams = (0..6)
        .map(|stream| StreamPlan {
            settings: every.clone(),
            ..plan(
                &format!("s{stream}"),
                if stream % 2 == 0 {
                    Camera::live(heavy)
                } else {
                    camera()
                },
            )
        })
        .collect();
    let bench = Bench::start(2, streams).await;
    bench
        .until("all live, half of them on each eye", |bench| {
            let eyes = bench.engine.eyes();
            eyes.iter().map(|eye| eye.streams).sum::<usize>() == 6
        })
        .await;
    assert!(bench.engine.eyes().iter().all(|eye| eye.streams >= 2));
    bench
        .until("balance", |bench| {
            let loads: Vec<f32> = bench.engine.eyes().iter().map(|eye| eye.cpu_load).collect();
            bench.engine.status().moves >= 1 && (loads[0] - loads[1]).abs() < 0.6
        })
        .await;
    for stream in bench.engine.streams() {
        bench.until_looks_grow(&stream.name, 5).await;
        assert_eq!(
            bench.count(&stream.name, EventKind::Appeared),
            1,
            "{}",
            stream.name
        );
    }
    bench.check_accounts();
    bench.engine.stop().await;
}

async fn stop() {
    let bench = Bench::start(2, vec![plan("a", camera()), plan("b", camera())]).await;
    for name in ["a", "b"] {
        bench
            .until("appeared", |bench| {
                bench.count(name, EventKind::Appeared) == 1
            })
            .await;
    }
    let pids: Vec<u32> = bench
        .engine
        .eyes()
        .iter()
        .filter_map(|eye| eye.pid)
        .collect();
    let events = Arc::clone(&bench.events);
    bench.engine.stop().await;
    assert!(pids.iter().all(|&pid| !crate::bench::is_alive(pid)));
    let start = std::time::Instant::now();
    let gone = || {
        events
            .lock()
            .unwrap()
            .iter()
            .filter(|event| event.kind == EventKind::Gone)
            .count()
    };
    while gone() < 2 {
        assert!(start.elapsed() < crate::bench::PATIENCE);
        tokio::task::yield_now().await;
    }
}
