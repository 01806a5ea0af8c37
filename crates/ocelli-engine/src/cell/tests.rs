//! The account, under everything that can happen to a stream.

mod rig;

use ocelli_core::{
    WallTime, Want,
    accounting::{DropReason, Settled},
    seam::{Pace, PacketVerdict},
    wire::{StreamCounts, ToEye},
};
use proptest::prelude::*;

use super::{End, Inner, Offer, Seat};
use crate::status::StreamState;

use rig::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Packets {
        number: u8,
        key_every: u8,
        bytes: u32,
    },
    Read,
    Settle {
        packets: usize,
        how: u8,
    },
    Want(Want),
    Parameters(u32),
    Reconnect,
    Disconnect,
    Damage,
    Adopt,
    Leave(bool),
    Move,
    Die,
    Close,
    State,
    End,
}

fn step() -> impl Strategy<Value = Step> {
    let want = prop_oneof![
        Just(Want::Nothing),
        Just(Want::All),
        Just(Want::FromGopStart),
        (0_i64..3_000_000, any::<bool>())
            .prop_map(|(every_micros, hold)| Want::Keys { every_micros, hold }),
    ];
    prop_oneof![
        8 => (1_u8..40, 1_u8..30, 1_u32..60_000).prop_map(|(number, key_every, bytes)| {
            Step::Packets { number, key_every, bytes }
        }),
        4 => Just(Step::Read),
        4 => (0_usize..100, any::<u8>()).prop_map(|(packets, how)| Step::Settle { packets, how }),
        4 => want.prop_map(Step::Want),
        2 => (1_u32..3).prop_map(Step::Parameters),
        1 => Just(Step::Reconnect),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Damage),
        4 => Just(Step::Adopt),
        1 => any::<bool>().prop_map(Step::Leave),
        1 => Just(Step::Move),
        1 => Just(Step::Die),
        1 => Just(Step::Close),
        1 => Just(Step::State),
        1 => Just(Step::End),
    ]
}

fn act(rig: &mut Rig, step: Step) {
    match step {
        Step::Packets {
            number,
            key_every,
            bytes,
        } => {
            for index in 0..number {
                rig.offer(index % key_every == 0, bytes as usize);
                rig.check();
            }
        }
        Step::Read => rig.read(),
        Step::Settle { packets, how } => rig.settle(packets, how),
        Step::Want(want) => {
            // An eye speaks of a stream only after it has read that it has it.
            if rig.inner(|inner| inner.eye().is_some()) {
                rig.read();
            }
            if rig.inner(|inner| inner.eye().is_some()) {
                let mut inner = rig.cell.lock();
                inner.set_want(want, &rig.budget);
            }
        }
        Step::Parameters(width) => {
            let mut inner = rig.cell.lock();
            inner.set_parameters(parameters(width), &rig.budget);
        }
        Step::Reconnect => {
            rig.waiting = None;
            let mut inner = rig.cell.lock();
            inner.connected(&rig.budget);
        }
        Step::Disconnect => {
            rig.waiting = None;
            let mut inner = rig.cell.lock();
            inner.disconnected(&rig.budget);
        }
        Step::Damage => rig.inner(Inner::source_damaged),
        Step::Adopt => rig.adopt(),
        Step::Leave(moving) => rig.inner(|inner| inner.leave(moving)),
        Step::Move => rig.inner(|inner| inner.move_to = Some(0)),
        Step::Die => rig.die(),
        // The process is gone, and the stream does not know yet.
        Step::Close => rig.close(),
        Step::State => {
            let now = rig.now();
            rig.inner(|inner| inner.scene = Some((state(), now)));
        }
        Step::End => rig.inner(|inner| {
            if inner.end == End::Open {
                inner.ask_end(StreamState::Ended, "");
            }
        }),
    }
    rig.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn received_is_what_became_of_it_at_all_times(
        steps in prop::collection::vec(step(), 1..120),
        live in any::<bool>(),
    ) {
        let mut rig = Rig::new(if live { Pace::Live } else { Pace::Recording });
        for step in steps {
            act(&mut rig, step);
        }
        // In the end everything is settled.
        rig.die();
        rig.cell.lock().disconnected(&rig.budget);
        prop_assert_eq!(rig.cell.lock().held(), 0);
        prop_assert_eq!(rig.budget.used(), 0);
        rig.check();
    }
}

fn seated(pace: Pace, want: Want) -> Rig {
    let mut rig = Rig::new(pace);
    rig.cell.lock().set_parameters(parameters(640), &rig.budget);
    rig.adopt();
    rig.read();
    rig.cell.lock().set_want(want, &rig.budget);
    rig
}

#[test]
fn an_eye_that_settles_more_than_it_got_is_found_out() {
    let mut rig = seated(Pace::Live, Want::All);
    rig.offer(true, 100);
    let mut settled = Settled {
        decoded: 2,
        ..Settled::default()
    };
    let counts = |settled| StreamCounts {
        settled,
        ..StreamCounts::default()
    };
    assert!(rig.cell.lock().count(&counts(settled)).is_err());
    settled.decoded = u64::MAX;
    settled.gated = 2;
    assert!(rig.cell.lock().count(&counts(settled)).is_err());
    (settled.decoded, settled.gated) = (1, 0);
    assert!(rig.cell.lock().count(&counts(settled)).is_ok());
    rig.check();
}

#[test]
fn nothing_is_lost_between_the_connection_and_the_first_want() {
    let mut rig = Rig::new(Pace::Live);
    rig.cell.lock().set_parameters(parameters(640), &rig.budget);
    for index in 0..10 {
        rig.offer(index == 0, 100);
    }
    rig.adopt();
    rig.offer(false, 100);
    rig.read();
    rig.cell.lock().set_want(Want::All, &rig.budget);
    rig.offer(false, 100);
    rig.read();
    assert_eq!(rig.eye.len(), 12);
    assert_eq!(rig.heard, ["adopt", "parameters"]);
}

#[test]
fn a_stream_moves_at_a_key_picture_and_loses_nothing() {
    let mut rig = seated(Pace::Live, Want::All);
    for index in 0..5 {
        rig.offer(index == 0, 100);
    }
    rig.cell.lock().move_to = Some(1);
    rig.offer(false, 100);
    assert!(
        matches!(rig.cell.lock().seat, Seat::At(_)),
        "not at this one"
    );
    rig.offer(true, 100);
    rig.offer(false, 100);
    assert!(matches!(rig.cell.lock().seat, Seat::Leaving { .. }));
    rig.read();
    assert_eq!(rig.cell.lock().home, 1);
    rig.adopt();
    rig.read();
    rig.cell.lock().set_want(Want::All, &rig.budget);
    rig.read();
    assert_eq!(rig.sent.len(), 8);
    let ledger = rig.cell.lock().ledger;
    assert_eq!(
        (ledger.settled.decoded, ledger.settled.dropped_all()),
        (6, 0)
    );
}

#[test]
fn a_full_way_sheds_live_streams_to_the_next_key_picture() {
    let mut rig = seated(Pace::Live, Want::All);
    for index in 0..50 {
        rig.offer(index == 0, 60_000);
    }
    rig.read();
    let sent = rig.eye.len() as u64;
    assert!((10..40).contains(&sent));
    rig.offer(false, 100);
    rig.offer(true, 100);
    rig.read();
    assert_eq!(rig.gaps, 1, "and the eye is told");
    let settled = rig.cell.lock().ledger.settled;
    assert_eq!(settled.dropped_for(DropReason::Backlog), 51 - sent);
    assert_eq!(rig.eye.len() as u64, sent + 1);

    let mut rig = seated(Pace::Recording, Want::All);
    for index in 0..50 {
        rig.offer(index == 0, 60_000);
    }
    assert!(rig.waiting.is_some(), "the twin: a recording waits");
    assert_eq!(rig.cell.lock().ledger.settled.dropped_all(), 0);
}

#[test]
fn key_pictures_alone_cost_one_packet_each() {
    let keys = Want::Keys {
        every_micros: 1_000_000,
        hold: false,
    };
    let mut rig = seated(Pace::Live, keys);
    for index in 0..250 {
        rig.offer(index % 25 == 0, 100);
    }
    rig.read();
    assert_eq!(rig.eye.len(), 10, "a second apart is not too early");
    let keys = Want::Keys {
        every_micros: 2_000_000,
        hold: false,
    };
    rig.cell.lock().set_want(keys, &rig.budget);
    for index in 0..250 {
        rig.offer(index % 25 == 0, 100);
    }
    rig.read();
    assert_eq!(rig.eye.len(), 15);
}

#[test]
fn a_stream_that_becomes_interesting_starts_at_its_key_picture() {
    let keys = Want::Keys {
        every_micros: 1_000_000,
        hold: true,
    };
    let mut rig = seated(Pace::Live, keys);
    for index in 0..10 {
        rig.offer(index == 0, 100);
    }
    rig.read();
    assert_eq!(rig.eye.len(), 1);
    rig.cell.lock().set_want(Want::FromGopStart, &rig.budget);
    rig.offer(false, 100);
    rig.read();
    assert_eq!(rig.sent.len(), 11, "nine held, and the key picture again");
    assert_eq!(rig.cell.lock().ledger.settled.gated, 0);
    assert!(!rig.cell.status().long_gop);
}

#[test]
fn a_long_group_says_so_and_starts_at_the_next_key_picture() {
    let keys = Want::Keys {
        every_micros: 1_000_000,
        hold: true,
    };
    let mut rig = seated(Pace::Live, keys);
    for index in 0..10 {
        rig.offer(index == 0, 30_000);
    }
    assert!(rig.cell.status().long_gop, "over the budget of 200 kB");
    rig.cell.lock().set_want(Want::FromGopStart, &rig.budget);
    rig.offer(false, 100);
    rig.offer(true, 100);
    rig.read();
    assert_eq!(rig.sent.len(), 2);
    rig.check();
}

#[test]
fn the_key_of_tags_changes_with_the_day() {
    let rig = seated(Pace::Live, Want::All);
    let tomorrow = WallTime {
        micros: 86_400_000_000,
    };
    rig.cell
        .lock()
        .rekey(&rig.keys, WallTime::default())
        .unwrap();
    assert!(rig.outbox.take_all().is_empty(), "the same day");
    rig.cell.lock().rekey(&rig.keys, tomorrow).unwrap();
    let messages = rig.outbox.take_all();
    assert!(matches!(messages[..], [ToEye::Rekey { .. }]));
    let recording = seated(Pace::Recording, Want::All);
    recording.cell.lock().rekey(&rig.keys, tomorrow).unwrap();
    assert!(
        recording.outbox.take_all().is_empty(),
        "its days are its own"
    );
}

/// A stream whose eye wants its key pictures, with nine pictures held.
fn quiet(pace: Pace) -> Rig {
    let mut rig = seated(
        pace,
        Want::Keys {
            every_micros: 1_000_000,
            hold: true,
        },
    );
    for index in 0..10 {
        rig.offer(index == 0, 100);
    }
    rig
}

#[test]
fn nothing_but_key_pictures_is_sent_while_quiet_and_a_change_sends_the_group() {
    let mut rig = quiet(Pace::Live);
    for index in 0..240 {
        rig.offer(index % 50 == 40, 100);
    }
    rig.read();
    assert_eq!(rig.sent.len(), 5, "one of each group");
    rig.check();
    // The twin: the packet gate sees a change.
    let packet = rig.packet(false, 100);
    let held = rig.cell.lock().hold.unsettled() as usize;
    rig.cell.lock().receive(packet.data.len());
    let verdict = PacketVerdict::DecodeFromKey;
    let offer = rig.cell.lock().offer(packet, verdict, &rig.budget);
    assert!(matches!(offer, Offer::Taken));
    assert!(!rig.cell.lock().is_gated(), "the eye judges");
    rig.read();
    assert_eq!(rig.sent.len(), 5 + held + 1);
    rig.check();
    // It is nothing: what follows is held again, and can be sent again.
    let want = rig.cell.lock().want.unwrap();
    rig.cell.lock().set_want(want, &rig.budget);
    assert!(rig.cell.lock().is_gated());
    assert_eq!(
        (rig.cell.status().opened, rig.cell.status().refuted),
        (1, 1)
    );
    rig.offer(false, 100);
    rig.read();
    assert_eq!(rig.sent.len(), 5 + held + 1);
    rig.cell.lock().set_want(Want::FromGopStart, &rig.budget);
    rig.offer(false, 100);
    rig.read();
    assert_eq!(rig.sent.len(), 5 + held + 3, "without a gap");
    assert_eq!(rig.gaps, 0);
    rig.check();
}

#[test]
fn what_is_held_behind_an_eye_that_died_is_not_sent_to_the_next() {
    let mut rig = quiet(Pace::Live);
    rig.read();
    rig.die();
    rig.adopt();
    rig.cell.lock().set_want(Want::FromGopStart, &rig.budget);
    rig.offer(false, 100);
    rig.read();
    assert_eq!(rig.eye.len(), 0, "its key picture went with the eye");
    rig.offer(true, 100);
    rig.offer(false, 100);
    rig.read();
    assert_eq!(rig.eye.len(), 2, "the twin: the next group is sent");
    rig.check();
}
