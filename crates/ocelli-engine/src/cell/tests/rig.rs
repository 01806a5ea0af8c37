//! A stream and its eye, turned by hand, with an account of their packets.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use ocelli_core::{
    Codec, CodecParameters, MediaTime, MonoTime, Packet, SceneState, StreamId, WallSource,
    WallTime,
    accounting::{DropReason, Settled},
    seam::{Pace, PacketVerdict, Source, SourceStream},
    settings::StreamSettings,
    wire::{StreamCounts, ToEye},
};

use crate::cell::{Cell, Inner, Offer, Place, Seat};
use crate::{hold::HoldBudget, keys::Keys, outbox::Outbox, plan::StreamPlan, status::StreamState};

pub(super) const STREAM: StreamId = StreamId(4);

/// A source that is never opened.
struct Nowhere(Pace);

impl Source for Nowhere {
    fn pace(&self) -> Pace {
        self.0
    }

    fn open(&self) -> SourceStream {
        Box::pin(futures_util::stream::empty())
    }

    fn address(&self) -> String {
        "rtsp://127.0.0.1/nowhere".to_owned()
    }
}

pub(super) fn plan(pace: Pace) -> StreamPlan {
    StreamPlan {
        name: "door".into(),
        source: Arc::new(Nowhere(pace)),
        source_version: 1,
        settings: StreamSettings::default(),
        enabled: true,
    }
}

pub(super) fn parameters(width: u32) -> CodecParameters {
    CodecParameters {
        codec: Codec::H264,
        parameter_sets: Bytes::new(),
        width,
        height: 360,
        reordered: false,
    }
}

/// A stream and the eye that it is in, turned by hand.
pub(super) struct Rig {
    pub(super) cell: Cell,
    pub(super) budget: HoldBudget,
    pub(super) keys: Keys,
    pub(super) outbox: Arc<Outbox>,
    pub(super) life: u64,
    /// Numbers of the packets in the eye, in order.
    pub(super) eye: VecDeque<u64>,
    /// Packets that were sent as new: each at most once.
    pub(super) sent: BTreeSet<u64>,
    /// What the eye heard last of the stream besides packets.
    pub(super) heard: Vec<&'static str>,
    pub(super) epochs: BTreeSet<u64>,
    pub(super) waiting: Option<Box<Packet>>,
    pub(super) next: u64,
    pub(super) now_micros: i64,
    pub(super) gaps: u64,
}

impl Rig {
    pub(super) fn new(pace: Pace) -> Self {
        let cell = Cell::new(STREAM, plan(pace), 0);
        cell.lock().state = StreamState::Live;
        Self {
            cell,
            budget: HoldBudget::new(200_000),
            keys: Keys::new(Some(1)),
            outbox: Arc::default(),
            life: 1,
            eye: VecDeque::new(),
            sent: BTreeSet::new(),
            heard: Vec::new(),
            epochs: BTreeSet::new(),
            waiting: None,
            next: 0,
            now_micros: 0,
            gaps: 0,
        }
    }

    pub(super) fn now(&self) -> MonoTime {
        MonoTime {
            micros: self.now_micros as u64,
        }
    }

    pub(super) fn packet(&mut self, key: bool, bytes: usize) -> Packet {
        self.now_micros += 40_000;
        let at = MediaTime {
            micros: self.now_micros,
        };
        self.next += 1;
        let mut data = vec![0; bytes.max(8)];
        data[..8].copy_from_slice(&self.next.to_le_bytes());
        Packet {
            stream: STREAM,
            generation: self.cell.lock().generation,
            dts: at,
            pts: at,
            received: self.now(),
            wall: WallTime::default(),
            wall_source: WallSource::Receive,
            key,
            repeated: false,
            data: data.into(),
        }
    }

    /// The source gives one more packet, unless one waits: then that is tried again.
    pub(super) fn offer(&mut self, key: bool, bytes: usize) {
        let packet = if let Some(packet) = self.waiting.take() {
            *packet
        } else {
            let packet = self.packet(key, bytes);
            self.cell.lock().receive(packet.data.len());
            packet
        };
        let offer = self
            .cell
            .lock()
            .offer(packet, PacketVerdict::Skip, &self.budget);
        if let Offer::Wait(packet) = offer {
            self.waiting = Some(packet);
        }
    }

    pub(super) fn adopt(&mut self) {
        let mut inner = self.cell.lock();
        if !matches!(inner.seat, Seat::None) || !inner.wants_eye() {
            return;
        }
        let place = Place {
            stream: STREAM,
            eye: 0,
            life: self.life,
            outbox: Arc::clone(&self.outbox),
        };
        let times = (self.now(), WallTime::default());
        inner.adopt(place, &self.keys, times).unwrap();
    }

    /// The eye reads all that was sent, and answers a release.
    pub(super) fn read(&mut self) {
        for message in self.outbox.take_all() {
            match message {
                ToEye::Packet(packet) => {
                    let number = u64::from_le_bytes(packet.data[..8].try_into().unwrap());
                    if packet.repeated {
                        assert!(self.sent.contains(&number), "repeated, never sent");
                    } else {
                        assert!(self.sent.insert(number), "sent twice as new");
                        self.eye.push_back(number);
                    }
                }
                ToEye::Release { moving, .. } => {
                    let all = self.eye.len();
                    self.settle(all, 0);
                    let state = moving.then(state);
                    self.cell.lock().released(state, self.now()).unwrap();
                    self.heard.push("release");
                }
                ToEye::Adopt { state, epoch, .. } => {
                    assert!(
                        state.is_some() || self.epochs.insert(epoch),
                        "an epoch twice"
                    );
                    self.heard.push("adopt");
                }
                ToEye::Parameters { .. } => self.heard.push("parameters"),
                ToEye::Discontinuity { .. } => self.gaps += 1,
                ToEye::End { .. } => self.heard.push("end"),
                _ => {}
            }
        }
    }

    /// The eye settles some packets.
    pub(super) fn settle(&mut self, packets: usize, how: u8) {
        let packets = packets.min(self.eye.len());
        self.eye.drain(..packets);
        let mut settled = Settled::default();
        match how % 4 {
            0 => settled.decoded = packets as u64,
            1 => settled.corrupt = packets as u64,
            2 => settled.gated = packets as u64,
            _ => settled.drop_many(DropReason::Late, packets as u64),
        }
        let counts = StreamCounts {
            settled,
            ..StreamCounts::default()
        };
        let seated = !matches!(self.cell.lock().seat, Seat::None);
        if seated {
            self.cell.lock().count(&counts).unwrap();
        }
    }

    /// The way to the eye is closed. What waits there counts as sent: the account of the eye's
    /// death settles it, and a group that is sent anew afterwards repeats it.
    pub(super) fn close(&mut self) {
        for message in self.outbox.take_all() {
            if let ToEye::Packet(packet) = message
                && !packet.repeated
            {
                let number = u64::from_le_bytes(packet.data[..8].try_into().unwrap());
                assert!(self.sent.insert(number), "sent twice as new");
            }
        }
        self.outbox.close();
    }

    pub(super) fn die(&mut self) {
        self.close();
        self.cell.lock().seat_lost();
        self.eye.clear();
        self.outbox = Arc::default();
        self.life += 1;
    }

    pub(super) fn check(&self) {
        let inner = self.cell.lock();
        let held = inner.held();
        let ledger = inner.ledger;
        assert!(ledger.balances(held), "{ledger:?} with {held} held");
    }

    pub(super) fn inner<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.cell.lock())
    }
}

pub(super) fn state() -> SceneState {
    SceneState {
        version: 1,
        wall: WallTime::default(),
        body: vec![1, 2, 3],
    }
}
