//! From packets to pictures. One file and one line in [`DECODERS`] for each decoder.

mod avcodec;
mod libavcodec;
mod rust_h264;

use ocelli_core::{
    Codec, CodecParameters, Packet, Picture, StageError, seam::Decoder, settings::DecoderKind,
};

use crate::coded;

/// One way to decode.
struct Entry {
    kind: DecoderKind,
    open: fn(&CodecParameters) -> Result<Box<dyn Decoder>, StageError>,
}

/// Every decoder.
const DECODERS: &[&Entry] = &[&libavcodec::KIND, &rust_h264::KIND];

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
    if (width, height) != (0, 0) {
        coded::bounds(width, height)?;
    }
    coded::check(parameters.codec, &parameters.parameter_sets)?;
    let entry = DECODERS
        .iter()
        .find(|entry| entry.kind == kind)
        .ok_or_else(|| StageError::Rejected("no such decoder".to_owned()))?;
    Ok(Box::new(Guarded {
        inner: (entry.open)(parameters)?,
        codec: parameters.codec,
        waits_for_key: false,
    }))
}

/// What holds for every decoder: it sees no packet that announces pictures out of bounds, and after
/// damage none before the next key picture, whose references would be missing.
struct Guarded {
    inner: Box<dyn Decoder>,
    codec: Codec,
    waits_for_key: bool,
}

impl Decoder for Guarded {
    fn decode(&mut self, packet: &Packet, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        // Every JPEG is a key picture.
        if self.waits_for_key && !packet.key && self.codec != Codec::Mjpeg {
            return Err(StageError::Corrupt(
                "the pictures that it is predicted from are damaged".to_owned(),
            ));
        }
        let decoded = coded::check(self.codec, &packet.data)
            .and_then(|()| self.inner.decode(packet, pictures));
        self.waits_for_key = decoded.is_err();
        decoded
    }

    fn flush(&mut self, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        self.waits_for_key = false;
        self.inner.flush(pictures)
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
        let mut files = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let stem = name.strip_suffix(".rs").unwrap();
            if ["mod", "avcodec"].contains(&stem) {
                continue;
            }
            files += 1;
            assert!(
                include_str!("mod.rs").contains(&format!("&{stem}::KIND")),
                "{name} is not in the list"
            );
        }
        assert_eq!(files, DECODERS.len());
    }

    #[test]
    fn absurd_sizes_are_refused_before_anything_is_allocated() {
        for kind in DecoderKind::ALL.map(|(_, _, kind)| kind) {
            let parameters = CodecParameters {
                codec: Codec::H264,
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
