//! Traffic for a day, or a year: memory stays flat.

use ocelli_core::{EventKind, SceneState};
use ocelli_scene::Scene;

use crate::{
    properties::every_rule,
    stage::{STREAM, detections, key},
    traffic::Traffic,
};

const DAY_SECS: u32 = 86_400;

#[test]
fn a_day_of_traffic() {
    run(DAY_SECS);
}

#[test]
fn a_year_of_traffic() {
    if std::env::var_os("OCELLI_TEST_LONG").is_none() {
        println!("not run: a_year_of_traffic: OCELLI_TEST_LONG is not set");
        return;
    }
    run(365 * DAY_SECS);
}

/// One look a second, with a restart every hour.
fn run(secs: u32) {
    let settings = every_rule();
    let mut scene = Scene::new(STREAM, &settings, key(), 1).expect("the settings fit");
    let mut traffic = Traffic::new(42, 0.12);
    let mut events = Vec::new();
    let (mut appeared, mut gone, mut number) = (0_u64, 0_u64, 0_u64);
    let (mut largest_early, mut largest_late) = (0, 0);
    let mut resident_early = 0;
    for second in 1..=secs {
        events.clear();
        let found = detections(f64::from(second), &traffic.step(1.0));
        scene.look(&found, 1.0, &mut events);
        for event in &events {
            assert_eq!(event.id.number, number);
            number += 1;
            appeared += u64::from(event.kind == EventKind::Appeared);
            gone += u64::from(event.kind == EventKind::Gone);
        }
        if second % 3_600 == 0 {
            let state = scene.state();
            let late = second > secs / 2;
            let largest = if late {
                &mut largest_late
            } else {
                &mut largest_early
            };
            *largest = state.body.len().max(*largest);
            events.clear();
            let resumed = Scene::resume(STREAM, &settings, key(), 2, &state, false, &mut events);
            scene = resumed.expect("the settings fit");
            assert_eq!(events, []);
        }
        if second == secs / 2 {
            resident_early = resident_bytes();
        }
    }
    let open = scene.tracks().len() as u64;
    assert_eq!(appeared, gone + open);
    assert!(
        appeared > u64::from(secs) / 20,
        "{appeared} visits are no traffic"
    );
    assert!(
        largest_late < SceneState::BYTES_MAX / 4,
        "a state of {largest_late} bytes"
    );
    assert!(
        largest_late < largest_early * 2,
        "{largest_early} grows to {largest_late}"
    );
    let grown = resident_bytes().saturating_sub(resident_early);
    assert!(grown < 8 << 20, "{grown} bytes grown in the second half");
}

/// Resident memory of this process; other tests run beside this one, so it is only roughly its own.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_u64) * 4096
}
