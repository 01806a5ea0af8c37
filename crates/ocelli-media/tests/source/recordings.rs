//! What is read of a recording is what ffprobe reads.

use std::path::Path;

use ocelli_core::Codec;
use ocelli_media::{bitstream::annexb, source::file::demux};

use crate::media::{Given, clip, data, make, probe};

const H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-x264-params",
    "keyint=10:bframes=0",
];
const H264_B: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-x264-params",
    "keyint=10:bframes=3:b-pyramid=normal",
];
const H265_B: &[&str] = &[
    "-c:v",
    "libx265",
    "-preset",
    "veryfast",
    "-x265-params",
    "keyint=10:bframes=3:log-level=none",
];

/// What ffprobe does not say of a container, or says by its own reckoning.
#[derive(Clone, Copy, PartialEq)]
enum Times {
    Both,
    /// Decoding times are worked out.
    Shown,
    /// Pictures have no times: they are at an even rate.
    Even,
}

/// Reads `file` and compares it with ffprobe's list.
fn check(file: &Path, codec: Codec, size: (u32, u32), reordered: bool) -> Given {
    check_times(file, codec, size, reordered, Times::Both)
}

fn check_times(
    file: &Path,
    codec: Codec,
    size: (u32, u32),
    reordered: bool,
    times: Times,
) -> Given {
    let name = file.display();
    let given = Given::of(demux::open(file).unwrap());
    let probed = probe(file);
    assert_eq!(given.error, None);
    assert_eq!(given.corrupt, [""; 0]);
    assert_eq!(given.parameters.len(), 1, "{name}");
    let parameters = &given.parameters[0];
    assert_eq!(parameters.codec, codec);
    assert_eq!((parameters.width, parameters.height), size);
    assert_eq!(parameters.reordered, reordered, "{name}");
    assert_eq!(given.packets.len(), probed.len(), "{name}");
    // The origin may differ; distances may not. ffprobe writes whole microseconds, or those of a
    // coarser clock.
    let origin = given.packets[0].pts_micros - probed[0].pts.unwrap_or(0);
    let is_at = |ours: i64, theirs: Option<i64>| {
        theirs.is_none_or(|theirs| (ours - origin - theirs).abs() <= 1)
    };
    let mut last = i64::MIN;
    for (at, (packet, probed)) in given.packets.iter().zip(&probed).enumerate() {
        let (dts, pts) = (packet.dts_micros, packet.pts_micros);
        assert!(dts >= last, "{name} {at}: decoded before the one before");
        assert!(dts <= pts, "{name} {at}: shown before it is decoded");
        last = dts;
        if times == Times::Both {
            assert!(
                is_at(dts, probed.dts),
                "{name} {at}: decoded at {dts}, {probed:?}"
            );
        }
        if times != Times::Even {
            assert!(
                is_at(pts, probed.pts),
                "{name} {at}: shown at {pts}, {probed:?}"
            );
        }
        assert_eq!(packet.key, probed.key, "{name} {at}");
        // Lengths of four bytes are as long as start codes. Of a raw stream's, ffprobe counts the
        // first zero to the picture before.
        let spare = usize::from(times == Times::Even);
        assert!(
            packet.data.len().abs_diff(probed.bytes) <= spare,
            "{name} {at}"
        );
        assert!(codec == Codec::Mjpeg || annexb::units(&packet.data).count() > 0);
    }
    given
}

#[test]
fn mp4_of_each_codec() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name, coding| make(folder.path(), name, coding);
    check(&make("a.mp4", H264), Codec::H264, (160, 96), false);
    let given = check(&make("b.mp4", H264_B), Codec::H264, (160, 96), true);
    assert!(
        given
            .packets
            .iter()
            .any(|packet| packet.pts_micros > packet.dts_micros)
    );
    assert_eq!(
        given.packets.iter().map(|packet| packet.pts_micros).min(),
        Some(0),
        "the edit list"
    );
    check(&make("c.mp4", H265_B), Codec::H265, (160, 96), true);
    check(
        &make("d.mov", &["-c:v", "mjpeg"]),
        Codec::Mjpeg,
        (160, 96),
        false,
    );
    check(
        &make("e.mp4", &["-c:v", "mjpeg"]),
        Codec::Mjpeg,
        (160, 96),
        false,
    );
}

#[test]
fn mp4_in_fragments() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [
        "frag_keyframe+empty_moov+default_base_moof",
        "frag_keyframe+empty_moov",
        "frag_keyframe",
        "frag_every_frame+empty_moov+separate_moof+omit_tfhd_offset",
    ] {
        let coding = [H264_B, &["-movflags", flags]].concat();
        let file = make(folder.path(), "f.mp4", &coding);
        check(&file, Codec::H264, (160, 96), true);
    }
}

#[test]
fn matroska_of_each_codec() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name, coding: &[&str]| make(folder.path(), name, coding);
    let check = |file: &Path, codec, reordered| {
        check_times(file, codec, (160, 96), reordered, Times::Shown)
    };
    check(&make("a.mkv", H264), Codec::H264, false);
    let given = check(&make("b.mkv", H264_B), Codec::H264, true);
    assert!(
        given
            .packets
            .iter()
            .any(|packet| packet.pts_micros > packet.dts_micros)
    );
    check(&make("c.mkv", H265_B), Codec::H265, true);
    check(&make("d.mkv", &["-c:v", "mjpeg"]), Codec::Mjpeg, false);
    // Written as it comes: sizes are not known, there is no index.
    let live = [
        H264_B,
        &["-f", "matroska", "-live", "1", "-cluster_time_limit", "300"],
    ]
    .concat();
    check(&make("e.mkv", &live), Codec::H264, true);
}

/// The order of showing is the same as in a container that says it.
#[test]
fn raw_streams() {
    let folder = tempfile::tempdir().unwrap();
    for (name, codec, coding) in [
        ("a.264", Codec::H264, H264),
        ("b.h264", Codec::H264, H264_B),
        ("c.265", Codec::H265, H265_B),
        // What stands in the file counts, not its name.
        ("d.264", Codec::H265, H265_B),
    ] {
        let form = if codec == Codec::H264 { "h264" } else { "hevc" };
        let raw = make(folder.path(), name, &[coding, &["-f", form]].concat());
        let given = check_times(&raw, codec, (160, 96), coding != H264, Times::Even);
        let packaged = Given::of(demux::open(&make(folder.path(), "e.mp4", coding)).unwrap());
        let shown = |given: &Given| -> Vec<i64> {
            given
                .packets
                .iter()
                .map(|packet| packet.pts_micros)
                .collect()
        };
        assert_eq!(shown(&given), shown(&packaged), "{name}");
    }
}

#[test]
fn raw_streams_have_the_rate_that_they_say_or_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, coding, form) in [("a.264", H264, "h264"), ("b.265", H265_B, "hevc")] {
        let slow = [coding, &["-r", "10", "-f", form]].concat();
        let raw = make(folder.path(), name, &slow);
        let step = |rate| {
            let given = Given::of(demux::Demuxer::open(&raw, rate).unwrap());
            let shown = || given.packets.iter().map(|packet| packet.pts_micros);
            let span = shown().max().unwrap() - shown().min().unwrap();
            span / (given.packets.len() as i64 - 1)
        };
        assert_eq!(step(None), 100_000, "{name}");
        assert_eq!(step(Some(5.0)), 200_000, "{name}");
    }
    let other = make(folder.path(), "c.mp4", H264);
    assert!(
        demux::Demuxer::open(&other, Some(5.0)).is_err(),
        "it has times of its own"
    );
}

#[test]
fn clips_of_the_development_data() {
    let test = "clips_of_the_development_data";
    for (file, size, reordered) in [
        ("clips/vtest.h264.mp4", (768, 576), false),
        ("clips/car-detection.mp4", (768, 432), false),
        ("clips/bottle-detection.mp4", (640, 360), true),
        ("clips/night_street_426x240.mp4", (426, 240), true),
    ] {
        if let Some(file) = data(test, file) {
            check(&file, Codec::H264, size, reordered);
        }
    }
    for (file, codec, size) in [
        ("vtest-h264.mp4", Codec::H264, (768, 576)),
        ("vtest-h265.mp4", Codec::H265, (768, 576)),
        ("vtest-640x360-25.mp4", Codec::H264, (640, 360)),
    ] {
        if let Some(file) = clip(test, file) {
            check(&file, codec, size, false);
        }
    }
}
