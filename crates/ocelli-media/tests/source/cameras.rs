//! Cameras, simulated, as the engine sees them.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use ocelli_core::{
    StageError,
    seam::{Source, SourceItem, SourcePacket, SourceStream},
};
use ocelli_media::{
    bitstream::{
        access_unit,
        annexb::{self, UnitKind},
    },
    simulate::{Clip, Running, Simulation},
    source::{self, Reach, SourceRequest, file::demux},
};
use serde_json::{Value, json};

use crate::media::{Given, make};

/// Nothing that a test waits for takes a tenth of this.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_elapsed| panic!("waited too long for {what}"))
}

/// Groups of 10 pictures, 50 in all, several packets for each.
pub(crate) const H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-b:v",
    "2M",
    "-x264-params",
    "keyint=10:min-keyint=10:scenecut=0:bframes=0",
];
pub(crate) const H264_B: &[&str] = &[
    "-c:v",
    "libx264",
    "-x264-params",
    "keyint=10:min-keyint=10:scenecut=0:bframes=2:open-gop=0",
];
pub(crate) const H265: &[&str] = &[
    "-c:v",
    "libx265",
    "-x265-params",
    "keyint=10:min-keyint=10:scenecut=0:bframes=0:log-level=none",
];

pub(crate) struct Made {
    pub(crate) given: Given,
    pub(crate) clip: Clip,
}

/// Makes a clip.
pub(crate) fn clip(coding: &[&str]) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let file = make(folder.path(), "clip.mp4", coding);
    let given = Given::of(demux::open(&file).unwrap());
    let clip = Clip::from_packets(&given.parameters[0], &given.packets).unwrap();
    Made { given, clip }
}

pub(crate) fn request(url: &str, options: Value) -> SourceRequest {
    let (url, credentials) = source::split_credentials(url).unwrap();
    let Value::Object(options) = options else {
        panic!("options are a map");
    };
    SourceRequest {
        url,
        credentials,
        options,
        reach: Reach::Operator,
    }
}

pub(crate) fn camera(url: &str, options: Value) -> Arc<dyn Source> {
    source::build(request(url, options)).unwrap()
}

/// Two cameras that play the clip; the second commits the fault.
pub(crate) async fn start(made: &Made, fault: &str) -> Running {
    let mut simulation = Simulation::new(vec![made.clip.clone()], 2);
    if !fault.is_empty() {
        simulation.faults = vec![format!("1:{fault}").parse().unwrap()];
    }
    simulation.start().await.unwrap()
}

/// The next item.
pub(crate) async fn next(stream: &mut SourceStream) -> Result<SourceItem, StageError> {
    within("an item", stream.next())
        .await
        .expect("a live camera does not end without an error")
}

/// The next packet; leaves other items aside.
pub(crate) async fn packet(stream: &mut SourceStream) -> Result<SourcePacket, StageError> {
    loop {
        if let SourceItem::Packet(packet) = next(stream).await? {
            return Ok(packet);
        }
    }
}

/// The error that a stream ends with.
pub(crate) async fn error(stream: &mut SourceStream) -> StageError {
    let error = loop {
        if let Err(error) = packet(stream).await {
            break error;
        }
    };
    assert!(
        within("the end", stream.next()).await.is_none(),
        "an error is the last"
    );
    error
}

/// The place of a packet in the clip.
pub(crate) fn place(made: &Made, packet: &SourcePacket) -> Option<usize> {
    let units: Vec<&[u8]> = annexb::units(&packet.data).collect();
    made.given
        .packets
        .iter()
        .position(|packet| annexb::units(&packet.data).eq(units.iter().copied()))
}

/// Whether a picture's slices are those of a picture of the clip. What stands before them may be
/// lost without a trace.
pub(crate) fn is_whole(made: &Made, packet: &SourcePacket) -> bool {
    let codec = made.clip.codec();
    let slices = |data: &bytes::Bytes| -> Vec<Vec<u8>> {
        annexb::units(data)
            .filter(|unit| matches!(annexb::kind(codec, unit), UnitKind::Slice { .. }))
            .map(<[u8]>::to_vec)
            .collect()
    };
    let found = slices(&packet.data);
    made.given
        .packets
        .iter()
        .any(|packet| slices(&packet.data) == found)
}

/// Watches a loop and a half: every picture is the clip's, in order, at its time.
async fn is_the_clip(made: &Made, options: Value) {
    plays_the_clip(made, start(made, "").await, options).await;
}

/// The same, of cameras that run.
pub(crate) async fn plays_the_clip(made: &Made, running: Running, options: Value) {
    let mut stream = camera(&running.url(0), options).open();
    let Ok(SourceItem::Parameters(parameters)) = next(&mut stream).await else {
        panic!("parameters come first");
    };
    let expected = &made.given.parameters[0];
    assert_eq!(parameters.codec, expected.codec);
    assert_eq!(parameters.parameter_sets, expected.parameter_sets);
    assert_eq!((parameters.width, parameters.height), (160, 96));
    assert_eq!(parameters.reordered, expected.reordered);
    let mut last = packet(&mut stream).await.unwrap();
    assert!(last.key, "the first picture can be decoded");
    let mut at = place(made, &last).unwrap();
    for _ in 0..75 {
        let item = next(&mut stream).await.unwrap();
        let SourceItem::Packet(packet) = item else {
            panic!("nothing but packets");
        };
        at = (at + 1) % made.given.packets.len();
        assert_eq!(place(made, &packet), Some(at));
        assert_eq!(packet.key, made.given.packets[at].key);
        assert!(packet.dts_micros >= last.dts_micros);
        assert!(packet.dts_micros <= packet.pts_micros);
        assert_eq!(packet.camera_wall, None, "nobody said to trust its clock");
        if at > 0 {
            let expected =
                made.given.packets[at].pts_micros - made.given.packets[at - 1].pts_micros;
            let step = packet.pts_micros - last.pts_micros;
            assert!(
                (step - expected).abs() < 50,
                "{step} at {at}, expected {expected}"
            );
        }
        last = packet;
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

#[tokio::test]
async fn h264_by_tcp_and_udp() {
    let made = clip(H264);
    is_the_clip(&made, json!({})).await;
    is_the_clip(&made, json!({ "transport": "udp" })).await;
}

#[tokio::test]
async fn h264_with_b_pictures() {
    is_the_clip(&clip(H264_B), json!({})).await;
}

#[tokio::test]
async fn h265_by_tcp_and_udp() {
    let made = clip(H265);
    is_the_clip(&made, json!({})).await;
    is_the_clip(&made, json!({ "transport": "udp" })).await;
}

#[tokio::test]
async fn the_camera_clock_where_it_is_trusted() {
    let made = clip(H264);
    let running = start(&made, "clock-1970").await;
    let trusting = json!({ "trust_camera_clock": true });
    let mut stream = camera(&running.url(0), trusting.clone()).open();
    let mut lost = camera(&running.url(1), trusting).open();
    let mut last = None;
    for _ in 0..60 {
        let packet = packet(&mut stream).await.unwrap();
        if let (Some((at, wall)), Some(now)) = (last, packet.camera_wall) {
            let drift: i64 = (now.micros - wall) - (packet.pts_micros - at);
            assert!(drift.abs() < 5_000, "{drift}");
        }
        last = packet
            .camera_wall
            .map(|wall| (packet.pts_micros, wall.micros));
    }
    let (_, wall) = last.expect("a report within 60 pictures");
    // 2020 to 2100.
    assert!(
        (1_577_836_800_000_000..4_102_444_800_000_000).contains(&wall),
        "{wall}"
    );
    for _ in 0..60 {
        let wall = packet(&mut lost).await.unwrap().camera_wall;
        assert_eq!(wall, None, "a clock that was never set");
    }
    running.stop().await;
}

#[tokio::test]
async fn sessions_are_kept_alive() {
    let made = clip(H264);
    let mut simulation = Simulation::new(vec![made.clip.clone()], 1);
    simulation.session_timeout = Duration::from_secs(2);
    let running = simulation.start().await.unwrap();
    for transport in ["tcp", "udp"] {
        let mut stream = camera(&running.url(0), json!({ "transport": transport })).open();
        let first = packet(&mut stream).await.unwrap();
        // Three time-outs of media time.
        while packet(&mut stream).await.unwrap().dts_micros < first.dts_micros + 6_000_000 {}
    }
    running.stop().await;
}

/// No key picture but the first one of the file.
const REFRESH: &[&str] = &[
    "-c:v",
    "libx264",
    "-tune",
    "zerolatency",
    "-x264-params",
    "intra-refresh=1:keyint=10:bframes=0",
];

#[tokio::test]
async fn streams_without_key_pictures_are_found_out() {
    let made = clip(REFRESH);
    let places: Vec<usize> = (0..made.given.packets.len())
        .filter(|&at| made.given.packets[at].key)
        .collect();
    assert!(places.len() > 2 && places.len() < 8, "{places:?}");
    // Whoever joins does so where a refresh begins.
    let mut simulation = Simulation::new(vec![made.clip.clone()], 1);
    simulation.seed = 3;
    let running = simulation.start().await.unwrap();
    let mut stream = camera(&running.url(0), json!({})).open();
    let (mut said, mut entries) = (false, 0);
    while entries < 8 {
        match next(&mut stream).await.unwrap() {
            SourceItem::Refreshes => {
                assert!(!said, "once");
                said = true;
            }
            SourceItem::Packet(packet) if packet.key => {
                entries += 1;
                let head = access_unit::head(made.clip.codec(), &packet.data);
                assert!(head.key || head.refresh);
            }
            _ => {}
        }
    }
    assert!(said);
    running.stop().await;
}
