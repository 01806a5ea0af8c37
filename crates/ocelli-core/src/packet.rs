//! Compressed video.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{MediaTime, MonoTime, StreamId, WallSource, WallTime};

/// A way to compress video that an eye can decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
    /// One JPEG for each picture.
    Mjpeg,
}

impl Codec {
    /// The name that people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Mjpeg => "MJPEG",
        }
    }
}

/// What a decoder has to know before the first packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecParameters {
    /// The compression.
    pub codec: Codec,
    /// H.264 and H.265: the parameter sets in Annex B form (start codes); they may also stand in
    /// the packets. MJPEG: empty.
    pub parameter_sets: Bytes,
    /// Width in pixels, as far as the source knows.
    pub width: u32,
    /// Height in pixels, as far as the source knows.
    pub height: u32,
    /// Whether pictures may be shown in another order than they are decoded.
    pub reordered: bool,
}

impl CodecParameters {
    /// The longest side that is decoded, in pixels.
    pub const SIDE_MAX: u32 = 8192;
    /// The most pixels that a decoded picture may have.
    pub const PIXELS_MAX: u64 = 36_000_000;

    /// Whether a picture of this size is one that ocelli decodes.
    pub fn size_is_sane(width: u32, height: u32) -> bool {
        (16..=Self::SIDE_MAX).contains(&width)
            && (16..=Self::SIDE_MAX).contains(&height)
            && u64::from(width) * u64::from(height) <= Self::PIXELS_MAX
    }
}

/// One compressed access unit.
///
/// H.264 and H.265 are in Annex B form (start codes). A packet has no `Debug`, `Display` or
/// serialisation; only [`crate::wire`] can move it, and only towards an eye:
///
/// ```compile_fail
/// fn print(packet: ocelli_core::Packet) {
///     println!("{packet:?}");
/// }
/// ```
/// ```compile_fail
/// fn store(packet: &ocelli_core::Packet) -> String {
///     serde_json::to_string(packet).unwrap()
/// }
/// ```
#[derive(Clone)]
pub struct Packet {
    /// The stream it came from.
    pub stream: StreamId,
    /// Counts the codec parameters of the stream: a packet decodes with those of its generation.
    pub generation: u32,
    /// When it is to be decoded.
    pub dts: MediaTime,
    /// When it is to be shown.
    pub pts: MediaTime,
    /// When it arrived.
    pub received: MonoTime,
    /// Wall time of the picture.
    pub wall: WallTime,
    /// Where `wall` came from.
    pub wall_source: WallSource,
    /// Whether decoding can start here.
    pub key: bool,
    /// Whether it was sent, and settled in the accounts, before: a held key picture that is sent
    /// again because its whole group is wanted now.
    pub repeated: bool,
    /// The coded bytes.
    pub data: Bytes,
}

impl Packet {
    /// The most coded bytes that one packet may have.
    pub const BYTES_MAX: usize = 4 * 1024 * 1024;
}
