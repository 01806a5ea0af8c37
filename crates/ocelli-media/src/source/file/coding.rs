//! Samples of a container, made into packets' bytes.

use bytes::Bytes;
use ocelli_core::{Codec, CodecParameters, StageError};

use super::records::Record;
use crate::bitstream::{
    access_unit, annexb, jpeg,
    parameter_sets::ParameterSets,
    sequence::{self, Sequence},
};

/// How the samples of a track are coded.
pub(super) enum Coding {
    /// H.264 or H.265, cut by lengths.
    Units {
        codec: Codec,
        /// Bytes of each length; 0 where the units have start codes already.
        length_bytes: usize,
        sets: ParameterSets,
        /// Whether pictures change their order, where the container knows better than the sets.
        reordered: Option<bool>,
    },
    /// Each sample is a JPEG file.
    Jpeg {
        /// Size of the last picture.
        size: Option<(u32, u32)>,
    },
}

/// A sample as a packet has it.
pub(super) struct Shaped {
    /// Parameters that hold from this sample on, where they changed.
    pub(super) parameters: Option<CodecParameters>,
    pub(super) key: bool,
    pub(super) data: Bytes,
}

impl Coding {
    /// Units cut by lengths.
    ///
    /// # Errors
    /// [`StageError::Rejected`] where the parameter sets cannot be used.
    pub(super) fn of_record(record: &Record) -> Result<Self, StageError> {
        let units = record.sets.iter().map(|set| &set[..]);
        Ok(Self::Units {
            codec: record.codec,
            length_bytes: record.length_bytes,
            sets: ParameterSets::with(record.codec, units)?,
            reordered: None,
        })
    }

    /// Whether pictures change their order, where the container knows.
    pub(super) fn reordered(mut self, known: Option<bool>) -> Self {
        if let Self::Units { reordered, .. } = &mut self {
            *reordered = known;
        }
        self
    }

    /// What the sequence parameter set says, once there is one.
    pub(super) fn sequence(&self) -> Option<&Sequence> {
        match self {
            Self::Units { sets, .. } => sets.sequence(),
            Self::Jpeg { .. } => None,
        }
    }

    /// Makes a packet's bytes of a sample.
    ///
    /// # Errors
    /// [`StageError::Corrupt`] where the sample is damaged, [`StageError::Rejected`] where nothing
    /// after it can be used either.
    pub(super) fn shape(&mut self, sample: Vec<u8>) -> Result<Shaped, StageError> {
        match self {
            Self::Units {
                codec,
                length_bytes,
                sets,
                reordered,
            } => {
                let data = match *length_bytes {
                    0 => sample,
                    length_bytes => annexb::from_lengths(sample, length_bytes)?,
                };
                let head = access_unit::head(*codec, &data);
                if head.slice.is_empty() && head.sets.is_empty() {
                    return Err(StageError::Corrupt("a sample without a picture".to_owned()));
                }
                let mut parameters = sets.observe(&head)?;
                if !sets.is_announced() {
                    return Err(StageError::Corrupt(
                        "a picture before the first parameter sets".to_owned(),
                    ));
                }
                if let (Some(parameters), Some(reordered)) = (&mut parameters, *reordered) {
                    parameters.reordered = reordered;
                }
                Ok(Shaped {
                    parameters,
                    key: head.key,
                    data: data.into(),
                })
            }
            Self::Jpeg { size } => {
                let found = jpeg::size(&sample)
                    .ok_or_else(|| StageError::Corrupt("not a JPEG picture".to_owned()))?;
                sequence::check_size(found.0, found.1)?;
                let parameters = (*size != Some(found)).then(|| CodecParameters {
                    codec: Codec::Mjpeg,
                    parameter_sets: Bytes::new(),
                    width: found.0,
                    height: found.1,
                    reordered: false,
                });
                *size = Some(found);
                Ok(Shaped {
                    parameters,
                    key: true,
                    data: sample.into(),
                })
            }
        }
    }
}
