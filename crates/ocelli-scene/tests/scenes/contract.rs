//! What every kind of rule has to do, and what is wrong with settings.

use std::collections::BTreeSet;

use ocelli_core::{
    Event, GoneReason, Label, Point,
    settings::{MaskSettings, SceneSettings},
};
use ocelli_scene::{About, Scene, check, rule::RULES};

use crate::stage::{STREAM, Stage, car, key, person, rule, with_rules, zone};

const DESK: [(f32, f32); 4] = [(0.3, 0.2), (0.8, 0.2), (0.8, 1.0), (0.3, 1.0)];
const DOOR: &str = r#"{"name":"door","points":[[0.5,0.0],[0.5,1.0]]}"#;

#[test]
fn the_list_is_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rule");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "mod.rs" && name != "config.rs")
        .collect();
    let listed: BTreeSet<String> = RULES
        .iter()
        .map(|kind| format!("{}.rs", kind.name))
        .collect();
    assert_eq!(listed, files);
    assert_eq!(listed.len(), RULES.len(), "a kind is listed twice");
}

#[test]
fn every_kind_says_what_it_is_and_takes_its_example() {
    for kind in RULES {
        let first = kind.summary.chars().next().unwrap();
        assert!(
            first.is_lowercase() && !kind.summary.ends_with('.'),
            "{}",
            kind.name
        );
        let door = (kind.name != "line").then(|| rule("line", DOOR));
        let mut settings = with_rules(
            vec![zone("desk", &DESK)],
            vec![rule(kind.name, kind.example)],
        );
        settings.rules.extend(door);
        assert_eq!(check(&settings), [], "{}", kind.name);
        // A word that it does not know is an error that names it, and so is a missing name.
        let unknown = kind.example.replacen('{', r#"{"colour":1,"#, 1);
        let errors = check(&with_rules(
            vec![zone("desk", &DESK)],
            vec![rule(kind.name, &unknown)],
        ));
        assert!(
            errors[0].to_string().contains("`colour`"),
            "{}: {errors:?}",
            kind.name
        );
        let nameless = kind.example.replacen(r#""name""#, r#""label_of""#, 1);
        assert_ne!(
            check(&with_rules(
                vec![zone("desk", &DESK)],
                vec![rule(kind.name, &nameless)]
            )),
            []
        );
    }
}

#[test]
fn every_field_of_every_kind_is_described() {
    for kind in RULES {
        let schema = (kind.schema)();
        let fields = schema
            .get("properties")
            .and_then(|fields| fields.as_object())
            .unwrap();
        let example: serde_json::Value = serde_json::from_str(kind.example).unwrap();
        for name in example.as_object().unwrap().keys() {
            assert!(fields.contains_key(name), "{}: {name}", kind.name);
        }
        for (name, field) in fields {
            assert!(
                field.get("description").is_some(),
                "{}: {name} is not described",
                kind.name
            );
        }
        assert_eq!(
            schema.get("additionalProperties"),
            Some(&false.into()),
            "{}",
            kind.name
        );
    }
}

#[test]
fn every_kind_goes_on_after_a_restart() {
    for kind in RULES {
        let door = (kind.name != "line").then(|| rule("line", DOOR));
        let mut settings = with_rules(
            vec![zone("desk", &DESK)],
            vec![rule(kind.name, kind.example)],
        );
        settings.rules.extend(door);
        let play = |stage: &mut Stage, from: f64, to: f64| {
            stage.play(from, to, 5.0, |at| {
                let (x, y) = (0.5 + 0.35 * (at * 0.5).sin(), 0.6 + 0.2 * (at * 0.5).cos());
                let (x, y) = (x as f32, y as f32);
                vec![person(x, y), car(1.0 - x, y + 0.1), car(0.6, 0.38)]
            });
        };
        let mut whole = Stage::new(&settings);
        play(&mut whole, 0.0, 40.0);
        play(&mut whole, 40.0, 140.0);
        let mut parts = Stage::new(&settings);
        play(&mut parts, 0.0, 40.0);
        let state = parts.scene.state();
        let mut none = Vec::new();
        parts.scene = Scene::resume(STREAM, &settings, key(), 9, &state, false, &mut none).unwrap();
        play(&mut parts, 40.0, 140.0);
        for stage in [&mut whole, &mut parts] {
            let ended = GoneReason::StreamEnded;
            stage.scene.close(ended, 1.0, &mut stage.events);
        }
        assert_eq!(whole.events, parts.events, "{}", kind.name);
        let own = |event: &&Event| event.detail.rule.is_some();
        let said = whole.events.iter().filter(own).count();
        assert!(said > 0, "{} says nothing", kind.name);
    }
}

/// Kind, configuration, and a part of what is said about it.
const BAD_RULES: &[(&str, &str, &str)] = &[
    (
        "line",
        r#"{"name":"a","points":[[0.1,0.2]]}"#,
        "1 points, expected 2 to 32",
    ),
    (
        "line",
        r#"{"name":"a","points":[[0.1,0.2],[0.1,0.2]]}"#,
        "points 1 and 2 are the same",
    ),
    (
        "line",
        r#"{"name":"a","points":[[0.1,0.2],[1.1,0.2]]}"#,
        "point 2 (1.1, 0.2) lies outside",
    ),
    (
        "line",
        r#"{"name":"","points":[[0.1,0.2],[0.4,0.2]]}"#,
        "needs a name",
    ),
    (
        "line",
        r#"{"name":"a","points":[[0.1,0.2],[0.4,0.2]],"labels":["face"]}"#,
        "unknown variant `face`",
    ),
    (
        "line",
        r#"{"name":"a","points":[[0.1,0.2],[0.4,0.2]],"hysteresis":-1}"#,
        "`hysteresis` is -1",
    ),
    (
        "line",
        r#"{"points":[[0.1,0.2],[0.4,0.2]]}"#,
        "missing field `name`",
    ),
    ("line", "nonsense", "expected"),
    (
        "zone",
        r#"{"name":"a","zone":"roof"}"#,
        "unknown zone `roof`, expected one of: desk",
    ),
    (
        "zone",
        r#"{"name":"a","zone":"desk","inertia":0}"#,
        "`inertia` is 0",
    ),
    (
        "zone",
        r#"{"name":"a","zone":"desk","dwell_secs":0}"#,
        "`dwell_secs` is 0",
    ),
    (
        "zone",
        r#"{"name":"a","zone":"desk","occupancy":{}}"#,
        "needs `min`, `max` or both",
    ),
    (
        "zone",
        r#"{"name":"a","zone":"desk","occupancy":{"min":3,"max":2}}"#,
        "`min` 3 is more",
    ),
    (
        "direction",
        r#"{"name":"a","points":[[0.1,0.2],[0.1,0.3],[0.1,0.4]]}"#,
        "3 points, expected exactly 2",
    ),
    (
        "direction",
        r#"{"name":"a","points":[[0.1,0.2],[0.1,0.3]],"tolerance_degrees":100}"#,
        "`tolerance_degrees` is 100",
    ),
    (
        "stopped",
        r#"{"name":"a","after_secs":0}"#,
        "`after_secs` is 0",
    ),
    (
        "speed",
        r#"{"name":"a","points":[[0.1,0.1],[0.9,0.9],[0.9,0.1],[0.1,0.9]],"width_metres":1,"length_metres":1}"#,
        "crosses itself",
    ),
    (
        "speed",
        r#"{"name":"a","points":[[0.1,0.1],[0.9,0.1],[0.4,0.3],[0.1,0.9]],"width_metres":1,"length_metres":1}"#,
        "turn the same way",
    ),
    (
        "heatmap",
        r#"{"name":"a","every_secs":1}"#,
        "`every_secs` is 1",
    ),
    (
        "count",
        r#"{"name":"a","zone":"desk","line":"b"}"#,
        "exclude each other",
    ),
    ("count", r#"{"name":"a","line":"b"}"#, "unknown line `b`"),
    (
        "count",
        r#"{"name":"a","reset_at":["24:00"]}"#,
        "`24:00` in `reset_at`",
    ),
    (
        "count",
        r#"{"name":"a","reset_at":["+1:00"]}"#,
        "`+1:00` in `reset_at`",
    ),
    (
        "tripwire",
        "{}",
        "unknown kind of rule, expected one of: count, direction",
    ),
];

#[test]
fn bad_rules_are_refused_with_their_reason() {
    for (kind, json, want) in BAD_RULES {
        let errors = check(&with_rules(
            vec![zone("desk", &DESK)],
            vec![rule(kind, json)],
        ));
        assert_eq!(errors.len(), 1, "{json}: {errors:?}");
        let text = errors[0].to_string();
        assert!(text.contains(want), "{json}: {text}");
        assert!(
            matches!(&errors[0].about, About::Rule { index: 0, .. }),
            "{text}"
        );
        assert!(
            Scene::new(
                STREAM,
                &with_rules(vec![zone("desk", &DESK)], vec![rule(kind, json)]),
                key(),
                0
            )
            .is_err()
        );
    }
}

#[test]
fn every_error_is_told_at_once_and_says_where() {
    let bow = [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)];
    let mut settings = with_rules(
        vec![
            zone("bow", &bow),
            zone("desk", &DESK),
            zone("desk", &DESK),
            zone("", &DESK),
        ],
        vec![
            rule("line", DOOR),
            rule("line", DOOR),
            rule("zone", r#"{"name":"b","zone":"bow"}"#),
        ],
    );
    settings.gone_after_secs = f32::NAN;
    settings.masks.push(MaskSettings {
        points: vec![Point { x: 0.1, y: 0.1 }],
        labels: vec![Label::Person],
    });
    let texts: Vec<String> = check(&settings).iter().map(ToString::to_string).collect();
    let want = [
        "`gone_after_secs`: NaN, expected 0.1 to 3600",
        "zone `bow`: the shape crosses itself: its edges 1 and 3 meet",
        "zone `desk`: two zones have this name",
        "zone ``: a zone needs a name",
        "mask 1: 1 corners, but a shape needs at least 3",
        "rule `door` (`line`): two rules have this name",
        "rule `b` (`zone`): unknown zone `bow`, expected one of: , desk",
    ];
    assert_eq!(texts, want);
    assert_eq!(check(&SceneSettings::default()), []);
}
