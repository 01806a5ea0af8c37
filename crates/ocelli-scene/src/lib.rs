//! One stream over time: tracker, tags, rules and the events they make. Pure: no I/O, no clock,
//! no threads; the same input and key give the same events.
//!
//! [`Scene::look`] takes what a detector found in one picture. A [`tracker`] joins the boxes over
//! time by motion alone, a visit gives each confirmed object a tag and says when it appears,
//! stands, moves and goes, and the [`rule`]s say what it does to zones and lines.

mod clean;
mod emitter;
mod error;
mod faults;
mod plane;
mod polygon;
mod presence;
mod rest;
pub mod rule;
mod scene;
mod setup;
mod state;
pub mod tracker;
mod visit;

pub use emitter::{Emitter, Moment};
pub use error::{About, SceneError};
pub use faults::Faults;
pub use polygon::Polygon;
pub use scene::Scene;
pub use setup::check;
