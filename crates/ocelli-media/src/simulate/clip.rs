//! A clip, packetised once and shared by all streams that play it.

use std::{fmt, ops::ControlFlow, path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt as _;
use ocelli_core::{
    Codec, CodecParameters, StageError,
    seam::{SourceItem, SourcePacket, SourceStream},
};

use super::{
    jpeg,
    nal::{self, UnitKind},
    payload,
};
use crate::source::file::demux;

/// RTP clock of video: ticks in a second (RFC 6184, RFC 7798).
pub(super) const TICKS_PER_SEC: u64 = 90_000;

/// Why a clip cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClipError {
    /// The source failed while it was read.
    #[error(transparent)]
    Source(#[from] StageError),
    /// A JPEG picture that RTP has no way for.
    #[error("picture {picture}: {reason}")]
    Jpeg {
        /// Index of the picture, from 0.
        picture: usize,
        /// What is in the way.
        reason: &'static str,
    },
    /// No parameter sets, in the source's parameters or before the first key picture.
    #[error("no parameter sets: a viewer could not decode the clip")]
    NoParameterSets,
    /// Not a single picture that decoding can start at.
    #[error("no key picture: a viewer could not join")]
    NoKeyPicture,
    /// The codec parameters change within the clip.
    #[error("the codec parameters change at picture {picture}: cut the clip there")]
    ParametersChange {
        /// Index of the picture, from 0.
        picture: usize,
    },
    /// Decoding times go backwards.
    #[error("the decoding time goes backwards at picture {picture}")]
    TimeGoesBackwards {
        /// Index of the picture, from 0.
        picture: usize,
    },
    /// A picture holds no NAL unit.
    #[error("picture {picture} holds no NAL unit")]
    EmptyPicture {
        /// Index of the picture, from 0.
        picture: usize,
    },
    /// The clip is larger than [`Clip::BYTES_MAX`].
    #[error("the clip has more than {} MiB: cut it", Clip::BYTES_MAX / (1024 * 1024))]
    TooLarge,
}

/// A clip of H.264, H.265 or MJPEG in memory, already cut into RTP packets. Cloning it is free.
#[derive(Clone)]
pub struct Clip(pub(super) Arc<Packetised>);

/// What [`Clip`] shares.
pub(super) struct Packetised {
    pub(super) codec: Codec,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Parameter sets without start codes: those of video, sequence and picture, in this order.
    pub(super) parameter_sets: Vec<Bytes>,
    /// All RTP packets of all pictures, see [`payload`].
    pub(super) wire: Vec<u8>,
    pub(super) pictures: Vec<ClipPicture>,
    /// Indices of the key pictures; never empty.
    pub(super) keys: Vec<usize>,
    /// From the first picture to the first picture of the next loop, in ticks.
    pub(super) duration_ticks: u64,
}

/// One access unit of a clip. All times are ticks from the start of the clip's loop.
pub(super) struct ClipPicture {
    /// Where its packets stand in [`Packetised::wire`].
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) packets: u32,
    /// When it is sent; never before it is shown, as in a camera, which sends what it has seen.
    pub(super) send_ticks: u64,
    /// When it is shown.
    pub(super) show_ticks: u64,
    pub(super) key: bool,
}

impl Clip {
    /// The most coded bytes of one clip.
    pub const BYTES_MAX: usize = 512 * 1024 * 1024;

    /// Reads a recording: MP4, Matroska, or a raw stream of H.264 or H.265. Blocks while it does.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ClipError> {
        let mut gathered = Gathered::default();
        for item in demux::open(path.as_ref())? {
            if gathered.add(item?)?.is_break() {
                break;
            }
        }
        gathered.clip()
    }

    /// Reads a source to its end, or to where it starts anew.
    pub async fn read(mut stream: SourceStream) -> Result<Self, ClipError> {
        let mut gathered = Gathered::default();
        while let Some(item) = stream.next().await {
            if gathered.add(item?)?.is_break() {
                break;
            }
        }
        gathered.clip()
    }

    /// Packetises `packets`, in decoding order. Pictures before the first key picture are left out.
    pub fn from_packets(
        parameters: &CodecParameters,
        packets: &[SourcePacket],
    ) -> Result<Self, ClipError> {
        let codec = parameters.codec;
        if packets
            .iter()
            .map(|packet| packet.data.len())
            .sum::<usize>()
            > Self::BYTES_MAX
        {
            return Err(ClipError::TooLarge);
        }
        let first_key = packets
            .iter()
            .position(|packet| packet.key)
            .ok_or(ClipError::NoKeyPicture)?;
        let packets = &packets[first_key..];
        let times = Times::of(packets, first_key)?;
        let mut wire = Vec::new();
        let mut pictures = Vec::with_capacity(packets.len());
        for (index, packet) in packets.iter().enumerate() {
            let start = wire.len();
            let count = packetise(codec, &packet.data, first_key + index, &mut wire)?;
            pictures.push(ClipPicture {
                start,
                end: wire.len(),
                packets: count as u32,
                send_ticks: times.send(packet),
                show_ticks: times.show(packet),
                key: packet.key,
            });
        }
        wire.shrink_to_fit();
        Ok(Self(Arc::new(Packetised {
            codec,
            width: parameters.width,
            height: parameters.height,
            parameter_sets: parameter_sets(parameters, &packets[0].data)?,
            wire,
            keys: (0..pictures.len()).filter(|&at| pictures[at].key).collect(),
            pictures,
            duration_ticks: times.duration_ticks,
        })))
    }

    /// The compression.
    pub fn codec(&self) -> Codec {
        self.0.codec
    }

    /// Width and height in pixels, as the source gave them.
    pub fn size(&self) -> (u32, u32) {
        (self.0.width, self.0.height)
    }

    /// Number of pictures in one loop.
    pub fn pictures(&self) -> usize {
        self.0.pictures.len()
    }

    /// Length of one loop.
    pub fn duration(&self) -> std::time::Duration {
        std::time::Duration::from_micros(self.0.duration_ticks * 1_000_000 / TICKS_PER_SEC)
    }
}

/// The coded bytes have no way into a log.
impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size();
        f.debug_struct("Clip")
            .field("codec", &self.codec())
            .field("width", &width)
            .field("height", &height)
            .field("pictures", &self.pictures())
            .field("duration", &self.duration())
            .finish_non_exhaustive()
    }
}

/// Appends one picture. Returns the number of packets.
fn packetise(
    codec: Codec,
    data: &[u8],
    picture: usize,
    wire: &mut Vec<u8>,
) -> Result<usize, ClipError> {
    if codec == Codec::Mjpeg {
        return jpeg::append(data, wire).map_err(|reason| ClipError::Jpeg { picture, reason });
    }
    let mut units = nal::units(data).peekable();
    let mut count = 0;
    while let Some(unit) = units.next() {
        count += payload::append(codec, unit, units.peek().is_none(), wire);
    }
    if count == 0 {
        return Err(ClipError::EmptyPicture { picture });
    }
    Ok(count)
}

/// What was read of a clip so far.
#[derive(Default)]
struct Gathered {
    parameters: Option<CodecParameters>,
    packets: Vec<SourcePacket>,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, item: SourceItem) -> Result<ControlFlow<()>, ClipError> {
        match item {
            SourceItem::Parameters(new) => match &self.parameters {
                Some(old) if *old != new && !self.packets.is_empty() => {
                    return Err(ClipError::ParametersChange {
                        picture: self.packets.len(),
                    });
                }
                _ => self.parameters = Some(new),
            },
            SourceItem::Packet(packet) => {
                self.bytes += packet.data.len();
                if self.bytes > Clip::BYTES_MAX {
                    return Err(ClipError::TooLarge);
                }
                self.packets.push(packet);
            }
            SourceItem::Rewound => return Ok(ControlFlow::Break(())),
            SourceItem::Lost { packets: _ } | SourceItem::Refreshes => {}
            SourceItem::Corrupt { reason } => {
                return Err(ClipError::Source(StageError::Corrupt(reason)));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn clip(self) -> Result<Clip, ClipError> {
        let parameters = self.parameters.ok_or(ClipError::NoParameterSets)?;
        Clip::from_packets(&parameters, &self.packets)
    }
}

/// Maps a source's times to ticks from the start of a loop.
struct Times {
    first_dts_micros: i64,
    first_pts_micros: i64,
    /// How long after its decoding time a picture is shown, at most: that long the camera waits
    /// before it sends.
    reorder_micros: i64,
    duration_ticks: u64,
}

impl Times {
    fn of(packets: &[SourcePacket], first_index: usize) -> Result<Self, ClipError> {
        let goes_backwards = packets
            .windows(2)
            .position(|pair| pair[1].dts_micros < pair[0].dts_micros);
        if let Some(at) = goes_backwards {
            return Err(ClipError::TimeGoesBackwards {
                picture: first_index + at + 1,
            });
        }
        let shown = || packets.iter().map(|packet| packet.pts_micros);
        let first_dts_micros = packets[0].dts_micros;
        let first_pts_micros = shown().min().unwrap_or(first_dts_micros);
        let decode_span = packets[packets.len() - 1]
            .dts_micros
            .saturating_sub(first_dts_micros);
        let show_span = shown().max().unwrap_or(0).saturating_sub(first_pts_micros);
        let span = decode_span.max(show_span);
        // A single picture, or many at one time, lasts as long as one of 25 in a second.
        let step = match packets.len() as i64 - 1 {
            0 => 0,
            steps => span / steps,
        };
        let step = if step > 0 { step } else { 40_000 };
        let reorder_micros = packets
            .iter()
            .map(|packet| {
                (packet.pts_micros.saturating_sub(first_pts_micros))
                    .saturating_sub(packet.dts_micros.saturating_sub(first_dts_micros))
            })
            .max()
            .unwrap_or(0)
            .max(0);
        Ok(Self {
            first_dts_micros,
            first_pts_micros,
            reorder_micros,
            duration_ticks: ticks(span.saturating_add(step)),
        })
    }

    fn send(&self, packet: &SourcePacket) -> u64 {
        ticks(
            packet
                .dts_micros
                .saturating_sub(self.first_dts_micros)
                .saturating_add(self.reorder_micros),
        )
    }

    fn show(&self, packet: &SourcePacket) -> u64 {
        ticks(packet.pts_micros.saturating_sub(self.first_pts_micros))
    }
}

fn ticks(micros: i64) -> u64 {
    let micros = u128::try_from(micros).unwrap_or(0);
    ((micros * u128::from(TICKS_PER_SEC) + 500_000) / 1_000_000) as u64
}

/// The parameter sets of the source, or those in the first key picture. JPEG has none.
fn parameter_sets(parameters: &CodecParameters, first: &[u8]) -> Result<Vec<Bytes>, ClipError> {
    if parameters.codec == Codec::Mjpeg {
        return Ok(Vec::new());
    }
    let sets_in = |data: &[u8]| {
        let mut sets: Vec<(UnitKind, Bytes)> = nal::units(data)
            .map(|unit| (nal::kind(parameters.codec, unit), unit))
            .filter(|(kind, _)| *kind != UnitKind::Other)
            .map(|(kind, unit)| (kind, Bytes::copy_from_slice(unit)))
            .collect();
        sets.sort_by_key(|(kind, _)| *kind);
        sets
    };
    let is_whole = |sets: &[(UnitKind, Bytes)]| {
        let has = |kind| sets.iter().any(|(have, _)| *have == kind);
        has(UnitKind::SequenceParameterSet)
            && has(UnitKind::PictureParameterSet)
            && (parameters.codec == Codec::H264 || has(UnitKind::VideoParameterSet))
    };
    [&parameters.parameter_sets[..], first]
        .into_iter()
        .map(sets_in)
        .find(|sets| is_whole(sets))
        .map(|sets| sets.into_iter().map(|(_, set)| set).collect())
        .ok_or(ClipError::NoParameterSets)
}
