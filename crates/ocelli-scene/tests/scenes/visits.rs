//! Tables of small scenes: what a visit says.

use std::collections::BTreeSet;

use ocelli_core::{
    Detection, EventKind, GoneReason, Label, MediaTime, Point,
    settings::{MaskSettings, SceneSettings},
};

use crate::stage::{STREAM, Stage, between, car, person, rule, thing, wall, with_rules};

#[test]
fn a_walker_appears_once_and_goes_at_every_rate() {
    for rate in [25.0, 10.0, 5.0, 2.0, 1.0] {
        let mut stage = Stage::new(&SceneSettings::default());
        stage.play(0.0, 12.0, rate, |at| {
            let (x, y) = between((0.1, 0.8), (0.9, 0.8), at / 8.0);
            if at < 8.0 { vec![person(x, y)] } else { vec![] }
        });
        let kinds = stage.kinds();
        assert_eq!(stage.count(EventKind::Appeared), 1, "{rate}: {kinds:?}");
        assert_eq!(stage.count(EventKind::Updated), 1, "{rate}: {kinds:?}");
        assert_eq!(stage.count(EventKind::Gone), 1, "{rate}: {kinds:?}");
        let gone = stage.of(EventKind::Gone)[0];
        assert_eq!(gone.detail.reason, Some(GoneReason::Left));
        let dwell = gone.detail.dwell_secs.unwrap();
        let last = 8.0 - 1.0 / rate as f32;
        assert!((last - dwell).abs() < 1e-3, "{rate}: {dwell}");
    }
}

#[test]
fn nothing_appears_at_one_look() {
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 20.0, 5.0, |at| {
        let flash = (at * 5.0) as i64 % 10 == 0;
        if flash {
            vec![person(0.5, 0.8)]
        } else {
            vec![]
        }
    });
    assert_eq!(stage.kinds(), [""; 0]);
    // The twin: two looks in a row of a sure box.
    stage.look(30.0, &[person(0.5, 0.8)]);
    stage.look(30.2, &[person(0.5, 0.8)]);
    assert_eq!(stage.kinds(), ["appeared"]);
}

#[test]
fn unsure_boxes_keep_an_object_and_begin_none() {
    let unsure = |x: f32| Detection {
        score: 0.2,
        ..person(x, 0.8)
    };
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 10.0, 5.0, |at| {
        let x = 0.2 + 0.04 * at as f32;
        let known = if (2.0..7.0).contains(&at) {
            unsure(x)
        } else {
            person(x, 0.8)
        };
        vec![known, unsure(0.9)]
    });
    assert_eq!(stage.kinds(), ["appeared", "updated"]);
}

#[test]
fn a_tag_survives_a_short_occlusion() {
    for rate in [25.0, 5.0, 2.0] {
        let mut stage = Stage::new(&SceneSettings::default());
        stage.play(0.0, 10.0, rate, |at| {
            let x = 0.1 + 0.08 * at as f32;
            let hidden = (4.0..5.5).contains(&at);
            if hidden { vec![] } else { vec![person(x, 0.8)] }
        });
        assert_eq!(stage.count(EventKind::Appeared), 1, "{rate}");
        assert_eq!(stage.count(EventKind::Gone), 0, "{rate}");
    }
}

#[test]
fn two_who_pass_each_other_keep_their_tags() {
    for rate in [25.0, 10.0, 5.0] {
        let mut stage = Stage::new(&SceneSettings::default());
        let places = |at: f64| {
            let (a, _) = between((0.2, 0.8), (0.8, 0.8), at / 8.0);
            (a, 1.0 - a)
        };
        stage.play(0.0, 2.0, rate, |at| {
            let (a, b) = places(at);
            vec![person(a, 0.80), person(b, 0.83)]
        });
        let left = |stage: &Stage| {
            let tracks = stage.scene.tracks();
            let first = tracks.iter().min_by(|a, b| a.bbox.x.total_cmp(&b.bbox.x));
            first.unwrap().tag
        };
        let before = left(&stage);
        stage.play(2.0, 8.0, rate, |at| {
            let (a, b) = places(at);
            // The nearer one hides the other.
            let both = (a - b).abs() > 0.05;
            let mut seen = vec![person(b, 0.83)];
            seen.extend(both.then(|| person(a, 0.80)));
            seen
        });
        assert_eq!(stage.count(EventKind::Appeared), 2, "{rate}");
        assert_ne!(left(&stage), before, "{rate}");
    }
}

#[test]
fn a_hidden_parked_car_is_one_visit() {
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 90.0, 5.0, |at| {
        let bus = thing(Label::Bus, 0.5, 0.65, 0.4, 0.4);
        match at {
            ..20.0 => vec![car(0.5, 0.6)],
            ..60.0 => vec![bus],
            _ => vec![car(0.5, 0.6), thing(Label::Bus, 0.15, 0.65, 0.3, 0.4)],
        }
    });
    let cars: BTreeSet<_> = stage
        .events
        .iter()
        .filter(|event| event.label == Some(Label::Car))
        .filter_map(|event| event.tag)
        .collect();
    assert_eq!(cars.len(), 1, "{:?}", stage.kinds());
}

#[test]
fn a_car_that_stops_and_drives_on_says_so() {
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 40.0, 5.0, |at| {
        let x = match at {
            ..5.0 => 0.1 + 0.08 * at,
            ..30.0 => 0.5,
            _ => 0.5 + 0.04 * (at - 30.0),
        };
        vec![car(x as f32, 0.6)]
    });
    let kinds: Vec<&str> = stage
        .kinds()
        .into_iter()
        .filter(|kind| *kind != "updated")
        .collect();
    assert_eq!(kinds, ["appeared", "stopped", "moved"]);
    let stood = stage.of(EventKind::Moved)[0].detail.dwell_secs.unwrap();
    assert!((25.0..28.0).contains(&stood), "{stood}");
}

#[test]
fn a_knock_against_the_camera_is_no_move() {
    let cars = [(0.2, 0.5), (0.5, 0.6), (0.8, 0.55), (0.35, 0.85)];
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 40.0, 5.0, |at| {
        let by = if at < 20.0 { 0.0 } else { 0.07 };
        cars.iter().map(|(x, y)| car(x + by, y + by)).collect()
    });
    assert_eq!(stage.count(EventKind::Appeared), 4);
    assert_eq!(stage.count(EventKind::Stopped), 4);
    assert_eq!(stage.count(EventKind::Moved), 0);
}

#[test]
fn time_without_looks_ends_tags() {
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 2.0, 5.0, |_| vec![person(0.5, 0.8)]);
    stage.pass(4.0);
    assert_eq!(stage.count(EventKind::Gone), 0);
    stage.pass(4.9);
    assert_eq!(stage.count(EventKind::Gone), 1);
    assert!(stage.scene.tracks().is_empty());
    assert_eq!(stage.of(EventKind::Gone)[0].at, MediaTime::from_secs(4.9));
}

#[test]
fn rare_looks_do_not_end_tags_between_them() {
    let mut stage = Stage::new(&SceneSettings::default());
    for look in 0..10_u32 {
        let at = f64::from(look) * 4.0;
        stage.look(at, &[car(0.5, 0.6)]);
        stage.pass(at + 3.9);
    }
    assert_eq!(stage.count(EventKind::Appeared), 1);
    assert_eq!(stage.count(EventKind::Gone), 0);
}

#[test]
fn a_tags_life_is_bounded() {
    let line = rule("line", r#"{"name":"door","points":[[0.2,0.2],[0.2,1.0]]}"#);
    let settings = SceneSettings {
        tag_life_secs: 20.0,
        ..with_rules(vec![], vec![line])
    };
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 50.0, 5.0, |at| {
        let (x, y) = between((0.1, 0.6), (0.5, 0.6), at / 8.0);
        vec![car(x, y)]
    });
    assert_eq!(stage.count(EventKind::Appeared), 3);
    assert_eq!(
        stage.count(EventKind::Crossed),
        1,
        "a new name crosses no line"
    );
    let gone = stage.of(EventKind::Gone);
    assert_eq!(gone.len(), 2);
    assert!(
        gone.iter()
            .all(|event| event.detail.reason == Some(GoneReason::Expired))
    );
    let tags: BTreeSet<_> = stage.events.iter().filter_map(|event| event.tag).collect();
    assert_eq!(tags.len(), 3);
}

#[test]
fn a_rider_is_a_person_and_a_bicycle() {
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 6.0, 5.0, |at| {
        let x = 0.1 + 0.1 * at as f32;
        vec![
            thing(Label::Person, x, 0.75, 0.06, 0.24),
            thing(Label::Bicycle, x, 0.8, 0.1, 0.15),
        ]
    });
    let labels: BTreeSet<_> = stage
        .scene
        .tracks()
        .iter()
        .map(|track| track.label)
        .collect();
    assert_eq!(labels, BTreeSet::from([Label::Person, Label::Bicycle]));
    assert_eq!(stage.count(EventKind::Appeared), 2);
    // One box under both names is a person; one vehicle under two names is one.
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 6.0, 5.0, |_| {
        vec![
            thing(Label::Bicycle, 0.3, 0.8, 0.1, 0.2),
            Detection {
                score: 0.5,
                ..thing(Label::Person, 0.3, 0.8, 0.1, 0.2)
            },
            thing(Label::Car, 0.7, 0.6, 0.2, 0.15),
            Detection {
                score: 0.9,
                ..thing(Label::Truck, 0.705, 0.6, 0.19, 0.16)
            },
        ]
    });
    let labels: Vec<_> = stage
        .scene
        .tracks()
        .iter()
        .map(|track| track.label)
        .collect();
    assert_eq!(labels.len(), 2, "{labels:?}");
    assert!(
        labels.contains(&Label::Person) && labels.contains(&Label::Truck),
        "{labels:?}"
    );
}

#[test]
fn masks_and_labels_leave_out_what_they_say() {
    let left_half = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)];
    let settings = SceneSettings {
        labels: vec![Label::Person, Label::Car],
        masks: vec![MaskSettings {
            points: left_half.map(|(x, y)| Point { x, y }).to_vec(),
            labels: vec![Label::Person],
        }],
        ..SceneSettings::default()
    };
    let mut stage = Stage::new(&settings);
    let all = [
        person(0.2, 0.8),
        person(0.8, 0.8),
        car(0.2, 0.5),
        thing(Label::Dog, 0.7, 0.4, 0.1, 0.1),
    ];
    stage.play(0.0, 2.0, 5.0, |_| all.to_vec());
    assert_eq!(stage.scene.tracks().len(), 2);
    // The twin: without them all four appear, under the same tags as far as they were there.
    stage.scene.reconfigure(&SceneSettings::default()).unwrap();
    stage.play(2.0, 4.0, 5.0, |_| all.to_vec());
    assert_eq!(stage.scene.tracks().len(), 4);
    assert_eq!(stage.count(EventKind::Appeared), 4);
}

#[test]
fn every_event_carries_when_and_under_which_coverage() {
    let mut stage = Stage::new(&SceneSettings::default());
    for look in 0..20_u32 {
        let found = crate::stage::detections(f64::from(look) * 0.2, &[person(0.3, 0.8)]);
        stage.scene.look(&found, 0.25, &mut stage.events);
    }
    stage
        .scene
        .close(GoneReason::StreamEnded, 7.0, &mut stage.events);
    assert_eq!(stage.kinds(), ["appeared", "gone"]);
    let [appeared, gone] = &stage.events[..] else {
        panic!("two events")
    };
    assert!((appeared.coverage - 0.25).abs() < 1e-6 && (gone.coverage - 1.0).abs() < 1e-6);
    assert_eq!(appeared.wall, wall(0.2));
    assert_eq!(appeared.stream, STREAM);
    assert_eq!(gone.detail.reason, Some(GoneReason::StreamEnded));
}

#[test]
fn after_a_long_gap_nobody_is_taken_for_another() {
    for (gap, tags) in [(2.0, 1), (5.0, 1), (60.0, 2), (3_600.0, 2)] {
        let mut stage = Stage::new(&SceneSettings::default());
        stage.play(0.0, 4.0, 5.0, |_| vec![person(0.5, 0.8)]);
        stage.play(4.0 + gap, 8.0 + gap, 5.0, |_| vec![person(0.5, 0.8)]);
        assert_eq!(stage.count(EventKind::Appeared), tags, "{gap}");
        assert_eq!(stage.count(EventKind::Gone), tags - 1, "{gap}");
    }
}

#[test]
fn a_new_label_leaves_nobody_inside() {
    let rules = vec![rule(
        "zone",
        r#"{"name":"cars","zone":"right","labels":["car"]}"#,
    )];
    let right = crate::stage::zone("right", &[(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]);
    let mut stage = Stage::new(&with_rules(vec![right], rules));
    stage.play(0.0, 20.0, 5.0, |at| {
        let label = if at < 5.0 { Label::Car } else { Label::Truck };
        let x = 0.4 + 0.5 * (at * std::f64::consts::PI / 20.0).sin();
        vec![thing(label, x as f32, 0.6, 0.2, 0.2)]
    });
    assert_eq!(stage.scene.tracks()[0].label, Label::Truck);
    let kinds: Vec<&str> = stage
        .kinds()
        .into_iter()
        .filter(|kind| *kind != "updated")
        .collect();
    assert_eq!(kinds, ["appeared", "entered", "left"]);
}
