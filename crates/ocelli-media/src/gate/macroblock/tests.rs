use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::*;

const WIDTH: usize = 10;
const BLOCKS: usize = 100;

/// A picture in which the given macroblocks change.
fn picture(changing: &[usize]) -> Vec<bool> {
    (0..BLOCKS).map(|at| changing.contains(&at)).collect()
}

fn look(gate: &mut MacroblockGate, picture: Vec<bool>) -> MacroblockLook {
    gate.look_at(WIDTH, picture.into_iter())
}

/// A gate that saw nothing change for a while.
fn after_quiet() -> MacroblockGate {
    let mut gate = MacroblockGate::new(THRESHOLD);
    for _ in 0..200 {
        assert_eq!(look(&mut gate, picture(&[])).region, None);
    }
    gate
}

/// The last of three looks at the same change.
fn three(gate: &mut MacroblockGate, changing: &[usize]) -> MacroblockLook {
    look(gate, picture(changing));
    look(gate, picture(changing));
    look(gate, picture(changing))
}

#[test]
fn what_counts_as_change() {
    let block = |class, coded, vector| Macroblock {
        vector,
        class,
        coded,
        ..Macroblock::default()
    };
    for (class, coded, vector, expected) in [
        (Class::Skip, false, [0, 0], false),
        (Class::Skip, false, [-3, 2], false),
        (Class::Skip, false, [-3, 3], true),
        (Class::Inter, false, [1, 0], false),
        (Class::Inter, false, [-1, 1], true),
        (Class::Inter, true, [0, 0], true),
        (Class::Intra, false, [0, 0], true),
        (Class::Pcm, true, [0, 0], true),
    ] {
        let block = block(class, coded, vector);
        assert_eq!(changes(&block), expected, "{block:?}");
    }
}

#[test]
fn the_score_of_one_block_by_hand() {
    let mut gate = after_quiet();
    // Baselines are 0: the level is (0.7 + 2) / 2 for one block of a hundred, z is n / 0.35.
    let first = look(&mut gate, picture(&[44]));
    assert!((first.level - 1.35).abs() < 1e-4, "{first:?}");
    // One look of three: z = 1 / 0.35 is under 3.
    assert_eq!(first.region, None);
    let second = look(&mut gate, picture(&[44]));
    // The first look was learnt: mean 1 / 150, variance 0.49 / 150.
    let spread = second.level * 0.49 / 150.0 + 0.35 * 0.35;
    let expected = (2.0 - second.level / 150.0) / spread.sqrt();
    assert!((second.score - expected).abs() < 1e-3, "{second:?}");
    let third = look(&mut gate, picture(&[44]));
    assert!((8.0..3.0 / 0.35).contains(&third.score), "{third:?}");
    assert!(!third.triggered);
    assert_eq!(
        third.region,
        Some(Region {
            left: 4,
            top: 4,
            width: 1,
            height: 1
        })
    );
}

#[test]
fn neighbours_add_up_and_others_do_not() {
    let diagonal = three(&mut after_quiet(), &[44, 55]);
    assert!(diagonal.triggered && diagonal.score > 15.0, "{diagonal:?}");
    assert_eq!(
        diagonal.region,
        Some(Region {
            left: 4,
            top: 4,
            width: 2,
            height: 2
        })
    );
    let apart = three(&mut after_quiet(), &[44, 46]);
    assert!(!apart.triggered && apart.score < 10.0, "{apart:?}");
    // The end of a row and the beginning of the next are not neighbours.
    let wrapped = three(&mut after_quiet(), &[49, 50]);
    assert!(!wrapped.triggered && wrapped.score < 10.0, "{wrapped:?}");
    let corners = three(&mut after_quiet(), &[0, 9, 90, 99]);
    assert!(!corners.triggered && corners.score > 5.0, "{corners:?}");
}

#[test]
fn nothing_triggers_while_the_baseline_is_learnt() {
    let mut gate = MacroblockGate::new(THRESHOLD);
    for number in 0..LEARNING_LOOKS {
        let changing = if number > 10 {
            &[44, 45, 54, 55][..]
        } else {
            &[]
        };
        let look = look(&mut gate, picture(changing));
        assert!(
            !look.triggered && (look.level - 1.0).abs() < 1e-6,
            "{number}: {look:?}"
        );
    }
    // The twin: the same change later.
    assert!(three(&mut after_quiet(), &[44, 45, 54, 55]).triggered);
}

#[test]
fn noise_is_learnt_and_an_object_in_it_is_found() {
    let mut dice = StdRng::seed_from_u64(7);
    let mut gate = MacroblockGate::new(THRESHOLD);
    let mut noise = |more: f64| -> Vec<bool> {
        (0..BLOCKS)
            .map(|at| dice.random_bool((if at % 7 == 0 { 0.3 } else { 0.03 }) * more))
            .collect()
    };
    for _ in 0..400 {
        look(&mut gate, noise(1.0));
    }
    let false_triggers = (0..1000)
        .filter(|_| look(&mut gate, noise(1.0)).triggered)
        .count();
    assert!(false_triggers <= 10, "{false_triggers} of 1000");
    // An object of six macroblocks, in as much noise.
    let mut found = 0;
    for _ in 0..3 {
        let mut changed = noise(1.0);
        for at in [33, 34, 43, 44, 53, 54] {
            changed[at] = true;
        }
        found += usize::from(look(&mut gate, changed).triggered);
    }
    assert!(found >= 1);
}

#[test]
fn a_picture_that_pumps_as_a_whole_is_levelled() {
    let mut dice = StdRng::seed_from_u64(3);
    let mut gate = MacroblockGate::new(THRESHOLD);
    let mut noise =
        |share: f64| -> Vec<bool> { (0..BLOCKS).map(|_| dice.random_bool(share)).collect() };
    for _ in 0..600 {
        look(&mut gate, noise(0.25));
    }
    let mut triggered = 0;
    let mut level = 0.0_f32;
    for _ in 0..20 {
        let pumped = look(&mut gate, noise(0.5));
        triggered += usize::from(pumped.triggered);
        level = level.max(pumped.level);
    }
    assert!(triggered <= 1 && level > 1.5, "{triggered} at {level}");
}

#[test]
fn a_clock_is_learnt() {
    let mut gate = after_quiet();
    let mut tick = |number: u64| {
        let changing: &[usize] = if number.is_multiple_of(8) {
            &[1, 2]
        } else {
            &[]
        };
        look(&mut gate, picture(changing)).triggered
    };
    for number in 0..3000 {
        tick(number);
    }
    assert!(!(3000..3200).any(tick));
}

#[test]
fn what_was_refuted_has_to_grow() {
    let mut gate = after_quiet();
    let first = three(&mut gate, &[44, 55]);
    assert!(first.triggered);
    gate.refute(&first);
    assert!(!look(&mut gate, picture(&[44, 55])).triggered);
    // Grown, in the same group.
    assert!(three(&mut gate, &[44, 45, 54, 55]).triggered);
    // As it was, in the next.
    let mut gate = after_quiet();
    let first = three(&mut gate, &[44, 55]);
    gate.refute(&first);
    gate.begin_group();
    assert!(look(&mut gate, picture(&[44, 55])).triggered);
}

#[test]
fn pictures_of_another_size_begin_anew() {
    let mut gate = after_quiet();
    let other = gate.look_at(
        5,
        std::iter::repeat_n(true, 20)
            .collect::<Vec<_>>()
            .into_iter(),
    );
    assert!(!other.triggered);
    assert_eq!(gate.looks(), 1);
}

#[test]
fn every_third_picture_is_due() {
    let due = |every| -> Vec<u64> {
        (0..12)
            .filter(|&at| MacroblockGate::is_due(at, every))
            .collect()
    };
    assert_eq!(due(3), [3, 6, 9]);
    assert_eq!(due(1), (2..12).collect::<Vec<_>>());
    assert_eq!(due(5), [5, 10]);
}
