//! The real stages.

use ocelli_core::{
    CodecParameters, StageError,
    seam::{Decoder, Detector},
    settings::{DecoderKind, DetectorSettings},
    wire::LoadedModel,
};
use ocelli_eye::Kit;

/// Decoders and detectors of the vision crate.
pub(crate) struct VisionKit;

impl VisionKit {
    /// Loads the libraries and runs each once: afterwards they need no file.
    pub(crate) fn warmed_up() -> Result<Self, String> {
        let library = ocelli_vision::find_onnx_runtime().map_err(|error| error.to_string())?;
        ocelli_vision::init_onnx_runtime(&library).map_err(|error| error.to_string())?;
        ocelli_vision::warm_up().map_err(|error| error.to_string())?;
        Ok(Self)
    }
}

impl Kit for VisionKit {
    fn decoder(
        &mut self,
        kind: DecoderKind,
        parameters: &CodecParameters,
    ) -> Result<Box<dyn Decoder>, StageError> {
        ocelli_vision::decoder::open(kind, parameters)
    }

    fn detector(
        &mut self,
        settings: &DetectorSettings,
        bytes: &[u8],
    ) -> Result<(Box<dyn Detector>, LoadedModel), StageError> {
        let (detector, loaded) = ocelli_vision::OnnxDetector::load(settings, bytes)?;
        Ok((Box::new(detector), loaded))
    }
}
