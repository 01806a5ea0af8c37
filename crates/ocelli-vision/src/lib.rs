//! Pixels, in the eye only: decoders and detectors.
//!
//! A [`decoder`] turns packets into pictures, a [`tensor`] is filled from a picture's planes in one
//! pass, and an [`OnnxDetector`] finds objects in it. Nothing here opens a file, a socket or a
//! process once [`warm_up`] has run: an eye gives those rights up.
//!
//! Pictures stay here. What takes one gives out numbers; there is no way from a decoder to text, to
//! a file or to the wire:
//!
//! ```
//! # use ocelli_core::{Packet, Picture, StageError, seam::{Decoder, Detector}};
//! fn look(
//!     decoder: &mut dyn Decoder,
//!     detector: &mut ocelli_vision::OnnxDetector,
//!     packet: &Packet,
//! ) -> Result<String, StageError> {
//!     let mut pictures: Vec<Picture> = Vec::new();
//!     decoder.decode(packet, &mut pictures)?;
//!     let found = detector.detect(&pictures)?;
//!     Ok(format!("{found:?}"))
//! }
//! ```
//! ```compile_fail,E0277
//! # use ocelli_core::{Packet, Picture, StageError, seam::{Decoder, Detector}};
//! fn look(decoder: &mut dyn Decoder, packet: &Packet) -> Result<String, StageError> {
//!     let mut pictures: Vec<Picture> = Vec::new();
//!     decoder.decode(packet, &mut pictures)?;
//!     Ok(format!("{pictures:?}"))
//! }
//! ```
//! ```compile_fail,E0277
//! # use ocelli_core::{Packet, Picture, StageError, seam::{Decoder, Detector}};
//! fn look(decoder: &mut dyn Decoder, packet: &Packet) -> Result<String, StageError> {
//!     let mut pictures: Vec<Picture> = Vec::new();
//!     decoder.decode(packet, &mut pictures)?;
//!     Ok(serde_json::to_string(&pictures).unwrap())
//! }
//! ```
//! ```compile_fail,E0599
//! # use ocelli_core::{Packet, Picture, StageError, seam::{Decoder, Detector}};
//! fn look(decoder: &mut dyn Decoder, packet: &Packet) -> Result<Picture, StageError> {
//!     let mut pictures: Vec<Picture> = Vec::new();
//!     decoder.decode(packet, &mut pictures)?;
//!     Ok(pictures[0].clone())
//! }
//! ```

pub mod change;
mod coded;
pub mod decoder;
mod detector;
pub mod redact;
mod runtime;
pub mod tensor;
mod warm_up;

pub use detector::OnnxDetector;
pub use runtime::{RuntimeError, find_onnx_runtime, init_onnx_runtime};
pub use warm_up::warm_up;
