//! After the warm-up decoders and detectors need memory and nothing else: no file, no socket, no
//! process, no thread. An eye's sandbox stands on it.
//!
//! The thread of the test closes every other system call for itself, at the pain of death of the
//! process, and then works. A test binary of its own: no other test runs in its process.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt as _, process::Command};

use bytes::Bytes;
use ocelli_core::{
    Codec, CodecParameters, MediaTime, MonoTime, Packet, Picture, StreamId, WallSource, WallTime,
    label::COCO_80,
    seam::Detector as _,
    settings::{ColourOrder, DecoderKind, DetectorSettings, Resize},
};
use ocelli_vision::{OnnxDetector, decoder, find_onnx_runtime, init_onnx_runtime, warm_up};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

const CLIPS: [(DecoderKind, Codec, &[u8]); 4] = [
    (DecoderKind::Libavcodec, Codec::H264, H264),
    (DecoderKind::Libavcodec, Codec::H265, H265),
    (DecoderKind::Libavcodec, Codec::Mjpeg, MJPEG),
    (DecoderKind::Rust, Codec::H264, H264),
];
const H264: &[u8] = include_bytes!("../src/warm_up/h264.h264");
const H265: &[u8] = include_bytes!("../src/warm_up/h265.h265");
const MJPEG: &[u8] = include_bytes!("../src/warm_up/mjpeg.mjpeg");
const MODEL: &[u8] = include_bytes!("../../../models/nanodet-g-int8.onnx");

/// Memory, locks and time; writing what the test has to say, and its end.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Set in a child process in which a file is opened behind the wall.
const PLANTED: &str = "OCELLI_TEST_OPENS_A_FILE";

#[test]
fn nothing_but_memory_is_needed_after_the_warm_up() {
    init_onnx_runtime(&find_onnx_runtime().unwrap()).unwrap();
    warm_up().unwrap();
    let threads = threads();
    let wall = wall();
    std::thread::Builder::new()
        .name("walled".to_owned())
        .spawn(move || {
            seccompiler::apply_filter(&wall).unwrap();
            work();
            if std::env::var_os(PLANTED).is_some() {
                let _file = std::fs::File::open("/dev/null");
            }
        })
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(self::threads(), threads, "threads were started");
}

#[test]
fn opening_a_file_behind_the_wall_is_death() {
    let test = "nothing_but_memory_is_needed_after_the_warm_up";
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(PLANTED, "yes")
        .output()
        .unwrap()
        .status;
    assert_eq!(status.signal(), Some(libc::SIGSYS), "{status}");
}

/// Decodes with every decoder and detects with a new model.
fn work() {
    let settings = settings();
    let (mut detector, _loaded) = OnnxDetector::load(&settings, MODEL).unwrap();
    for (kind, codec, data) in CLIPS {
        let parameters = CodecParameters {
            codec,
            parameter_sets: Bytes::new(),
            width: 64,
            height: 64,
            reordered: false,
        };
        let mut decoder = decoder::open(kind, &parameters).unwrap();
        let mut pictures: Vec<Picture> = Vec::new();
        for damaged in [false, true, false] {
            let bytes = if damaged {
                &data[..data.len() / 2]
            } else {
                data
            };
            let _damage_is_said_or_not = decoder.decode(&packet(bytes), &mut pictures);
        }
        decoder.flush(&mut pictures).unwrap();
        assert!(pictures.len() >= 2, "{kind:?} {codec:?}");
        assert_eq!(detector.detect(&pictures).unwrap().len(), pictures.len());
    }
}

fn wall() -> BpfProgram {
    let rules: BTreeMap<i64, _> = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        TargetArch::x86_64,
    )
    .unwrap()
    .try_into()
    .unwrap()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn settings() -> DetectorSettings {
    DetectorSettings {
        family: "nanodet".to_owned(),
        input_width: 320,
        input_height: 192,
        colour: ColourOrder::Bgr,
        mean: [103.53, 116.28, 123.675],
        std: [57.375, 57.12, 58.395],
        resize: Resize::Letterbox,
        pad: 0.0,
        classes: COCO_80.map(str::to_owned).to_vec(),
        label_map: Vec::new(),
        threshold_low: 0.05,
        threshold: 0.4,
        nms_iou: 0.6,
    }
}

fn packet(data: &'static [u8]) -> Packet {
    Packet {
        stream: StreamId(0),
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
