//! Counts on a composed stream: `tests/composed/walkers.*`, made by
//! `ocelli_compose stream STOCK walkers.spec.json OUT` out of the Debian clip, and what the default
//! detector finds in it (`ocelli run walkers.mp4 --detections`, five looks a second).

use ocelli_core::{BBox, Detection, EventKind, EventRecord, Label};
use ocelli_eval::{
    Truth, mot,
    score::{self, CountScores},
};

use crate::stage::{Stage, rule, with_rules, zone};

const TRUTH: &str = include_str!("../composed/walkers.truth.json");
const BOXES: &str = include_str!("../composed/walkers.truth.txt");
const FOUND: &str = include_str!("../composed/walkers.found.txt");
const SIZE: (f32, f32) = (640.0, 360.0);
const RATE: usize = 25;

fn truth() -> Truth {
    Truth::read(TRUTH).expect("the truth can be read")
}

/// What stands in each picture.
fn pictures(text: &str, role: mot::Role) -> Vec<Vec<Detection>> {
    let read = mot::read(text, role, Label::Person).expect("the boxes can be read");
    let detection = |entry: &ocelli_eval::Entry| Detection {
        bbox: BBox {
            x: entry.rect.left as f32 / SIZE.0,
            y: entry.rect.top as f32 / SIZE.1,
            w: entry.rect.width as f32 / SIZE.0,
            h: entry.rect.height as f32 / SIZE.1,
        },
        label: entry.label,
        score: entry.score,
    };
    let boxes = |picture: &Vec<ocelli_eval::Entry>| picture.iter().map(detection).collect();
    read.sequence.pictures.iter().map(boxes).collect()
}

/// The box with each side moved by up to `share` of its length, the same at every run.
fn shaken(mut detection: Detection, picture: usize, number: usize, share: f32) -> Detection {
    let dice = |salt: usize| {
        let mixed = (picture * 31 + number * 7 + salt)
            .wrapping_mul(0x9e37_79b9)
            .rotate_left(13)
            .wrapping_mul(0x85eb_ca6b);
        (mixed >> 8 & 0xffff) as f32 / 32_768.0 - 1.0
    };
    let BBox { x, y, w, h } = detection.bbox;
    detection.bbox = BBox {
        x: x + dice(1) * share * w,
        y: y + dice(2) * share * h,
        w: w * (1.0 + dice(3) * share),
        h: h * (1.0 + dice(4) * share),
    };
    detection.score = 0.8;
    detection
}

/// What the line and the zone of the truth count when every `step`th picture is looked at.
fn counted(pictures: &[Vec<Detection>], step: usize) -> CountScores {
    let truth = truth();
    let line = serde_json::json!({"name": "line", "points": truth.lines[0].points});
    let corners: Vec<(f32, f32)> = truth.zones[0].points.iter().map(|&[x, y]| (x, y)).collect();
    let mut stage = Stage::new(&with_rules(
        vec![zone("zone", &corners)],
        vec![
            rule("line", &line.to_string()),
            rule("zone", r#"{"name":"in","zone":"zone"}"#),
        ],
    ));
    for (number, items) in pictures.iter().enumerate().step_by(step) {
        stage.look(number as f64 / RATE as f64, items);
    }
    stage.pass(pictures.len() as f64 / RATE as f64 + 60.0);
    let records: Vec<EventRecord> = stage
        .events
        .iter()
        .map(|event| EventRecord::new(event, "walkers"))
        .collect();
    let unlike = |kind: EventKind| records.iter().filter(|record| record.kind == kind).count();
    assert_eq!(unlike(EventKind::Appeared), unlike(EventKind::Gone));
    score::counts(&truth.counts(), &records)
}

#[test]
fn counts_of_true_boxes_are_exact() {
    let still = pictures(BOXES, mot::Role::Truth);
    // At about two looks a second one of the fifteen may be wrong.
    let off_max = [(1, 0), (2, 0), (5, 0), (12, 1)];
    for share in [0.0, 0.03] {
        let boxes: Vec<Vec<Detection>> = still
            .iter()
            .enumerate()
            .map(|(picture, items)| {
                let items = items.iter().enumerate();
                items
                    .map(|(number, &item)| shaken(item, picture, number, share))
                    .collect()
            })
            .collect();
        for (step, off_max) in off_max {
            let scores = counted(&boxes, step);
            assert!(scores.expected >= 12, "{scores:?}");
            println!("shaken by {share}, step {step}: off by {}", scores.off);
            assert!(scores.off <= off_max, "{share} {step} {scores:#?}");
        }
    }
}

#[test]
fn counts_of_what_the_detector_finds_are_near() {
    let found = pictures(FOUND, mot::Role::Detections);
    let scores = counted(&found, 5);
    println!(
        "of the detector: off by {} of {}",
        scores.off, scores.expected
    );
    assert!(scores.off <= 3, "{scores:#?}");
    // The twin: with nobody found all of them are missed.
    let nobody = vec![Vec::new(); found.len()];
    assert_eq!(counted(&nobody, 5).off, scores.expected);
}
