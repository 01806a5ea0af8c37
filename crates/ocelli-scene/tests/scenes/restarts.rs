//! What stays across a restart, another key and other settings.

use std::collections::BTreeSet;

use ocelli_core::{EventKind, GoneReason, SceneState, TagKey, settings::SceneSettings};
use ocelli_scene::Scene;

use crate::stage::{STREAM, Stage, car, key, person, rule, with_rules};

#[test]
fn a_parked_car_is_one_visit_across_a_restart() {
    let settings = SceneSettings::default();
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 60.0, 5.0, |_| vec![car(0.5, 0.6)]);
    restart(&mut stage, &settings);
    // Eight seconds later, and the first look misses it.
    stage.look(68.0, &[]);
    stage.play(68.2, 120.0, 5.0, |_| vec![car(0.502, 0.6)]);
    assert_eq!(stage.count(EventKind::Appeared), 1);
    assert_eq!(stage.count(EventKind::Stopped), 1);
    assert_eq!(
        stage.count(EventKind::Moved) + stage.count(EventKind::Gone),
        0
    );
    let numbers: Vec<u64> = stage.events.iter().map(|event| event.id.number).collect();
    assert_eq!(numbers, (0..stage.events.len() as u64).collect::<Vec<_>>());
    assert!(stage.events.iter().all(|event| event.id.epoch == 11));
}

#[test]
fn half_a_crossing_is_finished_after_a_restart() {
    let line = rule("line", r#"{"name":"door","points":[[0.5,0.2],[0.5,1.0]]}"#);
    let settings = with_rules(vec![], vec![line]);
    let walk = |at: f64| vec![person(0.3 + 0.05 * at as f32, 0.8), car(0.2, 0.5)];
    for cut in [3.8, 3.9, 4.0, 4.1, 4.2] {
        let mut stage = Stage::new(&settings);
        stage.play(0.0, cut, 5.0, walk);
        restart(&mut stage, &settings);
        stage.play(cut + 1.4, 10.0, 5.0, walk);
        assert_eq!(stage.count(EventKind::Appeared), 2, "{cut}");
        assert_eq!(stage.count(EventKind::Crossed), 1, "{cut}");
    }
}

fn restart(stage: &mut Stage, settings: &SceneSettings) {
    let state = stage.scene.state();
    let mut events = Vec::new();
    stage.scene = Scene::resume(STREAM, settings, key(), 99, &state, false, &mut events)
        .expect("the settings fit");
    assert!(events.is_empty());
}

#[test]
fn an_expired_state_ends_its_tags_as_lost() {
    let settings = SceneSettings::default();
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 5.0, 5.0, |_| vec![person(0.3, 0.8), person(0.7, 0.8)]);
    let state = stage.scene.state();
    let before = stage.events.len() as u64;
    let mut events = Vec::new();
    stage.scene = Scene::resume(STREAM, &settings, key(), 99, &state, true, &mut events).unwrap();
    let reasons: Vec<_> = events.iter().map(|event| event.detail.reason).collect();
    assert_eq!(reasons, [Some(GoneReason::Lost); 2]);
    assert_eq!((events[0].id.epoch, events[0].id.number), (11, before));
    let old: BTreeSet<_> = events.iter().filter_map(|event| event.tag).collect();
    stage.events.clear();
    stage.play(100.0, 102.0, 5.0, |_| {
        vec![person(0.3, 0.8), person(0.7, 0.8)]
    });
    let new: BTreeSet<_> = stage.events.iter().filter_map(|event| event.tag).collect();
    assert_eq!(new.len(), 2);
    assert!(old.is_disjoint(&new));
    assert_eq!(stage.events[0].id.number, before + 2);
}

#[test]
fn a_scene_that_begins_anew_under_one_key_repeats_no_tag() {
    let mut seen = BTreeSet::new();
    for epoch in 0..50 {
        let mut scene = Scene::new(STREAM, &SceneSettings::default(), key(), epoch).unwrap();
        let mut events = Vec::new();
        for look in 0..3_i32 {
            let found =
                crate::stage::detections(f64::from(look), &[person(0.5, 0.8), car(0.2, 0.5)]);
            scene.look(&found, 1.0, &mut events);
        }
        let tags: BTreeSet<_> = events.iter().filter_map(|event| event.tag).collect();
        assert_eq!(tags.len(), 2);
        assert!(tags.iter().all(|tag| seen.insert(*tag)), "epoch {epoch}");
    }
}

#[test]
fn a_state_that_cannot_be_read_begins_a_new_scene() {
    let settings = SceneSettings::default();
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 5.0, 5.0, |_| vec![person(0.3, 0.8)]);
    let good = stage.scene.state();
    let other_version = SceneState {
        version: good.version + 1,
        ..good.clone()
    };
    let cut = SceneState {
        body: good.body[..good.body.len() / 2].to_vec(),
        ..good.clone()
    };
    let empty = SceneState {
        body: Vec::new(),
        ..good.clone()
    };
    for (state, refused) in [(good, 0), (other_version, 1), (cut, 1), (empty, 1)] {
        let mut events = Vec::new();
        let scene =
            Scene::resume(STREAM, &settings, key(), 99, &state, false, &mut events).unwrap();
        assert_eq!(scene.faults().states_refused, refused);
        assert_eq!(scene.tracks().len(), usize::from(refused == 0));
    }
}

#[test]
fn a_new_key_names_new_tags_only() {
    let settings = SceneSettings::default();
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 2.0, 5.0, |_| vec![person(0.3, 0.8)]);
    let old = stage.scene.tracks()[0].tag;
    stage.scene.rekey(TagKey::from_seed(8, STREAM, 1));
    stage.play(2.0, 4.0, 5.0, |_| vec![person(0.3, 0.8), person(0.7, 0.8)]);
    assert_eq!(stage.scene.tracks()[0].tag, old);
    let mut unkeyed = Stage::new(&settings);
    unkeyed.play(0.0, 2.0, 5.0, |_| vec![person(0.3, 0.8)]);
    unkeyed.play(2.0, 4.0, 5.0, |_| vec![person(0.3, 0.8), person(0.7, 0.8)]);
    assert_ne!(stage.scene.tracks()[1].tag, unkeyed.scene.tracks()[1].tag);
}

#[test]
fn a_rule_that_did_not_change_goes_on_counting() {
    let count = rule("count", r#"{"name":"came","every_secs":60}"#);
    let other = rule("count", r#"{"name":"also","every_secs":60}"#);
    let settings = with_rules(vec![], vec![count.clone()]);
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 10.0, 5.0, |_| vec![person(0.3, 0.8)]);
    let bad = with_rules(vec![], vec![rule("nonsense", "{}")]);
    assert!(stage.scene.reconfigure(&bad).is_err());
    stage
        .scene
        .reconfigure(&with_rules(vec![], vec![other, count]))
        .unwrap();
    stage.play(10.0, 20.0, 5.0, |_| vec![person(0.3, 0.8), car(0.8, 0.8)]);
    stage
        .scene
        .close(GoneReason::StreamEnded, 1.0, &mut stage.events);
    let mut sums = std::collections::BTreeMap::new();
    for event in stage.of(EventKind::Counted) {
        *sums.entry(event.detail.rule.clone().unwrap()).or_insert(0) += event.detail.count.unwrap();
    }
    assert_eq!(
        sums,
        [("also".to_owned(), 1), ("came".to_owned(), 2)].into()
    );
}
