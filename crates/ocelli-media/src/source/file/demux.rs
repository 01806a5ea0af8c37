//! Recordings read item by item, without a runtime.

use std::path::Path;

use bytes::Bytes;
use ocelli_core::{Codec, StageError, seam::SourceItem};

use super::{input::Input, matroska, mp4, place, raw};
use crate::bitstream::{
    access_unit,
    entries::{Entries, Start},
};

/// One container, read item by item.
pub(super) trait Demux: Send {
    /// The next item; `None` at the end.
    fn next(&mut self) -> Result<Option<SourceItem>, StageError>;
}

/// The items of a recording: [`SourceItem::Parameters`] first and whenever they change,
/// [`SourceItem::Packet`], and [`SourceItem::Corrupt`] for what could not be read; after an error
/// nothing more. Its times begin near 0. Reading blocks.
pub struct Demuxer {
    container: Option<Box<dyn Demux>>,
    codec: Option<Codec>,
    entries: Entries,
    /// The packet before which it was said that there are no key pictures.
    after: Option<SourceItem>,
}

/// Opens a recording: MP4, Matroska, `WebM`, or a raw H.264 or H.265 stream, told apart by what stands
/// in it.
///
/// # Errors
/// [`StageError::Unavailable`] where the file cannot be read, [`StageError::Rejected`] where it is
/// not there, or no video that ocelli reads.
pub fn open(path: &Path) -> Result<Demuxer, StageError> {
    Demuxer::open(path, None)
}

impl Demuxer {
    /// Opens a recording as [`open`]; a raw stream has `rate` pictures a second.
    ///
    /// # Errors
    /// As [`open`], and [`StageError::Rejected`] for a rate where the recording has its own times.
    pub fn open(path: &Path, rate: Option<f64>) -> Result<Self, StageError> {
        Self::of_input(place::open(path)?, rate)
    }

    /// Reads a recording that is in memory already.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of_bytes(bytes: impl Into<Bytes>, rate: Option<f64>) -> Result<Self, StageError> {
        Self::of_input(Input::of_bytes(bytes.into()), rate)
    }

    pub(super) fn of_input(input: Input, rate: Option<f64>) -> Result<Self, StageError> {
        let mut head = [0; 64];
        let length = input
            .read_at(0, &mut head)
            .map_err(|error| StageError::Unavailable(error.to_string()))?;
        let format = Format::of(&head[..length])?;
        if rate.is_some() && !matches!(format, Format::Raw(_)) {
            return Err(StageError::Rejected(
                "`rate` is for raw streams: this recording has times of its own".to_owned(),
            ));
        }
        let container: Box<dyn Demux> = match format {
            Format::Mp4 => Box::new(mp4::Mp4::open(input)?),
            Format::Matroska => Box::new(matroska::Matroska::open(input)?),
            Format::Raw(codec) => Box::new(raw::Raw::open(input, codec, rate)),
        };
        Ok(Self {
            container: Some(container),
            codec: None,
            entries: Entries::default(),
            after: None,
        })
    }
}

impl Iterator for Demuxer {
    type Item = Result<SourceItem, StageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(packet) = self.after.take() {
            return Some(Ok(packet));
        }
        let next = self.container.as_mut()?.next().transpose();
        match next {
            Some(Ok(item)) => Some(Ok(self.enter(item))),
            other => {
                self.container = None;
                other
            }
        }
    }
}

impl Demuxer {
    /// Marks where decoding can begin in a recording without key pictures.
    fn enter(&mut self, item: SourceItem) -> SourceItem {
        match item {
            SourceItem::Parameters(parameters) => {
                self.codec = Some(parameters.codec);
                SourceItem::Parameters(parameters)
            }
            SourceItem::Packet(mut packet) => {
                let start = match self.codec {
                    Some(codec) if !packet.key => access_unit::head(codec, &packet.data).start(),
                    _ => Start::Key,
                };
                let before = self.entries.refreshes();
                packet.key = self.entries.take(start, packet.dts_micros);
                if self.entries.refreshes() == before {
                    return SourceItem::Packet(packet);
                }
                self.after = Some(SourceItem::Packet(packet));
                SourceItem::Refreshes
            }
            other => other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Mp4,
    Matroska,
    Raw(Codec),
}

/// Boxes that an MP4 file begins with; older ones have no `ftyp`.
const MP4_BOXES: [&[u8]; 8] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide",
];

impl Format {
    /// Tells formats apart by their first bytes.
    fn of(head: &[u8]) -> Result<Self, StageError> {
        let refuse = |what: &str| Err(StageError::Rejected(what.to_owned()));
        match head {
            [] => refuse("the recording is empty"),
            [_, _, _, _, kind @ ..] if MP4_BOXES.iter().any(|known| kind.starts_with(known)) => {
                Ok(Self::Mp4)
            }
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Ok(Self::Matroska),
            [b'R', b'I', b'F', b'F', ..] => {
                refuse("AVI is not read: convert it, e.g. `ffmpeg -i IN.avi -c:v libx264 OUT.mp4`")
            }
            [0xff, 0xd8, 0xff, ..] => refuse("a JPEG picture, not a video"),
            _ => raw_codec(head).map(Self::Raw).ok_or_else(|| {
                StageError::Rejected(
                    "not a video that is read: expected MP4, Matroska, or a raw H.264 or H.265 \
                     stream"
                        .to_owned(),
                )
            }),
        }
    }
}

/// The codec of a raw stream, told by the header of its first unit.
fn raw_codec(head: &[u8]) -> Option<Codec> {
    let zeros = head.iter().take_while(|&&byte| byte == 0).count();
    let [1, first, second, ..] = head.get(zeros..)? else {
        return None;
    };
    if zeros < 2 || first & 0x80 != 0 {
        return None;
    }
    // H.265: parameter sets, a delimiter or a message of layer 0, temporal identifier 1. Taken for
    // H.264 these are units that do not begin a stream.
    if matches!((first >> 1) & 0x3f, 32..=35 | 39) && first & 1 == 0 && *second == 1 {
        return Some(Codec::H265);
    }
    matches!(first & 0x1f, 1 | 5 | 6 | 7 | 8 | 9).then_some(Codec::H264)
}
