//! Damage is said, costs no more than its group, and absurd pictures never reach a decoder.

use ocelli_core::{
    Codec, CodecParameters, ErrorClass, Picture, StageError, seam::Decoder, settings::DecoderKind,
};

use crate::{
    clip,
    decoders::{BOTH, coded, digest, jpegs, open, open_with, test_clip},
};

/// What comes out of `units`, packet by packet.
fn outcomes(
    decoder: &mut dyn Decoder,
    codec: Codec,
    units: &[Vec<u8>],
) -> Vec<(Result<(), StageError>, Vec<Picture>)> {
    units
        .iter()
        .enumerate()
        .map(|(at, unit)| {
            let mut pictures = Vec::new();
            let result = decoder.decode(&clip::packet(at, codec, unit), &mut pictures);
            (result, pictures)
        })
        .collect()
}

#[test]
fn damage_is_said_and_decoding_goes_on_at_the_next_key_picture() {
    let h265 = [
        "-c:v",
        "libx265",
        "-x265-params",
        "log-level=none:bframes=0:keyint=14:min-keyint=14:no-open-gop=1",
        "-frames:v",
        "28",
    ];
    let h264 = [
        "-c:v",
        "libx264",
        "-bf",
        "0",
        "-g",
        "14",
        "-x264-params",
        "scenecut=0",
        "-frames:v",
        "28",
    ];
    let cut = |codec: Codec, bytes: Vec<u8>| -> Vec<Vec<u8>> {
        clip::access_units(&bytes, codec)
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect()
    };
    let clip = test_clip("vtest-h264.mp4").display().to_string();
    for (codec, kind, encoder, format) in [
        (Codec::H264, DecoderKind::Libavcodec, &h264[..], "h264"),
        (Codec::H264, DecoderKind::Rust, &h264[..], "h264"),
        (Codec::H265, DecoderKind::Libavcodec, &h265[..], "hevc"),
    ] {
        let bytes =
            clip::ffmpeg(&[&["-i", &clip], encoder, &["-f", format, "-"]].concat()).unwrap();
        let mut units = cut(codec, bytes);
        assert_eq!(units.len(), 28);
        let clean: Vec<u64> = outcomes(&mut *open(kind, codec, false), codec, &units)
            .iter()
            .map(|(result, pictures)| {
                assert!(result.is_ok() && pictures.len() == 1, "{kind:?} {codec:?}");
                digest(&pictures[0])
            })
            .collect();
        let half = units[3].len() / 2;
        units[3].truncate(half);
        let found = outcomes(&mut *open(kind, codec, false), codec, &units);
        for (at, (result, pictures)) in found.iter().enumerate() {
            let case = format!("{kind:?} {codec:?} {at}");
            if (3..14).contains(&at) {
                assert!(
                    kind == DecoderKind::Rust || pictures.is_empty(),
                    "{case}: a damaged picture came out"
                );
                match result {
                    Err(error) => assert_eq!(error.class(), ErrorClass::Corrupt, "{case}: {error}"),
                    // It does not see the end of a slice that is cut short.
                    Ok(()) => assert_eq!(kind, DecoderKind::Rust, "{case}"),
                }
            } else {
                assert!(result.is_ok() && pictures.len() == 1, "{case}: {result:?}");
                assert_eq!(digest(&pictures[0]), clean[at], "{case}");
            }
        }
    }
}

#[test]
fn parameter_sets_may_stand_outside_of_the_packets() {
    let options = [
        "-c:v", "libx264", "-bf", "0", "-g", "5", "-pix_fmt", "yuv420p",
    ];
    let bytes = coded("testsrc=size=160x96", &options, "h264");
    let units = clip::access_units(&bytes, Codec::H264);
    let slice = |unit: &[u8]| {
        let at = unit
            .windows(4)
            .position(|head| head[..3] == [0, 0, 1] && matches!(head[3] & 31, 1 | 5));
        at.unwrap()
    };
    let sets = &units[0][..slice(units[0])];
    for kind in BOTH {
        let mut decoder = open_with(kind, Codec::H264, false, sets).unwrap();
        let mut pictures = Vec::new();
        for (at, unit) in units.iter().enumerate() {
            let mut bare = unit[slice(unit)..].to_vec();
            if at == 2 {
                bare.truncate(8);
            }
            let decoded = decoder.decode(&clip::packet(at, Codec::H264, &bare), &mut pictures);
            // Damage at the third: it needs them again.
            assert_eq!(
                decoded.is_err(),
                (2..5).contains(&at),
                "{kind:?} {at}: {decoded:?}"
            );
        }
        assert_eq!(pictures.len(), 7, "{kind:?}");
    }
}

#[test]
fn a_damaged_jpeg_costs_itself_alone() {
    let bytes = coded(
        "testsrc=size=128x96",
        &["-c:v", "mjpeg", "-pix_fmt", "yuvj422p"],
        "mjpeg",
    );
    let units = jpegs(&bytes);
    let mut decoder = open(DecoderKind::Libavcodec, Codec::Mjpeg, false);
    for (at, unit) in units.iter().enumerate() {
        let sent = match at {
            2 => &unit[..unit.len() / 2],
            4 => &unit[..40],
            _ => unit,
        };
        let mut pictures = Vec::new();
        let decoded = decoder.decode(&clip::packet(at, Codec::Mjpeg, sent), &mut pictures);
        assert_eq!(
            decoded.is_ok(),
            sent.len() == unit.len(),
            "{at}: {decoded:?}"
        );
        assert_eq!(pictures.len(), usize::from(decoded.is_ok()), "{at}");
    }
}

#[test]
fn pictures_out_of_bounds_are_refused_and_the_next_ones_decode() {
    let options = ["-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p"];
    let wide = coded("testsrc=size=8208x16", &options, "h264");
    let sane = coded("testsrc=size=64x64", &options, "h264");
    let first = |bytes: &[u8]| clip::access_units(bytes, Codec::H264)[0].to_vec();
    for kind in BOTH {
        let mut decoder = open(kind, Codec::H264, false);
        let mut pictures = Vec::new();
        let mut decode = |unit: &[u8]| {
            let decoded = decoder.decode(&clip::packet(0, Codec::H264, unit), &mut pictures);
            decoded.map(|()| pictures.drain(..).count())
        };
        let error = decode(&first(&wide)).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Rejected, "{kind:?}");
        assert!(error.to_string().contains("8208x16"), "{kind:?}: {error}");
        assert_eq!(decode(&first(&sane)), Ok(1), "{kind:?}");
        assert_eq!(
            open_with(kind, Codec::H264, false, &first(&wide))
                .err()
                .map(|error| error.class()),
            Some(ErrorClass::Rejected)
        );
    }
}

#[test]
fn noise_is_never_a_panic_nor_a_picture_out_of_bounds() {
    let mut state = 1_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    for (kind, codec) in [
        (DecoderKind::Libavcodec, Codec::H264),
        (DecoderKind::Libavcodec, Codec::H265),
        (DecoderKind::Libavcodec, Codec::Mjpeg),
        (DecoderKind::Rust, Codec::H264),
    ] {
        let mut decoder = open(kind, codec, false);
        let mut pictures = Vec::new();
        for at in 0..300 {
            let mut unit = vec![0, 0, 0, 1];
            unit.extend((0..at * 3).map(|_| noise()));
            if let Err(error) = decoder.decode(&clip::packet(at, codec, &unit), &mut pictures) {
                assert_ne!(error.class(), ErrorClass::Unavailable);
            }
        }
        for picture in &pictures {
            assert!(CodecParameters::size_is_sane(picture.width, picture.height));
        }
    }
}
