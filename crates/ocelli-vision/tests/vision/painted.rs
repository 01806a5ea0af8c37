//! Pictures that are painted, so that what is in them is known exactly.
#![allow(
    dead_code,
    clippy::allow_attributes,
    unreachable_pub,
    reason = "tests and an example each take a part of it"
)]

use ocelli_core::{
    MediaTime, MonoTime, Picture, PictureBuffer, StreamId, WallSource, WallTime,
    settings::{ColourOrder, DetectorSettings, Resize},
};

pub const BLACK: [u8; 3] = [0, 0, 0];
pub const WHITE: [u8; 3] = [255, 255, 255];
pub const RED: [u8; 3] = [255, 0, 0];
pub const GREEN: [u8; 3] = [0, 255, 0];
pub const BLUE: [u8; 3] = [0, 0, 255];

/// How samples are stored.
#[derive(Clone, Copy)]
pub struct Format {
    pub chroma_shift_x: u8,
    pub chroma_shift_y: u8,
    pub full_range: bool,
    /// Without colour planes.
    pub grey: bool,
}

/// What cameras send.
pub const YUV_420: Format = Format {
    chroma_shift_x: 1,
    chroma_shift_y: 1,
    full_range: false,
    grey: false,
};

struct Planes {
    samples: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl PictureBuffer for Planes {
    fn plane(&self, index: usize) -> (&[u8], usize) {
        (&self.samples[index], self.strides[index])
    }
}

/// Luma and colour differences of a colour (ITU-R BT.601).
fn samples_of([red, green, blue]: [u8; 3], full_range: bool) -> [u8; 3] {
    let [red, green, blue] = [red, green, blue].map(f64::from);
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    let (cb, cr) = ((blue - luma) / 1.772, (red - luma) / 1.402);
    let (gain, black, colour_gain) = if full_range {
        (1.0, 0.0, 1.0)
    } else {
        (219.0 / 255.0, 16.0, 224.0 / 255.0)
    };
    let sample = |value: f64| value.round().clamp(0.0, 255.0) as u8;
    [
        sample(luma * gain + black),
        sample(cb * colour_gain + 128.0),
        sample(cr * colour_gain + 128.0),
    ]
}

/// A picture whose pixel at (x, y) has the colour `paint(x, y)`. Rows are longer than the picture
/// is wide, as decoders make them.
pub fn picture(
    (width, height): (u32, u32),
    format: Format,
    paint: impl Fn(u32, u32) -> [u8; 3],
) -> Picture {
    let mut samples = [const { Vec::new() }; 3];
    let mut strides = [0; 3];
    for index in 0..if format.grey { 1 } else { 3 } {
        let (shift_x, shift_y) = if index == 0 {
            (0, 0)
        } else {
            (format.chroma_shift_x, format.chroma_shift_y)
        };
        let plane_width = width.div_ceil(1 << shift_x);
        strides[index] = plane_width as usize + 5;
        for y in 0..height.div_ceil(1 << shift_y) {
            samples[index].extend(
                (0..plane_width).map(|x| {
                    samples_of(paint(x << shift_x, y << shift_y), format.full_range)[index]
                }),
            );
            samples[index].extend([77; 5]);
        }
    }
    Picture {
        stream: StreamId(3),
        at: MediaTime { micros: 40_000 },
        received: MonoTime::default(),
        wall: WallTime { micros: 7 },
        wall_source: WallSource::Receive,
        width,
        height,
        chroma_shift_x: format.chroma_shift_x,
        chroma_shift_y: format.chroma_shift_y,
        full_range: format.full_range,
        key: true,
        buffer: Box::new(Planes { samples, strides }),
    }
}

/// A detector that takes plain 0..255 in blue, green, red.
pub fn plain_settings(family: &str, (width, height): (u32, u32)) -> DetectorSettings {
    DetectorSettings {
        family: family.to_owned(),
        input_width: width,
        input_height: height,
        colour: ColourOrder::Bgr,
        mean: [0.0; 3],
        std: [1.0; 3],
        resize: Resize::Letterbox,
        pad: 114.0,
        classes: ["person", "car", "umbrella"].map(str::to_owned).to_vec(),
        label_map: Vec::new(),
        threshold_low: 0.5,
        threshold: 0.6,
        nms_iou: 0.6,
    }
}
