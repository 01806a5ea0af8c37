//! The packets come from ffmpeg's packetiser; what it was given is the oracle.

use std::{net::UdpSocket, path::Path, process::Command, time::Duration};

use ocelli_core::Codec;

use super::{super::rtp::RtpPacket, *};
use crate::bitstream::annexb;

/// RTP packets of a second of moving pictures, and the coded stream that they were made of.
fn packets(coding: &[&str], form: &str) -> (Vec<Vec<u8>>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("coded");
    let run = |arguments: &[&str], output: &Path| {
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-y"])
            .args(arguments)
            .arg(output)
            .stdout(std::process::Stdio::null())
            .status()
            .expect("the ffmpeg program is installed");
        assert!(status.success());
    };
    let input = "testsrc2=size=320x192:rate=25:duration=1";
    run(
        &[
            &["-f", "lavfi", "-i", input, "-pix_fmt", "yuvj420p"],
            coding,
            &["-f", form],
        ]
        .concat(),
        &file,
    );

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let port = socket.local_addr().unwrap().port();
    // Reports go to the next port, where nobody listens.
    let target = format!("rtp://127.0.0.1:{port}?pkt_size=1200");
    let source = file.to_str().unwrap().to_owned();
    let sender = std::thread::Builder::new()
        .name("ffmpeg".to_owned())
        .spawn(move || {
            run(
                &["-re", "-i", &source, "-c", "copy", "-f", "rtp"],
                Path::new(&target),
            );
        })
        .unwrap();
    let (mut packets, mut buffer) = (Vec::new(), [0; 2048]);
    while !sender.is_finished() || packets.is_empty() {
        while let Ok(bytes) = socket.recv(&mut buffer) {
            packets.push(buffer[..bytes].to_vec());
        }
    }
    sender.join().unwrap();
    (packets, std::fs::read(file).unwrap())
}

fn assemble(codec: Codec, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut assembly = Assembly::new(codec);
    let mut pictures = Vec::new();
    for bytes in packets {
        let packet = RtpPacket::parse(bytes).unwrap();
        let step = assembly.push(packet.time, packet.marker, packet.payload);
        assert_eq!(step.corrupt, None);
        pictures.extend(step.before.map(|picture| picture.data));
        pictures.extend(step.picture.map(|picture| picture.data));
    }
    pictures
}

#[test]
fn units_are_those_that_were_sent() {
    for (codec, coding, form) in [
        (
            Codec::H264,
            &["-c:v", "libx264", "-g", "10", "-slices", "2"][..],
            "h264",
        ),
        (
            Codec::H265,
            &[
                "-c:v",
                "libx265",
                "-g",
                "10",
                "-x265-params",
                "log-level=none",
            ],
            "hevc",
        ),
    ] {
        let (packets, coded) = packets(coding, form);
        let pictures = assemble(codec, &packets);
        assert_eq!(pictures.len(), 25);
        let sent: Vec<&[u8]> = annexb::units(&coded).collect();
        let found: Vec<&[u8]> = pictures
            .iter()
            .flat_map(|picture| annexb::units(picture))
            .collect();
        assert_eq!(found.len(), sent.len());
        assert!(found == sent, "{codec:?}");
    }
}

/// The coded data is the same; the headers are written anew and say the same.
#[test]
fn jpeg_pictures_are_those_that_were_sent() {
    let scan = |picture: &[u8]| -> Vec<u8> {
        let start = picture
            .windows(2)
            .position(|pair| pair == [0xff, 0xda])
            .unwrap();
        picture[start + 14..].to_vec()
    };
    for quality in ["2", "8"] {
        let coding = ["-c:v", "mjpeg", "-q:v", quality, "-huffman", "default"];
        let (packets, coded) = packets(&coding, "mjpeg");
        let pictures = assemble(Codec::Mjpeg, &packets);
        assert_eq!(pictures.len(), 25);
        let starts: Vec<usize> = coded
            .windows(3)
            .enumerate()
            .filter_map(|(at, bytes)| (bytes == [0xff, 0xd8, 0xff]).then_some(at))
            .chain([coded.len()])
            .collect();
        for (picture, range) in pictures.iter().zip(starts.windows(2)) {
            let sent = &coded[range[0]..range[1]];
            assert!(scan(picture) == scan(sent));
            assert_eq!(crate::bitstream::jpeg::size(picture), Some((320, 192)));
        }
        // And a decoder gives the same picture.
        let folder = tempfile::tempdir().unwrap();
        let hash = |name: &str, bytes: &[u8]| {
            let file = folder.path().join(name);
            std::fs::write(&file, bytes).unwrap();
            let out = Command::new("ffmpeg")
                .args(["-v", "error", "-f", "mjpeg", "-i"])
                .arg(&file)
                .args(["-f", "md5", "-"])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&out.stderr), "");
            out.stdout
        };
        assert_eq!(
            hash("ours", &pictures[3]),
            hash("theirs", &coded[starts[3]..starts[4]])
        );
    }
}

const FIRST: &[u8] = &[0x65, 0x88, 1];
const SECOND_SLICE: &[u8] = &[0x65, 0x08, 2];

/// A step that gives a picture with these units, or none.
fn gives(step: &Step, units: Option<&[&[u8]]>) -> bool {
    let found = step
        .picture
        .as_ref()
        .map(|picture| annexb::units(&picture.data).collect::<Vec<_>>());
    found.as_deref() == units && step.corrupt.is_none()
}

#[test]
fn what_is_lost_takes_its_picture_with_it() {
    let mut assembly = Assembly::new(Codec::H264);
    assert!(
        gives(&assembly.push(1, true, SECOND_SLICE), None),
        "who joins, joins at a start"
    );
    assert!(gives(&assembly.push(2, true, FIRST), Some(&[FIRST])));
    // The end of a picture and the start of the next.
    assert!(gives(&assembly.push(3, false, FIRST), None));
    assembly.lose();
    assert!(gives(&assembly.push(4, true, SECOND_SLICE), None));
    assert!(gives(&assembly.push(5, true, FIRST), Some(&[FIRST])));
    // The middle of a picture.
    assert!(gives(&assembly.push(6, false, FIRST), None));
    assembly.lose();
    assert!(gives(&assembly.push(6, false, SECOND_SLICE), None));
    assert!(gives(&assembly.push(6, true, SECOND_SLICE), None));
    assert!(gives(&assembly.push(7, true, FIRST), Some(&[FIRST])));
    // The end alone: the next picture is whole.
    assert!(gives(&assembly.push(8, false, FIRST), None));
    assembly.lose();
    assert!(gives(&assembly.push(9, true, FIRST), Some(&[FIRST])));
}

#[test]
fn ends_that_are_not_marked() {
    let mut assembly = Assembly::new(Codec::H264);
    let set: &[u8] = &[0x67, 1];
    // Parameter sets with a time and a mark of their own belong to the next picture.
    assert!(gives(&assembly.push(1, true, set), None));
    assert!(gives(&assembly.push(2, true, FIRST), Some(&[set, FIRST])));
    // A new time ends a picture.
    assert!(gives(&assembly.push(3, false, FIRST), None));
    let step = assembly.push(4, false, FIRST);
    assert_eq!(step.before.map(|picture| picture.time), Some(3));
    // A fragment that nothing ends.
    assert!(gives(&assembly.push(5, false, &[0x7c, 0x85, 0x88]), None));
    assert!(gives(
        &assembly.push(5, true, &[0x7c, 0x05, 7]),
        Some(&[&[0x65, 0x88, 7]])
    ));
}

#[test]
fn what_makes_no_sense_is_named() {
    for (codec, payloads) in [
        (Codec::H264, &[&[0x7c, 0x05, 7][..]][..]),
        (Codec::H264, &[FIRST, &[0x78, 0, 9, 0x65]]),
        (Codec::H264, &[FIRST, &[0x19, 0]]),
        (Codec::H264, &[&[0x7c, 0x85, 0x88], FIRST]),
        (Codec::H264, &[FIRST, &[0xe5, 1]]),
        (Codec::H265, &[&[0x62, 1, 0x13, 1]]),
        (Codec::H265, &[&[0x26, 1, 0x80], &[0x64, 1]]),
        (Codec::Mjpeg, &[&[0, 0, 0, 0, 1, 50, 0, 0]]),
        (
            Codec::Mjpeg,
            &[&[0, 0, 0, 0, 1, 50, 2, 2, 1], &[0, 0, 0, 9, 1, 50, 2, 2, 1]],
        ),
        (Codec::Mjpeg, &[&[0, 0, 0, 0, 1, 200, 2, 2, 0, 0, 0, 0]]),
    ] {
        let mut assembly = Assembly::new(codec);
        // A whole picture before, so that the search for a start is over.
        assembly.is_spoiled = false;
        let corrupt = payloads
            .iter()
            .filter_map(|payload| assembly.push(1, false, payload).corrupt);
        assert_eq!(corrupt.count(), 1, "{payloads:?}");
    }
}

proptest::proptest! {
    #[test]
    fn noise_never_panics_and_is_bounded(
        packets in proptest::collection::vec(
            (0..3_u32, proptest::prelude::any::<bool>(), proptest::prelude::any::<bool>(),
             proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)),
            0..60,
        ),
        codec in proptest::sample::select(vec![Codec::H264, Codec::H265, Codec::Mjpeg]),
    ) {
        let mut assembly = Assembly::new(codec);
        for (time, marker, lost, payload) in packets {
            if lost {
                assembly.lose();
            }
            let step = assembly.push(time, marker, &payload);
            for picture in [step.before, step.picture].into_iter().flatten() {
                proptest::prop_assert!(picture.data.len() < 100_000);
            }
        }
    }
}
