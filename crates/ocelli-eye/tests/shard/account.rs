//! Every packet that reaches a shard is settled once.

use ocelli_core::{
    Codec, CodecParameters, StreamId,
    settings::{GateKind, StreamSettings},
    wire::ToEye,
};
use proptest::prelude::*;

use crate::{
    rig::{Rig, counts, settings},
    scripted::{Harm, Script, parameters, person},
};

#[derive(Debug, Clone, Copy)]
enum Step {
    Packets {
        stream: u32,
        number: u8,
        harm: Harm,
        harmed: u8,
        key_every: u8,
        repeated: bool,
    },
    Adopt {
        stream: u32,
        keyframes: bool,
        missing: bool,
    },
    Reconfigure {
        stream: u32,
        keyframes: bool,
        missing: bool,
    },
    Release {
        stream: u32,
        moving: bool,
    },
    Parameters {
        stream: u32,
        generation: u32,
        mjpeg: bool,
    },
    Discontinuity {
        stream: u32,
    },
    End {
        stream: u32,
    },
    Wait(u8),
    Tick,
    Model(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let harm = prop_oneof![6 => Just(Harm::None), 2 => Just(Harm::Damaged), 1 => Just(Harm::Panic)];
    let stream = 0_u32..3;
    prop_oneof![
        6 => (stream.clone(), 1_u8..40, harm, any::<u8>(), 1_u8..20, any::<bool>()).prop_map(
            |(stream, number, harm, harmed, key_every, repeated)| Step::Packets {
                stream, number, harm, harmed, key_every, repeated: repeated && harmed % 4 == 0,
            }
        ),
        3 => (stream.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(stream, keyframes, missing)| Step::Adopt { stream, keyframes, missing: missing && keyframes }),
        1 => (stream.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(stream, keyframes, missing)| Step::Reconfigure { stream, keyframes, missing: missing && keyframes }),
        1 => (stream.clone(), any::<bool>()).prop_map(|(stream, moving)| Step::Release { stream, moving }),
        2 => (stream.clone(), 1_u32..3, any::<bool>())
            .prop_map(|(stream, generation, mjpeg)| Step::Parameters { stream, generation, mjpeg }),
        1 => stream.clone().prop_map(|stream| Step::Discontinuity { stream }),
        1 => stream.prop_map(|stream| Step::End { stream }),
        1 => any::<u8>().prop_map(Step::Wait),
        1 => Just(Step::Tick),
        1 => any::<bool>().prop_map(Step::Model),
    ]
}

fn settings_of(keyframes: bool, missing: bool) -> StreamSettings {
    StreamSettings {
        gate: if keyframes {
            GateKind::Keyframes
        } else {
            GateKind::Always
        },
        detector: if missing { "unheard-of" } else { "nano" }.to_owned(),
        ..settings()
    }
}

/// Acts, and returns for which stream how many packets were sent as new.
fn act(rig: &mut Rig, at: &mut f64, step: Step) -> Option<(u32, u64)> {
    match step {
        Step::Packets {
            stream,
            number,
            harm,
            harmed,
            key_every,
            repeated,
        } => {
            for index in 0..number {
                let script = Script {
                    harm: if index == harmed % number {
                        harm
                    } else {
                        Harm::None
                    },
                    found: vec![person(0.4, 0.7)],
                    ..Script::default()
                };
                let mut packet = rig.packet(stream, *at, index % key_every == 0, &script);
                packet.repeated = repeated;
                *at += 0.04;
                rig.tell(ToEye::Packet(packet));
            }
            return (!repeated).then_some((stream, u64::from(number)));
        }
        Step::Adopt {
            stream,
            keyframes,
            missing,
        } => {
            // A parent adopts only what the eye does not have.
            rig.tell(ToEye::Release {
                stream: StreamId(stream),
                moving: true,
            });
            rig.adopt(stream, &settings_of(keyframes, missing));
        }
        Step::Reconfigure {
            stream,
            keyframes,
            missing,
        } => rig.tell(ToEye::Reconfigure {
            stream: StreamId(stream),
            settings: Box::new(settings_of(keyframes, missing)),
        }),
        Step::Release { stream, moving } => rig.tell(ToEye::Release {
            stream: StreamId(stream),
            moving,
        }),
        Step::Parameters {
            stream,
            generation,
            mjpeg,
        } => rig.tell(ToEye::Parameters {
            stream: StreamId(stream),
            generation,
            parameters: CodecParameters {
                codec: if mjpeg { Codec::Mjpeg } else { Codec::H264 },
                ..parameters()
            },
        }),
        Step::Discontinuity { stream } => rig.tell(ToEye::Discontinuity {
            stream: StreamId(stream),
            shed_micros: 500_000,
        }),
        Step::End { stream } => rig.tell(ToEye::End {
            stream: StreamId(stream),
        }),
        Step::Wait(tenths) => rig.wait(f64::from(tenths) / 10.0),
        Step::Tick => rig.tick(),
        Step::Model(good) => rig.model("nano", if good { b"good" } else { b"bad" }),
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn each_packet_is_settled_once(steps in prop::collection::vec(step(), 1..60)) {
        let mut rig = Rig::new();
        let mut sent = [0_u64; 3];
        let mut at = 0.0;
        for step in steps {
            if let Some((stream, packets)) = act(&mut rig, &mut at, step) {
                sent[stream as usize] += packets;
            }
            for (stream, sent) in (0..).zip(sent) {
                prop_assert!(counts(&rig.said, stream).settled.total() <= sent);
            }
        }
        for (stream, sent) in (0..).zip(sent) {
            prop_assert_eq!(rig.settled(stream).total(), sent);
        }
    }
}
