//! What holds for every sequence of looks.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{
    BBox, Detection, Detections, Direction, Event, EventKind, GoneReason, Label, MediaTime, Point,
    SceneState, Tag, WallSource, WallTime, settings::SceneSettings,
};
use ocelli_scene::{Polygon, Scene};
use proptest::prelude::*;

use crate::{
    stage::{STREAM, detections, key, person, rule, with_rules, zone},
    traffic::{Dice, Traffic},
};

/// One rule of every kind.
pub(crate) fn every_rule() -> SceneSettings {
    let desk = zone("desk", &[(0.3, 0.2), (0.8, 0.2), (0.7, 1.0), (0.35, 0.9)]);
    let rules = vec![
        rule(
            "line",
            r#"{"name":"door","points":[[0.5,0.0],[0.45,0.5],[0.5,1.0]]}"#,
        ),
        rule(
            "zone",
            r#"{"name":"at desk","zone":"desk","dwell_secs":2,"loiter_secs":4,"occupancy":{"min":1,"max":2}}"#,
        ),
        rule(
            "direction",
            r#"{"name":"way","points":[[0.1,0.5],[0.9,0.5]]}"#,
        ),
        rule(
            "stopped",
            r#"{"name":"parked","zone":"desk","after_secs":5}"#,
        ),
        rule(
            "speed",
            r#"{"name":"fast","points":[[0.2,0.9],[0.8,0.9],[0.7,0.3],[0.3,0.3]],"width_metres":10,"length_metres":20}"#,
        ),
        rule("heatmap", r#"{"name":"heat","every_secs":10}"#),
        rule(
            "count",
            r#"{"name":"through","line":"door","every_secs":15}"#,
        ),
        rule("count", r#"{"name":"came","every_secs":7}"#),
    ];
    SceneSettings {
        updated_every_secs: 2.0,
        stopped_after_secs: 4.0,
        ..with_rules(vec![desk], rules)
    }
}

/// Looks at uneven times.
fn looks(seed: u64, count: usize) -> Vec<Detections> {
    let mut traffic = Traffic::new(seed, 1.5);
    let mut dice = Dice::new(!seed);
    let mut at = 0.0;
    (0..count)
        .map(|_| {
            let dt = [0.04, 0.1, 0.2, 0.5, 1.0][(dice.next() % 5) as usize];
            at += dt;
            detections(at, &traffic.step(dt))
        })
        .collect()
}

fn run(scene: &mut Scene, looks: &[Detections]) -> Vec<Event> {
    let mut events = Vec::new();
    for look in looks {
        scene.look(look, 1.0, &mut events);
    }
    events
}

fn scene() -> Scene {
    Scene::new(STREAM, &every_rule(), key(), 5).expect("the settings fit")
}

#[test]
fn the_traffic_makes_every_kind_of_event() {
    let mut scene = scene();
    let kinds: BTreeSet<&str> = (0..4)
        .flat_map(|seed| {
            let mut scene = self::scene();
            run(&mut scene, &looks(seed, 600))
        })
        .map(|event| event.kind.as_str())
        .collect();
    let all: BTreeSet<&str> = EventKind::ALL.map(EventKind::as_str).into();
    assert_eq!(kinds, all);
    assert_eq!(run(&mut scene, &[]), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_replay_is_identical(seed in any::<u64>()) {
        let looks = looks(seed, 150);
        let (mut one, mut other) = (scene(), scene());
        prop_assert_eq!(run(&mut one, &looks), run(&mut other, &looks));
        prop_assert_eq!(one.state(), other.state());
    }

    #[test]
    fn the_order_of_boxes_does_not_matter(seed in any::<u64>()) {
        let looks = looks(seed, 150);
        let mut dice = Dice::new(seed.rotate_left(9));
        let mut mixed = looks.clone();
        for look in &mut mixed {
            look.items.sort_by_cached_key(|_| dice.next());
        }
        prop_assert_eq!(run(&mut scene(), &looks), run(&mut scene(), &mixed));
    }

    #[test]
    fn a_resume_changes_nothing(seed in any::<u64>(), cut in 0_usize..150) {
        let looks = looks(seed, 150);
        let mut first = scene();
        run(&mut first, &looks[..cut]);
        let state = first.state();
        let mut events = Vec::new();
        let mut second = Scene::resume(STREAM, &every_rule(), key(), 77, &state, false, &mut events).unwrap();
        prop_assert!(events.is_empty());
        prop_assert_eq!(second.state(), state);
        prop_assert_eq!(second.tracks(), first.tracks());
        let (a, b) = (run(&mut first, &looks[cut..]), run(&mut second, &looks[cut..]));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn no_two_tags_share_a_box_and_none_comes_back(seed in any::<u64>()) {
        let mut scene = scene();
        let mut events = Vec::new();
        let mut gone = BTreeSet::new();
        for look in looks(seed, 200) {
            let from = events.len();
            scene.look(&look, 1.0, &mut events);
            let mut boxes: Vec<BBox> = Vec::new();
            for track in scene.tracks().iter().filter(|track| track.seen) {
                prop_assert!(!boxes.contains(&track.bbox));
                boxes.push(track.bbox);
            }
            for event in &events[from..] {
                if let Some(tag) = event.tag {
                    prop_assert!(!gone.contains(&tag), "a tag that is gone: {event:?}");
                    if event.kind == EventKind::Gone {
                        gone.insert(tag);
                    }
                }
            }
        }
    }

    #[test]
    fn every_stay_has_one_beginning_and_one_end(seed in any::<u64>()) {
        let mut scene = scene();
        let mut events = run(&mut scene, &looks(seed, 200));
        scene.close(GoneReason::StreamEnded, 1.0, &mut events);
        let mut inside: BTreeMap<(Tag, EventKind), i32> = BTreeMap::new();
        for (number, event) in events.iter().enumerate() {
            prop_assert_eq!(event.id.number, number as u64);
            let Some(tag) = event.tag else { continue };
            for (begin, end) in [(EventKind::Appeared, EventKind::Gone), (EventKind::Entered, EventKind::Left)] {
                let open = inside.entry((tag, begin)).or_default();
                *open += i32::from(event.kind == begin) - i32::from(event.kind == end);
                prop_assert!((0..=1).contains(open), "{event:?}");
            }
        }
        prop_assert!(inside.values().all(|open| *open == 0));
        prop_assert!(scene.tracks().is_empty());
        let counted = |name: &str| -> u32 {
            let of = events.iter().filter(|event| event.detail.rule.as_deref() == Some(name));
            of.map(|event| event.detail.count.unwrap_or(0) + event.detail.count_out.unwrap_or(0)).sum()
        };
        let of_kind = |kind| events.iter().filter(|event| event.kind == kind).count() as u32;
        prop_assert_eq!(counted("through"), of_kind(EventKind::Crossed));
        prop_assert_eq!(counted("came"), of_kind(EventKind::Appeared));
    }

    #[test]
    fn a_crossing_and_its_reverse_cancel(
        way in proptest::collection::vec((0.05_f32..0.95, 0.3_f32..0.98), 2..8),
        steps in proptest::collection::vec(1_u32..8, 1..5),
    ) {
        // There and back on the same way, at an even speed, so that the tracker follows.
        let mut places = Vec::new();
        for pair in way.windows(2) {
            let length = (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1);
            let count = (length / 0.02).ceil().max(1.0) as u32;
            for step in 0..count {
                places.push(crate::stage::between(pair[0], pair[1], f64::from(step) / f64::from(count)));
            }
        }
        let back: Vec<_> = places.iter().rev().copied().collect();
        places.extend(back);
        let line = rule("line", r#"{"name":"door","points":[[0.5,0.25],[0.4,0.7],[0.6,0.9]]}"#);
        let mut scene = Scene::new(STREAM, &with_rules(vec![], vec![line]), key(), 1).unwrap();
        let mut events = Vec::new();
        let mut at = 0.0;
        for (&(x, y), step) in places.iter().zip(steps.iter().cycle()) {
            at += f64::from(*step) * 0.04;
            scene.look(&detections(at, &[person(x, y)]), 1.0, &mut events);
        }
        prop_assume!(events.iter().filter(|event| event.kind == EventKind::Appeared).count() == 1);
        let net: i32 = events.iter().map(|event| match event.detail.direction {
            Some(Direction::Right) => 1,
            Some(Direction::Left) => -1,
            None => 0,
        }).sum();
        // Ends where it began, but for a place inside the hysteresis.
        prop_assert!(net == 0 || near_line(places[0]), "{net} {events:?}");
    }

    #[test]
    fn dwell_is_the_integral_of_presence(
        way in proptest::collection::vec((0.05_f32..0.95, 0.3_f32..0.98), 3..8),
        pauses in proptest::collection::vec(1_u32..20, 1..6),
    ) {
        let corners = [(0.3, 0.2), (0.8, 0.2), (0.55, 0.6), (0.7, 1.0), (0.35, 0.9)];
        let desk = zone("desk", &corners);
        let polygon = Polygon::new(&desk.points).unwrap();
        let settings = with_rules(vec![desk], vec![rule("zone", r#"{"name":"in","zone":"desk","inertia":1}"#)]);
        let mut scene = Scene::new(STREAM, &settings, key(), 1).unwrap();
        let mut events = Vec::new();
        let mut seen: Vec<(f64, Point)> = Vec::new();
        let mut at = 0.0;
        for pair in way.windows(2) {
            let count = (((pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1)) / 0.02).ceil().max(1.0);
            for step in 0..count as u32 {
                at += f64::from(pauses[seen.len() % pauses.len()]) * 0.04;
                let (x, y) = crate::stage::between(pair[0], pair[1], f64::from(step) / f64::from(count));
                scene.look(&detections(at, &[person(x, y)]), 1.0, &mut events);
                seen.push((at, person(x, y).bbox.clipped().unwrap().bottom_centre()));
            }
        }
        prop_assume!(scene.tracks().len() == 1);
        scene.close(GoneReason::StreamEnded, 1.0, &mut events);
        prop_assume!(events.iter().filter(|event| event.kind == EventKind::Appeared).count() == 1);
        let told: f32 = events.iter().filter(|event| event.kind == EventKind::Left)
            .filter_map(|event| event.detail.dwell_secs).sum();
        let mut integral = 0.0;
        let mut corners_cut = 0.0;
        for pair in seen.windows(2) {
            let dt = (pair[1].0 - pair[0].0) as f32;
            let within = (0..1000).filter(|step| {
                let share = (*step as f32 + 0.5) / 1000.0;
                polygon.contains(Point {
                    x: pair[0].1.x + (pair[1].1.x - pair[0].1.x) * share,
                    y: pair[0].1.y + (pair[1].1.y - pair[0].1.y) * share,
                })
            }).count();
            integral += dt * within as f32 / 1000.0;
            // A corner that is cut between two looks outside is no entry.
            if !polygon.contains(pair[0].1) && !polygon.contains(pair[1].1) {
                corners_cut += dt * within as f32 / 1000.0;
            }
        }
        let want = integral - corners_cut;
        prop_assert!((told - want).abs() < 0.02 + 0.002 * want, "{told} {want}");
    }

    #[test]
    fn anything_at_all_is_bounded(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let mut scene = scene();
        let mut events = Vec::new();
        for _ in 0..30 {
            let look = wild_look(&mut dice);
            let at = look.at;
            scene.look(&look, wild(&mut dice), &mut events);
            if dice.one_in(4) {
                scene.pass(at.plus_micros(dice.next() as i64), look.wall, wild(&mut dice), &mut events);
            }
            prop_assert!(scene.tracks().len() <= 500);
            prop_assert!(scene.tracks().iter().all(|track| sound(track.bbox)));
        }
        prop_assert!(events.iter().all(|event| sound(event.bbox) && (0.0..=1.0).contains(&event.coverage)));
        let state = scene.state();
        prop_assert!(state.body.len() <= SceneState::BYTES_MAX);
        let mut more = Vec::new();
        Scene::resume(STREAM, &every_rule(), key(), 1, &state, dice.one_in(2), &mut more).unwrap();
    }

    #[test]
    fn a_damaged_state_is_refused_or_harmless(seed in any::<u64>(), flips in 1_usize..20) {
        let looks = looks(seed, 60);
        let mut first = scene();
        run(&mut first, &looks);
        let mut state = first.state();
        let mut dice = Dice::new(seed);
        for _ in 0..flips {
            let at = dice.next() as usize % state.body.len();
            state.body[at] ^= 1 << (dice.next() % 8);
        }
        let mut events = Vec::new();
        let mut second = Scene::resume(STREAM, &every_rule(), key(), 1, &state, false, &mut events).unwrap();
        run(&mut second, &looks);
        prop_assert!(second.tracks().len() <= 500);
    }
}

/// Whether a place may lie inside the hysteresis of the bent line.
fn near_line((x, _): (f32, f32)) -> bool {
    (0.3..0.7).contains(&x)
}

fn sound(bbox: BBox) -> bool {
    let all = [bbox.x, bbox.y, bbox.w, bbox.h];
    all.iter().all(|side| side.is_finite()) && bbox.w >= 0.0 && bbox.h >= 0.0
}

fn wild(dice: &mut Dice) -> f32 {
    match dice.next() % 12 {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => -1.0,
        4 => f32::from_bits(dice.next() as u32),
        5 => 0.0,
        6 => 1.0,
        _ => dice.share(),
    }
}

fn wild_look(dice: &mut Dice) -> Detections {
    let count = [0, 1, 5, 40, 3000][(dice.next() % 5) as usize];
    let near = dice.one_in(2);
    let items = (0..count).map(|_| Detection {
        bbox: BBox {
            x: if near { 0.5 } else { wild(dice) },
            y: wild(dice),
            w: wild(dice) * 0.3,
            h: wild(dice) * 0.3,
        },
        label: Label::ALL[dice.next() as usize % Label::ALL.len()],
        score: wild(dice),
    });
    let items = items.collect();
    let micros = match dice.next() % 8 {
        0 => i64::MIN,
        1 => i64::MAX,
        2 => dice.next() as i64,
        _ => (dice.next() % 60_000_000) as i64,
    };
    Detections {
        stream: STREAM,
        at: MediaTime { micros },
        wall: WallTime {
            micros: dice.next() as i64,
        },
        wall_source: WallSource::Receive,
        aspect: wild(dice) * 3.0,
        items,
    }
}

#[test]
fn a_full_scene_fits_into_its_state() {
    let mut scene = scene();
    let mut events = Vec::new();
    for look in 0..20_u32 {
        let places = (0..600_u16).map(|i| (f32::from(i % 30), f32::from(i / 30)));
        let found: Vec<Detection> = places
            .map(|(column, row)| {
                let (x, y) = (0.02 + 0.032 * column, 0.05 + 0.047 * row);
                crate::stage::thing(Label::Person, x, y, 0.01, 0.03)
            })
            .collect();
        scene.look(&detections(f64::from(look), &found), 1.0, &mut events);
    }
    assert_eq!(scene.tracks().len(), 500);
    let state = scene.state();
    let size = state.body.len();
    assert!(size < SceneState::BYTES_MAX * 9 / 10, "{size} bytes");
    let resumed = Scene::resume(STREAM, &every_rule(), key(), 1, &state, false, &mut events);
    assert_eq!(resumed.expect("the settings fit").faults().states_cut, 0);
}
