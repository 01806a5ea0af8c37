//! Compressed video in safe Rust: sources, parsers and simulated cameras. No decoder.

pub mod simulate;
