//! What the shard says to each message.

use ocelli_core::{
    EventKind, GoneReason, StreamId, TagKey, Want,
    accounting::DropReason,
    settings::{GateKind, RuleSettings, SceneSettings, StreamSettings},
    wire::{FromEye, ToEye},
};
use ocelli_eye::shard::Turn;

use crate::{
    rig::{Rig, settings},
    scripted::{Harm, Script, car, parameters, person},
};

fn still(_at: f64) -> Script {
    Script::new(vec![person(0.3, 0.8)])
}

#[test]
fn what_stands_there_becomes_one_tag() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    assert_eq!(rig.wants(), [Want::All]);
    rig.play(3, (0.0, 4.0), 25, still);
    let counts = rig.counts(3);
    assert_eq!(counts.settled.decoded, 100);
    assert_eq!(counts.pictures, 99, "the decoder holds one back");
    assert_eq!(counts.looks_taken, 20);
    assert_eq!(counts.looks_wanted, 20);
    assert_eq!(rig.count(EventKind::Appeared), 1);
    let boxes = rig.said.iter().rev().find_map(|message| match message {
        FromEye::Boxes { boxes, .. } => Some(boxes.len()),
        _ => None,
    });
    assert_eq!(boxes, Some(1));

    rig.tell(ToEye::End {
        stream: StreamId(3),
    });
    let gone = rig
        .events()
        .into_iter()
        .rfind(|event| event.kind == EventKind::Gone);
    assert_eq!(gone.unwrap().detail.reason, Some(GoneReason::StreamEnded));
    assert_eq!(
        rig.said.last(),
        Some(&FromEye::Ended {
            stream: StreamId(3)
        })
    );
    assert_eq!(rig.counts(3).pictures, 100);
}

#[test]
fn nobody_there_means_no_event() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    rig.play(3, (0.0, 4.0), 25, |_| Script::default());
    rig.tick();
    assert!(rig.events().is_empty());
    assert_eq!(rig.counts(3).looks_taken, 20, "and it was looked at");
}

#[test]
fn key_pictures_alone_are_looked_at_when_that_is_wanted() {
    let keyframes = StreamSettings {
        gate: GateKind::Keyframes,
        keys_every_secs: 1.0,
        ..settings()
    };
    let mut rig = Rig::new();
    rig.adopt(3, &keyframes);
    let want = Want::Keys {
        every_micros: 1_000_000,
        hold: false,
    };
    assert_eq!(rig.wants(), [want]);
    rig.play(3, (0.0, 8.0), 25, still);
    let counts = rig.counts(3);
    assert_eq!(counts.settled.decoded, 8);
    assert_eq!(counts.settled.gated, 192, "sent all the same, and left out");
    assert_eq!(rig.count(EventKind::Appeared), 1);
}

#[test]
fn damage_costs_the_rest_of_the_group() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    rig.play(3, (0.0, 2.0), 25, |at| Script {
        harm: if (at - 0.4).abs() < 0.01 {
            Harm::Damaged
        } else {
            Harm::None
        },
        ..still(at)
    });
    let settled = rig.settled(3);
    assert_eq!(settled.corrupt, 1);
    assert_eq!(settled.dropped_for(DropReason::NoKey), 14);
    assert_eq!(settled.decoded, 35);
}

#[test]
fn late_live_pictures_are_dropped_and_counted_as_missed_looks() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    rig.play(3, (0.0, 1.0), 25, still);
    let old = rig.packet(3, 1.0, true, &still(1.0));
    rig.wait(3.0);
    rig.tell(ToEye::Packet(old));
    rig.play(3, (4.0, 6.0), 25, still);
    let counts = rig.counts(3);
    assert_eq!(counts.settled.dropped_for(DropReason::Late), 1);
    assert_eq!(counts.settled.decoded, 75);

    let recording = StreamSettings {
        every_picture: true,
        ..settings()
    };
    let mut rig = Rig::new();
    rig.adopt(3, &recording);
    let old = rig.packet(3, 0.0, true, &still(0.0));
    rig.wait(300.0);
    rig.tell(ToEye::Packet(old));
    assert_eq!(rig.settled(3).decoded, 1, "the twin: a recording waits");
}

#[test]
fn what_the_parent_shed_counts_against_coverage() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    rig.play(3, (0.0, 1.0), 25, still);
    rig.tell(ToEye::Discontinuity {
        stream: StreamId(3),
        shed_micros: 2_000_000,
    });
    rig.play(3, (3.0, 4.0), 25, still);
    let counts = rig.counts(3);
    assert_eq!(counts.looks_wanted - counts.looks_taken, 10);
    let last = rig.events().last().map(|event| event.coverage);
    rig.play(3, (4.0, 9.5), 25, still);
    assert!(last < Some(1.0) || rig.events().last().unwrap().coverage < 1.0);
}

#[test]
fn tags_end_when_nothing_comes_any_more() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    rig.play(3, (0.0, 3.0), 25, still);
    rig.wait(2.0);
    rig.tick();
    assert_eq!(rig.count(EventKind::Gone), 0);
    rig.wait(2.0);
    rig.tick();
    assert_eq!(rig.count(EventKind::Gone), 1);
}

#[test]
fn an_old_tick_does_not_end_tags_that_are_only_behind() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    rig.play(3, (0.0, 3.0), 25, still);
    // The shard is slow: this tick was sent when the last packet was.
    let tick = ToEye::Tick {
        now: rig.now(),
        wall: ocelli_core::WallTime::default(),
    };
    rig.wait(60.0);
    rig.tell(tick);
    assert_eq!(rig.count(EventKind::Gone), 0);
}

#[test]
fn a_panic_costs_one_stream_and_one_packet() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    rig.adopt(4, &settings());
    rig.play(3, (0.0, 1.0), 25, |at| Script {
        harm: if (at - 0.4).abs() < 0.01 {
            Harm::Panic
        } else {
            Harm::None
        },
        ..still(at)
    });
    rig.play(4, (0.0, 1.0), 25, still);
    let (stream, reason, bug) = rig.unfit()[0];
    assert!((stream, bug) == (3, true) && reason.contains("panicked"));
    assert_eq!(rig.unfit().len(), 1);
    let settled = rig.settled(3);
    assert_eq!((settled.decoded, settled.corrupt), (10, 1));
    assert_eq!(settled.total(), 25, "each packet once");
    assert_eq!(rig.settled(4).decoded, 25);
    rig.tell(ToEye::Release {
        stream: StreamId(3),
        moving: false,
    });
    let released = FromEye::Released {
        stream: StreamId(3),
        state: None,
    };
    assert_eq!(rig.said.last(), Some(&released));
}

#[test]
fn what_cannot_be_worked_on_is_unfit_once_and_with_a_reason() {
    let mut rig = Rig::new();
    rig.model("broken", b"bad");
    for (stream, detector) in [(1, "broken"), (2, "unheard-of")] {
        let settings = StreamSettings {
            detector: detector.to_owned(),
            ..settings()
        };
        rig.adopt(stream, &settings);
        rig.play(stream, (0.0, 1.0), 25, still);
        assert_eq!(rig.settled(stream).total(), 25);
    }
    rig.adopt(3, &settings());
    rig.tell(ToEye::Parameters {
        stream: StreamId(3),
        generation: 1,
        parameters: ocelli_core::CodecParameters {
            codec: ocelli_core::Codec::Mjpeg,
            ..parameters()
        },
    });
    rig.play(3, (0.0, 1.0), 25, still);
    let bad_rule = SceneSettings {
        rules: vec![RuleSettings {
            kind: "nonsense".to_owned(),
            json: "{}".to_owned(),
        }],
        ..SceneSettings::default()
    };
    let bad_scene = StreamSettings {
        scene: bad_rule,
        ..settings()
    };
    rig.adopt(4, &bad_scene);
    let reasons = rig.unfit();
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    for (index, part) in ["not a model", "unheard-of", "no MJPEG", "nonsense"]
        .iter()
        .enumerate()
    {
        assert!(reasons[index].1.contains(part), "{}", reasons[index].1);
        assert!(!reasons[index].2);
    }
    // A model that is loaded now serves whoever is adopted from then on.
    rig.model("broken", b"good");
    let mended = StreamSettings {
        detector: "broken".to_owned(),
        ..settings()
    };
    rig.adopt(1, &mended);
    assert_eq!(rig.unfit().len(), 4);
}

#[test]
fn a_stream_goes_on_in_another_shard() {
    let mut first = Rig::new();
    first.adopt(3, &settings());
    first.play(3, (0.0, 4.0), 25, |_| Script::new(vec![car(0.5, 0.6)]));
    first.tell(ToEye::Release {
        stream: StreamId(3),
        moving: true,
    });
    assert_eq!(first.count(EventKind::Gone), 0);
    let state = first.state();
    assert!(state.is_some());

    let mut second = Rig::new();
    second.adopt_with(3, &settings(), state.clone(), false);
    second.play(3, (5.0, 9.0), 25, |_| Script::new(vec![car(0.5, 0.6)]));
    assert_eq!(second.count(EventKind::Appeared), 0);

    let mut late = Rig::new();
    late.adopt_with(3, &settings(), state, true);
    let gone = late.events()[0];
    assert_eq!(gone.detail.reason, Some(GoneReason::Lost), "the twin");
    late.play(3, (60.0, 64.0), 25, |_| Script::new(vec![car(0.5, 0.6)]));
    assert_eq!(late.count(EventKind::Appeared), 1);
}

#[test]
fn a_resumed_tag_ends_though_no_packet_ever_comes() {
    let mut first = Rig::new();
    first.adopt(3, &settings());
    first.play(3, (0.0, 4.0), 25, still);
    let mut second = Rig::new();
    second.adopt_with(3, &settings(), first.state(), false);
    for _ in 0..32 {
        second.wait(0.25);
        second.tick();
    }
    assert_eq!(
        second.count(EventKind::Gone),
        0,
        "a camera may take long to come back"
    );
    for _ in 0..32 {
        second.wait(0.25);
        second.tick();
    }
    assert_eq!(second.count(EventKind::Gone), 1);
}

#[test]
fn the_state_follows_what_moves_once_a_second() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    let walk = |at: f64| Script::new(vec![person(0.1 + 0.05 * at as f32, 0.8)]);
    for second in 0..10 {
        let from = f64::from(second);
        rig.play(3, (from, from + 1.0), 25, walk);
        rig.tick();
    }
    let states = rig
        .said
        .iter()
        .filter(|message| matches!(message, FromEye::SceneState { .. } | FromEye::Events { .. }));
    let states = states.count();
    assert!((9..=14).contains(&states), "{states}");
}

#[test]
fn other_settings_and_another_key_keep_the_tags() {
    let mut rig = Rig::new();
    rig.adopt(3, &settings());
    rig.play(3, (0.0, 2.0), 25, still);
    let tag = rig.events()[0].tag;
    let other = StreamSettings {
        look_rate: 1.0,
        ..settings()
    };
    rig.tell(ToEye::Reconfigure {
        stream: StreamId(3),
        settings: Box::new(other),
    });
    rig.tell(ToEye::Rekey {
        stream: StreamId(3),
        key: TagKey::from_seed(8, StreamId(3), 1),
    });
    let before = rig.counts(3).looks_taken;
    rig.play(3, (2.0, 12.0), 25, still);
    let taken = rig.counts(3).looks_taken - before;
    assert!((9..=11).contains(&taken), "{taken}");
    assert_eq!(rig.count(EventKind::Appeared), 1);
    assert!(rig.events().iter().all(|event| event.tag == tag));
}

#[test]
fn stop_gives_every_streams_state_out() {
    let mut rig = Rig::new();
    for stream in 0..3 {
        rig.adopt(stream, &settings());
        rig.play(stream, (0.0, 2.0), 25, still);
    }
    let turn = rig.shard.turn(ToEye::Stop, &mut rig.said);
    assert_eq!(turn, Turn::Stop);
    let states = rig
        .said
        .iter()
        .filter(|message| matches!(message, FromEye::Released { state: Some(_), .. }));
    assert_eq!(states.count(), 3);
    assert_eq!(rig.count(EventKind::Gone), 0);
    assert!((0..3).all(|stream| crate::rig::counts(&rig.said, stream).settled.total() == 50));
}
