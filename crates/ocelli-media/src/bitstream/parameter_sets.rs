//! The parameter sets of a stream, as its packets go by.

use bytes::{BufMut as _, Bytes, BytesMut};
use ocelli_core::{Codec, CodecParameters, StageError};

use super::{
    access_unit::Head,
    annexb::{self, START_CODE},
    bits::Bits,
    sequence::{self, Sequence},
};

/// The most bytes of all parameter sets together; the wire takes a little more.
pub const BYTES_MAX: usize = 60 * 1024;

/// The parameter sets of one H.264 or H.265 stream, newest of each identifier.
#[derive(Debug, Clone)]
pub struct ParameterSets {
    codec: Codec,
    sets: Vec<Set>,
    sequence: Option<Sequence>,
    /// Something differs from what was announced last.
    changed: bool,
    /// They have been announced once.
    announced: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Set {
    kind: Kind,
    id: u32,
    unit: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Video,
    Sequence,
    Picture,
}

impl ParameterSets {
    /// Begins without any.
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            sets: Vec::new(),
            sequence: None,
            changed: false,
            announced: false,
        }
    }

    /// Begins with those that a container or a session description holds, without start codes.
    ///
    /// # Errors
    /// [`StageError::Rejected`] as [`Self::observe`].
    pub fn with<'a>(
        codec: Codec,
        units: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, StageError> {
        let mut sets = Self::new(codec);
        for unit in units {
            sets.take(unit)?;
        }
        Ok(sets)
    }

    /// What the last sequence parameter set says; `None` before the first.
    pub fn sequence(&self) -> Option<&Sequence> {
        self.sequence.as_ref()
    }

    /// Whether parameters have been returned once: before, no picture can be decoded.
    pub fn is_announced(&self) -> bool {
        self.announced
    }

    /// A picture parameter set, without start code.
    pub fn picture_set(&self, id: u32) -> Option<&[u8]> {
        self.sets
            .iter()
            .find(|set| set.kind == Kind::Picture && set.id == id)
            .map(|set| &set.unit[..])
    }

    /// Takes the sets of the next access unit. Returns the parameters that hold from it on, where
    /// they are complete and differ from those returned before; after the first time only at key
    /// pictures, for no others may change them.
    ///
    /// # Errors
    /// [`StageError::Rejected`] for a sequence parameter set that cannot be read, a size that is not
    /// decoded, or more than [`BYTES_MAX`] bytes.
    pub fn observe(&mut self, head: &Head<'_>) -> Result<Option<CodecParameters>, StageError> {
        for unit in &head.sets {
            self.take(unit)?;
        }
        if self.changed && (head.key || !self.announced) {
            return Ok(self.announce());
        }
        Ok(None)
    }

    /// The parameters as they are now; `None` until a sequence and a picture parameter set are
    /// known.
    pub fn announce(&mut self) -> Option<CodecParameters> {
        let sequence = self.sequence?;
        if !self.sets.iter().any(|set| set.kind == Kind::Picture) {
            return None;
        }
        self.changed = false;
        self.announced = true;
        let mut parameter_sets = BytesMut::new();
        for set in &self.sets {
            parameter_sets.put_slice(&START_CODE);
            parameter_sets.put_slice(&set.unit);
        }
        Some(CodecParameters {
            codec: self.codec,
            parameter_sets: parameter_sets.freeze(),
            width: sequence.width,
            height: sequence.height,
            reordered: sequence.is_reordered(),
        })
    }

    fn take(&mut self, unit: &[u8]) -> Result<(), StageError> {
        let Some((kind, id)) = identify(self.codec, unit) else {
            return Ok(());
        };
        let at = self
            .sets
            .iter()
            .position(|set| set.kind == kind && set.id == id);
        if at.is_some_and(|at| self.sets[at].unit == unit) {
            return Ok(());
        }
        if kind == Kind::Sequence {
            self.sequence = Some(sequence::read(self.codec, unit)?);
        }
        let set = Set {
            kind,
            id,
            unit: Bytes::copy_from_slice(unit),
        };
        if let Some(at) = at {
            self.sets[at] = set;
        } else {
            // Video before sequence before picture.
            let at = self.sets.partition_point(|before| before.kind <= kind);
            self.sets.insert(at, set);
        }
        let bytes: usize = self
            .sets
            .iter()
            .map(|set| START_CODE.len() + set.unit.len())
            .sum();
        if bytes > BYTES_MAX {
            return Err(StageError::Rejected(format!(
                "parameter sets of {bytes} bytes, at most {BYTES_MAX} are taken"
            )));
        }
        self.changed = true;
        Ok(())
    }
}

/// Kind and identifier of a parameter set; `None` where it is another unit, or cut.
fn identify(codec: Codec, unit: &[u8]) -> Option<(Kind, u32)> {
    match codec {
        Codec::H264 => match unit.first()? & 0x1f {
            7 => Some((Kind::Sequence, Bits::of_unit(unit, 4).ue()?)),
            8 => Some((Kind::Picture, Bits::of_unit(unit, 1).ue()?)),
            _ => None,
        },
        Codec::H265 => {
            let bits = &mut Bits::of_unit(unit, 2);
            match (unit.first()? >> 1) & 0x3f {
                32 => Some((Kind::Video, bits.number(4)?)),
                33 => Some((Kind::Sequence, sequence::h265_id(bits)?)),
                34 => Some((Kind::Picture, bits.ue()?)),
                _ => None,
            }
        }
        Codec::Mjpeg => None,
    }
}

/// The parameters of a stream, from parameter sets in Annex B form.
///
/// # Errors
/// [`StageError::Rejected`] where they are not complete, cannot be read, or the size is not decoded.
pub fn parameters(codec: Codec, parameter_sets: &[u8]) -> Result<CodecParameters, StageError> {
    ParameterSets::with(codec, annexb::units(parameter_sets))?
        .announce()
        .ok_or_else(|| StageError::Rejected("no complete parameter sets".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::access_unit;

    /// 640x360, and what differs in its level alone.
    const SEQUENCE: &[u8] = &[
        0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03,
        0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d, 0x96,
    ];
    const PICTURE: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0];
    const KEY: &[u8] = &[0x65, 0x88, 0x80];
    const OTHER: &[u8] = &[0x41, 0x9a, 0x80];

    fn unit(units: &[&[u8]]) -> Vec<u8> {
        units
            .iter()
            .flat_map(|unit| [&START_CODE[..], unit].concat())
            .collect()
    }

    #[test]
    fn changes_are_announced_at_key_pictures() {
        let mut sets = ParameterSets::new(Codec::H264);
        let mut observe = |units: &[&[u8]]| {
            let access_unit = unit(units);
            let head = access_unit::head(Codec::H264, &access_unit);
            sets.observe(&head)
                .unwrap()
                .map(|parameters| parameters.parameter_sets)
        };
        assert_eq!(observe(&[OTHER]), None);
        assert_eq!(observe(&[SEQUENCE, OTHER]), None, "not complete");
        let first = observe(&[PICTURE, OTHER]).expect("complete, if not at a key picture");
        assert_eq!(first, unit(&[SEQUENCE, PICTURE]));
        assert_eq!(observe(&[SEQUENCE, PICTURE, KEY]), None, "the same again");
        let mut other = SEQUENCE.to_vec();
        other[3] = 0x1f;
        assert_eq!(observe(&[&other, OTHER]), None, "no key picture");
        assert_eq!(observe(&[KEY]), Some(unit(&[&other, PICTURE]).into()));
    }

    #[test]
    fn sets_are_kept_by_identifier_and_bounded() {
        let mut sets = ParameterSets::with(Codec::H264, [SEQUENCE, PICTURE]).unwrap();
        let text = sets.announce().unwrap();
        assert_eq!((text.width, text.height, text.reordered), (640, 360, true));
        // Identifier 1 (`010`) stands beside 0 (`1`).
        let second: &[u8] = &[0x68, 0x4b, 0xe3];
        let with = ParameterSets::with(Codec::H264, [SEQUENCE, PICTURE, second])
            .unwrap()
            .announce();
        assert_eq!(
            with.unwrap().parameter_sets,
            unit(&[SEQUENCE, PICTURE, second])
        );
        let long = [PICTURE.to_vec(), vec![1; BYTES_MAX]].concat();
        let error = ParameterSets::with(Codec::H264, [SEQUENCE, &long]).unwrap_err();
        assert!(matches!(error, StageError::Rejected(_)), "{error}");
        assert!(parameters(Codec::H264, &unit(&[PICTURE])).is_err());
    }
}
