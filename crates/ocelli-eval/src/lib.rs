//! Scores what ocelli saw against the truth, and draws both. Pure: no I/O, no clock, no threads.
//!
//! Boxes come from MOT challenge text ([`mot`]) or from the engine, truth from MOT text and JSON
//! ([`truth`]). [`score`] says how good the boxes are (HOTA, IDF1, MOTA), how many of the true
//! passages, crossings and entries became events, and whether counts are right. Every threshold
//! stands in [`thresholds`]. [`report`] puts the figures into a table or JSON.

pub mod account;
mod assignment;
pub mod draw;
mod evaluation;
pub mod mot;
mod rect;
pub mod report;
pub mod score;
mod sequence;
pub mod thresholds;
pub mod truth;

pub use account::{Account, Observer, Passage, PlaceEvent};
pub use evaluation::Evaluation;
pub use rect::Rect;
pub use sequence::{Entry, Sequence};
pub use truth::Truth;
