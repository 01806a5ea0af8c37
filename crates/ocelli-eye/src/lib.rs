//! The process that sees.
//!
//! An eye decodes, detects, tracks and redacts for its share of the streams. It is the only
//! process that holds pixels, and the only one in which C code sees a camera's bytes, so it gives
//! up every right it does not need: see [`sandbox`]. What it does with a message is in [`shard`],
//! whose clock and stages are given to it, so that tests turn it by hand.

mod attention;
pub mod blackbox;
pub mod clock;
pub mod coverage;
pub mod inbox;
pub mod kit;
pub mod link;
pub mod process;
pub mod sandbox;
pub mod shard;
mod stills;
mod stream;
mod vigil;

pub use kit::Kit;
pub use shard::Shard;
