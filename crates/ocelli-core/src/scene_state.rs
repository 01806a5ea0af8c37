//! What outlives an eye.

use serde::{Deserialize, Serialize};

use crate::WallTime;

/// The state of one stream's scene: boxes, tags and rule counters, numbers only. It leaves the eye
/// at events and at most once a second, so that a replacement goes on where a dead eye stopped.
///
/// The scene crate owns the encoding inside; a state of another version is refused by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneState {
    /// Version of the encoding of `body`.
    pub version: u16,
    /// Wall time of the last look in it.
    pub wall: WallTime,
    /// The numbers.
    pub body: Vec<u8>,
}

impl SceneState {
    /// The most bytes that a state may have: 500 tracks and their rules fit.
    pub const BYTES_MAX: usize = 256 * 1024;
}
