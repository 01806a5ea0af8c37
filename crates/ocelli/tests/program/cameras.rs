//! Cameras of every kind through the whole program: they are simulated, watched, and give events.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use super::{
    live::{Running, log, start, wait_until},
    *,
};

/// Simulated cameras, and the lines that they begin with.
fn simulate(clip: &Path, arguments: &[&str], lines: usize) -> (Running, Vec<String>) {
    let mut child = Command::new(PROGRAM)
        .args(["simulate", clip.to_str().unwrap(), "--port", "0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .take(lines)
        .map(Result::unwrap)
        .collect();
    (Running(child), said)
}

/// Watches one stream until events of it are stored.
fn gives_events(dir: &Path, stream: &str) {
    let file = dir.join("ocelli.yaml");
    let text = format!("streams:\n  a: {{ purpose: test, retention: 1h, {stream} }}\n");
    fs::write(&file, text).unwrap();
    let _running = start(dir, &file);
    let store = dir.join(ocelli::run::STORE_FOLDER);
    wait_until("the store is there", || store.is_dir());
    wait_until("events come", || !stored(dir).is_empty());
}

#[test]
fn a_camera_within_tls_is_pinned_and_watched() {
    let Some(clip) = clip("a_camera_within_tls_is_pinned_and_watched") else {
        return;
    };
    let (_cameras, said) = simulate(&clip, &["--tls"], 2);
    let [url, pin] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(url.starts_with("rtsps://"), "{url}");
    // The error tells the line that has to be added.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ocelli.yaml");
    let unsaid = format!("streams:\n  a: {{ purpose: test, retention: 1h, url: \"{url}\" }}\n");
    fs::write(&file, unsaid).unwrap();
    let unpinned = start(dir.path(), &file);
    wait_until("the fingerprint is told", || log(dir.path()).contains(pin));
    drop(unpinned);
    let stream = format!("url: \"{url}\", source: {{ {pin} }}");
    gives_events(dir.path(), &stream);
    // So does a look at the camera before it is added.
    let look = |more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["add", url, "--watch", "1"]).args(more);
        command.output().unwrap()
    };
    let refused = look(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains(pin));
    let fingerprint = pin.strip_prefix("tls_fingerprint: ").unwrap();
    let seen = worked(&look(&["--tls-fingerprint", fingerprint]));
    let source = format!(r#"source: {{"tls_fingerprint":"{fingerprint}"}}"#);
    assert!(seen.contains(&source), "{seen}");
}
