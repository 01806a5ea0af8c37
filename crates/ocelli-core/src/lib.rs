//! The vocabulary of ocelli: what flows through it, the seams between its stages, and the wire
//! between its two processes.
//!
//! A [`Packet`] is demuxed, a [`seam::PacketGate`] judges it, a [`seam::Decoder`] turns it into a
//! [`Picture`], a [`seam::Detector`] into [`Detections`], a scene into [`Track`]s and [`Event`]s,
//! and a [`seam::Sink`] delivers those. Nothing here does I/O, spawns, or reads a clock.

pub mod accounting;
pub mod address;
pub mod error;
pub mod event;
pub mod geometry;
pub mod histogram;
pub mod kind;
pub mod label;
pub mod packet;
pub mod picture;
pub mod record;
pub mod scene_state;
pub mod seam;
pub mod secret;
pub mod settings;
pub mod stream;
pub mod tag;
pub mod time;
pub mod track;
pub mod want;
pub mod wire;

pub use error::{ErrorClass, StageError};
pub use event::{Direction, Event, EventDetail, EventId, EventKind, GoneReason};
pub use geometry::{BBox, Point};
pub use label::Label;
pub use packet::{Codec, CodecParameters, Packet};
pub use picture::{Picture, PictureBuffer};
pub use record::EventRecord;
pub use scene_state::SceneState;
pub use secret::Secret;
pub use stream::StreamId;
pub use tag::{Tag, TagKey};
pub use time::{MediaTime, MonoTime, WallSource, WallTime};
pub use track::{Detection, Detections, Track};
pub use want::{Attention, Want};
