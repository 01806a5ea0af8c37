//! NAL units and access units (ITU-T H.264 annex B and 7.4.1.2.3, H.265 annex B and 7.4.2.4.4).

use bytes::BytesMut;
use ocelli_core::{Codec, Packet, StageError};

/// Stands before each unit.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Where the next `00 00 01` stands, at or after `from`.
pub fn next_start(data: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at + 2 < data.len() {
        // The third byte decides how far the next candidate is.
        match data[at + 2] {
            0 => at += 1,
            1 if data[at] == 0 && data[at + 1] == 0 => return Some(at),
            _ => at += 3,
        }
    }
    None
}

/// The NAL units of `data`, without start codes and without the zero bytes after a unit. Bytes
/// before the first start code are not a unit.
pub fn units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = next_start(data, 0);
    std::iter::from_fn(move || {
        loop {
            let start = at? + 3;
            at = next_start(data, start);
            let mut unit = &data[start..at.unwrap_or(data.len())];
            while let [head @ .., 0] = unit {
                unit = head;
            }
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    })
}

/// What a NAL unit is, as far as a reader of streams has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    /// Coded picture data. `key`: decoding can start here; `first`: it begins a picture.
    Slice {
        /// Decoding can start here.
        key: bool,
        /// It begins a picture.
        first: bool,
    },
    /// A video, sequence or picture parameter set.
    ParameterSet,
    /// What can only stand before the first slice of a picture: delimiters, messages.
    Prefix,
    /// Anything else.
    Other,
}

/// Reads what `unit` is.
pub fn kind(codec: Codec, unit: &[u8]) -> UnitKind {
    let Some(&head) = unit.first() else {
        return UnitKind::Other;
    };
    match codec {
        Codec::H264 => match head & 0x1f {
            // `first_mb_in_slice` is 0 where its first bit is set.
            kind @ (1 | 2 | 5) => UnitKind::Slice {
                key: kind == 5,
                first: unit.get(1).is_some_and(|byte| byte & 0x80 != 0),
            },
            7 | 8 => UnitKind::ParameterSet,
            6 | 9 | 14..=18 => UnitKind::Prefix,
            _ => UnitKind::Other,
        },
        Codec::H265 => match (head >> 1) & 0x3f {
            // IRAP pictures: BLA, IDR, CRA.
            kind @ 0..=31 => UnitKind::Slice {
                key: (16..=21).contains(&kind),
                first: unit.get(2).is_some_and(|byte| byte & 0x80 != 0),
            },
            32..=34 => UnitKind::ParameterSet,
            35 | 39 | 41..=44 | 48..=55 => UnitKind::Prefix,
            _ => UnitKind::Other,
        },
        Codec::Mjpeg => UnitKind::Other,
    }
}

/// Replaces the lengths before each unit (ISO/IEC 14496-15) by start codes; lengths of three or
/// four bytes in place.
///
/// # Errors
/// [`StageError::Corrupt`] where a length leads outside.
pub fn from_lengths(mut sample: Vec<u8>, length_bytes: usize) -> Result<Vec<u8>, StageError> {
    let is_in_place = matches!(length_bytes, 3 | 4);
    let mut out = Vec::new();
    if !is_in_place {
        out.reserve(sample.len() + sample.len() / 8 + 16);
    }
    let mut at = 0;
    while at < sample.len() {
        let cut = || StageError::Corrupt("a unit's length leads outside of its sample".to_owned());
        let start = at + length_bytes;
        let written = sample.get_mut(at..start).ok_or_else(cut)?;
        let length = written
            .iter()
            .fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
        if is_in_place {
            written.copy_from_slice(&START_CODE[4 - length_bytes..]);
        }
        at = start.checked_add(length).ok_or_else(cut)?;
        let unit = sample.get(start..at).ok_or_else(cut)?;
        if !is_in_place && !unit.is_empty() {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(unit);
        }
    }
    Ok(if is_in_place { sample } else { out })
}

/// Cuts a byte stream into access units as its bytes arrive.
#[derive(Debug)]
pub struct AccessUnits {
    codec: Codec,
    buffer: BytesMut,
    /// Up to here start codes have been looked for.
    searched: usize,
    has_slice: bool,
}

impl AccessUnits {
    /// Begins with nothing.
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            buffer: BytesMut::new(),
            searched: 0,
            has_slice: false,
        }
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole access unit; with `at_end` what is left is one too.
    ///
    /// # Errors
    /// [`StageError::Corrupt`] where an access unit is longer than a packet may be; its bytes are
    /// dropped.
    pub fn next_unit(&mut self, at_end: bool) -> Result<Option<BytesMut>, StageError> {
        while let Some(start) = next_start(&self.buffer, self.searched) {
            // What a unit is stands in the first bytes after its start code.
            if start + 6 > self.buffer.len() && !at_end {
                break;
            }
            let begins = match kind(self.codec, &self.buffer[start + 3..]) {
                UnitKind::Slice { first, .. } => first,
                UnitKind::ParameterSet | UnitKind::Prefix => true,
                UnitKind::Other => false,
            };
            if begins && self.has_slice {
                // A start code of four bytes belongs to what follows it.
                let cut = if start > 0 && self.buffer[start - 1] == 0 {
                    start - 1
                } else {
                    start
                };
                self.has_slice = false;
                self.searched = 0;
                let unit = self.buffer.split_to(cut);
                return within_limit(unit).map(Some);
            }
            self.has_slice |= matches!(
                kind(self.codec, &self.buffer[start + 3..]),
                UnitKind::Slice { .. }
            );
            self.searched = start + 3;
        }
        if at_end {
            self.searched = 0;
            self.has_slice = false;
            let rest = self.buffer.split();
            return if rest.is_empty() {
                Ok(None)
            } else {
                within_limit(rest).map(Some)
            };
        }
        if self.buffer.len() > Packet::BYTES_MAX {
            self.buffer.clear();
            self.searched = 0;
            self.has_slice = false;
            return Err(too_long());
        }
        Ok(None)
    }
}

fn within_limit(unit: BytesMut) -> Result<BytesMut, StageError> {
    if unit.len() > Packet::BYTES_MAX {
        return Err(too_long());
    }
    Ok(unit)
}

fn too_long() -> StageError {
    StageError::Corrupt(format!(
        "a coded picture of more than {} bytes",
        Packet::BYTES_MAX
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(head: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = START_CODE.to_vec();
        bytes.push(head);
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn access_units_begin_with_what_belongs_to_them() {
        // Parameter sets, a picture of two slices, a message and a picture.
        let first = [
            unit(0x67, &[1, 2]),
            unit(0x68, &[3]),
            unit(0x65, &[0x88, 9]),
            unit(0x65, &[0x08, 9]),
        ]
        .concat();
        let second = [unit(0x06, &[5, 1, 0, 0x80]), unit(0x41, &[0x9a, 7])].concat();
        let all = [first.clone(), second.clone()].concat();
        for step in [1, 3, 7, all.len()] {
            let mut units = AccessUnits::new(Codec::H264);
            let mut found = Vec::new();
            for bytes in all.chunks(step) {
                units.push(bytes);
                while let Some(unit) = units.next_unit(false).unwrap() {
                    found.push(unit.to_vec());
                }
            }
            while let Some(unit) = units.next_unit(true).unwrap() {
                found.push(unit.to_vec());
            }
            assert_eq!(found, [first.clone(), second.clone()], "in steps of {step}");
        }
    }

    #[test]
    fn lengths_become_start_codes() {
        for length_bytes in 1..=4 {
            let length = |length: u8| [&[0; 3][..length_bytes - 1], &[length]].concat();
            let sample = [length(2), vec![7, 8], length(1), vec![9]].concat();
            let stream = from_lengths(sample, length_bytes).unwrap();
            let found: Vec<&[u8]> = units(&stream).collect();
            assert_eq!(found, [&[7, 8][..], &[9]], "{length_bytes}");
            assert!(from_lengths([length(9), vec![7]].concat(), length_bytes).is_err());
        }
        assert!(from_lengths(vec![0, 0], 4).is_err());
        assert!(from_lengths(vec![0xff; 9], 4).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_are_lost_and_nothing_panics(
            bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0x65), Just(0x41), any::<u8>()], 0..400),
            step in 1_usize..50,
            hevc in any::<bool>(),
        ) {
            let codec = if hevc { Codec::H265 } else { Codec::H264 };
            let mut units = AccessUnits::new(codec);
            let mut joined = Vec::new();
            for bytes in bytes.chunks(step) {
                units.push(bytes);
                while let Some(unit) = units.next_unit(false).unwrap() {
                    joined.extend_from_slice(&unit);
                }
            }
            while let Some(unit) = units.next_unit(true).unwrap() {
                joined.extend_from_slice(&unit);
            }
            prop_assert_eq!(joined, bytes);
        }
    }
}
