//! Live cameras, dead cameras, and threads.

use std::net::{Ipv4Addr, TcpListener};

use ocelli_core::{EventKind, settings::GateKind};
use ocelli_engine::StreamState;

use crate::bench::{Bench, cameras, clip, plan, url_at};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_on_simulated_cameras_become_events() {
    let Some(clip) = clip("people_on_simulated_cameras_become_events") else {
        return;
    };
    let running = cameras(clip, 3).await;
    let streams = running
        .urls()
        .iter()
        .enumerate()
        .map(|(index, url)| plan(&format!("s{index}"), url, GateKind::Always))
        .collect();
    let bench = Bench::start(streams).await;
    bench
        .until("tags", |bench| bench.count(EventKind::Appeared) >= 3)
        .await;
    let eye = bench.engine.eyes().swap_remove(0);
    assert!(
        eye.sandbox.landlock && eye.sandbox.seccomp && eye.sandbox.undumpable,
        "{eye:?}"
    );
    assert_eq!(
        eye.refused_syscalls, 0,
        "work needs nothing that is refused"
    );
    assert_eq!(eye.starts, 1);
    bench.engine.stop().await;
    running.stop().await;
}

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_cameras_cost_nothing_and_touch_nobody() {
    let Some(clip) = clip("dead_cameras_cost_nothing_and_touch_nobody") else {
        return;
    };
    // One that accepts and says nothing, and one where nobody listens.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let running = cameras(clip, 2).await;
    let mut streams: Vec<_> = running
        .urls()
        .iter()
        .enumerate()
        .map(|(index, url)| plan(&format!("live{index}"), url, GateKind::Keyframes))
        .collect();
    let few = Bench::start(streams.clone()).await;
    few.until_looks_grow("live1", 1).await;
    let before = threads();
    few.engine.stop().await;
    for index in 0..1000 {
        let address = if index % 2 == 0 {
            closed
        } else {
            silent.local_addr().unwrap()
        };
        streams.push(plan(
            &format!("dead{index}"),
            &url_at(address),
            GateKind::Keyframes,
        ));
    }
    let bench = Bench::start(streams).await;
    bench
        .until("the dead ones are found out", |bench| {
            let streams = bench.engine.streams();
            let dead = streams
                .iter()
                .filter(|stream| stream.state == StreamState::Unavailable);
            dead.count() >= 400
        })
        .await;
    bench.until_looks_grow("live0", 2).await;
    bench.until_looks_grow("live1", 2).await;
    assert!(
        threads() <= before + 4,
        "{} threads, {before} before",
        threads()
    );
    let cpu = bench.engine.status().cpu_micros;
    let begin = tokio::time::Instant::now();
    bench.until_looks_grow("live0", 5).await;
    let share =
        (bench.engine.status().cpu_micros - cpu) as f64 / begin.elapsed().as_micros() as f64;
    eprintln!("{:.1} % of a core with 1,000 dead cameras", share * 100.0);
    bench.engine.stop().await;
    running.stop().await;
}
