//! Compressed video in safe Rust: sources, parsers and simulated cameras. No decoder.

pub mod address;
pub mod bitstream;
pub mod simulate;
pub mod source;
