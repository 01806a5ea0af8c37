//! Tracks (RFC 9559, 5.1.4).

use ocelli_core::{Codec, StageError};

use super::{
    super::{coding::Coding, records},
    ebml::{children, unsigned},
};
use crate::bitstream::parameter_sets::ParameterSets;

/// The video track that is read.
pub(super) struct Track {
    pub(super) number: u64,
    /// From picture to picture, as far as it says so.
    pub(super) step_nanos: Option<u64>,
    pub(super) coding: Coding,
    /// Bytes that were taken off the front of each frame.
    pub(super) stripped: Vec<u8>,
}

mod id {
    pub(super) const TRACK_ENTRY: u32 = 0xae;
    pub(super) const NUMBER: u32 = 0xd7;
    pub(super) const KIND: u32 = 0x83;
    pub(super) const CODEC: u32 = 0x86;
    pub(super) const CODEC_PRIVATE: u32 = 0x63a2;
    pub(super) const DEFAULT_DURATION: u32 = 0x0023_e383;
    pub(super) const ENCODINGS: u32 = 0x6d80;
    pub(super) const ENCODING: u32 = 0x6240;
    pub(super) const ENCODING_KIND: u32 = 0x5033;
    pub(super) const COMPRESSION: u32 = 0x5034;
    pub(super) const ALGORITHM: u32 = 0x4254;
    pub(super) const SETTINGS: u32 = 0x4255;
}

impl Track {
    /// The first video track of a codec that is decoded.
    ///
    /// # Errors
    /// [`StageError::Rejected`] where there is none.
    pub(super) fn choose(tracks: &[u8]) -> Result<Self, StageError> {
        let mut refused = None;
        for (id, entry) in children(tracks) {
            if id != id::TRACK_ENTRY || number(entry, id::KIND) != Some(1) {
                continue;
            }
            match Self::read(entry)? {
                Ok(track) => return Ok(track),
                Err(codec) => refused = Some(codec),
            }
        }
        Err(StageError::Rejected(match refused {
            Some(codec) => format!(
                "unsupported codec `{codec}` in the Matroska file: H.264, H.265 and MJPEG are \
                 decoded"
            ),
            None => "no video track in the Matroska file".to_owned(),
        }))
    }

    /// A track, or the name of its codec where that is another.
    fn read(entry: &[u8]) -> Result<Result<Self, String>, StageError> {
        let codec = String::from_utf8_lossy(find(entry, id::CODEC).unwrap_or_default());
        let private = find(entry, id::CODEC_PRIVATE).unwrap_or_default();
        // After the header of a bitmap that Windows programs put there.
        let four_letters = private.get(16..20).unwrap_or_default();
        let coding = match (codec.trim_end_matches('\0'), four_letters) {
            ("V_MPEG4/ISO/AVC", _) => Coding::of_record(&records::avc(private)?)?,
            ("V_MPEGH/ISO/HEVC", _) => Coding::of_record(&records::hevc(private)?)?,
            ("V_MJPEG", _) | ("V_MS/VFW/FOURCC", b"MJPG" | b"mjpg") => Coding::Jpeg { size: None },
            ("V_MS/VFW/FOURCC", b"H264" | b"h264") => Coding::Units {
                codec: Codec::H264,
                length_bytes: 0,
                sets: ParameterSets::new(Codec::H264),
                reordered: None,
            },
            (other, _) => return Ok(Err(other.escape_debug().to_string())),
        };
        Ok(Ok(Self {
            number: number(entry, id::NUMBER).unwrap_or(0),
            step_nanos: number(entry, id::DEFAULT_DURATION).filter(|&nanos| nanos > 0),
            coding,
            stripped: stripped(entry)?,
        }))
    }
}

/// What was taken off each frame (5.1.4.1.31).
fn stripped(entry: &[u8]) -> Result<Vec<u8>, StageError> {
    let refuse = |what: &str| Err(StageError::Rejected(what.to_owned()));
    let encodings = find(entry, id::ENCODINGS).unwrap_or_default();
    let mut stripped = Vec::new();
    for (id, encoding) in children(encodings) {
        if id != id::ENCODING {
            continue;
        }
        if number(encoding, id::ENCODING_KIND).unwrap_or(0) != 0 {
            return refuse("the pictures of the Matroska file are encrypted");
        }
        let compression = find(encoding, id::COMPRESSION).unwrap_or_default();
        match number(compression, id::ALGORITHM) {
            Some(3) => stripped.extend(find(compression, id::SETTINGS).unwrap_or_default()),
            _ => return refuse("the pictures of the Matroska file are compressed once more"),
        }
    }
    Ok(stripped)
}

fn find(body: &[u8], wanted: u32) -> Option<&[u8]> {
    children(body)
        .find(|(id, _)| *id == wanted)
        .map(|(_, child)| child)
}

pub(super) fn number(body: &[u8], wanted: u32) -> Option<u64> {
    find(body, wanted).and_then(unsigned)
}
