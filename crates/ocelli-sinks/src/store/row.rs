//! One event as a row: a key that sorts, the tag, and a body of about 15 bytes that ends with a
//! checksum over all of it.
//!
//! Every number is kept as it came. The common ones (a score in thousandths, a box in
//! ten-thousandths or on the grid) take few bytes; any other value is kept in full.

use ocelli_core::{
    Direction, EventKind, EventRecord, GoneReason, Label, Tag, WallSource, WallTime,
};

use super::{
    code::{self, Unknown},
    position::Cells,
    varint::{Bytes, put, put_signed, put_text},
};

/// Where a row stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Number of the stream in the file's dictionary.
    pub(crate) stream: u32,
    /// Milliseconds since the file's period began.
    pub(crate) at: u32,
    /// Number of the epoch in the file's dictionary.
    pub(crate) epoch: u32,
    /// The event's number in its epoch.
    pub(crate) number: u64,
}

/// What a row says beyond its key and tag.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Body {
    pub(crate) kind: EventKind,
    pub(crate) label: Option<Label>,
    pub(crate) score: f32,
    pub(crate) bbox: [f32; 4],
    pub(crate) coverage: f32,
    pub(crate) time_source: WallSource,
    pub(crate) media_secs: f64,
    /// Number of the rule's name in the file's dictionary.
    pub(crate) rule: Option<u32>,
    pub(crate) place: Option<u32>,
    pub(crate) reason: Option<GoneReason>,
    pub(crate) direction: Option<Direction>,
    pub(crate) dwell_secs: Option<f32>,
    pub(crate) speed_kmh: Option<f32>,
    pub(crate) count: Option<u32>,
    pub(crate) count_out: Option<u32>,
    pub(crate) appeared_inside: bool,
    /// The record's time, where it is not the row's.
    pub(crate) time: Option<String>,
    /// The record's tag, where it is not one of ours.
    pub(crate) odd_tag: Option<String>,
}

const SCORE_IN_FULL: u8 = 1;
const BOX_FINE: u8 = 1 << 1;
const BOX_IN_FULL: u8 = 1 << 2;
const COVERAGE_PART: u8 = 1 << 3;
const COVERAGE_IN_FULL: u8 = 1 << 4;
const CAMERA_TIME: u8 = 1 << 5;
const MORE: u8 = 1 << 6;
const MEDIA_IN_FULL: u8 = 1 << 7;

const HAS_RULE: u16 = 1;
const HAS_PLACE: u16 = 1 << 1;
const HAS_DWELL: u16 = 1 << 2;
const DWELL_IN_FULL: u16 = 1 << 3;
const HAS_SPEED: u16 = 1 << 4;
const SPEED_IN_FULL: u16 = 1 << 5;
const HAS_COUNT: u16 = 1 << 6;
const HAS_COUNT_OUT: u16 = 1 << 7;
const HAS_TIME: u16 = 1 << 8;
const HAS_ODD_TAG: u16 = 1 << 9;
const REASON_AT: u32 = 10;
const DIRECTION_AT: u32 = 13;
const APPEARED_INSIDE: u16 = 1 << 15;

/// Bytes of the checksum at the end of a body.
pub(crate) const SUM_BYTES: usize = 4;

impl Body {
    /// The body of a record that is filed at `at_ms` (since 1970), with its names as numbers.
    pub(crate) fn of(
        record: &EventRecord,
        at_ms: i64,
        rule: Option<u32>,
        place: Option<u32>,
    ) -> Self {
        let ours = record
            .tag
            .as_deref()
            .is_none_or(|tag| plain_tag(tag).is_some());
        Self {
            kind: record.kind,
            label: record.label,
            score: record.score,
            bbox: record.bbox,
            coverage: record.coverage,
            time_source: record.time_source,
            media_secs: record.media_secs,
            rule,
            place,
            reason: record.reason,
            direction: record.direction,
            dwell_secs: record.dwell_secs,
            speed_kmh: record.speed_kmh,
            count: record.count,
            count_out: record.count_out,
            appeared_inside: record.appeared_inside,
            time: (record.time != rfc3339(at_ms)).then(|| record.time.clone()),
            odd_tag: if ours { None } else { record.tag.clone() },
        }
    }

    /// Writes the body with its checksum.
    pub(crate) fn write(&self, key: &Key, tag: Option<u64>, out: &mut Vec<u8>) {
        out.clear();
        put(
            out,
            u64::from(code::of_kind(self.kind)) << 5 | u64::from(code::of_label(self.label)),
        );
        let flags_at = out.len();
        out.push(0);
        let mut flags = 0;
        flags |= self.write_score(out);
        flags |= self.write_box(out);
        flags |= self.write_coverage(out);
        if self.time_source == WallSource::Camera {
            flags |= CAMERA_TIME;
        }
        let millis = (self.media_secs * 1e3).round() as i64;
        if (millis as f64 / 1e3).to_bits() == self.media_secs.to_bits() {
            put_signed(out, millis);
        } else {
            flags |= MEDIA_IN_FULL;
            out.extend_from_slice(&self.media_secs.to_le_bytes());
        }
        if self.write_more(out) {
            flags |= MORE;
        }
        if let Some(place) = out.get_mut(flags_at) {
            *place = flags;
        }
        let sum = checksum(key, tag, out);
        out.extend_from_slice(&sum.to_le_bytes());
    }

    fn write_score(&self, out: &mut Vec<u8>) -> u8 {
        if let Some(steps) = steps(self.score, 1e3) {
            put(out, steps);
            return 0;
        }
        out.extend_from_slice(&self.score.to_le_bytes());
        SCORE_IN_FULL
    }

    fn write_box(&self, out: &mut Vec<u8>) -> u8 {
        let cells = Cells::around(self.bbox);
        if cells.bbox().map(f32::to_bits) == self.bbox.map(f32::to_bits) {
            out.extend_from_slice(&cells.pack());
            return 0;
        }
        let fine = self
            .bbox
            .map(|side| steps(side, 1e4).and_then(|steps| u16::try_from(steps).ok()));
        if let [Some(x), Some(y), Some(w), Some(h)] = fine {
            for side in [x, y, w, h] {
                out.extend_from_slice(&side.to_le_bytes());
            }
            return BOX_FINE;
        }
        for side in self.bbox {
            out.extend_from_slice(&side.to_le_bytes());
        }
        BOX_IN_FULL
    }

    fn write_coverage(&self, out: &mut Vec<u8>) -> u8 {
        if self.coverage.to_bits() == 1.0_f32.to_bits() {
            return 0;
        }
        if let Some(steps) = steps(self.coverage, 1e3) {
            put(out, steps);
            return COVERAGE_PART;
        }
        out.extend_from_slice(&self.coverage.to_le_bytes());
        COVERAGE_IN_FULL
    }

    /// What only some kinds of event say. Whether there was any of it.
    fn write_more(&self, out: &mut Vec<u8>) -> bool {
        let dwell = self.dwell_secs.map(|secs| (secs, steps(secs, 1e2)));
        let speed = self.speed_kmh.map(|speed| (speed, steps(speed, 1e1)));
        let mut flags = u16::from(code::of_reason(self.reason)) << REASON_AT
            | u16::from(code::of_direction(self.direction)) << DIRECTION_AT;
        for (has, flag) in [
            (self.rule.is_some(), HAS_RULE),
            (self.place.is_some(), HAS_PLACE),
            (dwell.is_some(), HAS_DWELL),
            (matches!(dwell, Some((_, None))), DWELL_IN_FULL),
            (speed.is_some(), HAS_SPEED),
            (matches!(speed, Some((_, None))), SPEED_IN_FULL),
            (self.count.is_some(), HAS_COUNT),
            (self.count_out.is_some(), HAS_COUNT_OUT),
            (self.time.is_some(), HAS_TIME),
            (self.odd_tag.is_some(), HAS_ODD_TAG),
            (self.appeared_inside, APPEARED_INSIDE),
        ] {
            if has {
                flags |= flag;
            }
        }
        if flags == 0 {
            return false;
        }
        out.extend_from_slice(&flags.to_le_bytes());
        for number in [self.rule, self.place].into_iter().flatten() {
            put(out, u64::from(number));
        }
        for (value, steps) in [dwell, speed].into_iter().flatten() {
            match steps {
                Some(steps) => put(out, steps),
                None => out.extend_from_slice(&value.to_le_bytes()),
            }
        }
        for number in [self.count, self.count_out].into_iter().flatten() {
            put(out, u64::from(number));
        }
        for text in [&self.time, &self.odd_tag].into_iter().flatten() {
            put_text(out, text);
        }
        true
    }

    /// Reads a body whose checksum holds. `None`: it does not, or says what this version does
    /// not know.
    pub(crate) fn read(key: &Key, tag: Option<u64>, bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
        if checksum(key, tag, body).to_le_bytes() != sum {
            return None;
        }
        let mut bytes = Bytes(body);
        let head = bytes.varint()?;
        let flags = bytes.byte()?;
        let kind = code::kind(u8::try_from(head >> 5).ok()?)?;
        let label = code::label((head & 31) as u8).ok()?;
        let score = read_number(&mut bytes, flags & SCORE_IN_FULL != 0, 1e3)?;
        let bbox = read_box(&mut bytes, flags)?;
        let coverage = match flags & (COVERAGE_PART | COVERAGE_IN_FULL) {
            0 => 1.0,
            coverage => read_number(&mut bytes, coverage == COVERAGE_IN_FULL, 1e3)?,
        };
        let media_secs = if flags & MEDIA_IN_FULL == 0 {
            bytes.signed()? as f64 / 1e3
        } else {
            f64::from_le_bytes(bytes.array()?)
        };
        let more = if flags & MORE == 0 {
            0
        } else {
            u16::from_le_bytes(bytes.array()?)
        };
        let has = |flag| more & flag != 0;
        let (rule, place) = (
            read_if(has(HAS_RULE), || bytes.varint_u32()).ok()?,
            read_if(has(HAS_PLACE), || bytes.varint_u32()).ok()?,
        );
        let read = Self {
            kind,
            label,
            score,
            bbox,
            coverage,
            time_source: if flags & CAMERA_TIME == 0 {
                WallSource::Receive
            } else {
                WallSource::Camera
            },
            media_secs,
            rule,
            place,
            reason: code::reason((more >> REASON_AT & 7) as u8).ok()?,
            direction: code::direction((more >> DIRECTION_AT & 3) as u8).ok()?,
            dwell_secs: read_if(has(HAS_DWELL), || {
                read_number(&mut bytes, has(DWELL_IN_FULL), 1e2)
            })
            .ok()?,
            speed_kmh: read_if(has(HAS_SPEED), || {
                read_number(&mut bytes, has(SPEED_IN_FULL), 1e1)
            })
            .ok()?,
            count: read_if(has(HAS_COUNT), || bytes.varint_u32()).ok()?,
            count_out: read_if(has(HAS_COUNT_OUT), || bytes.varint_u32()).ok()?,
            appeared_inside: has(APPEARED_INSIDE),
            time: read_if(has(HAS_TIME), || bytes.text().map(str::to_owned)).ok()?,
            odd_tag: read_if(has(HAS_ODD_TAG), || bytes.text().map(str::to_owned)).ok()?,
        };
        bytes.0.is_empty().then_some(read)
    }
}

/// The tag as a number, if writing it again gives the same text.
pub(crate) fn plain_tag(text: &str) -> Option<u64> {
    text.parse::<Tag>().ok().map(|Tag(number)| number)
}

pub(crate) fn rfc3339(ms: i64) -> String {
    let micros = ms.saturating_mul(1000);
    WallTime { micros }.to_rfc3339()
}

/// How many steps of `1 / per_one` a number is, if it is just that many.
fn steps(value: f32, per_one: f64) -> Option<u64> {
    let steps = (f64::from(value) * per_one).round();
    let fits =
        (0.0..=4e9).contains(&steps) && number(steps as u64, per_one).to_bits() == value.to_bits();
    fits.then_some(steps as u64)
}

fn number(steps: u64, per_one: f64) -> f32 {
    (steps as f64 / per_one) as f32
}

fn read_number(bytes: &mut Bytes<'_>, in_full: bool, per_one: f64) -> Option<f32> {
    if in_full {
        return bytes.array().map(f32::from_le_bytes);
    }
    bytes.varint().map(|steps| number(steps, per_one))
}

fn read_box(bytes: &mut Bytes<'_>, flags: u8) -> Option<[f32; 4]> {
    match flags & (BOX_FINE | BOX_IN_FULL) {
        0 => bytes.array().map(|packed| Cells::unpack(packed).bbox()),
        BOX_FINE => {
            let mut bbox = [0.0; 4];
            for side in &mut bbox {
                *side = number(u64::from(u16::from_le_bytes(bytes.array()?)), 1e4);
            }
            Some(bbox)
        }
        _ => {
            let mut bbox = [0.0; 4];
            for side in &mut bbox {
                *side = f32::from_le_bytes(bytes.array()?);
            }
            Some(bbox)
        }
    }
}

/// Reads what may be there.
fn read_if<T>(there: bool, read: impl FnOnce() -> Option<T>) -> Result<Option<T>, Unknown> {
    if there {
        read().map(Some).ok_or(Unknown)
    } else {
        Ok(None)
    }
}

/// CRC-32 over a row: one flipped bit, or all of them in 32 neighbours, is always seen.
fn checksum(key: &Key, tag: Option<u64>, body: &[u8]) -> u32 {
    let mut fixed = [0; 29];
    let (stream, rest) = fixed.split_at_mut(4);
    stream.copy_from_slice(&key.stream.to_le_bytes());
    let (at, rest) = rest.split_at_mut(4);
    at.copy_from_slice(&key.at.to_le_bytes());
    let (epoch, rest) = rest.split_at_mut(4);
    epoch.copy_from_slice(&key.epoch.to_le_bytes());
    let (number, rest) = rest.split_at_mut(8);
    number.copy_from_slice(&key.number.to_le_bytes());
    if let Some(number) = tag
        && let Some((has, value)) = rest.split_first_mut()
    {
        *has = 1;
        value.copy_from_slice(&number.to_le_bytes());
    }
    let mut sum = crc32fast::Hasher::new();
    sum.update(&fixed);
    sum.update(body);
    sum.finalize()
}

#[cfg(test)]
mod tests;
