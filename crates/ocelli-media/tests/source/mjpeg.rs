//! Cameras that send JPEG pictures.

use std::time::Duration;

use ocelli_core::{Codec, seam::SourceItem, seam::SourcePacket};
use ocelli_media::{
    bitstream::jpeg,
    simulate::{Clip, ClipError, SimulateError, Simulation},
    source::{self, file::demux},
};
use serde_json::json;

use crate::{
    cameras::{camera, clip, next, packet, within},
    media::make,
};

/// The standard's Huffman tables, chroma halved both ways.
const HALF: &[&str] = &["-c:v", "mjpeg", "-huffman", "default", "-q:v", "4"];
/// With restart markers between rows.
const RESTARTS: &[&str] = &[
    "-c:v", "mjpeg", "-huffman", "default", "-q:v", "4", "-slices", "4",
];

/// What follows the header of the scan: the same bytes in both, whatever stands before.
fn scan(picture: &[u8]) -> &[u8] {
    let at = picture
        .windows(4)
        .position(|bytes| bytes == [0xff, 0xda, 0, 12])
        .expect("a scan");
    &picture[at..]
}

#[tokio::test]
async fn jpeg_pictures_arrive_as_they_were_sent() {
    for coding in [HALF, RESTARTS] {
        let made = clip(coding);
        assert_eq!(made.clip.codec(), Codec::Mjpeg);
        for transport in ["tcp", "udp"] {
            let running = Simulation::new(vec![made.clip.clone()], 1)
                .start()
                .await
                .unwrap();
            let options = json!({ "transport": transport });
            let mut stream = camera(&running.url(0), options).open();
            let Ok(SourceItem::Parameters(parameters)) = next(&mut stream).await else {
                panic!("parameters come first");
            };
            assert_eq!(parameters.codec, Codec::Mjpeg);
            assert_eq!((parameters.width, parameters.height), (160, 96));
            let mut last = None;
            for _ in 0..60 {
                let packet = packet(&mut stream).await.unwrap();
                assert!(packet.key, "each decodes on its own");
                assert_eq!(jpeg::size(&packet.data), Some((160, 96)));
                let at = made
                    .given
                    .packets
                    .iter()
                    .position(|sent| scan(&sent.data)[2..] == scan(&packet.data)[2..])
                    .expect("a picture of the clip");
                if let Some(last) = last {
                    assert_eq!(at, (last + 1) % made.given.packets.len());
                }
                last = Some(at);
            }
            drop(stream);
            within("the farewell", async {
                while running.counts().viewers > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
            running.stop().await;
        }
    }
}

#[tokio::test]
async fn lost_packets_cost_their_pictures_alone() {
    let made = clip(HALF);
    let mut simulation = Simulation::new(vec![made.clip.clone()], 1);
    simulation.faults = vec!["loss=5%".parse().unwrap()];
    let running = simulation.start().await.unwrap();
    let options = json!({ "transport": "udp" });
    let mut stream = camera(&running.url(0), options).open();
    let (mut whole, mut lost) = (0, 0);
    while whole < 50 || lost == 0 {
        match next(&mut stream).await.unwrap() {
            SourceItem::Packet(packet) => {
                let is_sent =
                    |sent: &SourcePacket| scan(&sent.data)[2..] == scan(&packet.data)[2..];
                assert!(made.given.packets.iter().any(is_sent), "no half pictures");
                whole += 1;
            }
            SourceItem::Lost { packets } => lost += packets,
            _ => {}
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn what_rtp_does_not_describe_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    for (coding, why) in [
        (&["-c:v", "mjpeg", "-huffman", "optimal"][..], "Huffman"),
        (
            &["-s", "2048x64", "-c:v", "mjpeg", "-huffman", "default"],
            "2040",
        ),
        (
            &[
                "-pix_fmt", "yuvj444p", "-c:v", "mjpeg", "-huffman", "default",
            ],
            "chroma",
        ),
    ] {
        let file = make(folder.path(), "clip.mov", coding);
        let refused = Clip::open(&file).unwrap_err();
        assert!(
            matches!(refused, ClipError::Jpeg { picture: 0, .. }),
            "{refused:?}"
        );
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let file = make(folder.path(), "clip.mov", HALF);
    let clip = Clip::open(&file).unwrap();
    assert_eq!(clip.pictures(), demux::open(&file).unwrap().count() - 1);
    let mut simulation = Simulation::new(vec![clip], 2);
    simulation.faults = vec!["1:huge-picture".parse().unwrap()];
    let refused = simulation.start().await.unwrap_err();
    assert!(matches!(refused, SimulateError::NotOfJpeg { stream: 1 }));
}

/// Sizes that a camera only claims are judged before anything is announced.
#[tokio::test]
async fn a_huge_size_is_refused_by_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let file = make(folder.path(), "clip.mov", HALF);
    let mut bytes = std::fs::read(&file).unwrap();
    let frame = [0xff, 0xc0, 0, 17, 8];
    let starts: Vec<usize> = (0..bytes.len() - frame.len())
        .filter(|&at| bytes[at..].starts_with(&frame))
        .collect();
    assert!(!starts.is_empty());
    for at in starts {
        bytes[at + 5..at + 9].fill(0xff);
    }
    std::fs::write(&file, bytes).unwrap();
    let url = url::Url::from_file_path(&file).unwrap();
    let source = source::build(crate::cameras::request(url.as_str(), json!({}))).unwrap();
    let refused = crate::cameras::error(&mut source.open()).await;
    assert!(refused.to_string().contains("65535"), "{refused}");
}
