//! The wire between the parent and an eye: framed messages over one socket.
//!
//! A frame is `kind: u8, length: u32 little endian, body`. Bodies are postcard, but for messages
//! that carry bulk (packets, models), whose bytes follow a postcard head. Every kind has a byte cap
//! that is checked before anything is allocated. There is no message for raw pixels.

mod codec;
mod message;

pub use codec::{Frame, FrameReader, WireError, encode_from_eye, encode_to_eye};
pub use message::{
    EyeHealth, FromEye, LoadedModel, STILL_BYTES_MAX, SandboxReport, StillPurpose, StreamCounts,
    ToEye, TrackBox, VERSION,
};
