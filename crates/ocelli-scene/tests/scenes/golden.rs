//! The events of one small scene as the world gets them. `OCELLI_BLESS=1` writes the file anew.

use ocelli_core::{EventRecord, GoneReason, WallSource};

use crate::{
    properties::every_rule,
    stage::{Stage, between, car, person},
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/every_rule.jsonl");

#[test]
fn the_events_of_a_small_scene_are_these() {
    let mut stage = Stage::new(&every_rule());
    stage.play(0.0, 36.0, 2.0, |at| {
        let (x, y) = between((0.1, 0.8), (0.9, 0.8), at / 12.0);
        let mut seen = vec![];
        if at < 12.0 {
            seen.push(person(x, y));
        }
        if (4.0..30.0).contains(&at) {
            let stop = if at > 22.0 { 0.03 * (at - 22.0) } else { 0.0 };
            let (x, y) = between((0.95, 0.6), (0.55, 0.6), (at - 4.0) / 6.0);
            seen.push(car(x - stop as f32, y));
        }
        seen
    });
    stage
        .scene
        .close(GoneReason::StreamEnded, 1.0, &mut stage.events);
    let lines: Vec<String> = stage
        .events
        .iter()
        .map(|event| {
            assert_eq!(event.wall_source, WallSource::Receive);
            serde_json::to_string(&EventRecord::new(event, "lobby")).unwrap() + "\n"
        })
        .collect();
    let text = lines.concat();
    if std::env::var_os("OCELLI_BLESS").is_some() {
        std::fs::write(GOLDEN, &text).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    for (have, want) in text.lines().zip(golden.lines()) {
        assert_eq!(have, want);
    }
    assert_eq!(text.lines().count(), golden.lines().count());
}
