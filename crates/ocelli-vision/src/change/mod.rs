//! The change gate: whether a picture differs from what its scene usually looks like, judged on a
//! small picture of its luma.

mod background;
mod components;
mod exposure;
mod luma;

pub use background::{Change, ChangeGate, THRESHOLD};
pub use luma::{HEIGHT, Luma, Patch, WIDTH};
