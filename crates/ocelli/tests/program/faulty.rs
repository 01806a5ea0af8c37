//! Cameras with faults under the whole program: each costs itself alone.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use super::*;
use crate::{
    live::{Running, wait_until},
    running::{Access, of_process},
};

/// What is wrong with each camera but the first.
const FAULTS: [&str; 8] = [
    "1:mute",
    "2:reset=1s",
    "3:huge-picture",
    "4:sdp-bomb=10000000",
    "5:loss=5%",
    "6:silence=1s",
    "7:garbage=500ms",
    "8:header-bomb=1000000",
];
/// Resident memory that faults may cost the parent.
const MEMORY_KB_MAX: u64 = 50_000;

pub(crate) fn cameras(clip: &Path, port: u16, faults: &[&str]) -> (Running, u16) {
    let streams = (FAULTS.len() + 1).to_string();
    let mut child = Command::new(PROGRAM)
        .args(["simulate", clip.to_str().unwrap(), "--streams", &streams])
        .args(["--port", &port.to_string()])
        .args(faults.iter().flat_map(|fault| ["--fault", *fault]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let after = line.split("127.0.0.1:").nth(1).unwrap();
    let port = after.split('/').next().unwrap().parse().unwrap();
    (Running(child), port)
}

/// Watches the first so many cameras.
pub(crate) fn watch(data: &Path, port: u16, streams: usize) -> (Running, Access) {
    let file = data.join("ocelli.yaml");
    let lines: Vec<String> = (0..streams)
        .map(|index| {
            format!("  s{index}: {{ url: \"rtsp://127.0.0.1:{port}/cam/{index}\", profile: p }}")
        })
        .collect();
    let text = format!(
        "metrics: {{ per_stream: true }}\n\
         profiles: {{ p: {{ purpose: test, retention: 1h }} }}\n\
         streams:\n{}\n",
        lines.join("\n")
    );
    fs::write(&file, text).unwrap();
    let arguments = [
        "run",
        file.to_str().unwrap(),
        "--eyes",
        "1",
        "--listen",
        "127.0.0.1:0",
    ];
    let log = fs::File::create(data.join("log")).unwrap();
    let running = Running(ocelli(data, &arguments).stderr(log).spawn().unwrap());
    let access = Access::of(|| fs::read_to_string(data.join("log")).unwrap());
    (running, access)
}

pub(crate) fn resident_kb(pid: u32) -> u64 {
    let status = String::from_utf8(of_process(pid, "status").unwrap()).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().split_whitespace().next();
    number.unwrap().parse().unwrap()
}

pub(crate) fn looks(access: &Access, stream: usize) -> u64 {
    access.metric(&format!(
        "ocelli_stream_looks_total{{stream=\"s{stream}\"}}"
    ))
}

#[test]
fn cameras_with_faults_cost_themselves_alone() {
    let Some(clip) = clip("cameras_with_faults_cost_themselves_alone") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (_cameras, port) = cameras(&clip, 0, &FAULTS);
    let (running, access) = watch(dir.path(), port, FAULTS.len() + 1);
    wait_until("the sound one is looked at", || looks(&access, 0) > 3);
    let (before, memory_kb) = (looks(&access, 0), resident_kb(running.0.id()));
    let state = |state: &str| access.metric(&format!("ocelli_streams{{state=\"{state}\"}}"));
    wait_until("the faults are seen", || {
        state("rejected") >= 3
            && access.metric("ocelli_stream_reconnects_total{reason=\"unavailable\"}") >= 6
            && access.metric("ocelli_packets_lost_total") > 0
    });
    wait_until("the sound one goes on", || looks(&access, 0) > before + 20);
    assert_eq!(
        access.metric("ocelli_stream_live{stream=\"s0\"}"),
        1,
        "the sound one"
    );
    assert_eq!(access.metric("ocelli_eye_starts_total"), 1);
    assert_eq!(access.metric("ocelli_streams{state=\"quarantined\"}"), 0);
    let now_kb = resident_kb(running.0.id());
    assert!(
        now_kb < memory_kb + MEMORY_KB_MAX,
        "{memory_kb} kB before, {now_kb} kB now"
    );
    // The twin: who is silent is not live.
    assert_eq!(access.metric("ocelli_stream_live{stream=\"s1\"}"), 0);
    assert_eq!(looks(&access, 1), 0);
}

#[test]
fn cameras_that_were_away_come_back() {
    let Some(clip) = clip("cameras_that_were_away_come_back") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (first, port) = cameras(&clip, 0, &[]);
    let (_running, access) = watch(dir.path(), port, 3);
    let live = || access.metric("ocelli_streams{state=\"live\"}");
    wait_until("all are live", || live() == 3);
    drop(first);
    wait_until("none is", || live() == 0);
    let before: Vec<u64> = (0..3).map(|stream| looks(&access, stream)).collect();
    let (_second, _port) = cameras(&clip, port, &[]);
    wait_until("all are looked at again", || {
        (0..3).all(|stream| looks(&access, stream) > before[stream] + 3)
    });
    assert_eq!(live(), 3);
    assert_eq!(access.metric("ocelli_eye_starts_total"), 1);
}
