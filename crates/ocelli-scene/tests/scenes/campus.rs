//! Counts on real ways: the labelled people of PETS09-S2L1, fed as boxes, at several look rates.

use std::{collections::BTreeMap, path::Path};

use ocelli_core::{BBox, Detection, Direction, EventKind, Label};

use crate::stage::{Stage, detections, rule, with_rules, zone};

const SIZE: (f32, f32) = (768.0, 576.0);
/// The clip's real rate; its container says 10.
const RATE: f64 = 7.0;
/// Where the upright line stands.
const LINE_X: f32 = 0.55;

/// People by picture, from 0.
type Pictures = Vec<Vec<(u32, BBox)>>;

#[expect(clippy::print_stderr, reason = "a test that is not run says so")]
fn truth(test: &str) -> Option<Pictures> {
    let Some(folder) = std::env::var_os("OCELLI_TEST_DATA") else {
        eprintln!("needs test data: {test}");
        return None;
    };
    let path = Path::new(&folder).join("truth/PETS09-S2L1/gt.txt");
    let mut pictures = Pictures::new();
    for line in std::fs::read_to_string(path)
        .expect("the truth can be read")
        .lines()
    {
        let numbers: Vec<f32> = line
            .split(',')
            .filter_map(|text| text.parse().ok())
            .collect();
        let (picture, id) = (numbers[0] as usize - 1, numbers[1] as u32);
        pictures.resize(pictures.len().max(picture + 1), Vec::new());
        let bbox = BBox {
            x: numbers[2] / SIZE.0,
            y: numbers[3] / SIZE.1,
            w: numbers[4] / SIZE.0,
            h: numbers[5] / SIZE.1,
        };
        pictures[picture].extend(bbox.clipped().map(|bbox| (id, bbox)));
    }
    Some(pictures)
}

/// Crossings of the line to its left (towards larger x, as it points down) and to its right, by
/// each person's own way alone.
fn true_crossings(pictures: &Pictures) -> (usize, usize) {
    let mut sides: BTreeMap<u32, bool> = BTreeMap::new();
    let (mut left, mut right) = (0, 0);
    for (id, bbox) in pictures.iter().flatten() {
        let off = bbox.bottom_centre().x - LINE_X;
        // Clear of the line by a fifth of a person's height.
        if off.abs() * SIZE.0 < 0.2 * bbox.h * SIZE.1 {
            continue;
        }
        match sides.insert(*id, off > 0.0) {
            Some(false) if off > 0.0 => left += 1,
            Some(true) if off < 0.0 => right += 1,
            _ => {}
        }
    }
    (left, right)
}

fn play(stage: &mut Stage, pictures: &Pictures, step: usize) {
    for (number, people) in pictures.iter().enumerate().step_by(step) {
        let items: Vec<Detection> = people
            .iter()
            .map(|&(_, bbox)| Detection {
                bbox,
                label: Label::Person,
                score: 0.8,
            })
            .collect();
        let mut look = detections(number as f64 / RATE, &items);
        look.aspect = SIZE.0 / SIZE.1;
        stage.scene.look(&look, 1.0, &mut stage.events);
    }
}

#[test]
fn crossings_on_a_campus_are_right() {
    let Some(pictures) = truth("crossings_on_a_campus_are_right") else {
        return;
    };
    let want = true_crossings(&pictures);
    assert!(
        want.0 + want.1 > 10,
        "{want:?} are no crossings to speak of"
    );
    // Every picture, then about 3.5, 2.3 and 1 looks a second: how many may be wrong.
    for (step, wrong_max) in [(1, 0), (2, 0), (3, 1), (7, 2)] {
        let line = format!(r#"{{"name":"x","points":[[{LINE_X},0.0],[{LINE_X},1.0]]}}"#);
        let mut stage = Stage::new(&with_rules(vec![], vec![rule("line", &line)]));
        play(&mut stage, &pictures, step);
        let crossed = stage.of(EventKind::Crossed);
        let left = crossed
            .iter()
            .filter(|event| event.detail.direction == Some(Direction::Left));
        let left = left.count();
        let have = (left, crossed.len() - left);
        let wrong = have.0.abs_diff(want.0) + have.1.abs_diff(want.1);
        println!("step {step}: {have:?} of {want:?}");
        assert!(
            wrong <= wrong_max,
            "step {step}: {have:?} instead of {want:?}"
        );
    }
}

#[test]
fn time_in_a_zone_on_a_campus_is_right() {
    let Some(pictures) = truth("time_in_a_zone_on_a_campus_is_right") else {
        return;
    };
    let inside = |bbox: &BBox| {
        let place = bbox.bottom_centre();
        (0.3..0.7).contains(&place.x) && (0.3..0.8).contains(&place.y)
    };
    let person_secs = pictures
        .iter()
        .flatten()
        .filter(|(_, bbox)| inside(bbox))
        .count() as f64
        / RATE;
    for (step, off_max) in [(1, 0.02), (3, 0.04), (7, 0.06)] {
        let corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.8), (0.3, 0.8)];
        let rules = vec![rule("zone", r#"{"name":"in","zone":"square","inertia":1}"#)];
        let mut stage = Stage::new(&with_rules(vec![zone("square", &corners)], rules));
        play(&mut stage, &pictures, step);
        let reason = ocelli_core::GoneReason::StreamEnded;
        stage.scene.close(reason, 1.0, &mut stage.events);
        let left = stage.of(EventKind::Left);
        let secs: f64 = left
            .iter()
            .filter_map(|event| event.detail.dwell_secs)
            .map(f64::from)
            .sum();
        println!("step {step}: {secs:.1} of {person_secs:.1} person-seconds");
        assert!(
            (secs / person_secs - 1.0).abs() < off_max,
            "step {step}: {secs} of {person_secs}"
        );
    }
}
