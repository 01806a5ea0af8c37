//! The seams between the stages. Async only where bytes wait for a network or a disk.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use futures_core::Stream;

use crate::{
    CodecParameters, Detections, EventRecord, MediaTime, Packet, Picture, StageError, Track,
    WallTime, event::Event,
};

/// One access unit as a source gives it, on the timeline of one connection.
///
/// It is a [`Packet`] before the engine has mapped its times to the stream's own timeline, and has
/// as few ways out: no `Debug`, no serialisation.
#[derive(Clone)]
pub struct SourcePacket {
    /// When it is to be decoded: microseconds on the connection's timeline, any origin, unwrapped.
    pub dts_micros: i64,
    /// When it is to be shown, on the same timeline.
    pub pts_micros: i64,
    /// Wall time by the camera's clock, where the source knows it and is told to trust it.
    pub camera_wall: Option<WallTime>,
    /// Whether decoding can start here.
    pub key: bool,
    /// The coded bytes: H.264 and H.265 in Annex B form, MJPEG as whole JPEG files.
    pub data: Bytes,
}

/// What comes out of a source.
pub enum SourceItem {
    /// Parameters for the packets that follow. Always first, and again whenever they change.
    Parameters(CodecParameters),
    /// One access unit.
    Packet(SourcePacket),
    /// Packets of the network that did not arrive, since the last such item.
    Lost {
        /// How many.
        packets: u64,
    },
    /// The stream has no key pictures, it is refreshed bit by bit (intra refresh). Decoding can begin
    /// at packets that are `key` all the same, and pictures are whole after a refresh. Said once of a
    /// connection.
    Refreshes,
    /// Bytes that could not be understood; the stream goes on at the next key picture.
    Corrupt {
        /// What was wrong.
        reason: String,
    },
    /// The timeline starts anew here (a recording loops): the next packet follows the last one.
    Rewound,
}

/// The items of one connection. It ends when the connection does: `None` after a recording's last
/// packet, an error where the other side failed.
pub type SourceStream = Pin<Box<dyn Stream<Item = Result<SourceItem, StageError>> + Send>>;

/// How a source's bytes are paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// They arrive when the camera sends them: what is not taken in time is dropped.
    Live,
    /// They wait for whoever reads them, and end.
    Recording,
}

/// Where packets come from.
pub trait Source: Send + Sync {
    /// Whether its packets can wait.
    fn pace(&self) -> Pace;

    /// Connects. Opening again reconnects; the caller owns retries, back-off and time-outs of the
    /// whole. Dropping the stream disconnects.
    fn open(&self) -> SourceStream;

    /// A name for people without any credential, e.g. `rtsp://cam1.site.example/main`.
    fn address(&self) -> String;
}

/// What a packet gate says of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketVerdict {
    /// Not worth decoding.
    Skip,
    /// Worth decoding, from the key picture of its group on.
    DecodeFromKey,
}

/// What a packet gate knows of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketSight {
    /// It is still learning what is usual.
    Learning,
    /// It sees changes between key pictures: few macroblocks are coded while nothing happens.
    Calm,
    /// It does not: the encoder codes noise. Only key pictures are looked at.
    Boiling,
    /// It cannot read the coding, for this reason; it goes by the sizes of packets.
    Sizes(&'static str),
    /// Every picture is a key picture: there is nothing between them.
    Keys,
}

impl PacketSight {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Calm => "calm",
            Self::Boiling => "boiling",
            Self::Sizes(_) => "sizes",
            Self::Keys => "keys",
        }
    }

    /// Why, where there is more to say.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Sizes(reason) => reason,
            _ => "",
        }
    }
}

/// Judges in the compressed domain whether a packet is worth decoding.
pub trait PacketGate: Send {
    /// Judges the next packet of a stream of which only key pictures are decoded.
    fn judge(&mut self, packet: &Packet) -> PacketVerdict;

    /// Takes note of the next packet of a stream that is decoded anyway.
    fn pass(&mut self, packet: &Packet);

    /// The pictures up to the last packet that was worth decoding showed no change.
    fn refute(&mut self);

    /// What it knows by now.
    fn sight(&self) -> PacketSight;
}

/// Decodes the packets of one stream.
pub trait Decoder: Send {
    /// Takes one packet and appends the pictures that are ready, in order of their times.
    /// [`StageError::Corrupt`] asks for a key picture; the decoder is usable again from there.
    fn decode(&mut self, packet: &Packet, pictures: &mut Vec<Picture>) -> Result<(), StageError>;

    /// Appends what a reordering decoder still holds, and starts anew.
    fn flush(&mut self, pictures: &mut Vec<Picture>) -> Result<(), StageError>;
}

/// Finds objects in pictures of any streams.
pub trait Detector: Send {
    /// The most pictures that it takes at a time.
    fn batch_max(&self) -> usize;

    /// Returns one [`Detections`] for each picture, in order, with all boxes cut to the picture.
    fn detect(&mut self, pictures: &[Picture]) -> Result<Vec<Detections>, StageError>;
}

/// Follows objects over time. Pure: the same input gives the same tracks.
pub trait Tracker: Send {
    /// Takes the result of one look and returns the confirmed tracks, oldest first.
    fn update(&mut self, detections: &Detections) -> &[Track];
}

/// Turns tracks into events. Pure.
pub trait Rule: Send {
    /// Takes the tracks after one look.
    fn apply(&mut self, tracks: &[Track], at: MediaTime, events: &mut Vec<Event>);
}

/// What an async method of a seam returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where events go.
pub trait Sink: Send {
    /// Delivers all of `events` or none. `Ok` means that they are safe there.
    fn deliver<'a>(
        &'a mut self,
        events: &'a [EventRecord],
    ) -> BoxFuture<'a, Result<(), StageError>>;
}
