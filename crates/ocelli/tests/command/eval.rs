//! `ocelli eval` on files.

use super::*;

/// Two made-up files of boxes that the crate `ocelli-eval` is tested with.
fn sequence(name: &str) -> [String; 2] {
    ["truth", "found"].map(|side| {
        format!(
            "{}/../ocelli-eval/tests/sequences/{name}.{side}.txt",
            env!("CARGO_MANIFEST_DIR")
        )
    })
}

const TRUTH: &str = r#"{"version":1,"width":100,"height":100,"rate":10.0,"pictures":40,
    "lines":[{"name":"door","points":[[0.5,0.0],[0.5,1.0]]}],
    "passages":[{"tag":1,"label":"person","from_secs":0.0,"to_secs":3.0}],
    "crossings":[{"tag":1,"line":"door","direction":"left","at_secs":1.5}]}"#;

fn event(kind: &str, secs: f64, more: &str) -> String {
    format!(
        r#"{{"id":"a","stream":"yard","kind":"{kind}","tag":"aaaaaaaaaaaaa","label":"person","score":0.9,"box":[0.4,0.4,0.1,0.2],"time":"2026-11-24T08:30:00.123Z","time_source":"receive","media_secs":{secs},"coverage":1.0{more}}}"#
    )
}

#[test]
fn boxes_are_scored_in_a_table_and_in_json() {
    let [truth, boxes] = sequence("crowd");
    let output = ocelli(&["eval", "--truth", &truth, "--boxes", &boxes]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("HOTA"), "{table}");
    let output = ocelli(&["eval", "--truth", &truth, "--boxes", &boxes, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let hota = json["tracking"][0]["scores"]["hota"]["hota"]
        .as_f64()
        .unwrap();
    assert!(table.contains(&format!("{:.1}", 100.0 * hota)), "{table}");
    assert!(json["events"].as_array().is_none());
}

#[test]
fn events_and_counts_are_scored_and_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (truth, events, strip) = (path("truth.json"), path("found.jsonl"), path("strip.png"));
    std::fs::write(&truth, TRUTH).unwrap();
    let lines = [
        event("appeared", 0.2, ""),
        event(
            "crossed",
            1.7,
            r#","place":"door","rule":"door","direction":"left""#,
        ),
        event(
            "crossed",
            2.0,
            r#","place":"door","rule":"door","direction":"right""#,
        ),
        event("gone", 6.0, r#","reason":"left","dwell_secs":2.5"#),
    ];
    std::fs::write(&events, lines.join("\n")).unwrap();
    let given = ["eval", "--truth-events", &truth, "--events", &events];
    let output = ocelli(&[&given[..], &["--draw", &strip]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for part in [
        "passages against the labelled truth",
        "\nall       100.0 of 1",
        "\ncrossings recall",
        "door crossed left person",
        "off by 0 of 1",
    ] {
        assert!(table.contains(part), "`{part}` is not in\n{table}");
    }
    let png = std::fs::read(&strip).unwrap();
    assert_eq!(&png[1..4], b"PNG");
    // As `ocelli events` gives them: the newest first.
    std::fs::write(
        &events,
        lines.iter().rev().cloned().collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    assert_eq!(text(&ocelli(&given).stdout), table);
    // Of another stream there is nothing.
    let output = ocelli(&[&given[..], &["--stream", "lobby"]].concat());
    assert!(text(&output.stdout).contains("off by 1 of 1"));
}

#[test]
fn events_of_several_streams_are_not_mixed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("both.jsonl");
    let lines = [
        event("appeared", 0.2, ""),
        event("gone", 6.0, "").replace("yard", "lobby"),
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    let path = path.to_str().unwrap();
    let output = ocelli(&["eval", "--reference", path, "--events", path]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(&output.stderr);
    assert!(
        complaint.contains("`yard` and `lobby`: choose with --stream"),
        "{complaint}"
    );
    let output = ocelli(&[
        "eval",
        "--reference",
        path,
        "--events",
        path,
        "--stream",
        "yard",
    ]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_set_is_pooled() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for name in ["yard", "lobby"] {
        std::fs::write(path(&format!("{name}.truth.json")), TRUTH).unwrap();
        let boxes = "1,1,40,40,10,20,1,1,1\n31,1,40,40,10,20,1,1,1\n";
        std::fs::write(path(&format!("{name}.truth.txt")), boxes).unwrap();
    }
    let gone = event("gone", 6.0, r#","dwell_secs":2.5"#);
    let yard = [event("appeared", 0.2, ""), gone].join("\n");
    let lobby = yard.replace("yard", "lobby");
    let every = [yard.clone(), lobby].join("\n");
    std::fs::write(path("found.jsonl"), yard).unwrap();
    std::fs::write(path("every.jsonl"), every).unwrap();
    let [folder, found, every] = [path(""), path("found.jsonl"), path("every.jsonl")]
        .map(|path| path.to_str().unwrap().to_owned());
    let arguments = [
        "eval",
        "--set",
        &folder,
        "--events",
        &found,
        "--reference",
        &every,
        "--json",
    ];
    let output = ocelli(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for (basis, at) in [("absolute", 0), ("relative", 1)] {
        let scores = &json["events"][at];
        assert_eq!(scores["basis"], basis);
        assert_eq!(scores["all"]["recall"]["hits"], 1);
        assert_eq!(scores["all"]["recall"]["of"], 2);
    }
    // The line of the truth was crossed on both streams, and nobody said so.
    assert_eq!(json["events"][0]["all"]["crossing_recall"]["of"], 2);
    let output = ocelli(&["eval", "--set", &folder]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_cannot_be_scored_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.txt");
    std::fs::write(&path, "1,1,5,5,5,5\n1,1,x\n").unwrap();
    let path = path.to_str().unwrap();
    for (arguments, code, reason) in [
        (vec![], 2, "nothing to compare"),
        (
            vec!["--truth", path],
            1,
            "bad.txt: 3 fields, at least 6 are needed on line 2",
        ),
        (vec!["--events", path], 1, "bad.txt: not an event on line 1"),
        (vec!["--truth-events", path], 1, "bad.txt: "),
        (vec!["--truth", "/nowhere/gt.txt"], 1, "/nowhere/gt.txt: "),
        (vec!["--size", "big"], 2, "`big`, expected e.g. 640x360"),
    ] {
        let output = ocelli(&[&["eval"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let complaint = text(&output.stderr);
        assert!(complaint.contains(reason), "{complaint}");
        assert!(output.stdout.is_empty());
    }
}
