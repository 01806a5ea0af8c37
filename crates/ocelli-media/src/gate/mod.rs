//! The packet gate: judges by what is coded, before anything is decoded.

mod class;
mod macroblock;

pub use class::{Calmness, StreamClass};
pub use macroblock::{MacroblockGate, MacroblockLook, Region, THRESHOLD, changes};
