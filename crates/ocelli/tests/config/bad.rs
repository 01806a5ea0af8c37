//! Bad configurations, and every error with its line.

use std::fmt::Write as _;

use super::*;

/// A name, and the text that is wrong.
const BAD: &[(&str, &str)] = &[
    (
        "unknown keys",
        "sitee: {}\nstreams:\n  a: { url: rtsp://cam/1, purpose: x, retention: 7d, look_rat: 5 }\nprofiles:\n  p: { retenton: 7d }\n",
    ),
    (
        "wrong kinds of values",
        "site: [x]\napi: { hosts: door }\nstreams:\n  a: { url: rtsp://cam/1, purpose: x, retention: 7d, look_rate: fast, enabled: 1, labels: [person, face], gate: often, zones: { z: [[0, 0], [1, 0, 2], [1, 1]] } }\n",
    ),
    (
        "no purpose and no retention",
        "streams:\n  a: { url: rtsp://cam/1 }\n  b:\n    url: rtsp://cam/2\n    purpose: ' '\n    retention: 0d\n",
    ),
    (
        "retentions",
        "streams:\n  a: { url: rtsp://cam/1, purpose: x, retention: forever }\n  b: { url: rtsp://cam/1, purpose: x, retention: 400d }\n  c: { url: rtsp://cam/1, purpose: x, retention: 7 }\n",
    ),
    (
        "duplicate keys",
        "streams:\n  a: { url: rtsp://cam/1, purpose: x, retention: 7d }\n  b: { url: rtsp://cam/1, purpose: x, retention: 7d, purpose: y }\n  a: { url: rtsp://cam/3, purpose: x, retention: 7d }\n",
    ),
    (
        "profiles",
        "profiles:\n  a: { based_on: b }\n  b: { based_on: c }\n  c: { based_on: a }\n  d: { based_on: nobody }\n  lobby: { purpose: x, retention: 1h }\nstreams:\n  s: { url: rtsp://cam/1, profile: loby }\n",
    ),
    (
        "secrets",
        "streams:\n  a: { url: 'rtsp://u:canary-7f3a@cam/1', password: canary-7f3a, purpose: x, retention: 7d }\n  b: { url: rtsp://cam/1, user: u, password: '${NOBODY}', purpose: x, retention: 7d }\n  c: { url: 'rtsp://u:${DOOR_PASSWORD}@cam/1', purpose: x, retention: 7d }\n  d: { url: rtsp://cam/1, password: '${DOOR_PASSWORD}', purpose: x, retention: 7d }\n  e: { url: rtsp://cam/1, user: u, password: [canary-7f3a], purpose: x, retention: 7d }\napi: { token: short }\n",
    ),
    (
        "scenes",
        "profiles:\n  p:\n    purpose: x\n    retention: 7d\n    zones: { flat: [[0, 0], [1, 1]] }\n    rules:\n      - line: { name: gate, points: [[0, 0], [2, 1]] }\n      - zone: { name: in, zone: dsek }\n      - lien: { name: other }\n      - zone:\n          name: late\n          zone: desk\n          dwel_secs: 5\nstreams:\n  s: { url: rtsp://cam/1, profile: p, zones: { desk: [[0, 0], [1, 0], [1, 1]] }, gone_after_secs: 0, masks: [{ points: [[0, 0]] }] }\n",
    ),
    (
        "a rule with two keys",
        "profiles:\n  p:\n    rules:\n      - line: { name: a, points: [[0, 0], [1, 1]] }\n        labels: [person]\n      - {}\n      - line\n",
    ),
    (
        "detectors",
        "detectors:\n  a: { onnx: { model: nanodet-g-int9 } }\n  b: { onnx: { file: nowhere.onnx, family: nanodet } }\n  c: { onnx: { model: nanodet-g-int8, input: [100, 192], classes: [person, female], threshold: 2, sha256: abc } }\n  d: { onnx: {} }\n  e: { tensorrt: {} }\n  f: { onnx: { model: yunet-n } }\n  g: { onnx: { model: fastestdet-352 } }\n  h: { onnx: { model: nanodet-g-int8, label_map: { lorry: truck, truck: criminal } } }\n  i: { onnx: { file: x.onnx } }\n  j: { onnx: { model: nanodet-g-int8, label_map: frigat, classes: cocoo } }\nstreams:\n  s: { url: rtsp://cam/1, purpose: x, retention: 7d, detector: nanno }\n",
    ),
    (
        "streams",
        "streams:\n  'a b': { url: rtsp://cam/1, purpose: x, retention: 7d }\n  '': { url: rtsp://cam/1, purpose: x, retention: 7d }\n  c: { purpose: x, retention: 7d }\n  d: { url: 'rtsp://[::1/x', purpose: x, retention: 7d }\n  e: { url: rtsp://cam/1, detect_url: 'rtsp://u:canary-7f3a@cam/2', purpose: x, retention: 7d }\n  f: rtsp://cam/1\n  g: { url: rtsp://cam/1, purpose: x, retention: 7d, look_rate: 1000, keys_every_secs: -1 }\n",
    ),
    (
        "options of sources",
        "streams:\n  a:\n    url: rtsps://cam/1\n    purpose: x\n    retention: 7d\n    source:\n      trust_camera_clock: true\n      tls_fingerprint: 12:34\n  b:\n    url: rtsp://cam/1\n    purpose: x\n    retention: 7d\n    source:\n      transport: tcp\n      tls_fingerprint: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n  c:\n    url: rtsps://cam/1\n    purpose: x\n    retention: 7d\n    source:\n      trust_camera_clock: true\n      transport: udp\n  d: { url: rtsp://cam/1, purpose: x, retention: 7d, source: { transport: tcp, fingerprint: x } }\n",
    ),
    (
        "the API and the eyes",
        "api: { listen: '0.0.0.0:8750' }\nengine: { eyes: 0 }\nsandbox: { best_effort: '' }\n",
    ),
    (
        "what is kept and published",
        "store: { size_max: 0GB }\nrecord: { checkpoints: ['http://log.site.example/', 'https://u:canary-7f3a@log.site.example/', ''] }\nexports: { least: 3 }\nstreams:\n  a: { url: rtsp://cam/1, purpose: x, retention: 7d, public_id: a }\n  square: { url: rtsp://cam/1, purpose: x, retention: 7d, public_id: square }\n  c: { url: rtsp://cam/1, purpose: x, retention: 7d, public_id: gate }\n  d: { url: rtsp://cam/1, purpose: x, retention: 7d, public_id: gate }\n",
    ),
    (
        "sizes and noise",
        "store: { size_max: lots }\nexports: { epsilon: 3 }\n",
    ),
    (
        "a store that is too small, and two guards",
        "store: { size_max: 5MB }\nexports: { epsilon: 1, least: 20 }\n",
    ),
    (
        "more of the API",
        "api: { listen: everywhere, tls: { certificate: no.pem, key: no.key } }\nsandbox: lax\nmetrics: { per_stream: often }\n",
    ),
    (
        "sinks",
        "sinks:\n  a: { jsonl: { folder: here, keep_days: 0 } }\n  b: { pigeon: {} }\n  c: { webhook: { url: 'https://hooks.site.example/', secret: canary } }\n  d: { webhook: { url: 'https://u:canary-7f3a@hooks.site.example/', secret: '${DOOR_PASSWORD}' } }\n  e: { mqtt: { url: mqtt://broker, user: u, password: '${NOBODY}' } }\n  f: { mqtt: { url: mqtt://broker, passwrd: canary-7f3a } }\n  g: { jsonl: { folder: /x, keep_days: 1 }, mqtt: {} }\n  'h h': { jsonl: { folder: /x, keep_days: 1 } }\n  i: jsonl\n  j: { jsonl: }\n  k: { mqtt: { url: mqtt://169.254.169.254, prefix: 'a/#' } }\n",
    ),
    (
        "syntax",
        "streams:\n  a: { url: rtsp://cam/1, password: canary-7f3a\n  b: {}\n",
    ),
    ("two documents", "site: {}\n---\nsite: {}\n"),
    ("a list", "- a\n- b\n"),
    (
        "tables",
        "streams_from: [fleet.csv, nowhere.csv, 7]\nprofiles:\n  p: { purpose: x, retention: 7d }\nstreams:\n  gate: { url: rtsp://cam/1, profile: p }\n",
    ),
];

const FLEET: &str = "name,url,profile,enabled\ngate,rtsp://cam/1,p,\nyard,rtsp://u:canary-7f3a@cam/2,q,yes\nroad,,p,true\n";

#[test]
fn every_error_has_its_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("fleet.csv"), FLEET).unwrap();
    let mut all = String::new();
    for (name, text) in BAD {
        let errors = load_text(dir.path(), text).unwrap_err();
        assert!(errors.count() > 0);
        for error in errors.iter() {
            assert!(error.line > 0, "{name}: {error}");
        }
        let shown = errors
            .to_string()
            .replace(dir.path().to_str().unwrap(), "")
            .replace("/home/viewer", "~");
        assert!(!shown.contains("canary"), "{name}: {shown}");
        writeln!(all, "== {name}\n{shown}").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_missing_and_a_strange_file_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("nowhere.yaml", None),
        ("latin.yaml", Some(b"a: \xff".as_slice())),
    ] {
        let file = dir.path().join(name);
        if let Some(bytes) = bytes {
            fs::write(&file, bytes).unwrap();
        }
        let errors = load_file(&file).unwrap_err();
        assert!(errors.to_string().contains(name), "{errors}");
    }
}

#[test]
fn twelve_megabytes_of_errors_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = "streams:\n".to_owned();
    let mut number = 0;
    let purpose = "count what passes by on this long road; ".repeat(20);
    while text.len() < 12 << 20 {
        writeln!(
            text,
            "  s{number}: {{ url: rtsp://cam/{number}, purpos: {purpose}, retention: 7d }}"
        )
        .unwrap();
        number += 1;
    }
    let errors = load_text(dir.path(), &text).unwrap_err();
    // An unknown key and a missing purpose for each.
    assert_eq!(errors.count(), 2 * number);
    let shown = errors.to_string();
    assert!(shown.len() < 100_000);
    assert!(shown.contains("more errors"), "the rest is counted");
}
