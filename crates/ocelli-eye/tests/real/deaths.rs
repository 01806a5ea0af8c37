//! The eye that is shipped dies, and another goes on.

use std::time::Duration;

use ocelli_core::settings::GateKind;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::bench::{Bench, cameras, clip, plan};

async fn replaced(test: &str, harm: fn(Pid)) {
    let Some(clip) = clip(test) else {
        return;
    };
    let running = cameras(clip, 2).await;
    let streams = vec![
        plan("a", &running.url(0), GateKind::Always),
        plan("b", &running.url(1), GateKind::Keyframes),
    ];
    let bench = Bench::start(streams).await;
    bench.until_looks_grow("a", 10).await;
    let pid = bench.engine.eyes()[0].pid.unwrap();
    let begin = tokio::time::Instant::now();
    harm(Pid::from_raw(pid.cast_signed()).unwrap());
    bench
        .until("another eye", |bench| {
            let eye = bench.engine.eyes().swap_remove(0);
            eye.ready && eye.pid != Some(pid)
        })
        .await;
    let took: Duration = begin.elapsed();
    eprintln!("{test}: replaced after {} ms", took.as_millis());
    bench.until_looks_grow("a", 10).await;
    bench.until_looks_grow("b", 1).await;
    bench.engine.stop().await;
    running.stop().await;
}

fn signal(pid: Pid, signal: Signal) {
    kill_process(pid, signal).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_eye_is_replaced() {
    replaced("a_killed_eye_is_replaced", |pid| signal(pid, Signal::KILL)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_eye_is_replaced() {
    replaced("a_stopped_eye_is_replaced", |pid| signal(pid, Signal::STOP)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_eye_that_faults_is_replaced() {
    replaced("an_eye_that_faults_is_replaced", |pid| {
        signal(pid, Signal::SEGV);
    })
    .await;
}

/// What is left of its address space is taken away: the next allocations fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_eye_without_memory_is_replaced_or_goes_on() {
    let Some(clip) = clip("an_eye_without_memory_is_replaced_or_goes_on") else {
        return;
    };
    let running = cameras(clip, 2).await;
    let bench = Bench::start(vec![
        plan("a", &running.url(0), GateKind::Always),
        plan("b", &running.url(1), GateKind::Always),
    ])
    .await;
    bench.until_looks_grow("a", 5).await;
    let pid = bench.engine.eyes()[0].pid.unwrap();
    let none = Rlimit {
        current: Some(1 << 20),
        maximum: Some(1 << 20),
    };
    prlimit(Pid::from_raw(pid.cast_signed()), Resource::As, none).unwrap();
    bench.until_looks_grow("a", 30).await;
    bench.until_looks_grow("b", 30).await;
    bench.engine.stop().await;
    running.stop().await;
}
