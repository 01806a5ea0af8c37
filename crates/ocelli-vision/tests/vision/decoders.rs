//! Both decoders give the same pictures, and damage is said and survived.
//!
//! Needs the test clips (`OCELLI_TEST_CLIPS`).

use std::path::PathBuf;

use bytes::Bytes;
use ocelli_core::{Codec, CodecParameters, ErrorClass, Picture, settings::DecoderKind};
use ocelli_vision::decoder;

use crate::clip;

fn test_clip(name: &str) -> PathBuf {
    let folder = std::env::var_os("OCELLI_TEST_CLIPS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.deps/clips")),
        PathBuf::from,
    );
    let file = folder.join(name);
    assert!(
        file.is_file(),
        "{} is missing: tools/setup clips makes it",
        file.display()
    );
    file
}

/// A number that follows from every sample of a picture (FNV-1a).
fn digest(picture: &Picture) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for index in 0..3 {
        let (plane, stride) = picture.buffer.plane(index);
        let shift = if index == 0 {
            (0, 0)
        } else {
            (picture.chroma_shift_x, picture.chroma_shift_y)
        };
        let width = (picture.width as usize).div_ceil(1 << shift.0);
        let height = (picture.height as usize).div_ceil(1 << shift.1);
        for row in 0..height {
            for &sample in &plane[row * stride..][..width] {
                hash = (hash ^ u64::from(sample)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    hash
}

fn digests(bytes: &[u8], codec: Codec, kind: DecoderKind, pictures_max: usize) -> Vec<u64> {
    let units = clip::access_units(bytes, codec);
    let end = units.get(pictures_max).map_or(bytes.len(), |unit| {
        unit.as_ptr() as usize - bytes.as_ptr() as usize
    });
    let mut digests = Vec::new();
    let mut costs = clip::Costs::default();
    clip::each_picture(&bytes[..end], codec, kind, &mut costs, |_, picture, _| {
        digests.push(digest(&picture));
        Ok(())
    })
    .unwrap();
    digests
}

#[test]
fn both_decoders_give_the_same_pictures() {
    for name in ["vtest-h264.mp4", "vtest-640x360-25.mp4"] {
        let bytes = clip::raw(&test_clip(name), Codec::H264).unwrap();
        let [c, rust] = [DecoderKind::Libavcodec, DecoderKind::Rust]
            .map(|kind| digests(&bytes, Codec::H264, kind, 150));
        assert_eq!(c.len(), 150);
        assert!(c == rust, "{name}: the decoders differ");
        assert!(
            c[0] != c[75],
            "the twin: pictures that differ have other digests"
        );
    }
}

#[test]
fn h265_decodes_every_picture() {
    let bytes = clip::raw(&test_clip("vtest-h265.mp4"), Codec::H265).unwrap();
    assert_eq!(
        digests(&bytes, Codec::H265, DecoderKind::Libavcodec, 60).len(),
        60
    );
}

#[test]
fn damage_is_said_and_decoding_goes_on_at_the_next_key_picture() {
    let bytes = clip::raw(&test_clip("vtest-h264.mp4"), Codec::H264).unwrap();
    let units = clip::access_units(&bytes, Codec::H264);
    for kind in [DecoderKind::Libavcodec, DecoderKind::Rust] {
        let parameters = CodecParameters {
            codec: Codec::H264,
            parameter_sets: Bytes::new(),
            width: 768,
            height: 576,
            reordered: false,
        };
        let mut decoder = decoder::open(kind, &parameters).unwrap();
        let mut pictures = Vec::new();
        for (at, unit) in units[..14].iter().enumerate() {
            let mut damaged = unit.to_vec();
            if at == 3 {
                let middle = damaged.len() / 2;
                damaged.truncate(middle);
                damaged.extend_from_slice(&[0xff; 64]);
            }
            match decoder.decode(&clip::packet(at, Codec::H264, &damaged), &mut pictures) {
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error.class(), ErrorClass::Corrupt, "{kind:?}: {error}");
                    assert!(at >= 3, "{kind:?}: picture {at} is not damaged");
                }
            }
        }
        pictures.clear();
        // The next group decodes to its end.
        for (at, unit) in units[14..28].iter().enumerate() {
            decoder
                .decode(&clip::packet(14 + at, Codec::H264, unit), &mut pictures)
                .unwrap();
        }
        assert_eq!(pictures.len(), 14, "{kind:?}");
    }
}

#[test]
fn noise_is_corrupt_and_never_a_panic() {
    let mut state = 1_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    for kind in [DecoderKind::Libavcodec, DecoderKind::Rust] {
        let codecs: &[Codec] = if kind == DecoderKind::Rust {
            &[Codec::H264]
        } else {
            &[Codec::H264, Codec::H265, Codec::Mjpeg]
        };
        for &codec in codecs {
            let parameters = CodecParameters {
                codec,
                parameter_sets: Bytes::new(),
                width: 0,
                height: 0,
                reordered: false,
            };
            let mut decoder = decoder::open(kind, &parameters).unwrap();
            let mut pictures = Vec::new();
            for at in 0..300 {
                let mut unit = vec![0, 0, 0, 1];
                unit.extend((0..at * 3).map(|_| noise()));
                // Noise may by chance be a picture; it must not be one that is out of bounds.
                if let Err(error) = decoder.decode(&clip::packet(at, codec, &unit), &mut pictures) {
                    assert_ne!(error.class(), ErrorClass::Unavailable);
                }
            }
            for picture in &pictures {
                assert!(CodecParameters::size_is_sane(picture.width, picture.height));
            }
        }
    }
}
