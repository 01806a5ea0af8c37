//! One decode of each codec and one inference, so that every library is loaded, every table built
//! and every thread started before an eye gives up its rights. `make.py` made the bytes.

use bytes::Bytes;
use ocelli_core::{
    Codec, CodecParameters, MediaTime, MonoTime, Packet, Picture, StageError, StreamId, WallSource,
    WallTime, settings::DecoderKind,
};

use crate::{decoder, detector};

const CLIPS: [(Codec, &[u8]); 3] = [
    (Codec::H264, include_bytes!("h264.h264")),
    (Codec::H265, include_bytes!("h265.h265")),
    (Codec::Mjpeg, include_bytes!("mjpeg.mjpeg")),
];
const MODEL: &[u8] = include_bytes!("model.onnx");

/// Decodes a picture of each codec with each decoder that knows it, and runs one model.
///
/// # Errors
/// The library that is missing or does not work.
pub fn warm_up() -> Result<(), StageError> {
    for (codec, data) in CLIPS {
        decode(DecoderKind::Libavcodec, codec, data)?;
    }
    decode(DecoderKind::Rust, Codec::H264, CLIPS[0].1)?;
    detector::run_once(MODEL, [1, 3, 32, 32]).map_err(StageError::Rejected)
}

fn decode(kind: DecoderKind, codec: Codec, data: &'static [u8]) -> Result<(), StageError> {
    let parameters = CodecParameters {
        codec,
        parameter_sets: Bytes::new(),
        width: 64,
        height: 64,
        reordered: false,
    };
    let mut decoder = decoder::open(kind, &parameters)?;
    let mut pictures: Vec<Picture> = Vec::new();
    decoder.decode(&packet(data), &mut pictures)?;
    decoder.flush(&mut pictures)?;
    if pictures.is_empty() {
        return Err(StageError::Rejected(format!(
            "the {} decoder gave no picture",
            codec.as_str()
        )));
    }
    Ok(())
}

fn packet(data: &'static [u8]) -> Packet {
    Packet {
        stream: StreamId(u32::MAX),
        generation: 0,
        dts: MediaTime::default(),
        pts: MediaTime::default(),
        received: MonoTime::default(),
        wall: WallTime::default(),
        wall_source: WallSource::Receive,
        key: true,
        repeated: false,
        data: Bytes::from_static(data),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_that_an_eye_needs_works_here() {
        let library = crate::find_onnx_runtime().unwrap();
        crate::init_onnx_runtime(&library).unwrap();
        super::warm_up().unwrap();
    }
}
