//! Eyes end with their parent, however it ends.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    PARENT,
    bench::{Bench, PATIENCE, called, is_alive, plan},
    camera::Camera,
    scripted::{Script, car},
    test,
};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("eyes_end_with_a_killed_parent", eyes_end),
        test("a_stopped_eye_ends_with_a_killed_parent", stopped_eye_ends),
        test("a_dropped_engine_ends_its_eyes", dropped),
    ]
}

/// Runs an engine, says which processes its eyes are, and waits to be killed.
pub(crate) fn be_doomed() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let camera = Camera::live(|_| Script::new(vec![car(0.5, 0.5)]));
        let bench = Bench::start(2, vec![plan("door", camera)]).await;
        bench.until_looks_grow("door", 2).await;
        bench
            .until("both eyes", |bench| {
                bench.engine.eyes().iter().all(|eye| eye.ready)
            })
            .await;
        let pids: Vec<String> = bench
            .engine
            .eyes()
            .iter()
            .map(|eye| eye.pid.unwrap().to_string())
            .collect();
        let mut out = std::io::stdout();
        writeln!(out, "{}", pids.join(" ")).unwrap();
        out.flush().unwrap();
        tokio::time::sleep(PATIENCE).await;
    });
    ExitCode::SUCCESS
}

async fn eyes_end() {
    end_with_parent(false);
}

async fn stopped_eye_ends() {
    end_with_parent(true);
}

fn end_with_parent(stopped: bool) {
    let (path, _folder) = called(PARENT);
    let mut parent = Command::new(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let pids: Vec<u32> = line
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|&pid| is_alive(pid)));
    if stopped {
        kill_process(Pid::from_raw(pids[0].cast_signed()).unwrap(), Signal::STOP).unwrap();
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    until_dead(&pids);
}

fn until_dead(pids: &[u32]) {
    let start = Instant::now();
    while pids.iter().any(|&pid| is_alive(pid)) {
        assert!(start.elapsed() < PATIENCE, "an eye outlived its parent");
        std::thread::sleep(Duration::from_millis(5));
    }
}

async fn dropped() {
    let camera = Camera::live(|_| Script::default());
    let bench = Bench::start(2, vec![plan("door", camera)]).await;
    bench
        .until("both eyes", |bench| {
            bench.engine.eyes().iter().all(|eye| eye.ready)
        })
        .await;
    let pids: Vec<u32> = bench
        .engine
        .eyes()
        .iter()
        .map(|eye| eye.pid.unwrap())
        .collect();
    assert!(pids.iter().all(|&pid| is_alive(pid)));
    drop(bench);
    until_dead(&pids);
}
