//! What was found in a picture, and what is followed over time.

use serde::{Deserialize, Serialize};

use crate::{BBox, Label, MediaTime, StreamId, Tag, WallSource, WallTime};

/// One object found in one picture. Never an alert.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Where it is, cut to the picture.
    pub bbox: BBox,
    /// What it is.
    pub label: Label,
    /// Confidence, 0..1.
    pub score: f32,
}

/// Everything found in one picture: the result of one look.
#[derive(Debug, Clone, PartialEq)]
pub struct Detections {
    /// The stream of the picture.
    pub stream: StreamId,
    /// Presentation time of the picture.
    pub at: MediaTime,
    /// Wall time of the picture.
    pub wall: WallTime,
    /// Where `wall` came from.
    pub wall_source: WallSource,
    /// Width of the picture over its height, in pixels: motion is judged in square units.
    pub aspect: f32,
    /// The objects, down to the low threshold of the detector, in no promised order.
    pub items: Vec<Detection>,
}

/// One confirmed object followed over time, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Its anonymous name.
    pub tag: Tag,
    /// What it is.
    pub label: Label,
    /// Where it is: seen at the last look, or predicted.
    pub bbox: BBox,
    /// Confidence of the last detection, 0..1.
    pub score: f32,
    /// Whether the last look saw it; otherwise `bbox` is predicted.
    pub seen: bool,
    /// Whether it stands still.
    pub stationary: bool,
    /// Time of the first look that saw it.
    pub first_at: MediaTime,
    /// Time of the last look that saw it.
    pub last_at: MediaTime,
}
