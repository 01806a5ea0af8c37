//! How good boxes, events and counts are.

mod clear;
mod counts;
mod detections;
mod events;
mod hota;
mod identity;
mod pairing;
mod passages;
mod share;
mod tracking;

pub use clear::Clear;
pub use counts::{CountRow, CountScores, CountTruth, ExpectedCount, counts};
pub use detections::{AtPrecision, AtScore, DetectionScores, detections};
pub use events::{Basis, EventRow, EventScores, EventTally, LengthRow, events};
pub use hota::Hota;
pub use identity::Identity;
pub use pairing::Likeness;
pub use share::Share;
pub use tracking::{TrackingScores, TrackingTally, tracking};
