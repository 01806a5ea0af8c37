//! A shard, a clock that is turned by hand, and what the shard said.

use std::{cell::Cell, rc::Rc};

use bytes::Bytes;
use ocelli_core::{
    Event, EventKind, MediaTime, MonoTime, Packet, SceneState, StreamId, TagKey, WallSource,
    WallTime, Want,
    accounting::Settled,
    settings::StreamSettings,
    wire::{FromEye, StreamCounts, ToEye},
};
use ocelli_eye::{Shard, blackbox::BlackBox};

use crate::scripted::{Script, ScriptedKit, model_settings, parameters};

/// 2026-11-24T08:00:00Z.
const START_MICROS: i64 = 1_795_507_200_000_000;

pub(crate) struct Rig {
    pub(crate) shard: Shard<ScriptedKit>,
    pub(crate) said: Vec<FromEye>,
    clock: Rc<Cell<u64>>,
}

pub(crate) fn settings() -> StreamSettings {
    StreamSettings {
        detector: "nano".to_owned(),
        ..StreamSettings::default()
    }
}

impl Rig {
    /// A shard with the detector `nano`.
    pub(crate) fn new() -> Self {
        let clock = Rc::new(Cell::new(1_000_000_000));
        let its = Rc::clone(&clock);
        let now = Rc::new(move || MonoTime { micros: its.get() });
        let mut rig = Self {
            shard: Shard::new(ScriptedKit, BlackBox::new(None), now),
            said: Vec::new(),
            clock,
        };
        rig.model("nano", b"good");
        rig
    }

    pub(crate) fn model(&mut self, id: &str, bytes: &'static [u8]) {
        self.tell(ToEye::Model {
            id: id.to_owned(),
            settings: model_settings(),
            bytes: Bytes::from_static(bytes),
        });
    }

    pub(crate) fn tell(&mut self, message: ToEye) {
        self.shard.turn(message, &mut self.said);
    }

    pub(crate) fn adopt(&mut self, stream: u32, settings: &StreamSettings) {
        self.adopt_with(stream, settings, None, false);
    }

    pub(crate) fn adopt_with(
        &mut self,
        stream: u32,
        settings: &StreamSettings,
        state: Option<SceneState>,
        expired: bool,
    ) {
        let id = StreamId(stream);
        self.tell(ToEye::Adopt {
            stream: id,
            settings: Box::new(settings.clone()),
            key: TagKey::from_seed(7, id, 0),
            epoch: 11,
            state,
            expired,
        });
        self.tell(ToEye::Parameters {
            stream: id,
            generation: 1,
            parameters: parameters(),
        });
    }

    pub(crate) fn now(&self) -> MonoTime {
        MonoTime {
            micros: self.clock.get(),
        }
    }

    /// Time goes by.
    pub(crate) fn wait(&self, secs: f64) {
        self.clock.set(self.clock.get() + (secs * 1e6) as u64);
    }

    /// A packet that arrives now and is shown at media time `at`, in seconds.
    pub(crate) fn packet(&self, stream: u32, at: f64, key: bool, script: &Script) -> Packet {
        let at = MediaTime::from_secs(at);
        Packet {
            stream: StreamId(stream),
            generation: 1,
            dts: at,
            pts: at,
            received: self.now(),
            wall: WallTime {
                micros: START_MICROS + at.micros,
            },
            wall_source: WallSource::Receive,
            key,
            repeated: false,
            data: script.bytes(),
        }
    }

    /// Sends `rate` pictures a second from `from` to `to`, a key picture each second.
    pub(crate) fn play(
        &mut self,
        stream: u32,
        (from, to): (f64, f64),
        rate: u32,
        scene: impl Fn(f64) -> Script,
    ) {
        let pictures = ((to - from) * f64::from(rate)).round() as u32;
        for picture in 0..pictures {
            let at = from + f64::from(picture) / f64::from(rate);
            let packet = self.packet(stream, at, picture % rate == 0, &scene(at));
            self.tell(ToEye::Packet(packet));
            self.wait(1.0 / f64::from(rate));
        }
    }

    pub(crate) fn tick(&mut self) {
        let now = self.now();
        self.tell(ToEye::Tick {
            now,
            wall: WallTime::default(),
        });
    }

    /// Sums of what was counted, after a tick.
    pub(crate) fn counts(&mut self, stream: u32) -> StreamCounts {
        self.tick();
        counts(&self.said, stream)
    }

    pub(crate) fn settled(&mut self, stream: u32) -> Settled {
        self.counts(stream).settled
    }

    pub(crate) fn events(&self) -> Vec<&Event> {
        let events = self.said.iter().filter_map(|message| match message {
            FromEye::Events { events, .. } => Some(events),
            _ => None,
        });
        events.flatten().collect()
    }

    pub(crate) fn count(&self, kind: EventKind) -> usize {
        self.events()
            .iter()
            .filter(|event| event.kind == kind)
            .count()
    }

    pub(crate) fn wants(&self) -> Vec<Want> {
        let wants = self.said.iter().filter_map(|message| match message {
            FromEye::Want { want, .. } => Some(*want),
            _ => None,
        });
        wants.collect()
    }

    /// Reasons for which streams are unfit, and whether each is a bug.
    pub(crate) fn unfit(&self) -> Vec<(u32, &str, bool)> {
        let unfit = self.said.iter().filter_map(|message| match message {
            FromEye::Unfit {
                stream,
                reason,
                bug,
            } => Some((stream.0, reason.as_str(), *bug)),
            _ => None,
        });
        unfit.collect()
    }

    /// The last state that left the shard.
    pub(crate) fn state(&self) -> Option<SceneState> {
        self.said.iter().rev().find_map(|message| match message {
            FromEye::Events { state, .. } | FromEye::Released { state, .. } => state.clone(),
            FromEye::SceneState { state, .. } => Some(state.clone()),
            _ => None,
        })
    }
}

/// Sums of what was counted for a stream.
pub(crate) fn counts(said: &[FromEye], stream: u32) -> StreamCounts {
    let mut sum = StreamCounts::default();
    for message in said {
        let FromEye::Counts { counts } = message else {
            continue;
        };
        for (of, counts) in counts {
            if of.0 == stream {
                sum.settled.add(&counts.settled);
                sum.pictures += counts.pictures;
                sum.looks_taken += counts.looks_taken;
                sum.looks_wanted += counts.looks_wanted;
            }
        }
    }
    sum
}
