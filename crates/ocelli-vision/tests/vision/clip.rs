//! Pictures of a clip, for tests and examples: raw H.264 and H.265 cut into access units.
#![allow(
    dead_code,
    clippy::allow_attributes,
    unreachable_pub,
    reason = "tests and an example each take a part of it"
)]

use std::{fmt, path::Path, process::Command};

use bytes::Bytes;
use ocelli_core::{
    Codec, CodecParameters, Detection, MediaTime, MonoTime, Packet, Picture, StreamId, WallSource,
    WallTime,
    label::COCO_80,
    seam::Detector as _,
    settings::{ColourOrder, DecoderKind, DetectorSettings, Resize},
};
use ocelli_vision::{OnnxDetector, decoder, find_onnx_runtime, init_onnx_runtime};

/// How a family's known models are fed.
pub fn detector_settings(family: &str) -> DetectorSettings {
    let fastestdet = family == "fastestdet";
    DetectorSettings {
        family: family.to_owned(),
        input_width: if fastestdet { 352 } else { 320 },
        input_height: if fastestdet { 352 } else { 192 },
        colour: ColourOrder::Bgr,
        mean: if fastestdet {
            [0.0; 3]
        } else {
            [103.53, 116.28, 123.675]
        },
        std: if fastestdet {
            [255.0; 3]
        } else {
            [57.375, 57.12, 58.395]
        },
        resize: if fastestdet {
            Resize::Stretch
        } else {
            Resize::Letterbox
        },
        pad: 0.0,
        classes: COCO_80.map(str::to_owned).to_vec(),
        label_map: Vec::new(),
        threshold_low: 0.05,
        threshold: 0.4,
        nms_iou: 0.6,
    }
}

pub fn detector(settings: &DetectorSettings, model: &[u8]) -> Result<OnnxDetector, String> {
    let library = find_onnx_runtime().map_err(|error| error.to_string())?;
    init_onnx_runtime(&library).map_err(|error| error.to_string())?;
    let (detector, _loaded) =
        OnnxDetector::load(settings, model).map_err(|error| error.to_string())?;
    Ok(detector)
}

/// CPU time by stage.
#[derive(Default)]
pub struct Costs {
    pub pictures: u32,
    pub looks: u32,
    pub decode_micros: u64,
    pub detect_micros: u64,
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |micros: u64, of: u32| micros as f64 / 1000.0 / f64::from(of.max(1));
        write!(
            f,
            "{} pictures, {:.3} CPU ms each to decode; {} looks, {:.3} CPU ms each",
            self.pictures,
            each(self.decode_micros, self.pictures),
            self.looks,
            each(self.detect_micros, self.looks)
        )
    }
}

pub fn detect(
    detector: &mut OnnxDetector,
    picture: &Picture,
    costs: &mut Costs,
) -> Result<Vec<Detection>, String> {
    let started = thread_cpu_micros();
    let found = detector
        .detect(std::slice::from_ref(picture))
        .map_err(|error| error.to_string())?;
    costs.detect_micros += thread_cpu_micros() - started;
    costs.looks += 1;
    Ok(found.into_iter().flat_map(|found| found.items).collect())
}

/// Decodes a raw clip and gives every picture and its index from 0.
pub fn each_picture(
    bytes: &[u8],
    codec: Codec,
    kind: DecoderKind,
    costs: &mut Costs,
    mut take: impl FnMut(usize, Picture, &mut Costs) -> Result<(), String>,
) -> Result<(), String> {
    let parameters = CodecParameters {
        codec,
        parameter_sets: Bytes::new(),
        width: 0,
        height: 0,
        reordered: false,
    };
    let mut decoder = decoder::open(kind, &parameters).map_err(|error| error.to_string())?;
    let mut pictures = Vec::new();
    let mut index = 0;
    let units = access_units(bytes, codec);
    for (at, unit) in units.iter().enumerate() {
        let started = thread_cpu_micros();
        decoder
            .decode(&packet(at, codec, unit), &mut pictures)
            .map_err(|error| format!("access unit {at}: {error}"))?;
        costs.decode_micros += thread_cpu_micros() - started;
        for picture in pictures.drain(..) {
            costs.pictures += 1;
            take(index, picture, costs)?;
            index += 1;
        }
    }
    decoder
        .flush(&mut pictures)
        .map_err(|error| error.to_string())?;
    for picture in pictures.drain(..) {
        costs.pictures += 1;
        take(index, picture, costs)?;
        index += 1;
    }
    Ok(())
}

pub fn packet(at: usize, codec: Codec, unit: &[u8]) -> Packet {
    let at = MediaTime {
        micros: at as i64 * 40_000,
    };
    Packet {
        stream: StreamId(0),
        generation: 0,
        dts: at,
        pts: at,
        received: MonoTime::default(),
        wall: WallTime::default(),
        wall_source: WallSource::Receive,
        key: is_key(codec, unit),
        repeated: false,
        data: Bytes::copy_from_slice(unit),
    }
}

/// Whether decoding can start at an access unit: an IDR picture, or any JPEG.
pub fn is_key(codec: Codec, unit: &[u8]) -> bool {
    let mut heads = unit
        .windows(4)
        .filter(|window| window[..3] == [0, 0, 1])
        .map(|window| window[3]);
    match codec {
        Codec::H264 => heads.any(|head| head & 31 == 5),
        Codec::H265 => heads.any(|head| (16..=21).contains(&((head >> 1) & 63))),
        Codec::Mjpeg => true,
    }
}

/// Cuts a raw stream before everything that belongs to the next picture.
pub fn access_units(bytes: &[u8], codec: Codec) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 3 < bytes.len() {
        if bytes[at..at + 3] == [0, 0, 1] {
            starts.push(at);
            at += 3;
        } else {
            at += 1;
        }
    }
    let mut units = Vec::new();
    let (mut unit_start, mut has_picture) = (0, false);
    for &start in &starts {
        let head = bytes[start + 3];
        let (picture, first_slice) = match codec {
            Codec::H265 => ((head >> 1) & 63 < 32, bytes[start + 5] & 0x80 != 0),
            _ => (matches!(head & 31, 1 | 5), bytes[start + 4] & 0x80 != 0),
        };
        let begins = if picture { first_slice } else { true };
        if has_picture && begins {
            // A start code of four bytes belongs to what follows it.
            let cut = if bytes[start - 1] == 0 {
                start - 1
            } else {
                start
            };
            units.push(&bytes[unit_start..cut]);
            unit_start = cut;
            has_picture = false;
        }
        has_picture |= picture;
    }
    units.push(&bytes[unit_start..]);
    units
}

/// The coded stream inside a container, cut out by the `ffmpeg` command.
pub fn raw(file: &Path, codec: Codec) -> Result<Vec<u8>, String> {
    let (filter, format) = match codec {
        Codec::H265 => ("hevc_mp4toannexb", "hevc"),
        _ => ("h264_mp4toannexb", "h264"),
    };
    ffmpeg(&[
        "-i",
        &file.display().to_string(),
        "-c",
        "copy",
        "-bsf:v",
        filter,
        "-f",
        format,
        "-",
    ])
}

/// What the `ffmpeg` command writes to its standard output.
pub fn ffmpeg(arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(arguments)
        .output()
        .map_err(|error| format!("ffmpeg cannot be started: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

pub fn thread_cpu_micros() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}
