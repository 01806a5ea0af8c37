//! The states under a clock that is turned by hand.

use proptest::prelude::*;

use super::*;

const TREE: Patch = Patch {
    left: 10,
    top: 10,
    right: 20,
    bottom: 30,
};
const DOOR: Patch = Patch {
    left: 100,
    top: 40,
    right: 110,
    bottom: 60,
};

fn secs(secs: f64) -> MediaTime {
    MediaTime::from_secs(secs)
}

/// A stream at rest at second 0.
fn quiet() -> Watch {
    let mut watch = Watch::new();
    watch.rest(secs(0.0));
    watch
}

/// What the picture at `at` shows changes at `patch`; a detector finds nothing there. Returns
/// whether it was looked at.
fn nothing(watch: &mut Watch, at: f64, patch: Patch) -> bool {
    let blind = watch.blind(secs(at));
    if blind.iter().any(|place| place.holds(&patch, 2)) {
        return false;
    }
    watch.changed(secs(at), Some(patch));
    let mut later = at;
    while !watch.looked(secs(later), Found::Nothing) {
        later += 0.2;
    }
    watch.rest(secs(later));
    true
}

#[test]
fn it_begins_curious_and_rests_after_a_second_of_nothing() {
    let mut watch = Watch::new();
    assert_eq!(watch.state(), Attention::Curious);
    for look in 0..5 {
        assert!(!watch.looked(secs(f64::from(look) * 0.2), Found::Nothing));
    }
    assert!(watch.looked(secs(1.0), Found::Nothing));
    watch.rest(secs(1.0));
    assert!(watch.is_quiet() && watch.blind(secs(1.0)).is_empty());
}

#[test]
fn what_moves_is_followed_until_it_is_gone_for_a_while() {
    let mut watch = quiet();
    watch.changed(secs(1.0), Some(DOOR));
    assert_eq!(watch.state(), Attention::Curious);
    assert!(!watch.looked(secs(1.0), Found::Moving));
    assert_eq!(watch.state(), Attention::Attentive);
    assert!(!watch.looked(secs(9.0), Found::Moving));
    assert!(!watch.looked(secs(9.0 + REST_SECS - 0.2), Found::Resting));
    assert!(!watch.looked(secs(9.0 + REST_SECS - 0.1), Found::Resting));
    assert!(watch.looked(secs(9.0 + REST_SECS), Found::Nothing));
    watch.rest(secs(12.0));
    assert!(watch.blind(secs(12.0)).is_empty(), "it was something");
}

#[test]
fn what_turns_out_to_be_nothing_is_looked_at_less_and_less_and_never_given_up() {
    let mut watch = quiet();
    let looked: Vec<f64> = (0..6000)
        .map(|tenth| f64::from(tenth) / 10.0)
        .filter(|&at| nothing(&mut watch, at, TREE))
        .collect();
    let gaps: Vec<f64> = looked.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(gaps[0] < 5.0 && looked.len() < 20, "{looked:?}");
    assert!(gaps.iter().all(|gap| *gap < 63.0), "{gaps:?}");
    assert!(
        nothing(&mut watch, 600.0, DOOR),
        "another place is not blind"
    );
    // After a while without any change it begins anew.
    assert!(nothing(&mut watch, 900.0, TREE));
    assert!(nothing(&mut watch, 905.0, TREE));
}

#[test]
fn what_changes_everywhere_makes_the_whole_picture_blind() {
    let mut watch = quiet();
    for place in 0..=PLACES_MAX {
        let left = place * 17;
        let patch = Patch {
            left,
            right: left + 2,
            ..DOOR
        };
        assert!(nothing(&mut watch, place as f64 * 1.3, patch));
    }
    let at = PLACES_MAX as f64 * 1.3 + 1.4;
    assert!(!nothing(&mut watch, at, TREE));
    assert!(
        nothing(&mut watch, at + BLIND_SECS.1, TREE),
        "and sees again"
    );
}

#[test]
fn resting_objects_are_checked_and_one_that_moves_wakes() {
    let mut watch = quiet();
    assert!(!watch.check_is_due(secs(CHECK_SECS - 0.1), true));
    assert!(watch.check_is_due(secs(CHECK_SECS), true));
    assert!(!watch.check_is_due(secs(CHECK_SECS), false));
    assert!(watch.check_is_due(secs(CHECK_EMPTY_SECS), false));
    assert!(!watch.looked(secs(CHECK_SECS), Found::Resting));
    assert!(watch.is_quiet() && !watch.check_is_due(secs(CHECK_SECS + 1.0), true));
    watch.looked(secs(2.0 * CHECK_SECS), Found::Moving);
    assert_eq!(watch.state(), Attention::Attentive);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Change(bool),
    Look(u8),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Change),
        (0_u8..3).prop_map(Step::Look),
        (0_u16..20_000).prop_map(Step::Wait),
    ]
}

proptest! {
    /// It is decoded only after a change or something that moves, and rests no sooner than the
    /// patience of its state; no place stays blind for longer than the longest time.
    #[test]
    fn states_follow_from_what_was_seen(steps in prop::collection::vec(step(), 1..200)) {
        let mut watch = quiet();
        let (mut now, mut woken) = (0.0_f64, 0.0_f64);
        for step in steps {
            let before = watch.state();
            match step {
                Step::Change(tree) => {
                    watch.changed(secs(now), Some(if tree { TREE } else { DOOR }));
                    if before == Attention::Quiet {
                        woken = now;
                        prop_assert_eq!(watch.state(), Attention::Curious);
                    } else {
                        prop_assert_eq!(watch.state(), before);
                    }
                }
                Step::Look(found) => {
                    let found = [Found::Nothing, Found::Resting, Found::Moving][usize::from(found)];
                    let may_rest = watch.looked(secs(now), found);
                    if found == Found::Moving {
                        woken = now;
                        prop_assert_eq!(watch.state(), Attention::Attentive);
                        prop_assert!(!may_rest);
                    } else {
                        prop_assert_eq!(watch.state(), before);
                    }
                    if may_rest {
                        let patience = if before == Attention::Curious { CURIOUS_SECS } else { REST_SECS };
                        prop_assert!(now - woken >= patience - 1e-5);
                        watch.rest(secs(now));
                        prop_assert!(watch.is_quiet());
                    }
                }
                Step::Wait(millis) => now += f64::from(millis) / 1e3,
            }
            prop_assert!(watch.blind(secs(now + BLIND_SECS.1 + 1e-3)).is_empty());
            prop_assert!(watch.places.len() <= PLACES_MAX);
        }
    }
}
