//! What an eye is told about streams and models. The parent makes these of the configuration.

use serde::{Deserialize, Serialize};

use crate::{Label, Point};

/// When a stream is decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateKind {
    /// Every packet is decoded.
    #[default]
    Always,
    /// Only key pictures are decoded.
    Keyframes,
    /// Key pictures are compared with the scene's background, and the pictures between them are
    /// parsed; what changes is decoded and looked at.
    Motion,
}

impl GateKind {
    /// Every gate: name in the configuration and what it does.
    pub const ALL: [(&'static str, &'static str, Self); 3] = [
        (
            "always",
            "decodes every packet, looks `look_rate` times a second",
            Self::Always,
        ),
        (
            "keyframes",
            "decodes and looks at key pictures only",
            Self::Keyframes,
        ),
        (
            "motion",
            "decodes key pictures while nothing changes, and everything while something does",
            Self::Motion,
        ),
    ];
}

/// What decodes a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecoderKind {
    /// FFmpeg's libavcodec: H.264, H.265, MJPEG.
    #[default]
    Libavcodec,
    /// `rusty_h264-decoder`: H.264 in safe Rust.
    Rust,
}

impl DecoderKind {
    /// Every decoder: name in the configuration and what it does.
    pub const ALL: [(&'static str, &'static str, Self); 2] = [
        (
            "libavcodec",
            "H.264, H.265 and MJPEG through FFmpeg's libavcodec",
            Self::Libavcodec,
        ),
        ("rust", "H.264 in safe Rust", Self::Rust),
    ];
}

/// The families of detectors: name in the configuration, and how their outputs are read.
pub const DETECTOR_FAMILIES: [(&str, &str); 3] = [
    (
        "nanodet",
        "NanoDet and NanoDet-Plus: class scores and box distributions",
    ),
    (
        "yolox",
        "YOLOX: boxes, objectness and class scores on three grids",
    ),
    (
        "fastestdet",
        "FastestDet: one grid with objectness, boxes and class scores",
    ),
];

/// Order of the colours in a tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    #[default]
    Bgr,
}

/// How a picture is fitted into the tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The shape is kept, top-left aligned; the rest is padded.
    #[default]
    Letterbox,
    /// The picture is stretched to the tensor's shape.
    Stretch,
}

/// One detector: an ONNX model of a known family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectorSettings {
    /// One of [`DETECTOR_FAMILIES`].
    pub family: String,
    /// Width of the tensor in pixels: a multiple of 32.
    pub input_width: u32,
    /// Height of the tensor in pixels: a multiple of 32.
    pub input_height: u32,
    /// Order of the colours.
    pub colour: ColourOrder,
    /// Subtracted from each colour (0..255), in the tensor's order.
    pub mean: [f32; 3],
    /// Each colour is divided by it after that.
    pub std: [f32; 3],
    /// How a picture is fitted into the tensor.
    pub resize: Resize,
    /// Value of padding, 0..255, before normalisation.
    pub pad: f32,
    /// The model's class names in order.
    pub classes: Vec<String>,
    /// Renames classes: model's name -> label. Points only into the closed list.
    pub label_map: Vec<(String, Label)>,
    /// Detections below it are not looked at (0..1). Trackers use detections between it and
    /// `threshold` to keep, never to begin a track.
    pub threshold_low: f32,
    /// Detections from it on may begin a track (0..1).
    pub threshold: f32,
    /// Of two boxes of one label that overlap more (IoU) the lesser is dropped.
    pub nms_iou: f32,
}

/// A named polygon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneSettings {
    /// Its name.
    pub name: String,
    /// At least three corners.
    pub points: Vec<Point>,
}

/// A polygon in which nothing is detected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskSettings {
    /// At least three corners.
    pub points: Vec<Point>,
    /// The labels that are not detected there; empty means all.
    pub labels: Vec<Label>,
}

/// One rule: the scene crate knows its kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSettings {
    /// Its kind, e.g. `line`.
    pub kind: String,
    /// Its configuration as JSON.
    pub json: String,
}

/// How a scene is followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneSettings {
    /// Labels that are followed; empty means all.
    pub labels: Vec<Label>,
    /// Detections from this score on may begin a track (the detector's `threshold`).
    pub threshold: f32,
    /// Named polygons.
    pub zones: Vec<ZoneSettings>,
    /// Where nothing is detected.
    pub masks: Vec<MaskSettings>,
    /// Rules.
    pub rules: Vec<RuleSettings>,
    /// Least distance of two `updated` events of a tag, in seconds of media time.
    pub updated_every_secs: f32,
    /// A tag stands still after this many seconds without moving.
    pub stopped_after_secs: f32,
    /// A tag is gone after this many seconds unseen.
    pub gone_after_secs: f32,
    /// A tag's life is bounded: after this many seconds it gets a new name.
    pub tag_life_secs: f32,
}

impl Default for SceneSettings {
    fn default() -> Self {
        Self {
            labels: Vec::new(),
            threshold: 0.4,
            zones: Vec::new(),
            masks: Vec::new(),
            rules: Vec::new(),
            updated_every_secs: 5.0,
            stopped_after_secs: 10.0,
            gone_after_secs: 3.0,
            tag_life_secs: 86_400.0,
        }
    }
}

/// Which pictures of tags leave the eye.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StillLevel {
    /// None.
    None,
    /// One for each tag, with every person covered whole.
    #[default]
    Person,
}

impl StillLevel {
    /// Every level: name in the configuration and what it does.
    pub const ALL: [(&'static str, &'static str, Self); 2] = [
        ("none", "no stills", Self::None),
        (
            "person",
            "one small still of each tag, with every person covered whole",
            Self::Person,
        ),
    ];
}

/// What an eye is told about one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamSettings {
    /// When it is decoded.
    pub gate: GateKind,
    /// What decodes it.
    pub decoder: DecoderKind,
    /// The detector: a model that was sent before.
    pub detector: String,
    /// Looks a second that are wanted while decoding.
    pub look_rate: f32,
    /// With [`GateKind::Keyframes`], and [`GateKind::Motion`] while quiet: least seconds of media time between two key pictures.
    pub keys_every_secs: f32,
    /// Whether every picture is looked at, and none is ever skipped for being late: recordings.
    pub every_picture: bool,
    /// Whether the eye tells what each look found before anything is made of it: to measure a
    /// detector.
    pub tell_detections: bool,
    /// A live picture that waited longer is not looked at, in seconds.
    pub fresh_within_secs: f32,
    /// Which pictures of tags leave the eye.
    pub stills: StillLevel,
    /// Polygons that are burned into every picture before anything looks at it.
    pub privacy_masks: Vec<Vec<Point>>,
    /// How the scene is followed.
    pub scene: SceneSettings,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            gate: GateKind::Always,
            decoder: DecoderKind::Libavcodec,
            detector: String::new(),
            look_rate: 5.0,
            keys_every_secs: 1.0,
            every_picture: false,
            tell_detections: false,
            fresh_within_secs: 2.0,
            stills: StillLevel::default(),
            privacy_masks: Vec::new(),
            scene: SceneSettings::default(),
        }
    }
}
