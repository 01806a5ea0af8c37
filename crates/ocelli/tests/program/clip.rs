//! Recordings.

use std::{collections::BTreeSet, fs};

use super::*;

/// Looks at the clip once; returns its events.
fn watch(clip: &Path, seed: Option<&str>) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let mut arguments = vec![
        "run",
        clip.to_str().unwrap(),
        "--exit-at-end",
        "--eyes",
        "1",
    ];
    arguments.extend(seed.iter().flat_map(|seed| ["--seed", *seed]));
    worked(&ocelli(dir.path(), &arguments).output().unwrap());
    stored(dir.path())
}

fn values(events: &[String], key: &str) -> BTreeSet<String> {
    events
        .iter()
        .map(|event| serde_json::from_str::<serde_json::Value>(event).unwrap())
        .filter_map(|event| Some(event.get(key)?.as_str()?.to_owned()))
        .collect()
}

#[test]
fn one_seed_gives_one_story_and_none_gives_other_tags() {
    let Some(clip) = clip("one_seed_gives_one_story_and_none_gives_other_tags") else {
        return;
    };
    let first = watch(&clip, Some("7"));
    assert!(first.len() > 20, "{} events", first.len());
    let kinds = values(&first, "kind");
    assert!(
        kinds.contains("appeared") && kinds.contains("gone"),
        "{kinds:?}"
    );
    assert_eq!(first, watch(&clip, Some("7")));
    let other = watch(&clip, None);
    assert_eq!(first.len(), other.len(), "the same happens");
    assert!(values(&first, "tag").is_disjoint(&values(&other, "tag")));
}

#[test]
fn mot_text_has_a_line_for_each_box() {
    let Some(clip) = clip("mot_text_has_a_line_for_each_box") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mot = dir.path().join("tracks.txt");
    let arguments = [
        "run",
        clip.to_str().unwrap(),
        "--eyes",
        "1",
        "--mot",
        mot.to_str().unwrap(),
    ];
    worked(&ocelli(dir.path(), &arguments).output().unwrap());
    let lines = fs::read_to_string(&mot).unwrap();
    assert!(lines.lines().count() > 100);
    let mut last = 0;
    for line in lines.lines() {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let [frame, number, left, top, width, height, score, ..] = cells[..] else {
            panic!("{line}");
        };
        assert!(frame as u64 >= last && number >= 1.0, "{line}");
        assert!(
            left >= 1.0 && top >= 1.0 && left + width <= 642.0 && top + height <= 362.0,
            "{line}"
        );
        assert!((0.0..=1.0).contains(&score), "{line}");
        last = frame as u64;
    }
}

#[test]
fn what_is_no_video_fails_with_its_reason() {
    if clip("what_is_no_video_fails_with_its_reason").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notes.mp4");
    fs::write(&file, "not a video at all, only words").unwrap();
    let arguments = [
        "run",
        file.to_str().unwrap(),
        "--exit-at-end",
        "--eyes",
        "1",
    ];
    let output = ocelli(dir.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("notes"),
        "{}",
        text(&output.stderr)
    );
}
