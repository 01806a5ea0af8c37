//! How good boxes, events and counts are.

mod clear;
mod hota;
mod identity;
mod pairing;
mod share;
mod tracking;

pub use clear::Clear;
pub use hota::Hota;
pub use identity::Identity;
pub use pairing::Likeness;
pub use share::Share;
pub use tracking::{TrackingScores, TrackingTally, tracking};
