//! Compressed video in safe Rust: sources, parsers, the packet gate and simulated cameras. No decoder.

pub mod address;
pub mod bitstream;
pub mod gate;
pub mod probe;
pub mod simulate;
pub mod source;
