//! Tables of small scenes: what each rule says.

use ocelli_core::{Direction, EventKind, GoneReason, Label};

use crate::stage::{Stage, between, car, person, rule, thing, with_rules, zone};

const WHOLE: [(f32, f32); 4] = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
const RIGHT_HALF: [(f32, f32); 4] = [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)];

fn door() -> Stage {
    let line = r#"{"name":"door","points":[[0.5,0.3],[0.5,0.95]]}"#;
    Stage::new(&with_rules(vec![], vec![rule("line", line)]))
}

fn crossings(stage: &Stage) -> Vec<Direction> {
    let crossed = stage.of(EventKind::Crossed);
    crossed
        .iter()
        .filter_map(|event| event.detail.direction)
        .collect()
}

#[test]
fn a_line_counts_both_ways_at_every_rate() {
    for rate in [25.0, 5.0, 2.0, 1.0] {
        let mut stage = door();
        stage.play(0.0, 16.0, rate, |at| {
            let there = if at < 8.0 { at / 8.0 } else { 2.0 - at / 8.0 };
            let (x, y) = between((0.2, 0.8), (0.8, 0.8), there);
            vec![person(x, y)]
        });
        // The line points down: its right side is the picture's left one.
        assert_eq!(
            crossings(&stage),
            [Direction::Left, Direction::Right],
            "{rate}"
        );
        assert_eq!(
            stage.of(EventKind::Crossed)[0].detail.rule.as_deref(),
            Some("door")
        );
    }
}

#[test]
fn what_flickers_on_a_line_or_passes_beside_it_does_not_count_twice() {
    let mut stage = door();
    stage.play(0.0, 30.0, 5.0, |at| {
        let (x, y) = between((0.2, 0.8), (0.5, 0.8), at / 5.0);
        let jitter = if (at * 5.0) as i64 % 2 == 0 {
            0.004
        } else {
            -0.004
        };
        let away = if at > 20.0 {
            (at as f32 - 20.0) * 0.04
        } else {
            0.0
        };
        vec![person(x + jitter + away, y)]
    });
    assert_eq!(crossings(&stage), [Direction::Left]);
    let mut stage = door();
    stage.play(0.0, 10.0, 5.0, |at| {
        let (x, y) = between((0.2, 0.29), (0.8, 0.29), at / 10.0);
        vec![person(x, y)]
    });
    assert_eq!(crossings(&stage), [], "beyond the end of the line");
}

#[test]
fn what_first_shows_on_a_line_has_not_crossed_it() {
    let shows_at = |x: f32| {
        let mut stage = door();
        stage.play(0.0, 6.0, 5.0, |at| {
            let (x, y) = between((x, 0.8), (0.9, 0.8), at / 6.0);
            vec![person(x, y)]
        });
        crossings(&stage)
    };
    assert_eq!(shows_at(0.49), [], "it may have come from either side");
    assert_eq!(shows_at(0.47), [Direction::Left]);
}

#[test]
fn a_box_that_jumps_over_a_line_for_one_look_has_not_crossed() {
    let mut stage = door();
    stage.play(0.0, 4.0, 5.0, |at| {
        let x = if (at - 2.0).abs() < 0.01 { 0.54 } else { 0.46 };
        vec![person(x, 0.8)]
    });
    assert_eq!(crossings(&stage), []);
    assert_eq!(stage.count(EventKind::Appeared), 1);
    // The twin: at one look a second it is seen behind the line once, and then is gone.
    let mut stage = door();
    for (at, x) in [(0.0, 0.35), (1.0, 0.41), (2.0, 0.47), (3.0, 0.54)] {
        stage.look(at, &[person(x, 0.8)]);
    }
    assert_eq!(crossings(&stage), []);
    stage.pass(30.0);
    assert_eq!(crossings(&stage), [Direction::Left]);
}

/// Whether the entries of this walker, seen five times a second from `from_secs` on, say that it
/// appeared inside; and how many entries a `count` rule has.
fn entries(
    from_secs: f64,
    corners: &[(f32, f32)],
    way: impl Fn(f64) -> (f32, f32),
) -> (Vec<bool>, u32) {
    let rules = vec![
        rule("zone", r#"{"name":"in","zone":"desk"}"#),
        rule("count", r#"{"name":"entries","zone":"desk"}"#),
    ];
    let mut stage = Stage::new(&with_rules(vec![zone("desk", corners)], rules));
    stage.play(from_secs, 12.0, 5.0, |at| {
        let (x, y) = way(at);
        vec![person(x, y)]
    });
    stage
        .scene
        .close(GoneReason::StreamEnded, 1.0, &mut stage.events);
    let entered = stage.of(EventKind::Entered);
    let inside = entered.iter().map(|event| event.detail.appeared_inside);
    let left = stage.count(EventKind::Left);
    assert_eq!(left, entered.len(), "whoever is inside leaves");
    let counted = stage.of(EventKind::Counted);
    let count = counted.iter().filter_map(|event| event.detail.count).sum();
    (inside.collect(), count)
}

#[test]
fn who_is_first_seen_in_the_middle_of_a_zone_did_not_enter_it() {
    let through = |at: f64| between((0.05, 0.8), (0.95, 0.8), at / 12.0);
    assert_eq!(entries(0.0, &RIGHT_HALF, through), (vec![false], 1));
    // Seen for the first time at x = 0.65, 0.08 a second: far from where it came in.
    assert_eq!(entries(8.0, &RIGHT_HALF, through), (vec![true], 0));
    // At x = 0.515 it was outside a moment ago.
    assert_eq!(entries(6.2, &RIGHT_HALF, through), (vec![false], 1));
    // The zone reaches the edge of the picture: that is where it came in.
    let from_edge = |at: f64| between((0.97, 0.8), (0.3, 0.8), at / 12.0);
    assert_eq!(entries(0.0, &RIGHT_HALF, from_edge), (vec![false], 1));
    // One who was there, goes out and comes back has entered.
    let back = |at: f64| between((0.65, 0.8), (0.35, 0.8), 1.0 - (at - 6.0).abs() / 6.0);
    assert_eq!(entries(0.0, &RIGHT_HALF, back), (vec![true, false], 1));
}

#[test]
fn a_zone_is_entered_dwelt_in_and_left() {
    for steps in [&[0.04][..], &[0.2], &[1.0], &[0.1, 1.4, 0.5]] {
        let desk = r#"{"name":"at desk","zone":"desk","dwell_secs":3}"#;
        let settings = with_rules(vec![zone("desk", &RIGHT_HALF)], vec![rule("zone", desk)]);
        let mut stage = Stage::new(&settings);
        let mut at = 0.0;
        for step in steps.iter().cycle() {
            at += step;
            if at > 20.0 {
                break;
            }
            // In at 5 s, out at 12 s.
            let x = if at < 8.5 {
                0.3 + 0.04 * at
            } else {
                0.64 - 0.04 * (at - 8.5)
            };
            stage.look(at, &[person(x as f32, 0.8)]);
        }
        let kinds = stage.kinds();
        let want = [EventKind::Entered, EventKind::Dwelt, EventKind::Left];
        for kind in want {
            assert_eq!(stage.count(kind), 1, "{steps:?}: {kinds:?}");
        }
        let secs = stage.of(EventKind::Left)[0].detail.dwell_secs.unwrap();
        assert!((secs - 7.0).abs() < 0.02, "{steps:?}: {secs}");
    }
}

#[test]
fn a_zone_is_left_when_a_tag_is_gone() {
    let all = r#"{"name":"all","zone":"whole"}"#;
    let settings = with_rules(vec![zone("whole", &WHOLE)], vec![rule("zone", all)]);
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 4.0, 5.0, |_| vec![person(0.5, 0.8)]);
    stage.pass(9.0);
    let kinds = stage.kinds();
    assert_eq!(kinds[kinds.len() - 2..], ["left", "gone"]);
    let left = stage.of(EventKind::Left)[0];
    assert!((left.detail.dwell_secs.unwrap() - 3.8).abs() < 1e-3);
}

#[test]
fn loitering_adds_up_over_stays() {
    let desk = r#"{"name":"loiter","zone":"desk","loiter_secs":10}"#;
    let settings = with_rules(vec![zone("desk", &RIGHT_HALF)], vec![rule("zone", desk)]);
    let mut stage = Stage::new(&settings);
    // Six seconds inside, two outside, again and again.
    stage.play(0.0, 32.0, 5.0, |at| {
        let x = if at % 8.0 < 6.0 { 0.55 } else { 0.47 };
        vec![person(x, 0.8)]
    });
    let secs: Vec<f32> = stage
        .of(EventKind::Dwelt)
        .iter()
        .filter_map(|event| event.detail.dwell_secs)
        .collect();
    assert_eq!(secs.len(), 2, "{secs:?}");
    assert!(
        (10.0..11.0).contains(&secs[0]) && (20.0..21.0).contains(&secs[1]),
        "{secs:?}"
    );
}

#[test]
fn occupancy_says_when_a_limit_is_passed_and_when_not_any_more() {
    let desk = r#"{"name":"staffed","zone":"whole","occupancy":{"min":1,"max":2,"hold_secs":2}}"#;
    let settings = with_rules(vec![zone("whole", &WHOLE)], vec![rule("zone", desk)]);
    let mut stage = Stage::new(&settings);
    // Who stood still is given up later: at about 42 s.
    stage.play(0.0, 50.0, 5.0, |at| {
        let people = match at {
            ..10.0 => 1,
            ..20.0 => 3,
            ..30.0 => 2,
            _ => 0,
        };
        (0..people)
            .map(|who| person(0.2 + 0.25 * who as f32, 0.8))
            .collect()
    });
    let counts: Vec<Option<u32>> = stage
        .of(EventKind::Occupancy)
        .iter()
        .map(|event| event.detail.count)
        .collect();
    assert_eq!(counts, [Some(3), Some(2), Some(0)]);
}

#[test]
fn the_wrong_way_is_told_once_until_the_right_way_was_taken() {
    let way = r#"{"name":"one way","points":[[0.1,0.5],[0.9,0.5]],"labels":["car"]}"#;
    let mut stage = Stage::new(&with_rules(vec![], vec![rule("direction", way)]));
    stage.play(0.0, 30.0, 5.0, |at| {
        let x = match at {
            ..10.0 => 0.9 - 0.07 * at,
            ..20.0 => 0.2 + 0.07 * (at - 10.0),
            _ => 0.9 - 0.07 * (at - 20.0),
        };
        vec![car(x as f32, 0.6), person(1.0 - x as f32, 0.95)]
    });
    let wrong = stage.of(EventKind::WrongWay);
    assert_eq!(wrong.len(), 2);
    assert!(wrong.iter().all(|event| event.label == Some(Label::Car)));
}

#[test]
fn what_stands_too_long_is_told_once() {
    let stop = r#"{"name":"no parking","zone":"right","after_secs":20}"#;
    let settings = with_rules(
        vec![zone("right", &RIGHT_HALF)],
        vec![rule("stopped", stop)],
    );
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 60.0, 5.0, |at| {
        let x = if at > 50.0 {
            0.7 + 0.03 * (at - 50.0)
        } else {
            0.7
        };
        vec![car(x as f32, 0.5), thing(Label::Car, 0.2, 0.9, 0.2, 0.2)]
    });
    let told = |kind| {
        let of_kind = stage.of(kind).into_iter();
        of_kind.filter(|event| event.detail.rule.is_some()).count()
    };
    assert_eq!((told(EventKind::Stopped), told(EventKind::Moved)), (1, 1));
}

#[test]
fn speed_is_right_on_a_tilted_rectangle() {
    // A road of 10 m by 40 m seen at a slant; a car drives along it at 36 km/h.
    let speed = r#"{"name":"v","points":[[0.2,0.9],[0.8,0.9],[0.6,0.4],[0.4,0.4]],"width_metres":10,"length_metres":40}"#;
    for rate in [25.0, 5.0, 2.0] {
        let mut stage = Stage::new(&with_rules(vec![], vec![rule("speed", speed)]));
        stage.play(0.0, 8.0, rate, |at| {
            // The middle of the road, `v` metres up it: the projective map of the rectangle.
            let v = (10.0 * at - 10.0) / 40.0;
            let y = (0.9 + v * (0.4 * 3.0 - 0.9)) / (1.0 + 2.0 * v);
            vec![thing(Label::Car, 0.5, y as f32, 0.1, 0.12)]
        });
        let events = stage.of(EventKind::Speed);
        assert_eq!(events.len(), 1, "{rate}: {:?}", stage.kinds());
        let kmh = events[0].detail.speed_kmh.unwrap();
        assert!((kmh - 36.0).abs() < 1.0, "{rate}: {kmh}");
    }
}

#[test]
fn a_heatmap_holds_every_second() {
    let heat = r#"{"name":"heat","every_secs":10}"#;
    let mut stage = Stage::new(&with_rules(vec![], vec![rule("heatmap", heat)]));
    stage.play(0.0, 30.0, 5.0, |at| {
        let (x, y) = between((0.1, 0.8), (0.9, 0.8), at / 30.0);
        vec![person(x, y)]
    });
    stage
        .scene
        .close(GoneReason::StreamEnded, 1.0, &mut stage.events);
    let cells = stage.of(EventKind::Counted);
    let secs: f32 = cells
        .iter()
        .filter_map(|event| event.detail.dwell_secs)
        .sum();
    assert!((29.0..30.0).contains(&secs), "{secs}");
    let visits: u32 = cells.iter().filter_map(|event| event.detail.count).sum();
    assert!(
        (25..=27).contains(&visits),
        "{visits} cells of a way over 25"
    );
}

#[test]
fn counts_are_sums_of_events() {
    let settings = with_rules(
        vec![zone("right", &RIGHT_HALF)],
        vec![
            rule("line", r#"{"name":"door","points":[[0.5,0.0],[0.5,1.0]]}"#),
            rule(
                "count",
                r#"{"name":"through","line":"door","every_secs":20}"#,
            ),
            rule("count", r#"{"name":"came","every_secs":20}"#),
            rule(
                "count",
                r#"{"name":"inside","zone":"right","reset_at":["08:00","08:01"]}"#,
            ),
        ],
    );
    let mut stage = Stage::new(&settings);
    stage.play(0.0, 100.0, 5.0, |at| {
        let there = (at % 25.0) / 20.0;
        let (x, y) = between((0.1, 0.8), (0.9, 0.8), there);
        if there < 1.0 {
            vec![person(x, y)]
        } else {
            vec![]
        }
    });
    stage
        .scene
        .close(GoneReason::StreamEnded, 1.0, &mut stage.events);
    let sum = |rule: &str| -> (u32, u32) {
        let counted = stage.of(EventKind::Counted).into_iter();
        counted
            .filter(|event| event.detail.rule.as_deref() == Some(rule))
            .map(|event| {
                (
                    event.detail.count.unwrap(),
                    event.detail.count_out.unwrap_or(0),
                )
            })
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    };
    assert_eq!(stage.count(EventKind::Crossed), 4);
    assert_eq!(sum("through"), (0, 4));
    assert_eq!(sum("came"), (stage.count(EventKind::Appeared) as u32, 0));
    assert_eq!(sum("inside"), (4, 4));
}
