//! Pixels, in the eye only: decoders and detectors.
//!
//! A [`decoder`] turns packets into pictures, a [`tensor`] is filled from a picture's planes in one
//! pass, and an [`OnnxDetector`] finds objects in it. Nothing here opens a file, a socket or a
//! process once [`warm_up`] has run: an eye gives those rights up.

mod coded;
pub mod decoder;
mod detector;
mod runtime;
pub mod tensor;
mod warm_up;

pub use detector::OnnxDetector;
pub use runtime::{RuntimeError, find_onnx_runtime, init_onnx_runtime};
pub use warm_up::warm_up;
