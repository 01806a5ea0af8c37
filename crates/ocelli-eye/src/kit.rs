//! What a shard builds its stages with: the real ones, or a test's.

use ocelli_core::{
    CodecParameters, StageError,
    seam::{Decoder, Detector},
    settings::{DecoderKind, DetectorSettings},
    wire::LoadedModel,
};

/// Builds decoders and detectors.
pub trait Kit {
    /// A decoder for one stream's parameters.
    fn decoder(
        &mut self,
        kind: DecoderKind,
        parameters: &CodecParameters,
    ) -> Result<Box<dyn Decoder>, StageError>;

    /// A detector of an ONNX file's bytes.
    fn detector(
        &mut self,
        settings: &DetectorSettings,
        bytes: &[u8],
    ) -> Result<(Box<dyn Detector>, LoadedModel), StageError>;
}
