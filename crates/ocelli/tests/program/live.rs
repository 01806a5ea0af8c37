//! Cameras, changed configurations, and the end of the program.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::*;

/// Ten times as long as anything should take here.
const LIMIT: Duration = Duration::from_mins(2);

/// A program that is killed when the test is over.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits on the real clock")]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LIMIT, "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Simulated cameras, and the address of the first.
pub(crate) fn cameras(clip: &Path) -> (Running, String) {
    let mut child = Command::new(PROGRAM)
        .args([
            "simulate",
            clip.to_str().unwrap(),
            "--streams",
            "2",
            "--port",
            "0",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.split_whitespace().next().unwrap().to_owned();
    (Running(child), url)
}

pub(crate) fn start(data: &Path, file: &Path) -> Running {
    let log = fs::File::create(data.join("log")).unwrap();
    let arguments = [
        "run",
        file.to_str().unwrap(),
        "--eyes",
        "1",
        "--listen",
        "127.0.0.1:0",
    ];
    Running(ocelli(data, &arguments).stderr(log).spawn().unwrap())
}

pub(crate) fn log(data: &Path) -> String {
    fs::read_to_string(data.join("log")).unwrap()
}

#[test]
fn a_changed_file_is_applied_and_a_wrong_one_is_not() {
    let Some(clip) = clip("a_changed_file_is_applied_and_a_wrong_one_is_not") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ocelli.yaml");
    let (_cameras, url) = cameras(&clip);
    let stream = |name: &str| {
        format!(
            "  {name}: {{ url: \"{url}\", purpose: test, retention: 1h, user: u, password: canary-7f3a }}\n"
        )
    };
    fs::write(&file, format!("streams:\n{}", stream("a"))).unwrap();
    let _running = start(dir.path(), &file);
    wait_until("it runs", || log(dir.path()).contains("watching 1 streams"));
    fs::write(
        &file,
        format!("streams:\n{}  b: {{ url: 5 }}\n", stream("a")),
    )
    .unwrap();
    wait_until("the error is told", || {
        log(dir.path()).contains("ocelli.yaml:3:3")
    });
    assert!(log(dir.path()).contains("the one before stays in force"));
    fs::write(&file, format!("streams:\n{}{}", stream("a"), stream("b"))).unwrap();
    wait_until("it is applied", || {
        log(dir.path()).contains("1 streams new, 0 changed, 0 gone, 1 untouched")
    });
    assert!(!log(dir.path()).contains("canary"), "{}", log(dir.path()));
}

#[test]
fn what_was_acknowledged_survives_kill_nine_once() {
    let Some(clip) = clip("what_was_acknowledged_survives_kill_nine_once") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ocelli.yaml");
    let (_cameras, url) = cameras(&clip);
    let text = format!("streams:\n  a: {{ url: \"{url}\", purpose: test, retention: 1h }}\n");
    fs::write(&file, text).unwrap();
    let mut before: BTreeSet<String> = BTreeSet::new();
    for round in 0..2 {
        let running = start(dir.path(), &file);
        let store = dir.path().join(ocelli::run::STORE_FOLDER);
        wait_until("the store is there", || {
            store.is_dir() && log(dir.path()).contains("watching")
        });
        // What can be read is committed, so it is acknowledged.
        let mut acknowledged: Vec<String> = Vec::new();
        wait_until("events come", || {
            acknowledged = stored(dir.path());
            acknowledged.len() > before.len() + 5 + round
        });
        drop(running);
        let after = stored(dir.path());
        let unique: BTreeSet<String> = after.iter().cloned().collect();
        assert_eq!(after.len(), unique.len(), "none twice");
        assert!(
            acknowledged.iter().all(|event| unique.contains(event)),
            "none lost"
        );
        assert!(
            before.is_subset(&unique),
            "those of the last round are there"
        );
        before = unique;
    }
}
