//! From the packets of one track to the items of a source.

use std::collections::VecDeque;

use bytes::Bytes;
use ocelli_core::{
    Codec, CodecParameters, StageError, WallTime,
    seam::{SourceItem, SourcePacket},
};

use super::{
    assembly::{Assembly, Picture},
    rtcp::{self, SenderReport},
    rtp::{Accept, Order, Place, RtpPacket, Sources, Ticks},
    sdp::Track,
};
use crate::bitstream::{
    access_unit,
    decode_times::DecodeTimes,
    entries::{Entries, Start},
    jpeg,
    parameter_sets::ParameterSets,
    sequence,
};

/// The most packets that wait for one that is late.
const WAITING_MAX: usize = 32;
/// A step of the camera's time beyond what reordering explains: its clock was set.
const JUMP_MICROS: u64 = 2_000_000;
/// From picture to picture, where nothing says how long.
const STEP_MICROS: i64 = 40_000;
/// Key pictures in a row with parameter sets that cannot be used: one may be damaged, more are the
/// camera's.
const BAD_SETS_MAX: u32 = 3;

/// See the module.
pub(super) struct Receiver {
    track: Track,
    sources: Sources,
    order: Order,
    /// Packets that came too early; only where the network may change their order.
    waiting: Option<Vec<(u16, Vec<u8>)>>,
    assembly: Assembly,
    ticks: Ticks,
    coded: Coded,
    times: DecodeTimes,
    last_micros: Option<i64>,
    /// RTP time in microseconds and the camera's wall time of the same instant.
    clock: Option<(i64, i64)>,
    /// A report that is to be placed among the pictures' times.
    report: Option<SenderReport>,
    trust_camera_clock: bool,
    entries: Entries,
    /// Pictures before the first that decoding can begin at are left aside.
    begun: bool,
    /// It was said that there are no key pictures.
    refreshes: bool,
    lost: u64,
    items: VecDeque<SourceItem>,
    pictures: u64,
}

enum Coded {
    Units(Units),
    Jpeg {
        /// Of the last picture.
        size: Option<(u32, u32)>,
    },
}

struct Units {
    sets: ParameterSets,
    /// Key pictures in a row whose sets were of no use.
    bad_sets: u32,
}

impl Receiver {
    /// `reorders`: the network may change the order of packets.
    pub(super) fn new(
        track: Track,
        announced_source: Option<u32>,
        reorders: bool,
        trust_camera_clock: bool,
    ) -> Self {
        let coded = match track.codec {
            Codec::Mjpeg => Coded::Jpeg { size: None },
            // A description that cannot be read is of no use, but the stream's own sets may be.
            codec => Coded::Units(Units {
                sets: ParameterSets::with(codec, track.sets.iter().map(|set| &set[..]))
                    .unwrap_or_else(|_unreadable| ParameterSets::new(codec)),
                bad_sets: 0,
            }),
        };
        Self {
            sources: Sources::new(announced_source),
            order: Order::default(),
            waiting: reorders.then(Vec::new),
            assembly: Assembly::new(track.codec),
            ticks: Ticks::default(),
            coded,
            times: DecodeTimes::new(None),
            last_micros: None,
            clock: None,
            report: None,
            trust_camera_clock,
            entries: Entries::default(),
            begun: false,
            refreshes: false,
            lost: 0,
            items: VecDeque::new(),
            pictures: 0,
            track,
        }
    }

    /// The next item that is ready.
    pub(super) fn pop(&mut self) -> Option<SourceItem> {
        self.items.pop_front()
    }

    /// Pictures that came so far.
    pub(super) fn pictures(&self) -> u64 {
        self.pictures
    }

    /// Takes an RTP packet.
    ///
    /// # Errors
    /// [`StageError::Rejected`] where the camera's pictures cannot be decoded.
    pub(super) fn rtp(&mut self, bytes: &[u8]) -> Result<(), StageError> {
        let Some(packet) = RtpPacket::parse(bytes) else {
            return Ok(());
        };
        // What would be RTCP on a shared port, and what some cameras send between (50).
        if matches!(packet.payload_type, 50 | 72..=76) {
            return Ok(());
        }
        match self.sources.accept(packet.source) {
            Accept::Yes => {}
            Accept::Anew => {
                self.order = Order::default();
                self.ticks = Ticks::default();
                self.clock = None;
                self.lose(1);
            }
            Accept::No => {
                if self.sources.foreign == 1 {
                    tracing::debug!("packets of another session are left aside");
                }
                return Ok(());
            }
        }
        if let Some(waiting) = &mut self.waiting
            && self
                .order
                .ahead(packet.sequence)
                .is_some_and(|ahead| ahead > 0)
        {
            if waiting
                .iter()
                .all(|(sequence, _)| *sequence != packet.sequence)
            {
                waiting.push((packet.sequence, bytes.to_vec()));
            }
            if waiting.len() <= WAITING_MAX {
                return Ok(());
            }
            return self.release(true);
        }
        self.in_order(&packet)?;
        self.release(false)
    }

    /// Takes the packets whose turn has come; with `force` also the first behind a gap.
    fn release(&mut self, mut force: bool) -> Result<(), StageError> {
        while let Some(waiting) = &mut self.waiting {
            let next = (0..waiting.len())
                .filter_map(|at| {
                    let ahead = self.order.ahead(waiting[at].0);
                    // What is behind or far away by now is taken as well, to be left aside.
                    (force || ahead.is_none_or(|ahead| ahead == 0)).then_some((ahead, at))
                })
                .min();
            let Some((_, at)) = next else {
                return Ok(());
            };
            force = false;
            let (_, bytes) = waiting.swap_remove(at);
            if let Some(packet) = RtpPacket::parse(&bytes) {
                self.in_order(&packet)?;
            }
        }
        Ok(())
    }

    fn in_order(&mut self, packet: &RtpPacket<'_>) -> Result<(), StageError> {
        match self.order.take(packet.sequence) {
            Place::Next { missing: 0 } => {}
            Place::Next { missing } => self.lose(missing),
            // How many were lost cannot be known.
            Place::Anew => self.lose(1),
            Place::Late | Place::Jump => return Ok(()),
        }
        if packet.payload.is_empty() {
            return Ok(());
        }
        let step = self
            .assembly
            .push(packet.time, packet.marker, packet.payload);
        if let Some(picture) = step.before {
            self.take(picture)?;
        }
        if let Some(reason) = step.corrupt {
            self.corrupt(reason.to_owned());
        }
        if let Some(picture) = step.picture {
            self.take(picture)?;
        }
        Ok(())
    }

    fn lose(&mut self, packets: u16) {
        self.lost += u64::from(packets);
        self.assembly.lose();
    }

    fn corrupt(&mut self, reason: String) {
        self.report_loss();
        self.items.push_back(SourceItem::Corrupt { reason });
    }

    fn report_loss(&mut self) {
        if self.lost > 0 {
            self.items
                .push_back(SourceItem::Lost { packets: self.lost });
            self.lost = 0;
        }
    }

    /// Takes an RTCP packet.
    pub(super) fn rtcp(&mut self, bytes: &[u8]) {
        if !self.trust_camera_clock {
            return;
        }
        let Some(report) = rtcp::sender_report(bytes) else {
            return;
        };
        if self.sources.is_current(report.source) {
            self.report = Some(report);
        }
    }

    fn micros(&self, ticks: i64) -> i64 {
        let micros = i128::from(ticks) * 1_000_000 / i128::from(self.track.clock_hz);
        micros.clamp(i128::from(i64::MIN / 2), i128::from(i64::MAX / 2)) as i64
    }

    fn take(&mut self, picture: Picture) -> Result<(), StageError> {
        let data = Bytes::from(picture.data);
        let ticks = self.ticks.take(picture.time);
        let pts_micros = self.micros(ticks);
        if let Some(report) = self.report.take() {
            let at = self.micros(self.ticks.place(report.time));
            self.clock = report.wall_micros.map(|wall| (at, wall));
        }
        let Some(start) = self.announce(&data)? else {
            return Ok(());
        };
        self.pictures += 1;
        let key = self.entries.take(start, pts_micros);
        self.begun |= key;
        if !self.begun {
            return Ok(());
        }
        if self.entries.refreshes() && !self.refreshes {
            self.refreshes = true;
            self.items.push_back(SourceItem::Refreshes);
        }
        if self
            .last_micros
            .is_none_or(|last| pts_micros.abs_diff(last) > JUMP_MICROS)
        {
            self.times = DecodeTimes::new(self.reorder());
        }
        self.last_micros = Some(pts_micros);
        let camera_wall = self.clock.map(|(at, wall)| WallTime {
            micros: wall.saturating_add(pts_micros.saturating_sub(at)),
        });
        self.report_loss();
        let step_micros = self.step_micros();
        self.items.push_back(SourceItem::Packet(SourcePacket {
            dts_micros: self.times.next(pts_micros, step_micros),
            pts_micros,
            camera_wall,
            key,
            data,
        }));
        Ok(())
    }

    fn reorder(&self) -> Option<u32> {
        match &self.coded {
            Coded::Units(units) => units.sets.sequence()?.reorder,
            Coded::Jpeg { .. } => Some(0),
        }
    }

    fn step_micros(&self) -> i64 {
        let rate = match &self.coded {
            Coded::Units(units) => units.sets.sequence().and_then(|sequence| sequence.rate),
            Coded::Jpeg { .. } => None,
        };
        rate.map_or(STEP_MICROS, |rate| (1e6 / rate) as i64)
    }

    /// Announces what holds from this picture on, where it changed. Returns whether decoding can
    /// begin at it; `None` where it is of no use.
    fn announce(&mut self, data: &[u8]) -> Result<Option<Start>, StageError> {
        let seen = match &mut self.coded {
            Coded::Units(units) => units.see(self.track.codec, data)?,
            Coded::Jpeg { size } => see_jpeg(size, data)?,
        };
        match seen {
            Seen::Damaged(reason) => {
                self.corrupt(reason);
                Ok(None)
            }
            Seen::TooEarly => Ok(None),
            Seen::Picture { start, parameters } => {
                if let Some(parameters) = parameters {
                    self.times = DecodeTimes::new(self.reorder());
                    self.items.push_back(SourceItem::Parameters(parameters));
                }
                Ok(Some(start))
            }
        }
    }
}

/// What a picture turns out to be.
enum Seen {
    Picture {
        start: Start,
        /// What holds from it on, where it changed.
        parameters: Option<CodecParameters>,
    },
    /// Nothing is known yet that it could be decoded with.
    TooEarly,
    Damaged(String),
}

impl Units {
    fn see(&mut self, codec: Codec, data: &[u8]) -> Result<Seen, StageError> {
        let head = access_unit::head(codec, data);
        match self.sets.observe(&head) {
            Ok(parameters) => {
                if head.key {
                    self.bad_sets = 0;
                }
                if !self.sets.is_announced() {
                    return Ok(Seen::TooEarly);
                }
                Ok(Seen::Picture {
                    start: head.start(),
                    parameters,
                })
            }
            Err(StageError::Rejected(reason))
                if self.sets.is_announced() && self.bad_sets < BAD_SETS_MAX =>
            {
                self.bad_sets += 1;
                Ok(Seen::Damaged(reason))
            }
            Err(error) => Err(error),
        }
    }
}

fn see_jpeg(size: &mut Option<(u32, u32)>, data: &[u8]) -> Result<Seen, StageError> {
    let Some(found) = jpeg::size(data) else {
        return Ok(Seen::Damaged("not a JPEG picture".to_owned()));
    };
    sequence::check_size(found.0, found.1)?;
    let parameters = (*size != Some(found)).then(|| CodecParameters {
        codec: Codec::Mjpeg,
        parameter_sets: Bytes::new(),
        width: found.0,
        height: found.1,
        reordered: false,
    });
    *size = Some(found);
    Ok(Seen::Picture {
        start: Start::Key,
        parameters,
    })
}
