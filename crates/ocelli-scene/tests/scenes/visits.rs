//! Tables of small scenes: what a visit says.

use crate::stage::{STREAM, Stage, between, car, detections, key, person};
use ocelli_core::{EventKind, GoneReason, settings::SceneSettings};
use ocelli_scene::Scene;

#[test]
fn a_walker_appears_once_and_goes_at_every_rate() {
    for rate in [25.0, 10.0, 5.0, 2.0, 1.0] {
        let mut stage = Stage::new(&SceneSettings::default());
        stage.play(0.0, 12.0, rate, |at| {
            let (x, y) = between((0.1, 0.8), (0.9, 0.8), at / 8.0);
            if at < 8.0 { vec![person(x, y)] } else { vec![] }
        });
        assert_eq!(
            stage.count(EventKind::Appeared),
            1,
            "{rate}: {:?}",
            stage.kinds()
        );
        assert_eq!(
            stage.count(EventKind::Gone),
            1,
            "{rate}: {:?}",
            stage.kinds()
        );
        let gone = stage.of(EventKind::Gone)[0];
        assert_eq!(gone.detail.reason, Some(GoneReason::Left));
        let dwell = gone.detail.dwell_secs.unwrap();
        assert!(
            (7.0 - 1.0 / rate as f32..8.0).contains(&dwell),
            "{rate}: {dwell}"
        );
    }
}

#[test]
fn a_parked_car_is_one_visit_across_a_restart() {
    let settings = SceneSettings::default();
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 60.0, 5.0, |_| vec![car(0.5, 0.6)]);
    let state = stage.scene.state();
    let mut events = Vec::new();
    stage.scene = Scene::resume(STREAM, &settings, key(), 99, &state, false, &mut events).unwrap();
    assert!(events.is_empty());
    // Eight seconds later, and the first look misses it.
    stage
        .scene
        .look(&detections(68.0, &[]), 1.0, &mut stage.events);
    stage.play(68.2, 120.0, 5.0, |_| vec![car(0.502, 0.6)]);
    assert_eq!(stage.count(EventKind::Appeared), 1);
    assert_eq!(stage.count(EventKind::Stopped), 1);
    assert_eq!(
        stage.count(EventKind::Moved) + stage.count(EventKind::Gone),
        0
    );
    assert_eq!(
        stage
            .events
            .iter()
            .map(|event| event.id.number)
            .collect::<Vec<_>>(),
        (0..stage.events.len() as u64).collect::<Vec<_>>()
    );
    assert!(stage.events.iter().all(|event| event.id.epoch == 11));
}
