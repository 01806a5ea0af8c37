//! Decoders: both give the same pictures, in order and with their packets' times, from every
//! layout that cameras send.
//!
//! Needs the command `ffmpeg`, and the test clips (`OCELLI_TEST_CLIPS`).

use std::path::PathBuf;

use bytes::Bytes;
use ocelli_core::{
    Codec, CodecParameters, ErrorClass, MediaTime, MonoTime, Packet, Picture, StageError, WallTime,
    seam::Decoder, settings::DecoderKind,
};
use ocelli_vision::decoder;

use crate::clip;

pub(crate) const BOTH: [DecoderKind; 2] = [DecoderKind::Libavcodec, DecoderKind::Rust];

pub(crate) fn test_clip(name: &str) -> PathBuf {
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

/// A moving test picture, coded anew: raw H.264, H.265 or a run of JPEGs.
pub(crate) fn coded(source: &str, encoder: &[&str], format: &str) -> Vec<u8> {
    let source = format!("{source}:rate=10:duration=1");
    let mut arguments = vec!["-f", "lavfi", "-i", &source];
    arguments.extend(encoder);
    arguments.extend(["-f", format, "-"]);
    clip::ffmpeg(&arguments).unwrap()
}

pub(crate) fn open(kind: DecoderKind, codec: Codec, reordered: bool) -> Box<dyn Decoder> {
    open_with(kind, codec, reordered, &[]).unwrap()
}

pub(crate) fn open_with(
    kind: DecoderKind,
    codec: Codec,
    reordered: bool,
    sets: &[u8],
) -> Result<Box<dyn Decoder>, StageError> {
    let parameters = CodecParameters {
        codec,
        parameter_sets: Bytes::copy_from_slice(sets),
        width: 0,
        height: 0,
        reordered,
    };
    decoder::open(kind, &parameters)
}

/// A number that follows from size, range and every sample of a picture (FNV-1a).
pub(crate) fn digest(picture: &Picture) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for side in [picture.width, picture.height] {
        side.to_le_bytes().into_iter().for_each(&mut add);
    }
    add(u8::from(picture.full_range));
    for index in 0..3 {
        let (plane, stride) = picture.buffer.plane(index);
        let (shift_x, shift_y) = match index {
            0 => (0, 0),
            _ => (picture.chroma_shift_x, picture.chroma_shift_y),
        };
        let width = (picture.width as usize).div_ceil(1 << shift_x);
        let height = (picture.height as usize).div_ceil(1 << shift_y);
        for row in 0..height {
            for &sample in &plane[row * stride..][..width] {
                add(sample);
            }
        }
    }
    hash
}

/// Times and digests of the first pictures of a clip.
fn digests(bytes: &[u8], codec: Codec, kind: DecoderKind, pictures_max: usize) -> Vec<u64> {
    let mut decoder = open(kind, codec, false);
    let mut pictures = Vec::new();
    let units = clip::access_units(bytes, codec);
    for (at, unit) in units.iter().take(pictures_max).enumerate() {
        decoder
            .decode(&clip::packet(at, codec, unit), &mut pictures)
            .unwrap_or_else(|error| panic!("access unit {at}: {error}"));
        assert_eq!(pictures.len(), at + 1, "every picture comes at once");
    }
    pictures.iter().map(digest).collect()
}

#[test]
fn both_decoders_give_the_same_pictures() {
    let mut clips = ["vtest-h264.mp4", "vtest-640x360-25.mp4"]
        .map(|name| (name, clip::raw(&test_clip(name), Codec::H264).unwrap()))
        .to_vec();
    // What small cameras send: no CABAC, no 8x8 transform, four slices; and all of 0..255.
    for (name, options) in [
        (
            "baseline",
            ["-profile:v", "baseline", "-pix_fmt", "yuv420p"],
        ),
        ("full range", ["-profile:v", "high", "-pix_fmt", "yuvj420p"]),
    ] {
        let encoder = [
            &["-c:v", "libx264", "-bf", "0", "-slices", "4"][..],
            &options,
        ]
        .concat();
        clips.push((name, coded("testsrc=size=318x242", &encoder, "h264")));
    }
    for (name, bytes) in clips {
        let [c, rust] = BOTH.map(|kind| digests(&bytes, Codec::H264, kind, 150));
        assert!(c.len() >= 10, "{name}");
        assert!(c == rust, "{name}: the decoders differ");
        assert_ne!(c[0], c[9], "the twin: other pictures have other digests");
    }
}

#[test]
fn h265_decodes_every_picture() {
    let bytes = clip::raw(&test_clip("vtest-h265.mp4"), Codec::H265).unwrap();
    let digests = digests(&bytes, Codec::H265, DecoderKind::Libavcodec, 60);
    assert_eq!(digests.len(), 60);
    assert_ne!(digests[0], digests[59]);
}

/// Access units in decoding order with the time at which each is shown: pictures of "I P B B P B B"
/// are sent in another order than they are shown.
fn reordered() -> Vec<Packet> {
    let options = [
        "-c:v",
        "libx264",
        "-bf",
        "2",
        "-g",
        "7",
        "-x264-params",
        "b-adapt=0:scenecut=0",
        "-pix_fmt",
        "yuv420p",
    ];
    let bytes = coded("testsrc=size=160x96", &options, "h264");
    let units = clip::access_units(&bytes, Codec::H264);
    assert_eq!(units.len(), 10);
    // Groups of 7: 0 3 1 2 6 4 5, then 0 2 1 of the group that the clip's end cuts.
    let shown = [0, 3, 1, 2, 6, 4, 5, 7, 9, 8];
    units
        .iter()
        .zip(shown)
        .enumerate()
        .map(|(sent, (unit, shown))| Packet {
            dts: MediaTime::from_secs(sent as f64 / 10.0),
            pts: MediaTime::from_secs(f64::from(shown) / 10.0 + 0.2),
            received: MonoTime {
                micros: 1000 + shown as u64,
            },
            wall: WallTime {
                micros: i64::from(shown),
            },
            ..clip::packet(sent, Codec::H264, unit)
        })
        .collect()
}

#[test]
fn reordered_pictures_come_in_order_with_the_times_of_their_own_packets() {
    let [c, rust] = BOTH.map(|kind| {
        let mut decoder = open(kind, Codec::H264, true);
        let mut pictures = Vec::new();
        for packet in reordered() {
            decoder.decode(&packet, &mut pictures).unwrap();
        }
        assert!(
            pictures.len() < 10,
            "{kind:?} cannot know the last ones yet"
        );
        decoder.flush(&mut pictures).unwrap();
        let numbers: Vec<i64> = pictures.iter().map(|picture| picture.wall.micros).collect();
        assert_eq!(numbers, (0..10).collect::<Vec<_>>(), "{kind:?}");
        for (number, picture) in pictures.iter().enumerate() {
            assert_eq!(picture.at.micros, number as i64 * 100_000 + 200_000);
            assert_eq!(picture.received.micros, 1000 + number as u64);
            assert_eq!(picture.key, number == 0 || number == 7, "{kind:?} {number}");
        }
        // After the end it starts anew.
        pictures.clear();
        let first = reordered().remove(0);
        decoder.decode(&first, &mut pictures).unwrap();
        decoder.flush(&mut pictures).unwrap();
        assert_eq!(pictures.len(), 1);
        reordered_digests(kind)
    });
    assert!(c == rust, "the decoders differ");
}

fn reordered_digests(kind: DecoderKind) -> Vec<u64> {
    let mut decoder = open(kind, Codec::H264, true);
    let mut pictures = Vec::new();
    for packet in reordered() {
        decoder.decode(&packet, &mut pictures).unwrap();
    }
    decoder.flush(&mut pictures).unwrap();
    pictures.iter().map(digest).collect()
}

#[test]
fn sizes_may_change_in_the_middle() {
    let options = ["-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p"];
    let sizes = [(160, 96), (320, 240), (64, 64)];
    let clips = sizes
        .map(|(width, height)| coded(&format!("testsrc=size={width}x{height}"), &options, "h264"));
    for kind in BOTH {
        let mut decoder = open(kind, Codec::H264, false);
        let mut pictures = Vec::new();
        for clip in &clips {
            for (at, unit) in clip::access_units(clip, Codec::H264).iter().enumerate() {
                decoder
                    .decode(&clip::packet(at, Codec::H264, unit), &mut pictures)
                    .unwrap();
            }
        }
        decoder.flush(&mut pictures).unwrap();
        let got: Vec<(u32, u32)> = pictures
            .iter()
            .map(|picture| (picture.width, picture.height))
            .collect();
        let expected: Vec<(u32, u32)> = sizes.iter().flat_map(|&size| [size; 10]).collect();
        assert_eq!(got, expected, "{kind:?}");
    }
}

/// A run of JPEGs, cut where each begins.
pub(crate) fn jpegs(bytes: &[u8]) -> Vec<&[u8]> {
    let mut starts: Vec<usize> = (0..bytes.len().saturating_sub(4))
        .filter(|&at| {
            bytes[at..at + 3] == [0xff, 0xd8, 0xff]
                && (at == 0 || bytes[at - 2..at] == [0xff, 0xd9])
        })
        .collect();
    starts.push(bytes.len());
    starts
        .windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

#[test]
fn every_layout_that_cameras_send_is_decoded_and_others_are_refused() {
    let picture = "color=color=red:size=96x64";
    let mjpeg = ["-c:v", "mjpeg", "-pix_fmt"];
    let x264 = ["-c:v", "libx264", "-bf", "0", "-pix_fmt"];
    let x265 = [
        "-c:v",
        "libx265",
        "-x265-params",
        "log-level=none:bframes=0",
        "-pix_fmt",
    ];
    for (codec, encoder, format, shifts, full_range) in [
        (Codec::Mjpeg, &mjpeg[..], "yuvj420p", (1, 1), true),
        (Codec::Mjpeg, &mjpeg, "yuvj422p", (1, 0), true),
        (Codec::Mjpeg, &mjpeg, "yuvj444p", (0, 0), true),
        (Codec::H264, &x264, "yuv420p", (1, 1), false),
        (Codec::H264, &x264, "yuvj420p", (1, 1), true),
        (Codec::H264, &x264, "yuv422p", (1, 0), false),
        (Codec::H264, &x264, "yuv444p", (0, 0), false),
        (Codec::H265, &x265, "yuv420p", (1, 1), false),
        (Codec::H265, &x265, "yuv422p", (1, 0), false),
    ] {
        let case = format!("{codec:?} {format}");
        let (container, encoder) = container(codec, encoder, format);
        let bytes = coded(picture, &encoder, container);
        let units = match codec {
            Codec::Mjpeg => jpegs(&bytes),
            _ => clip::access_units(&bytes, codec),
        };
        assert_eq!(units.len(), 10, "{case}");
        let mut decoder = open(DecoderKind::Libavcodec, codec, false);
        let mut pictures = Vec::new();
        for (at, unit) in units.iter().enumerate() {
            decoder
                .decode(&clip::packet(at, codec, unit), &mut pictures)
                .unwrap();
        }
        assert_eq!(pictures.len(), 10, "{case}");
        let picture = pictures.last().unwrap();
        assert_eq!((picture.width, picture.height), (96, 64));
        assert_eq!(
            (picture.chroma_shift_x, picture.chroma_shift_y),
            shifts,
            "{case}"
        );
        assert_eq!(picture.full_range, full_range, "{case}");
        // Red in every layout: luma 76 of 255, Cb below and Cr far above the middle.
        let last = |index: usize| {
            let (plane, stride) = picture.buffer.plane(index);
            let (x, y) = if index == 0 {
                (95, 63)
            } else {
                (95 >> shifts.0, 63 >> shifts.1)
            };
            i32::from(plane[y * stride + x])
        };
        let (y, cb, cr) = if full_range {
            (76, 85, 255)
        } else {
            (81, 90, 240)
        };
        for (index, expected) in [y, cb, cr].into_iter().enumerate() {
            assert!(
                (last(index) - expected).abs() <= 4,
                "{case}: plane {index} has {}",
                last(index)
            );
        }
    }
    let (container, encoder) = container(Codec::H265, &x265, "yuv420p10le");
    let ten_bits = coded(picture, &encoder, container);
    let units = clip::access_units(&ten_bits, Codec::H265);
    let mut decoder = open(DecoderKind::Libavcodec, Codec::H265, false);
    let error = decoder
        .decode(&clip::packet(0, Codec::H265, units[0]), &mut Vec::new())
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Rejected);
    assert!(error.to_string().contains("8-bit"), "{error}");
}

fn container<'a>(
    codec: Codec,
    encoder: &[&'a str],
    format: &'a str,
) -> (&'static str, Vec<&'a str>) {
    let container = match codec {
        Codec::H264 => "h264",
        Codec::H265 => "hevc",
        Codec::Mjpeg => "mjpeg",
    };
    (container, [encoder, &[format]].concat())
}

#[test]
fn the_rust_decoder_reads_h264_only() {
    for codec in [Codec::H265, Codec::Mjpeg] {
        let error = open_with(DecoderKind::Rust, codec, false, &[])
            .err()
            .unwrap();
        assert_eq!(error.class(), ErrorClass::Rejected);
        assert!(error.to_string().contains(codec.as_str()), "{error}");
    }
}
