//! Stages for tests whose pictures are scripts: what the detector is to find stands in the packet,
//! and so does what the decoder is to suffer.
#![allow(dead_code, reason = "every test binary takes what it needs")]

use std::time::Duration;

use bytes::Bytes;
use ocelli_core::{
    BBox, Codec, CodecParameters, Detection, Detections, Label, Packet, Picture, PictureBuffer,
    StageError,
    seam::{Decoder, Detector},
    settings::{ColourOrder, DecoderKind, DetectorSettings, Resize},
    wire::LoadedModel,
};
use ocelli_eye::Kit;
use serde::{Deserialize, Serialize};

/// What decoding a packet does to the eye.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Harm {
    #[default]
    None,
    Damaged,
    Panic,
    /// The process ends as after a wild pointer.
    Crash,
    /// Nothing happens any more.
    Hang,
    /// Everything happens, and nothing comes of it.
    Spin,
    /// More memory than the eye may have.
    Allocate,
}

/// The content of a packet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) harm: Harm,
    /// Processor time that decoding it takes.
    #[serde(default)]
    pub(crate) work_millis: u64,
    /// Label, and left, top, width, height.
    pub(crate) found: Vec<(Label, [f32; 4])>,
    /// What is seen in the picture, besides, and is no object: left, top, width, height.
    #[serde(default)]
    pub(crate) seen: Vec<[f32; 4]>,
}

impl Script {
    pub(crate) fn new(found: Vec<(Label, [f32; 4])>) -> Self {
        Self {
            found,
            ..Self::default()
        }
    }

    pub(crate) fn bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("a script is JSON").into()
    }
}

/// A person who stands at this place.
pub(crate) fn person(x: f32, y: f32) -> (Label, [f32; 4]) {
    (Label::Person, [x - 0.035, y - 0.25, 0.07, 0.25])
}

pub(crate) fn car(x: f32, y: f32) -> (Label, [f32; 4]) {
    (Label::Car, [x - 0.075, y - 0.14, 0.15, 0.14])
}

pub(crate) fn parameters() -> CodecParameters {
    CodecParameters {
        codec: Codec::H264,
        parameter_sets: Bytes::new(),
        width: 640,
        height: 360,
        reordered: false,
    }
}

pub(crate) fn model_settings() -> DetectorSettings {
    DetectorSettings {
        family: "nanodet".to_owned(),
        input_width: 320,
        input_height: 192,
        colour: ColourOrder::Bgr,
        mean: [0.0; 3],
        std: [1.0; 3],
        resize: Resize::Letterbox,
        pad: 0.0,
        classes: vec!["person".to_owned()],
        label_map: Vec::new(),
        threshold_low: 0.1,
        threshold: 0.4,
        nms_iou: 0.6,
    }
}

/// Builds the scripted stages. A model whose bytes are `bad` is refused, and one that is `harmful`
/// panics.
pub(crate) struct ScriptedKit;

impl Kit for ScriptedKit {
    fn decoder(
        &mut self,
        _kind: DecoderKind,
        parameters: &CodecParameters,
    ) -> Result<Box<dyn Decoder>, StageError> {
        if parameters.codec == Codec::Mjpeg {
            return Err(StageError::Rejected("no MJPEG in scripts".to_owned()));
        }
        Ok(Box::new(ScriptDecoder { held: None }))
    }

    fn detector(
        &mut self,
        _settings: &DetectorSettings,
        bytes: &[u8],
    ) -> Result<(Box<dyn Detector>, LoadedModel), StageError> {
        if bytes == b"bad" {
            return Err(StageError::Rejected("not a model".to_owned()));
        }
        let loaded = LoadedModel {
            labels: vec![Label::Person, Label::Car],
            dropped_classes: Vec::new(),
            provider: "scripted".to_owned(),
        };
        Ok((Box::new(ScriptDetector), loaded))
    }
}

/// Holds one picture back, as a decoder does that reorders.
struct ScriptDecoder {
    held: Option<Picture>,
}

/// A picture of 160x90: luma in which everything of the script is drawn, and the script itself where
/// others have colour.
struct Page {
    luma: Vec<u8>,
    script: Vec<u8>,
}

const WIDTH: usize = 160;
const HEIGHT: usize = 90;

impl Page {
    fn new(script: &Script, bytes: &[u8]) -> Self {
        let mut luma: Vec<u8> = (0..WIDTH * HEIGHT)
            .map(|at| 60 + (at % WIDTH / 4) as u8 + (at / WIDTH) as u8)
            .collect();
        let objects = script.found.iter().map(|(_, bbox)| bbox);
        for [left, top, width, height] in objects.chain(&script.seen) {
            let columns = at(*left, WIDTH)..at(left + width, WIDTH);
            for row in at(*top, HEIGHT)..at(top + height, HEIGHT) {
                luma[row * WIDTH..][columns.clone()].fill(240);
            }
        }
        Self {
            luma,
            script: bytes.to_vec(),
        }
    }
}

fn at(place: f32, length: usize) -> usize {
    (place.clamp(0.0, 1.0) * length as f32) as usize
}

impl PictureBuffer for Page {
    fn plane(&self, index: usize) -> (&[u8], usize) {
        match index {
            0 => (&self.luma, WIDTH),
            1 => (&self.script, self.script.len()),
            _ => (&[], 0),
        }
    }
}

impl Decoder for ScriptDecoder {
    fn decode(&mut self, packet: &Packet, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        let script: Script = serde_json::from_slice(&packet.data)
            .map_err(|error| StageError::Corrupt(error.to_string()))?;
        suffer(script.harm)?;
        let start = ocelli_eye::clock::thread_cpu_micros();
        while ocelli_eye::clock::thread_cpu_micros() < start + script.work_millis * 1000 {
            std::hint::spin_loop();
        }
        pictures.extend(self.held.replace(Picture {
            stream: packet.stream,
            at: packet.pts,
            received: packet.received,
            wall: packet.wall,
            wall_source: packet.wall_source,
            width: WIDTH as u32,
            height: HEIGHT as u32,
            chroma_shift_x: 1,
            chroma_shift_y: 1,
            full_range: false,
            key: packet.key,
            buffer: Box::new(Page::new(&script, &packet.data)),
        }));
        Ok(())
    }

    fn flush(&mut self, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        pictures.extend(self.held.take());
        Ok(())
    }
}

fn suffer(harm: Harm) -> Result<(), StageError> {
    match harm {
        Harm::None => Ok(()),
        Harm::Damaged => Err(StageError::Corrupt("damaged".to_owned())),
        Harm::Panic => panic!("as the script says"),
        Harm::Crash => std::process::abort(),
        Harm::Hang => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        Harm::Spin => loop {
            std::hint::spin_loop();
        },
        Harm::Allocate => {
            let page = vec![1_u8; 5 << 30];
            Err(StageError::Corrupt(format!("{} bytes", page.len())))
        }
    }
}

struct ScriptDetector;

impl Detector for ScriptDetector {
    fn batch_max(&self) -> usize {
        1
    }

    fn detect(&mut self, pictures: &[Picture]) -> Result<Vec<Detections>, StageError> {
        pictures
            .iter()
            .map(|picture| {
                let script: Script = serde_json::from_slice(picture.buffer.plane(1).0)
                    .map_err(|error| StageError::Corrupt(error.to_string()))?;
                let items = script
                    .found
                    .into_iter()
                    .map(|(label, [x, y, w, h])| Detection {
                        bbox: BBox { x, y, w, h },
                        label,
                        score: 0.8,
                    });
                Ok(Detections {
                    stream: picture.stream,
                    at: picture.at,
                    wall: picture.wall,
                    wall_source: picture.wall_source,
                    aspect: 16.0 / 9.0,
                    items: items.collect(),
                })
            })
            .collect()
    }
}
