//! Recordings that somebody cut, flipped bits of, or made up: no panic, an end, little memory.

use ocelli_core::Packet;
use ocelli_media::source::file::demux::Demuxer;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::media::{Given, make};

/// More memory than this is never taken at a time.
const GROWTH_MAX_KB: u64 = 64 * 1024;

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let coding = ["-c:v", "libx264", "-x264-params", "keyint=10:bframes=2"];
    let make = |name: &'static str, more: &[&str]| {
        let file = make(folder.path(), name, &[&coding, more].concat());
        (name, std::fs::read(file).unwrap())
    };
    vec![
        make("plain.mp4", &[]),
        make("front.mp4", &["-movflags", "faststart"]),
        make("fragments.mp4", &["-movflags", "frag_keyframe+empty_moov"]),
        make("plain.mkv", &[]),
        make("live.mkv", &["-f", "matroska", "-live", "1"]),
        make("raw.264", &["-f", "h264"]),
    ]
}

/// Reads all that there is. What comes out is bounded by what goes in.
fn read(bytes: Vec<u8>) -> Given {
    let length = bytes.len();
    let Ok(demuxer) = Demuxer::of_bytes(bytes, None) else {
        return Given::default();
    };
    let given = Given::of(demuxer.take(1_000_000));
    assert!(given.packets.len() + given.corrupt.len() < 100_000);
    assert!(
        given
            .packets
            .iter()
            .all(|packet| packet.data.len() <= Packet::BYTES_MAX)
    );
    if given.error.is_none() {
        let total: usize = given.packets.iter().map(|packet| packet.data.len()).sum();
        // The same bytes may stand in several samples of a made-up table, but not without end.
        assert!(total < 1000 * (length + 1000), "{total} bytes of {length}");
    }
    given
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
fn cut_anywhere() {
    for (name, whole) in seeds() {
        let all = read(whole.clone());
        assert_eq!(all.packets.len(), 50, "{name}");
        assert!(all.error.is_none() && all.corrupt.is_empty(), "{name}");
        let mut most = 0;
        for cut in (0..whole.len()).step_by(whole.len() / 97 + 1) {
            let given = read(whole[..cut].to_vec());
            assert!(given.packets.len() <= 50, "{name} cut at {cut}");
            assert!(
                given.packets.len() >= most || name == "raw.264",
                "{name} cut at {cut}"
            );
            most = given.packets.len();
        }
        // What can be read of a file whose index comes first, or all along, is read.
        assert!(most > 30 || name == "plain.mp4", "{name}: {most}");
    }
}

#[test]
fn bytes_changed_anywhere() {
    let seeds = seeds();
    let before = peak_kb();
    let mut runner = TestRunner::new(Config::with_cases(400));
    let strategy = (
        0..seeds.len(),
        // Where headers are as often as anywhere.
        prop::collection::vec(
            (any::<bool>(), any::<prop::sample::Index>(), any::<u8>()),
            1..12,
        ),
    );
    runner
        .run(&strategy, |(seed, changes)| {
            let mut bytes = seeds[seed].1.clone();
            for (is_early, at, value) in changes {
                let range = if is_early {
                    bytes.len().min(1500)
                } else {
                    bytes.len()
                };
                bytes[at.index(range)] = value;
            }
            read(bytes);
            Ok(())
        })
        .unwrap();
    let grown = peak_kb() - before;
    assert!(grown < GROWTH_MAX_KB, "{grown} kB");
}

/// Every four bytes that may be a length or a count say that there is no end of it.
#[test]
fn lengths_without_end() {
    let seeds = seeds();
    let before = peak_kb();
    for (name, whole) in &seeds {
        // The whole index, wherever it is.
        let index = whole
            .windows(4)
            .position(|bytes| bytes == b"moov")
            .unwrap_or(0);
        for at in (0..400).chain(index..(index + 1200).min(whole.len() - 4)) {
            for value in [
                [0xff; 4],
                [0x7f, 0xff, 0xff, 0xff],
                [0, 0, 0, 0],
                [0x00, 0xff, 0xff, 0xff],
            ] {
                let mut bytes = whole.clone();
                bytes[at..at + 4].copy_from_slice(&value);
                let given = read(bytes);
                assert!(given.packets.len() < 10_000, "{name} at {at}");
            }
        }
    }
    let grown = peak_kb() - before;
    assert!(grown < GROWTH_MAX_KB, "{grown} kB");
}

#[test]
fn noise_behind_a_right_beginning() {
    let mut runner = TestRunner::new(Config::with_cases(300));
    let beginnings: Vec<&[u8]> = vec![
        b"\0\0\0\x08ftyp",
        b"\0\0\0\x10ftypisom\0\0\0\0\0\0\x04\x00moov\0\0\x03\x00trak",
        &[
            0x1a, 0x45, 0xdf, 0xa3, 0x80, 0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0x16, 0x54, 0xae, 0x6b,
        ],
        &[0, 0, 0, 1, 0x67],
        &[0, 0, 0, 1, 0x40, 1],
        b"",
    ];
    let strategy = (
        0..beginnings.len(),
        prop::collection::vec(any::<u8>(), 0..2000),
    );
    runner
        .run(&strategy, |(which, noise)| {
            read([beginnings[which], &noise].concat());
            Ok(())
        })
        .unwrap();
}
