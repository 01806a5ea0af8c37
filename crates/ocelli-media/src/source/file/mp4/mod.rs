//! MP4 and its kin (ISO/IEC 14496-12), whole or in fragments.
//!
//! The first track of a codec that ocelli decodes is read; others are left aside. Memory holds the
//! sample tables as they stand in the file (at most [`TABLES_BYTES_MAX`]) and one sample. An edit
//! list moves the origin of time to where showing begins; pictures before it, which a decoder needs,
//! are given with negative times, and further edits are left aside: what was recorded is looked at.

mod boxes;
mod description;
mod fragment;
mod table;

use mp4_atom::{Elst, Hdlr, Mdhd, Tkhd, Trex};
use ocelli_core::{
    Packet, StageError,
    seam::{SourceItem, SourcePacket},
};

use self::{
    boxes::{BoxAt, Budget, child, children, unreadable},
    description::Description,
    fragment::Fragment,
    table::{Sample, Table},
};
use super::{
    coding::{Coding, Shaped},
    demux::Demux,
    input::Input,
};

/// The most bytes of all tables: some days of video.
const TABLES_BYTES_MAX: u64 = 40 * 1024 * 1024;
/// Boxes without a sample of ours in a row: more, and there is none.
const IDLE_BOXES_MAX: u32 = 100_000;
/// Samples without bytes in a row: more, and the tables are nonsense.
const EMPTY_SAMPLES_MAX: u32 = 100_000;

pub(super) struct Mp4 {
    input: Input,
    track: Track,
    table: Table,
    fragments: Option<Fragments>,
    coding: Option<(usize, Coding)>,
    waiting: Option<SourcePacket>,
    is_cut: bool,
}

struct Track {
    id: u32,
    ticks_per_sec: u32,
    /// The media time at which showing begins.
    origin: i64,
    descriptions: Vec<Description>,
    reordered: Option<bool>,
}

/// What comes after the tables of `moov`.
struct Fragments {
    defaults: Trex,
    /// Where the next box begins.
    at: u64,
    current: Option<Fragment>,
    decode: i64,
}

impl Mp4 {
    pub(super) fn open(input: Input) -> Result<Self, StageError> {
        let moov = find_moov(&input)?;
        let mut budget = Budget(TABLES_BYTES_MAX);
        let mut refused = None;
        let mut extends = None;
        let mut chosen = None;
        for at in children(&input, moov).map_err(unreadable)? {
            match &at.kind {
                b"trak" if chosen.is_none() => match read_track(&input, at, &mut budget)? {
                    Found::Track(track, stbl) => chosen = Some((track, stbl)),
                    Found::Unsupported(kind) => refused = Some(kind),
                    Found::NoVideo => {}
                },
                b"mvex" => extends = Some(at),
                _ => {}
            }
        }
        let Some((mut track, stbl)) = chosen else {
            return Err(StageError::Rejected(match refused {
                Some(kind) => format!(
                    "unsupported codec `{kind}` in the MP4 file: H.264, H.265 and MJPEG are decoded"
                ),
                None => "no video track in the MP4 file".to_owned(),
            }));
        };
        let table = Table::read(&input, stbl, &mut budget)?;
        let fragments = match extends {
            None => None,
            Some(mvex) => Some(Fragments {
                defaults: read_defaults(&input, mvex, track.id, &mut budget)?,
                at: moov.end,
                current: None,
                decode: 0,
            }),
        };
        if fragments.is_none() {
            track.reordered = Some(table.is_reordered());
        }
        Ok(Self {
            input,
            track,
            table,
            fragments,
            coding: None,
            waiting: None,
            is_cut: false,
        })
    }

    fn next_sample(&mut self) -> Result<Option<Sample>, StageError> {
        if let Some(sample) = self.table.next() {
            if let Some(fragments) = &mut self.fragments {
                fragments.decode = sample.decode;
            }
            return Ok(Some(sample));
        }
        match &mut self.fragments {
            None => Ok(None),
            Some(fragments) => fragments.next(&self.input, self.track.id),
        }
    }

    /// Makes a packet of a sample.
    fn take(&mut self, sample: Sample) -> Result<Shaped, StageError> {
        if sample.bytes as usize > Packet::BYTES_MAX {
            return Err(StageError::Corrupt(format!(
                "a sample of {} bytes, at most {} are taken",
                sample.bytes,
                Packet::BYTES_MAX
            )));
        }
        let bytes = self
            .input
            .take(sample.offset, sample.bytes as usize)
            .map_err(unreadable)?;
        let Some(bytes) = bytes else {
            self.is_cut = true;
            return Err(StageError::Corrupt(
                "the recording is cut off: the file ends before its last sample".to_owned(),
            ));
        };
        self.coding(sample.description)?.shape(bytes)
    }

    /// The coding of a sample entry; begun anew where it is another than before.
    fn coding(&mut self, index: usize) -> Result<&mut Coding, StageError> {
        let coding = match self.coding.take() {
            Some((current, coding)) if current == index => coding,
            _ => self.track.coding(index)?,
        };
        Ok(&mut self.coding.insert((index, coding)).1)
    }
}

impl Demux for Mp4 {
    fn next(&mut self) -> Result<Option<SourceItem>, StageError> {
        if let Some(packet) = self.waiting.take() {
            return Ok(Some(SourceItem::Packet(packet)));
        }
        if self.is_cut {
            return Ok(None);
        }
        let mut empty = 0;
        let sample = loop {
            match self.next_sample()? {
                None => return Ok(None),
                Some(sample) if sample.bytes > 0 => break sample,
                Some(_) if empty == EMPTY_SAMPLES_MAX => return Ok(None),
                Some(_) => empty += 1,
            }
        };
        let shaped = match self.take(sample) {
            Ok(shaped) => shaped,
            Err(StageError::Corrupt(reason)) => return Ok(Some(SourceItem::Corrupt { reason })),
            Err(other) => return Err(other),
        };
        let packet = SourcePacket {
            dts_micros: self.track.micros(sample.decode),
            pts_micros: self
                .track
                .micros(sample.decode.saturating_add(sample.show_after)),
            camera_wall: None,
            key: shaped.key,
            data: shaped.data,
        };
        if let Some(parameters) = shaped.parameters {
            self.waiting = Some(packet);
            return Ok(Some(SourceItem::Parameters(parameters)));
        }
        Ok(Some(SourceItem::Packet(packet)))
    }
}

impl Track {
    fn micros(&self, ticks: i64) -> i64 {
        let ticks = i128::from(ticks) - i128::from(self.origin);
        let micros = (ticks * 1_000_000).div_euclid(i128::from(self.ticks_per_sec));
        // Far beyond any recording.
        micros.clamp(i128::from(i64::MIN / 2), i128::from(i64::MAX / 2)) as i64
    }

    fn coding(&self, index: usize) -> Result<Coding, StageError> {
        match self.descriptions.get(index) {
            Some(Description::Units(record)) => {
                Coding::of_record(record).map(|coding| coding.reordered(self.reordered))
            }
            Some(Description::Jpeg) => Ok(Coding::Jpeg { size: None }),
            Some(Description::Unsupported(kind)) => Err(StageError::Corrupt(format!(
                "a sample of the unsupported codec `{kind}`"
            ))),
            None => Err(StageError::Corrupt(
                "a sample names a sample entry that is not there".to_owned(),
            )),
        }
    }
}

impl Fragments {
    fn next(&mut self, input: &Input, track: u32) -> Result<Option<Sample>, StageError> {
        let mut idle = 0;
        loop {
            if let Some(fragment) = &mut self.current {
                if let Some(sample) = fragment.next() {
                    return Ok(Some(sample));
                }
                self.decode = fragment.decode();
                self.current = None;
            }
            let Some(at) = boxes::next(input, self.at, input.length()).map_err(unreadable)? else {
                return Ok(None);
            };
            self.at = at.end;
            if at.kind == *b"moof" {
                self.current = Fragment::read(input, at, track, &self.defaults, self.decode)?;
            }
            idle += 1;
            if idle == IDLE_BOXES_MAX {
                return Ok(None);
            }
        }
    }
}

fn find_moov(input: &Input) -> Result<BoxAt, StageError> {
    let mut at = 0;
    for _ in 0..IDLE_BOXES_MAX {
        match boxes::next(input, at, input.length()).map_err(unreadable)? {
            Some(found) if found.kind == *b"moov" => {
                if found.is_cut {
                    break;
                }
                return Ok(found);
            }
            Some(other) => at = other.end,
            None => break,
        }
    }
    Err(StageError::Rejected(
        "the MP4 file has no index (`moov`): the recording was not finished".to_owned(),
    ))
}

enum Found {
    /// With its `stbl`.
    Track(Track, BoxAt),
    Unsupported(String),
    NoVideo,
}

fn read_track(input: &Input, trak: BoxAt, budget: &mut Budget) -> Result<Found, StageError> {
    let find = |parent, kind| child(input, parent, kind).map_err(unreadable);
    let Some(mdia) = find(trak, *b"mdia")? else {
        return Ok(Found::NoVideo);
    };
    let (Some(hdlr), Some(mdhd), Some(minf)) = (
        find(mdia, *b"hdlr")?,
        find(mdia, *b"mdhd")?,
        find(mdia, *b"minf")?,
    ) else {
        return Ok(Found::NoVideo);
    };
    if budget.leaf::<Hdlr>(input, hdlr)?.handler != b"vide".into() {
        return Ok(Found::NoVideo);
    }
    let Some(stbl) = find(minf, *b"stbl")? else {
        return Ok(Found::NoVideo);
    };
    let Some(stsd) = find(stbl, *b"stsd")? else {
        return Ok(Found::NoVideo);
    };
    let descriptions = description::read(&budget.body(input, stsd)?)?;
    if descriptions.iter().all(|entry| entry.codec().is_none()) {
        let kind = match descriptions.into_iter().next() {
            Some(Description::Unsupported(kind)) => kind,
            _ => "none".to_owned(),
        };
        return Ok(Found::Unsupported(kind));
    }
    let header: Mdhd = budget.leaf(input, mdhd)?;
    if header.timescale == 0 {
        return Err(StageError::Rejected(
            "the video track of the MP4 file has no time scale".to_owned(),
        ));
    }
    let id = match find(trak, *b"tkhd")? {
        Some(tkhd) => budget.leaf::<Tkhd>(input, tkhd)?.track_id,
        None => 0,
    };
    let track = Track {
        id,
        ticks_per_sec: header.timescale,
        origin: read_origin(input, trak, budget)?,
        descriptions,
        reordered: None,
    };
    Ok(Found::Track(track, stbl))
}

/// The media time of the first edit that shows something. An edit list that cannot be read moves
/// nothing.
fn read_origin(input: &Input, trak: BoxAt, budget: &mut Budget) -> Result<i64, StageError> {
    let Some(edts) = child(input, trak, *b"edts").map_err(unreadable)? else {
        return Ok(0);
    };
    let Some(elst) = child(input, edts, *b"elst").map_err(unreadable)? else {
        return Ok(0);
    };
    let body = budget.body(input, elst)?;
    let edits = boxes::decode::<Elst>(&body, elst.kind).map_or(Vec::new(), |list| list.entries);
    let first = edits.iter().find_map(|edit| edit.media_time);
    Ok(first.and_then(|time| i64::try_from(time).ok()).unwrap_or(0))
}

fn read_defaults(
    input: &Input,
    mvex: BoxAt,
    track: u32,
    budget: &mut Budget,
) -> Result<Trex, StageError> {
    for at in children(input, mvex).map_err(unreadable)? {
        if at.kind == *b"trex" {
            let defaults: Trex = budget.leaf(input, at)?;
            if defaults.track_id == track {
                return Ok(defaults);
            }
        }
    }
    Ok(Trex::default())
}
