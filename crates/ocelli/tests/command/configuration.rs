//! Commands about configurations and components.

use super::*;

/// The workspace's root.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn the_example_is_right() {
    let output = ocelli(&["check", &format!("{ROOT}/ocelli.example.yaml")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("junction-12"));
}

#[test]
fn errors_go_to_stderr_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.yaml");
    std::fs::write(&file, "streams:\n  a: { url: rtsp://cam, user: u, password: '${DOOR_PASSWORD}', retention: 1d }\nsite: 5\n").unwrap();
    let output = ocelli(&["check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let complaint = text(&output.stderr);
    for part in [
        "bad.yaml:2:3: the stream `a` has no `purpose`",
        "bad.yaml:3:7: expected a map",
        "2 errors",
    ] {
        assert!(complaint.contains(part), "{complaint}");
    }
    assert!(!complaint.contains("canary"), "{complaint}");
}

#[test]
fn lists_hold_what_there_is() {
    let kinds = text(&ocelli(&["kinds"]).stdout);
    for name in [
        "keyframes",
        "libavcodec",
        "nanodet",
        "line",
        "heatmap",
        "suitcase",
    ] {
        assert!(kinds.contains(name), "{name}");
    }
    let rules = text(&ocelli(&["kinds", "rules"]).stdout);
    assert!(rules.contains("line") && !rules.contains("keyframes"));
    let models = text(&ocelli(&["models"]).stdout);
    for name in [
        "nanodet-g-int8",
        "384eb39fcf32",
        "Apache-2.0",
        "fastestdet-352",
    ] {
        assert!(models.contains(name), "{name}");
    }
    let shown = text(&ocelli(&["models", "show", "nanodet-g-int8"]).stdout);
    assert!(shown.contains("its hash is right"), "{shown}");
}

#[test]
fn the_schema_is_json() {
    let schema = text(&ocelli(&["schema"]).stdout);
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(schema.pointer("/properties/streams").is_some());
}
