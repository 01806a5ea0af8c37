//! Decoder configuration records (ISO/IEC 14496-15, 5.3.3 and 8.3.3), which MP4 and Matroska share.

use bytes::Bytes;
use mp4_atom::{Atom, Avcc, Hvcc};
use ocelli_core::{Codec, StageError};

/// How units are cut, and the parameter sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) codec: Codec,
    /// Bytes of each length, 1 to 4.
    pub(super) length_bytes: usize,
    /// Parameter sets without start codes.
    pub(super) sets: Vec<Bytes>,
}

/// Reads the record of an H.264 track.
pub(super) fn avc(body: &[u8]) -> Result<Record, StageError> {
    let record: Avcc = decode(body, "H.264")?;
    let sets = record
        .sequence_parameter_sets
        .into_iter()
        .chain(record.picture_parameter_sets)
        .filter(|set| !set.is_empty());
    Ok(Record {
        codec: Codec::H264,
        length_bytes: usize::from(record.length_size),
        sets: sets.map(Bytes::from).collect(),
    })
}

/// Reads the record of an H.265 track.
pub(super) fn hevc(body: &[u8]) -> Result<Record, StageError> {
    let record: Hvcc = decode(body, "H.265")?;
    let sets = record
        .arrays
        .into_iter()
        .filter(|array| (32..=34).contains(&array.nal_unit_type))
        .flat_map(|array| array.nalus)
        .filter(|set| set.len() > 2);
    Ok(Record {
        codec: Codec::H265,
        length_bytes: usize::from(record.length_size_minus_one) + 1,
        sets: sets.map(Bytes::from).collect(),
    })
}

fn decode<T: Atom>(mut body: &[u8], what: &str) -> Result<T, StageError> {
    T::decode_body(&mut body).map_err(|error| {
        StageError::Rejected(format!(
            "the {what} configuration of the recording cannot be read: {error}"
        ))
    })
}
