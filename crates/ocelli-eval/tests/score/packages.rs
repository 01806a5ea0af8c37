//! HOTA, IDF1 and MOTA against what `trackeval` and `motmetrics` say: `tools/eval-check` recomputes
//! the stored figures.

use std::collections::BTreeMap;

use ocelli_core::Label;
use ocelli_eval::{
    Entry, Sequence, mot,
    score::{Likeness, TrackingScores, TrackingTally},
};

use crate::test_data;

/// Figures by name, by package, by sequence.
type Expected = BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>;

/// A tenth of a point. Counts have to be the same.
const OFF_MAX: f64 = 0.001;

fn folder() -> String {
    format!("{}/tests/sequences", env!("CARGO_MANIFEST_DIR"))
}

fn expected() -> Expected {
    let text = std::fs::read_to_string(format!("{}/expected.json", folder()))
        .expect("the stored figures can be read");
    serde_json::from_str(&text).expect("the stored figures are JSON")
}

fn read(name: &str, side: &str, role: mot::Role) -> Sequence {
    let text = std::fs::read_to_string(format!("{}/{name}.{side}.txt", folder()))
        .expect("the sequence can be read");
    let read = mot::read(&text, role, Label::Person).expect("the sequence is MOT text");
    read.sequence
}

fn tally(truth: &Sequence, found: &Sequence) -> TrackingTally {
    TrackingTally::new(truth, found, Likeness::SameLabel)
}

fn named(scores: TrackingScores) -> BTreeMap<&'static str, f64> {
    let TrackingScores {
        hota,
        identity,
        clear,
    } = scores;
    BTreeMap::from([
        ("hota", hota.hota),
        ("det_a", hota.det_a),
        ("ass_a", hota.ass_a),
        ("det_re", hota.det_re),
        ("det_pr", hota.det_pr),
        ("loc_a", hota.loc_a),
        ("idf1", identity.idf1),
        ("idp", identity.idp),
        ("idr", identity.idr),
        ("mota", clear.mota),
        ("motp", clear.motp),
        ("hits", clear.hits as f64),
        ("misses", clear.misses as f64),
        ("false_alarms", clear.false_alarms as f64),
        ("switches", clear.switches as f64),
        ("fragments", clear.fragments as f64),
        ("mostly_found", clear.mostly_found as f64),
        ("mostly_lost", clear.mostly_lost as f64),
    ])
}

/// Returns how many figures were compared.
fn compare(sequence: &str, scores: TrackingScores) -> usize {
    let have = named(scores);
    let expected = &expected()[sequence];
    for (package, figures) in expected {
        for (name, want) in figures {
            let have = have[name.as_str()];
            let off = (have - want).abs();
            assert!(
                off < OFF_MAX,
                "{sequence}: {name} is {have}, {package} says {want}"
            );
        }
    }
    expected.values().map(BTreeMap::len).sum()
}

#[test]
fn made_up_sequences_score_as_the_packages_say() {
    let mut pooled = TrackingTally::default();
    let mut compared = 0;
    for name in [
        "good", "renamed", "swapped", "crowd", "loose", "sparse", "blind", "imagined",
    ] {
        let truth = read(name, "truth", mot::Role::Truth);
        let tally = tally(&truth, &read(name, "found", mot::Role::Found));
        compared += compare(name, tally.scores());
        pooled.add(&tally);
    }
    compared += compare("pooled", pooled.scores());
    assert!(compared > 200, "only {compared} figures were compared");
}

/// Every eleventh box is missed, all are shifted, and names change every 97 pictures: the rule that
/// `tools/eval-check/check.py` has as well.
fn disturbed(truth: &Sequence) -> Sequence {
    let disturb = |picture: u64, entry: &Entry| {
        let mut found = *entry;
        let share = ((picture * 7 + entry.id * 13) % 11) as f64 - 5.0;
        found.rect.left += entry.rect.width * share / 20.0;
        found.id += 100 * (picture / 97);
        let missed = (picture * 31 + entry.id * 17).is_multiple_of(11);
        (!missed).then_some(found)
    };
    let pictures = (0_u64..).zip(&truth.pictures);
    Sequence {
        pictures: pictures
            .map(|(number, entries)| entries.iter().filter_map(|e| disturb(number, e)).collect())
            .collect(),
    }
}

#[test]
fn people_on_a_campus_score_as_the_packages_say() {
    let test = "people_on_a_campus_score_as_the_packages_say";
    let Some(text) = test_data::text(test, "truth/PETS09-S2L1/gt.txt") else {
        return;
    };
    let read = mot::read(&text, mot::Role::Truth, Label::Person).unwrap();
    let truth = read.sequence;
    assert_eq!((truth.boxes(), read.left_out), (4476, 174));
    compare("PETS09-S2L1", tally(&truth, &disturbed(&truth)).scores());
}

#[test]
fn a_truth_scores_full_marks_against_itself() {
    let truth = read("crowd", "truth", mot::Role::Truth);
    let scores = tally(&truth, &truth).scores();
    for (name, want) in [
        ("hota", 1.0),
        ("idf1", 1.0),
        ("mota", 1.0),
        ("switches", 0.0),
    ] {
        assert!((named(scores)[name] - want).abs() < 1e-12, "{name}");
    }
}

#[test]
fn a_box_of_another_label_is_a_miss_and_a_false_alarm() {
    let truth = read("good", "truth", mot::Role::Truth);
    let mut found = truth.clone();
    for entry in found.pictures.iter_mut().flatten() {
        entry.label = Label::Dog;
    }
    let same = TrackingTally::new(&truth, &found, Likeness::SameLabel).scores();
    let boxes = truth.boxes() as u64;
    assert_eq!((same.clear.hits, same.clear.misses), (0, boxes));
    assert_eq!(same.clear.false_alarms, boxes);
    let any = TrackingTally::new(&truth, &found, Likeness::AnyLabel).scores();
    assert_eq!((any.clear.hits, any.clear.false_alarms), (boxes, 0));
}
