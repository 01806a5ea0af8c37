//! What a good configuration becomes.

use ocelli_core::{
    Label, Secret,
    settings::{DecoderKind, GateKind},
};

use super::*;

const GOOD: &str = r#"
site: { name: Harbour, contact: privacy@site.example }
data_dir: state
profiles:
  base: { purpose: count vehicles, retention: 7d, look_rate: 4, zones: { road: [[0, 0], [1, 0], [1, 1]] } }
  traffic:
    based_on: base
    retention: 36h
    detector: nano
    labels: [car, truck]
    rules:
      - line: { name: stop-line, points: [[0.1, 0.6], [0.9, 0.6]] }
      - zone: { name: on-road, zone: road }
detectors:
  nano: { onnx: { family: nanodet, model: nanodet-g-int8, input: [416, 256], label_map: frigate, threshold: 0.5 } }
  unused: { onnx: { model: nanodet-g-int8 } }
streams:
  junction-12: { url: rtsp://cam12.site.example/h264, profile: traffic }
  door:
    url: rtsp://cam1.site.example/main
    detect_url: rtsp://cam1.site.example/sub
    user: viewer
    password: ${DOOR_PASSWORD}
    profile: traffic
    purpose: keep the desk staffed
    gate: keyframes
    decoder: rust
    enabled: false
    source: { transport: udp, trust_camera_clock: true }
    masks: [{ points: [[0, 0], [0.1, 0], [0.1, 0.1]], labels: [person] }]
    rules:
      - line: { name: stop-line, points: [[0.2, 0.6], [0.9, 0.6]] }
sinks:
  home: { mqtt: { url: mqtt://broker.site.example, user: ocelli, password: "${DOOR_PASSWORD}" } }
  log: { jsonl: { folder: /var/lib/ocelli/text, keep_days: 30 } }
streams_from: [fleet.csv]
api: { listen: "127.0.0.1:9000", hosts: [ocelli.site.example], token: 0123456789abcdef }
sandbox: { best_effort: the appliance has kernel 5.4 }
engine: { eyes: 2 }
metrics: { per_stream: true }
"#;

fn good() -> (tempfile::TempDir, Configuration) {
    let dir = tempfile::tempdir().unwrap();
    let fleet = "name,url,profile,look_rate,user,password\nyard,clips/yard.mp4,traffic,2.5,,\nroad,rtsp://cam/2,base,,u,${DOOR_PASSWORD}\n";
    fs::write(dir.path().join("fleet.csv"), fleet).unwrap();
    let configuration = load_text(dir.path(), GOOD).unwrap_or_else(|errors| panic!("{errors}"));
    (dir, configuration)
}

#[test]
fn sinks_hold_their_secrets_and_do_not_show_them() {
    let (_dir, configuration) = good();
    let kinds: Vec<&str> = configuration
        .sinks
        .values()
        .map(|sink| sink.kind.as_str())
        .collect();
    assert_eq!(kinds, ["mqtt", "jsonl"]);
    let request = configuration.sinks["home"].request("/nowhere".into());
    assert_eq!(request.options["password"], "canary-7f3a");
    assert_eq!(request.name, "home");
    assert!(!format!("{configuration:?}").contains("canary"));
    // As it is written, whatever it looks like.
    let dir = tempfile::tempdir().unwrap();
    let text = "sinks: { a: { mqtt: { url: mqtt://broker, user: 'no', password: 0123 } } }";
    let configuration = load_text(dir.path(), text).unwrap();
    let request = configuration.sinks["a"].request("/nowhere".into());
    assert_eq!(request.options["password"], "0123");
}

#[test]
fn everything_arrives_where_it_belongs() {
    let (dir, configuration) = good();
    assert_eq!(configuration.site.name.as_deref(), Some("Harbour"));
    assert_eq!(configuration.data_dir, dir.path().join("state"));
    assert_eq!(configuration.engine.eyes, Some(2));
    assert!(configuration.engine.best_effort_because.is_some());
    assert!(configuration.metrics.per_stream);
    assert_eq!(configuration.api.listen.port(), 9000);
    let names: Vec<&str> = configuration.streams.keys().map(AsRef::as_ref).collect();
    assert_eq!(names, ["door", "junction-12", "road", "yard"]);
    let detectors: Vec<&String> = configuration.detectors.keys().collect();
    assert_eq!(detectors, ["nano", "nanodet-g-int8"], "those that are used");
    let nano = &configuration.detectors["nano"];
    assert_eq!(
        (nano.settings.input_width, nano.settings.input_height),
        (416, 256)
    );
    assert_eq!(nano.settings.label_map, [("truck".to_owned(), Label::Car)]);
    assert!(nano.sha256.starts_with("384eb39f"));
}

#[test]
fn profiles_build_on_each_other() {
    let (_dir, configuration) = good();
    let junction = &configuration.streams["junction-12"];
    assert_eq!(junction.purpose, "count vehicles");
    assert_eq!(junction.retention.hours(), 36);
    assert!((junction.settings.look_rate - 4.0).abs() < 1e-6);
    assert!(
        (junction.settings.scene.threshold - 0.5).abs() < 1e-6,
        "the detector's"
    );
    assert_eq!(junction.settings.scene.labels, [Label::Car, Label::Truck]);
    assert_eq!(junction.settings.scene.rules.len(), 2);
    assert_eq!(junction.settings.scene.zones.len(), 1);
    let road = &configuration.streams["road"];
    assert_eq!(road.settings.detector, "nanodet-g-int8");
    assert!((road.settings.scene.threshold - 0.4).abs() < 1e-6);
    assert_eq!(road.retention.to_string(), "7d");
}

#[test]
fn a_stream_goes_before_its_profile() {
    let (_dir, configuration) = good();
    let door = &configuration.streams["door"];
    assert_eq!(door.purpose, "keep the desk staffed");
    assert_eq!(door.settings.gate, GateKind::Keyframes);
    assert_eq!(door.settings.decoder, DecoderKind::Rust);
    assert!(!door.enabled);
    assert_eq!(door.detect_url.as_ref().unwrap().path(), "/sub");
    assert_eq!(door.password, Some(Secret::new("canary-7f3a")));
    assert_eq!(
        serde_json::to_string(&door.source).unwrap(),
        r#"{"transport":"udp","trust_camera_clock":true}"#
    );
    let lines: Vec<&str> = door
        .settings
        .scene
        .rules
        .iter()
        .filter(|rule| rule.kind == "line")
        .map(|rule| rule.json.as_str())
        .collect();
    assert_eq!(
        lines.len(),
        1,
        "one with the same name replaces the profile's"
    );
    assert!(lines[0].contains("0.2"), "{lines:?}");
    let yard = &configuration.streams["yard"];
    assert!((yard.settings.look_rate - 2.5).abs() < 1e-6);
    assert!(
        yard.url.path().ends_with("/clips/yard.mp4"),
        "relative to the file"
    );
}

#[test]
fn secrets_are_not_shown() {
    let (_dir, configuration) = good();
    assert_eq!(
        configuration.streams["road"].password,
        Some(Secret::new("canary-7f3a")),
        "the twin"
    );
    let shown = format!("{configuration:?}");
    assert!(!shown.contains("canary-7f3a"));
    assert!(!shown.contains("0123456789abcdef"));
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["", "# nothing yet\n", "streams:\n", "{}\n"] {
        let configuration = load_text(dir.path(), text).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(configuration.streams.is_empty());
        assert!(configuration.api.listen.ip().is_loopback());
        assert_eq!(
            configuration.data_dir,
            Path::new("/home/viewer/.local/state/ocelli")
        );
    }
}

#[test]
fn the_schema_knows_what_the_file_may_hold() {
    let schema = ocelli::config::schema();
    let text = serde_json::to_string_pretty(&schema).unwrap();
    for key in [
        "based_on",
        "detect_url",
        "stop_line",
        "retention",
        "label_map",
        "tolerance_degrees",
    ] {
        assert_eq!(
            text.contains(&format!("\"{key}\"")),
            key != "stop_line",
            "{key}"
        );
    }
    // Every reference leads somewhere.
    for reference in text.split("\"$ref\": \"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(schema.pointer(pointer).is_some(), "{pointer}");
    }
}
