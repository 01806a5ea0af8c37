//! Matroska and `WebM` (RFC 9559), read forwards from cluster to cluster: neither cues nor seek heads
//! are needed, and recordings that were not finished are read as far as they go.
//!
//! Memory holds the tracks (at most [`HEAD_BYTES_MAX`]) and one picture. Matroska says when pictures
//! are shown alone; when they are decoded is worked out from that.

mod ebml;
mod track;

use std::io;

use ocelli_core::{
    Packet, StageError,
    seam::{SourceItem, SourcePacket},
};

use self::{
    ebml::{Element, Headers, unsigned},
    track::Track,
};
use super::{demux::Demux, input::Input};
use crate::bitstream::decode_times::DecodeTimes;

/// The most bytes of the elements that describe the recording.
const HEAD_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Elements in a row without a picture: more, and there is none.
const IDLE_ELEMENTS_MAX: u32 = 1_000_000;
/// A time in the file is this many nanoseconds, unless it says something else.
const SCALE_NANOS: u64 = 1_000_000;
/// From picture to picture, where nothing says how long.
const STEP_MICROS: i64 = 40_000;
/// Bytes that are searched at a time for a place to go on at.
const SEARCH_BYTES: usize = 64 * 1024;

mod id {
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const INFO: u32 = 0x1549_a966;
    pub(super) const SCALE: u32 = 0x002a_d7b1;
    pub(super) const TRACKS: u32 = 0x1654_ae6b;
    pub(super) const CLUSTER: u32 = 0x1f43_b675;
    pub(super) const CLUSTER_TIME: u32 = 0xe7;
    pub(super) const BLOCK_GROUP: u32 = 0xa0;
    pub(super) const BLOCK: u32 = 0xa1;
    pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
}

pub(super) struct Matroska {
    input: Input,
    headers: Headers,
    /// Where the next element begins.
    at: u64,
    track: Track,
    scale_nanos: u64,
    cluster_time: u64,
    times: Option<DecodeTimes>,
    waiting: Option<SourcePacket>,
}

impl Matroska {
    pub(super) fn open(input: Input) -> Result<Self, StageError> {
        let mut headers = Headers::new();
        let (mut at, mut scale_nanos, mut tracks) = (0, SCALE_NANOS, None);
        for _ in 0..IDLE_ELEMENTS_MAX {
            let Some(element) = headers.at(&input, at).map_err(unreadable)? else {
                break;
            };
            match element.id {
                id::SEGMENT => at = element.start,
                id::CLUSTER => break,
                id::INFO | id::TRACKS => {
                    let body = head_body(&input, element)?;
                    if element.id == id::TRACKS {
                        tracks = Some(Track::choose(&body)?);
                    } else if let Some(scale) = track::number(&body, id::SCALE) {
                        scale_nanos = scale.max(1);
                    }
                    at = element.start + body.len() as u64;
                }
                _ => match element.bytes {
                    Some(bytes) => at = element.start.saturating_add(bytes),
                    None => break,
                },
            }
        }
        let track = tracks.ok_or_else(|| {
            StageError::Rejected("the Matroska file describes no tracks".to_owned())
        })?;
        Ok(Self {
            input,
            headers,
            at,
            track,
            scale_nanos,
            cluster_time: 0,
            times: None,
            waiting: None,
        })
    }

    /// The next block that is the track's: its time, and where its frame stands.
    fn next_frame(&mut self) -> Result<Option<Frame>, StageError> {
        for _ in 0..IDLE_ELEMENTS_MAX {
            if self.at >= self.input.length() {
                return Ok(None);
            }
            let Some(element) = self.headers.at(&self.input, self.at).map_err(unreadable)? else {
                return self.search();
            };
            let end = element
                .bytes
                .and_then(|bytes| element.start.checked_add(bytes));
            match (element.id, end) {
                // What stands in them is read as what follows them.
                (id::SEGMENT | id::CLUSTER | id::BLOCK_GROUP, _) => self.at = element.start,
                (id::CLUSTER_TIME, Some(end)) if end - element.start <= 8 => {
                    let length = (end - element.start) as usize;
                    let body = self
                        .headers
                        .bytes(&self.input, element.start, length)
                        .map_err(unreadable)?;
                    self.cluster_time = unsigned(body).unwrap_or(0);
                    self.at = end;
                }
                (id::BLOCK | id::SIMPLE_BLOCK, Some(end)) => {
                    self.at = end;
                    if let Some(frame) = self.frame(element.start, end)? {
                        return Ok(Some(frame));
                    }
                }
                (_, Some(end)) => self.at = end,
                (_, None) => return self.search(),
            }
        }
        Ok(None)
    }

    /// Reads the head of a block (10.1); `None` where it is of another track.
    fn frame(&mut self, start: u64, end: u64) -> Result<Option<Frame>, StageError> {
        let head = self
            .headers
            .bytes(&self.input, start, 11)
            .map_err(unreadable)?;
        let Some((number, number_bytes)) = ebml::number(head) else {
            return Ok(Some(Frame::Damaged("a block without a head")));
        };
        if number != self.track.number {
            return Ok(None);
        }
        let Some(&[high, low, flags]) = head[number_bytes..].first_chunk::<3>() else {
            return Ok(Some(Frame::Damaged("a block that is cut")));
        };
        if flags & 0x06 != 0 {
            return Ok(Some(Frame::Damaged("several pictures in one block")));
        }
        let start = start + number_bytes as u64 + 3;
        let Some(bytes) = end.checked_sub(start) else {
            return Ok(Some(Frame::Damaged(
                "a block that is shorter than its head",
            )));
        };
        let time = i128::from(self.cluster_time) + i128::from(i16::from_be_bytes([high, low]));
        let micros = (time * i128::from(self.scale_nanos)).div_euclid(1000);
        Ok(Some(Frame::At {
            start,
            bytes,
            // Far beyond any recording.
            pts_micros: micros.clamp(i128::from(i64::MIN / 2), i128::from(i64::MAX / 2)) as i64,
        }))
    }

    /// What stands here is no element: goes on at the next cluster.
    fn search(&mut self) -> Result<Option<Frame>, StageError> {
        let wanted = id::CLUSTER.to_be_bytes();
        let mut buffer = vec![0; SEARCH_BYTES];
        let mut at = self.at + 1;
        loop {
            let read = self.input.read_at(at, &mut buffer).map_err(unreadable)?;
            let found = buffer[..read]
                .windows(wanted.len())
                .position(|window| window == wanted);
            if let Some(found) = found {
                self.at = at + found as u64;
                return Ok(Some(Frame::Damaged("bytes that are no element")));
            }
            if read < buffer.len() {
                self.at = self.input.length();
                return Ok(Some(Frame::Damaged("the recording is cut off or damaged")));
            }
            at += (read - wanted.len() + 1) as u64;
        }
    }

    fn take(&mut self, start: u64, bytes: u64, pts_micros: i64) -> Result<SourceItem, StageError> {
        if bytes > Packet::BYTES_MAX as u64 {
            return Err(StageError::Corrupt(format!(
                "a picture of {bytes} bytes, at most {} are taken",
                Packet::BYTES_MAX
            )));
        }
        let frame = self
            .input
            .take(start, bytes as usize)
            .map_err(unreadable)?
            .ok_or_else(|| {
                StageError::Corrupt("the recording is cut off within a picture".to_owned())
            })?;
        let frame = if self.track.stripped.is_empty() {
            frame
        } else {
            [&self.track.stripped[..], &frame].concat()
        };
        let shaped = self.track.coding.shape(frame)?;
        let sequence = self.track.coding.sequence();
        let (reorder, rate) = match sequence {
            Some(sequence) => (sequence.reorder, sequence.rate),
            None => (Some(0), None),
        };
        let step_micros = match (self.track.step_nanos, rate) {
            (Some(nanos), _) => i64::try_from(nanos / 1000).unwrap_or(STEP_MICROS),
            (None, Some(rate)) => (1e6 / rate) as i64,
            (None, None) => STEP_MICROS,
        };
        let times = self.times.get_or_insert_with(|| DecodeTimes::new(reorder));
        let packet = SourcePacket {
            dts_micros: times.next(pts_micros, step_micros),
            pts_micros,
            camera_wall: None,
            key: shaped.key,
            data: shaped.data,
        };
        Ok(match shaped.parameters {
            Some(parameters) => {
                self.waiting = Some(packet);
                SourceItem::Parameters(parameters)
            }
            None => SourceItem::Packet(packet),
        })
    }
}

/// What a block holds.
enum Frame {
    At {
        start: u64,
        bytes: u64,
        pts_micros: i64,
    },
    Damaged(&'static str),
}

impl Demux for Matroska {
    fn next(&mut self) -> Result<Option<SourceItem>, StageError> {
        if let Some(packet) = self.waiting.take() {
            return Ok(Some(SourceItem::Packet(packet)));
        }
        let corrupt = |reason: String| Ok(Some(SourceItem::Corrupt { reason }));
        match self.next_frame()? {
            None => Ok(None),
            Some(Frame::Damaged(reason)) => corrupt(reason.to_owned()),
            Some(Frame::At {
                start,
                bytes,
                pts_micros,
            }) => match self.take(start, bytes, pts_micros) {
                Ok(item) => Ok(Some(item)),
                Err(StageError::Corrupt(reason)) => corrupt(reason),
                Err(other) => Err(other),
            },
        }
    }
}

fn head_body(input: &Input, element: Element) -> Result<Vec<u8>, StageError> {
    let bytes = element
        .bytes
        .filter(|&bytes| bytes <= HEAD_BYTES_MAX)
        .ok_or_else(|| {
            StageError::Rejected("the description of the Matroska file is too long".to_owned())
        })?;
    input
        .take(element.start, bytes as usize)
        .map_err(unreadable)?
        .ok_or_else(|| StageError::Rejected("the Matroska file is cut off".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn unreadable(error: io::Error) -> StageError {
    StageError::Unavailable(error.to_string())
}
