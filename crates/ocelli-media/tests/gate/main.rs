//! The gate `motion` on packets of encoders: what it opens for, and what it says it sees.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use ocelli_core::{
    CodecParameters, MediaTime, MonoTime, Packet, StreamId, WallSource, WallTime,
    seam::{PacketGate, PacketSight, PacketVerdict, SourceItem},
    settings::GateKind,
};
use ocelli_media::{gate, source::file::demux};

/// Constant quality, as the sub-stream of a camera: a key picture every two seconds.
const CALM: &str = "keyint=50:min-keyint=50:scenecut=0:bframes=0:ref=1:crf=27";

/// Bars with noise, and a box that crosses them from second 20 to 23, if `passage`.
fn scene(passage: bool, noise: u32, secs: u32) -> String {
    let place = if passage {
        "if(between(t,20,23),(t-20)*200,-100)"
    } else {
        "-100"
    };
    format!(
        "smptebars=size=640x360:rate=25:duration={secs},noise=alls={noise}:allf=t[scene];\
         color=gray:size=40x80:rate=25:duration={secs}[box];\
         [scene][box]overlay=x='{place}':y=150,format=yuv420p"
    )
}

fn encode(folder: &Path, graph: &str, coding: &[&str]) -> PathBuf {
    let file = folder.join("scene.mp4");
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-y",
            "-filter_complex",
            graph,
            "-threads",
            "1",
        ])
        .args(coding)
        .arg(&file)
        .output()
        .expect("the ffmpeg program is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    file
}

fn x264(folder: &Path, graph: &str, x264: &str) -> PathBuf {
    let coding = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-x264-params",
        x264,
    ];
    encode(folder, graph, &coding)
}

/// What a gate said of a recording.
struct Judged {
    /// Seconds of media time at which it opened.
    opened: Vec<f64>,
    packets: usize,
    sight: PacketSight,
}

/// Judges a whole recording; `refuting` every opening.
fn judge(file: &Path, refuting: bool) -> Judged {
    let mut gate: Option<Box<dyn PacketGate>> = None;
    let mut judged = Judged {
        opened: Vec::new(),
        packets: 0,
        sight: PacketSight::Learning,
    };
    for item in demux::open(file).unwrap() {
        let packet = match item.unwrap() {
            SourceItem::Parameters(parameters) => {
                gate = gate::build(GateKind::Motion, &parameters);
                continue;
            }
            SourceItem::Packet(packet) => packet,
            _ => continue,
        };
        judged.packets += 1;
        let at = MediaTime {
            micros: packet.pts_micros,
        };
        let gate = gate.as_mut().unwrap();
        let verdict = gate.judge(&Packet {
            stream: StreamId(0),
            generation: 0,
            dts: at,
            pts: at,
            received: MonoTime::default(),
            wall: WallTime::default(),
            wall_source: WallSource::Receive,
            key: packet.key,
            repeated: false,
            data: packet.data,
        });
        if verdict == PacketVerdict::DecodeFromKey {
            assert!(!packet.key, "key pictures are decoded anyway");
            judged.opened.push(at.micros as f64 / 1e6);
            if refuting {
                gate.refute();
            }
        }
        judged.sight = gate.sight();
    }
    judged
}

#[test]
fn a_calm_scene_opens_for_what_passes_and_for_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let still = judge(&x264(folder.path(), &scene(false, 3, 40), CALM), true);
    assert_eq!((still.packets, still.sight), (1000, PacketSight::Calm));
    assert!(still.opened.len() <= 1, "{:?}", still.opened);
    let passage = judge(&x264(folder.path(), &scene(true, 3, 40), CALM), true);
    let first = passage.opened.iter().find(|&&at| at >= 20.0).unwrap();
    assert!((20.0..20.6).contains(first), "{:?}", passage.opened);
    let outside = passage
        .opened
        .iter()
        .filter(|at| !(20.0..24.5).contains(*at));
    assert!(outside.count() <= 1, "{:?}", passage.opened);
}

#[test]
fn a_refuted_group_stays_closed_unless_more_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = x264(folder.path(), &scene(true, 3, 30), CALM);
    let refuted = judge(&file, true).opened.len();
    let not = judge(&file, false).opened.len();
    assert!(refuted < not, "{refuted} of {not}");
}

#[test]
fn constant_bitrate_boils_and_is_not_judged_by_its_maps() {
    let folder = tempfile::tempdir().unwrap();
    let boiling = "keyint=50:min-keyint=50:scenecut=0:bframes=0:ref=1:bitrate=900:vbv-maxrate=900:\
                   vbv-bufsize=300:nal-hrd=cbr";
    let judged = judge(&x264(folder.path(), &scene(true, 14, 30), boiling), true);
    assert_eq!(judged.sight, PacketSight::Boiling);
    let known = judged.opened.iter().filter(|&&at| at > 10.0);
    assert_eq!(known.count(), 0, "{:?}", judged.opened);
}

#[test]
fn what_is_not_parsed_goes_by_sizes_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let b_pictures = CALM.replace("bframes=0", "bframes=2:b-adapt=0");
    let file = x264(folder.path(), &scene(true, 3, 40), &b_pictures);
    let judged = judge(&file, true);
    assert_eq!(
        judged.sight,
        PacketSight::Sizes("B pictures are not parsed")
    );
    let near = judged.opened.iter().any(|at| (20.0..23.5).contains(at));
    assert!(near, "a large box in a calm scene: {:?}", judged.opened);

    let hevc = [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=error",
    ];
    let judged = judge(&encode(folder.path(), &scene(false, 3, 4), &hevc), true);
    assert_eq!(judged.sight, PacketSight::Sizes("H.265 is not parsed"));

    let mjpeg = CodecParameters {
        codec: ocelli_core::Codec::Mjpeg,
        parameter_sets: bytes::Bytes::new(),
        width: 640,
        height: 360,
        reordered: false,
    };
    let gate = gate::build(GateKind::Motion, &mjpeg).unwrap();
    assert_eq!(gate.sight(), PacketSight::Keys);
}

#[test]
fn only_motion_has_a_packet_gate() {
    let parameters = CodecParameters {
        codec: ocelli_core::Codec::H264,
        parameter_sets: bytes::Bytes::new(),
        width: 640,
        height: 360,
        reordered: false,
    };
    for (name, _, kind) in GateKind::ALL {
        let gated = gate::build(kind, &parameters).is_some();
        assert_eq!(gated, kind == GateKind::Motion, "{name}");
    }
}
