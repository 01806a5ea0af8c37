//! From packets to pictures. One file and one line in [`DECODERS`] for each decoder.

mod avcodec;
mod libavcodec;
mod rust_h264;

use ocelli_core::{CodecParameters, StageError, seam::Decoder, settings::DecoderKind};

/// One way to decode.
struct DecoderEntry {
    kind: DecoderKind,
    open: fn(&CodecParameters) -> Result<Box<dyn Decoder>, StageError>,
}

/// Every decoder.
const DECODERS: &[&DecoderEntry] = &[&libavcodec::ENTRY, &rust_h264::ENTRY];

/// Opens a decoder of the given kind.
///
/// # Errors
/// [`StageError::Rejected`] where it cannot decode such a stream, or the size is out of bounds.
pub fn open(
    kind: DecoderKind,
    parameters: &CodecParameters,
) -> Result<Box<dyn Decoder>, StageError> {
    let (width, height) = (parameters.width, parameters.height);
    // A source that does not know the size yet says 0.
    if (width, height) != (0, 0) && !CodecParameters::size_is_sane(width, height) {
        return Err(StageError::Rejected(format!(
            "pictures of {width}x{height} pixels are out of bounds"
        )));
    }
    let entry = DECODERS.iter().find(|entry| entry.kind == kind);
    match entry {
        Some(entry) => (entry.open)(parameters),
        None => Err(StageError::Rejected("no such decoder".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_settings_is_listed_and_every_file_too() {
        for (name, _, kind) in DecoderKind::ALL {
            assert!(
                DECODERS.iter().any(|entry| entry.kind == kind),
                "{name} is not in the list"
            );
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/decoder");
        let files = std::fs::read_dir(folder).unwrap().count();
        // `mod.rs` and the module that talks to C are no decoders.
        assert_eq!(files - 2, DECODERS.len());
    }

    #[test]
    fn absurd_sizes_are_refused_before_anything_is_allocated() {
        for kind in DecoderKind::ALL.map(|(_, _, kind)| kind) {
            let parameters = CodecParameters {
                codec: ocelli_core::Codec::H264,
                parameter_sets: bytes::Bytes::new(),
                width: 65_536,
                height: 65_536,
                reordered: false,
            };
            let error = open(kind, &parameters).err().unwrap();
            assert_eq!(error.class(), ocelli_core::ErrorClass::Rejected);
            assert!(error.to_string().contains("65536x65536"), "{error}");
        }
    }
}
