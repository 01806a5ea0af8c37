//! Streams with states: what the eye asks for, and what it does with it.

use ocelli_core::{
    Attention, EventKind, MediaTime, Packet, StreamId, Want,
    settings::{GateKind, SceneSettings, StreamSettings},
    wire::{FromEye, ToEye},
};

use crate::{
    rig::{Rig, settings},
    scripted::{Script, car, person},
};

const RATE: u32 = 10;

/// A rig whose parent obeys what it is asked for.
struct Parent {
    rig: Rig,
    held: Vec<Packet>,
    sent: usize,
    at: f64,
}

fn motion() -> StreamSettings {
    StreamSettings {
        gate: GateKind::Motion,
        scene: SceneSettings {
            stopped_after_secs: 4.0,
            ..SceneSettings::default()
        },
        ..settings()
    }
}

impl Parent {
    fn new(settings: &StreamSettings) -> Self {
        let mut rig = Rig::new();
        rig.adopt(0, settings);
        Self {
            rig,
            held: Vec::new(),
            sent: 0,
            at: 0.0,
        }
    }

    fn wants_all(&self) -> bool {
        !matches!(self.rig.wants().last(), Some(Want::Keys { hold: true, .. }))
    }

    fn send(&mut self, packet: Packet) {
        self.sent += 1;
        self.rig.tell(ToEye::Packet(packet));
    }

    /// Plays for `secs`, a key picture every two seconds; returns how many packets were sent.
    fn play(&mut self, secs: f64, scene: impl Fn(f64) -> Script) -> usize {
        let before = self.sent;
        for _ in 0..(secs * f64::from(RATE)).round() as u32 {
            let picture = (self.at * f64::from(RATE)).round() as u32;
            let key = picture.is_multiple_of(2 * RATE);
            let packet = self.rig.packet(0, self.at, key, &scene(self.at));
            if self.wants_all() {
                for packet in std::mem::take(&mut self.held) {
                    self.send(packet);
                }
                self.send(packet);
            } else if key {
                self.held.clear();
                self.send(packet);
            } else {
                self.held.push(packet);
            }
            self.at += 1.0 / f64::from(RATE);
            self.rig.wait(1.0 / f64::from(RATE));
            if picture.is_multiple_of(3) {
                self.rig.tick();
            }
        }
        self.sent - before
    }

    /// What the packet gate makes of a change: the group so far, and a question.
    fn open(&mut self) {
        for mut packet in std::mem::take(&mut self.held) {
            packet.received = self.rig.now();
            self.send(packet);
        }
        self.rig.tell(ToEye::Judge {
            stream: StreamId(0),
        });
    }

    fn states(&self) -> Vec<Attention> {
        let states = self.rig.said.iter().filter_map(|message| match message {
            FromEye::Attention { attention, .. } => Some(*attention),
            _ => None,
        });
        states.collect()
    }

    /// Looks of a detector: each gives boxes, and so does a picture in which objects rest.
    fn boxes(&self) -> usize {
        let boxes = |message: &&FromEye| matches!(message, FromEye::Boxes { .. });
        self.rig.said.iter().filter(boxes).count()
    }
}

fn nobody(_at: f64) -> Script {
    Script::default()
}

/// Somebody who walks through between these seconds.
fn passage(from: f64, to: f64) -> impl Fn(f64) -> Script {
    move |at| {
        if (from..to).contains(&at) {
            Script::new(vec![person(0.2 + 0.1 * (at - from) as f32, 0.6)])
        } else {
            Script::default()
        }
    }
}

#[test]
fn a_still_scene_becomes_quiet_and_costs_its_key_pictures() {
    let mut parent = Parent::new(&motion());
    parent.play(4.0, nobody);
    assert_eq!(parent.states(), [Attention::Curious, Attention::Quiet]);
    let looks = parent.boxes();
    assert_eq!(
        parent.play(60.0, nobody),
        30,
        "a key picture every two seconds"
    );
    assert!(
        parent.boxes() <= looks + 1,
        "a detector looks once a minute"
    );
    assert!(parent.rig.counts(0).looks_taken >= 30, "but the gate does");
    // The twin: somebody comes, and is seen.
    let sent = parent.play(10.0, passage(66.0, 70.0));
    assert!(sent > 40, "{sent}");
    assert_eq!(parent.rig.count(EventKind::Appeared), 1);
    assert_eq!(
        parent.states()[2..],
        [Attention::Curious, Attention::Attentive]
    );
    parent.play(10.0, nobody);
    assert_eq!(parent.rig.count(EventKind::Gone), 1);
    assert_eq!(parent.states().last(), Some(&Attention::Quiet));
    assert_eq!(parent.play(20.0, nobody), 10);
}

#[test]
fn what_the_packet_gate_opens_is_judged_and_answered() {
    let mut parent = Parent::new(&motion());
    parent.play(6.0, nobody);
    let quiet = parent.rig.wants().len();
    parent.play(1.0, nobody);
    parent.open();
    assert_eq!(parent.rig.wants().len(), quiet + 1, "answered");
    assert!(!parent.wants_all(), "refuted");
    // The twin: in the same place of the next group somebody is there.
    parent.play(1.0, nobody);
    parent.play(1.0, passage(8.4, 12.0));
    assert!(!parent.wants_all(), "no key picture has shown him");
    parent.open();
    assert!(parent.wants_all());
    parent.play(2.0, passage(8.4, 12.0));
    assert_eq!(parent.states().last(), Some(&Attention::Attentive));
    let first = parent.rig.events()[0];
    assert!(
        first.at.secs_since(MediaTime::default()) < 10.0,
        "{first:?}"
    );
}

#[test]
fn what_is_no_object_is_looked_at_for_a_second_and_then_less_often() {
    let mut parent = Parent::new(&motion());
    parent.play(8.0, nobody);
    // A branch that is there at every other key picture.
    let branch = |at: f64| Script {
        seen: if at as u32 % 4 < 2 {
            vec![[0.1, 0.1, 0.1, 0.2]]
        } else {
            Vec::new()
        },
        ..Script::default()
    };
    parent.play(120.0, branch);
    let curious = |states: &[Attention]| {
        let curious = states.iter().filter(|state| **state == Attention::Curious);
        curious.count()
    };
    let woken = curious(&parent.states());
    assert!((2..=12).contains(&woken), "{woken}");
    assert_eq!(parent.rig.count(EventKind::Appeared), 0);
    // Somebody elsewhere is seen all the same.
    let both = |at: f64| Script {
        seen: branch(at).seen,
        ..passage(128.0, 140.0)(at)
    };
    parent.play(8.0, both);
    assert_eq!(parent.rig.count(EventKind::Appeared), 1);
}

#[test]
fn a_parked_car_keeps_its_tag_in_a_quiet_stream_and_its_leaving_wakes() {
    let mut parent = Parent::new(&motion());
    let parked = |at: f64| {
        if at < 100.0 {
            Script::new(vec![car(0.5, 0.6)])
        } else if at < 104.0 {
            Script::new(vec![car(0.5 + 0.1 * (at - 100.0) as f32, 0.6)])
        } else {
            Script::default()
        }
    };
    parent.play(20.0, parked);
    assert_eq!(parent.states().last(), Some(&Attention::Quiet));
    let sent = parent.play(80.0, parked);
    assert_eq!(sent, 40, "quiet all the time");
    assert_eq!(parent.rig.count(EventKind::Appeared), 1);
    assert_eq!(parent.rig.count(EventKind::Gone), 0);
    parent.play(20.0, parked);
    assert_eq!(parent.rig.count(EventKind::Appeared), 1, "the same car");
    assert_eq!(parent.rig.count(EventKind::Gone), 1);
}

#[test]
fn another_gate_ends_the_states() {
    let mut parent = Parent::new(&motion());
    parent.play(6.0, nobody);
    parent.rig.tell(ToEye::Reconfigure {
        stream: StreamId(0),
        settings: Box::new(settings()),
    });
    assert_eq!(parent.states().last(), Some(&Attention::Steady));
    assert_eq!(parent.rig.wants().last(), Some(&Want::All));
    assert!(parent.play(2.0, nobody) >= 20);
    parent.rig.tell(ToEye::Judge {
        stream: StreamId(0),
    });
    assert_eq!(
        parent.rig.wants().last(),
        Some(&Want::All),
        "still an answer"
    );
}
