//! What is refused is counted.

use ocelli_core::{BBox, Detection, Label, SceneState, settings::SceneSettings};

use crate::stage::{Stage, person, thing};

#[test]
fn times_that_do_not_go_on_are_counted() {
    let mut stage = Stage::new(&SceneSettings::default());
    stage.play(0.0, 5.0, 5.0, |_| vec![person(0.3, 0.8)]);
    stage.look(4.8, &[person(0.3, 0.8)]);
    stage.look(2.0, &[]);
    assert_eq!(stage.scene.faults().looks_not_later, 2);
    assert_eq!(stage.kinds(), ["appeared"]);
    // Far back is another timeline.
    stage.look(-100.0, &[person(0.3, 0.8)]);
    stage.look(-99.8, &[person(0.3, 0.8)]);
    assert_eq!(stage.kinds(), ["appeared", "gone", "appeared"]);
    assert_eq!(stage.scene.faults().timelines_restarted, 1);
}

#[test]
fn boxes_that_are_none_are_counted() {
    let bad = [
        (f32::NAN, 0.1, 0.1, 0.1),
        (0.1, f32::INFINITY, 0.1, 0.1),
        (0.1, 0.1, 0.0, 0.1),
        (0.1, 0.1, 0.1, -0.1),
        (1.2, 0.1, 0.1, 0.1),
    ];
    let mut items: Vec<Detection> = bad
        .iter()
        .map(|&(x, y, w, h)| Detection {
            bbox: BBox { x, y, w, h },
            ..person(0.5, 0.8)
        })
        .collect();
    items.push(Detection {
        score: f32::NAN,
        ..person(0.5, 0.8)
    });
    let mut stage = Stage::new(&SceneSettings::default());
    stage.look(0.0, &items);
    assert_eq!(stage.scene.faults().bad_boxes, 6);
    let many: Vec<Detection> = (0..3000_u16)
        .map(|i| {
            thing(
                Label::Person,
                0.01 * f32::from(i % 97),
                0.02 + 0.03 * f32::from(i / 97),
                0.005,
                0.01,
            )
        })
        .collect();
    for look in 1..5_u32 {
        stage.look(f64::from(look), &many);
        assert!(stage.scene.tracks().len() <= 500);
    }
    assert_eq!(stage.scene.faults().boxes_over, 4 * 2500);
    assert!(stage.scene.state().body.len() <= SceneState::BYTES_MAX);
}
