//! The shape of the file, as people write it. The reference page and the JSON Schema are made of
//! these comments.

mod one_key;

use std::{collections::BTreeMap, fmt};

use ocelli_core::{
    Label,
    settings::{ColourOrder, DecoderKind, GateKind, Resize, StillLevel},
};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

pub(super) use self::one_key::SinkShape;
use super::{
    keeping::{ExportsShape, RecordShape, StoreShape},
    schema,
};

/// The configuration of ocelli.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "ocelli configuration")]
pub(super) struct FileShape {
    /// Whose cameras these are.
    pub(super) site: Option<SiteShape>,
    /// The directory where events and the API's token are kept; relative to this file.
    pub(super) data_dir: Option<String>,
    /// Named bundles of settings that many streams share.
    #[schemars(with = "Option<BTreeMap<String, schema::Profile>>")]
    pub(super) profiles: Option<Taken>,
    /// Detectors by name. Without one, streams use the built-in model.
    #[schemars(with = "Option<BTreeMap<String, DetectorShape>>")]
    pub(super) detectors: Option<Taken>,
    /// Streams by name.
    #[schemars(with = "Option<BTreeMap<String, schema::Stream>>")]
    pub(super) streams: Option<Taken>,
    /// CSV files with one stream a row; relative to this file. The first row names the columns:
    /// `name`, `url`, `profile` and so on.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) streams_from: Option<Taken>,
    /// Where events go, besides the store.
    #[schemars(with = "Option<BTreeMap<String, schema::Sink>>")]
    pub(super) sinks: Option<Taken>,
    /// The store of events.
    pub(super) store: Option<StoreShape>,
    /// The record of who looked and what was changed.
    pub(super) record: Option<RecordShape>,
    /// Counts that leave for others.
    pub(super) exports: Option<ExportsShape>,
    /// The API and the page.
    pub(super) api: Option<ApiShape>,
    /// How strictly eyes give up their rights: `strict`, or `best_effort` with a reason.
    pub(super) sandbox: Option<SandboxShape>,
    /// The eyes: processes that decode and detect.
    pub(super) engine: Option<EngineShape>,
    /// The metrics at `/metrics`.
    pub(super) metrics: Option<MetricsShape>,
}

/// A part that was read before.
#[derive(Debug, Deserialize)]
pub(super) struct Taken {}

/// Whose cameras these are.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SiteShape {
    /// The site's name, as people in front of the cameras know it.
    pub(super) name: Option<String>,
    /// Whom they can ask: an e-mail address, or a link.
    pub(super) contact: Option<String>,
}

/// The API and the page.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ApiShape {
    /// Address and port (`127.0.0.1:8750` if nothing is said).
    pub(super) listen: Option<String>,
    /// The bearer token, best as `${NAME}` of an environment variable. Without it, one is made at
    /// the first start and kept in the data directory.
    pub(super) token: Option<String>,
    /// Host names that requests may name, besides the address itself.
    pub(super) hosts: Option<Vec<String>>,
    /// Certificate and key for HTTPS. Beyond this machine the API speaks HTTPS, with a certificate
    /// of its own making where none is given.
    pub(super) tls: Option<TlsShape>,
    /// Why the API may be reached from beyond this machine without TLS, e.g. because a proxy
    /// stands in front.
    pub(super) plain_because: Option<String>,
}

/// Certificate and key for HTTPS.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsShape {
    /// The certificate chain, a PEM file; relative to this file.
    pub(super) certificate: String,
    /// The private key, a PEM file; relative to this file.
    pub(super) key: String,
}

/// How strictly eyes give up their rights.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SandboxShape {
    /// An eye that cannot give up all of them does not start.
    Strict,
    /// It starts all the same. Say why.
    BestEffort(String),
}

/// The eyes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EngineShape {
    /// Number of eyes, 1 to 256; one on each core if nothing is said.
    #[schemars(range(min = 1, max = 256))]
    pub(super) eyes: Option<u32>,
}

/// The metrics.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MetricsShape {
    /// Whether there is a series for each stream: dear with thousands of them.
    pub(super) per_stream: Option<bool>,
}

/// What belongs to a profile alone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProfileShape {
    /// Another profile whose settings hold where this one says nothing.
    pub(super) based_on: Option<String>,
}

/// What belongs to a stream alone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StreamShape {
    /// Where the video comes from, e.g. `rtsp://cam.site.example/main`; or a recording's path,
    /// relative to this file.
    pub(super) url: Option<String>,
    /// The camera's smaller stream, if it has one: it is analysed instead.
    pub(super) detect_url: Option<String>,
    /// User of the camera.
    pub(super) user: Option<String>,
    /// Password of the camera, best as `${NAME}` of an environment variable.
    pub(super) password: Option<String>,
    /// Options of the source, such as `transport: udp`; `ocelli kinds` lists them.
    pub(super) source: Option<serde_json::Map<String, serde_json::Value>>,
    /// The name under which its notice is public, such as `market-square`: small letters, digits and
    /// hyphens, another than the stream's own. Without it, the notice of its profile is shown
    /// without a name.
    pub(super) public_id: Option<String>,
    /// The profile that it follows.
    pub(super) profile: Option<String>,
    /// Whether it runs.
    pub(super) enabled: Option<bool>,
}

/// How streams are treated: in a profile, or in a stream, where it goes before the profile's.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TreatmentShape {
    /// Why these cameras are watched. Every stream needs one.
    pub(super) purpose: Option<String>,
    /// How long events are kept: `24h`, `7d`. Every stream needs it; there is no "for ever".
    #[schemars(regex(pattern = r"^[0-9]+[hd]$"))]
    pub(super) retention: Option<String>,
    /// The detector: one of `detectors`, or the id of a model (`ocelli models`).
    pub(super) detector: Option<String>,
    /// When pictures are decoded: `always`, `keyframes` only, or while something changes: `motion`.
    #[schemars(schema_with = "schema::gates")]
    pub(super) gate: Option<GateKind>,
    /// What decodes: `libavcodec`, or `rust` (H.264 in safe Rust).
    #[schemars(schema_with = "schema::decoders")]
    pub(super) decoder: Option<DecoderKind>,
    /// Looks a second that are wanted (0.1 to 60; 5 if nothing is said).
    pub(super) look_rate: Option<f32>,
    /// With `gate: keyframes`, and `motion` while nothing changes: least seconds between two looks (0
    /// to 3600; 1 if nothing is said, and never less than 1.8 with `motion`).
    pub(super) keys_every_secs: Option<f32>,
    /// Whether every picture is looked at: for recordings.
    pub(super) every_picture: Option<bool>,
    /// A live picture that waited longer is not looked at, in seconds (0.1 to 60; 2 if nothing is
    /// said).
    pub(super) fresh_within_secs: Option<f32>,
    /// Labels that are followed; none means all.
    #[schemars(schema_with = "schema::labels")]
    pub(super) labels: Option<Vec<Label>>,
    /// Detections from this score on may begin a track (0 to 1); the detector's own if nothing is
    /// said.
    pub(super) threshold: Option<f32>,
    /// Polygons by name: three or more points, 0..1 of the picture. A stream's are added to its
    /// profile's.
    pub(super) zones: Option<BTreeMap<String, Vec<[f32; 2]>>>,
    /// Polygons in which nothing is detected. A stream's are added to its profile's.
    pub(super) masks: Option<Vec<MaskShape>>,
    /// Polygons that are burned into every picture before anything looks at it: three or more
    /// points each, 0..1 of the picture. A stream's are added to its profile's.
    pub(super) privacy_masks: Option<Vec<Vec<[f32; 2]>>>,
    /// Which pictures of tags are kept, for as long as its events: `person` (one small still of
    /// each, with every person covered whole; so if nothing is said) or `none`.
    #[schemars(schema_with = "schema::stills")]
    pub(super) stills: Option<StillLevel>,
    /// Rules, each a map with its kind as the only key. A stream's are added to its profile's, and
    /// one with the same name replaces it.
    #[schemars(with = "Option<Vec<schema::Rule>>")]
    pub(super) rules: Option<Vec<RuleShape>>,
    /// Least seconds between two `updated` events of a tag (5 if nothing is said).
    pub(super) updated_every_secs: Option<f32>,
    /// A tag stands still after this many seconds without moving (10 if nothing is said).
    pub(super) stopped_after_secs: Option<f32>,
    /// A tag is gone after this many seconds unseen (3 if nothing is said).
    pub(super) gone_after_secs: Option<f32>,
    /// A tag gets a new name after this many seconds (a day if nothing is said).
    pub(super) tag_life_secs: Option<f32>,
}

/// A polygon in which nothing is detected.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MaskShape {
    /// Three or more points, 0..1 of the picture.
    pub(super) points: Vec<[f32; 2]>,
    /// Labels that are not detected there; none means all.
    #[serde(default)]
    #[schemars(schema_with = "schema::labels")]
    pub(super) labels: Vec<Label>,
}

/// A rule: its kind, and its configuration, which the kind reads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RuleShape {
    pub(super) kind: String,
    pub(super) configuration: serde_json::Value,
}

impl RuleShape {
    /// Its name, where it has one.
    pub(super) fn name(&self) -> Option<&str> {
        self.configuration.get("name")?.as_str()
    }
}

/// A detector: one key, its kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DetectorShape {
    /// A model in the ONNX format.
    Onnx(Box<OnnxShape>),
}

/// A model in the ONNX format. One that `ocelli models` lists needs nothing but `model`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OnnxShape {
    /// A model that `ocelli models` lists, by its id.
    pub(super) model: Option<String>,
    /// Or a file, relative to this one.
    pub(super) file: Option<String>,
    /// SHA-256 that the file must have, in hexadecimal.
    pub(super) sha256: Option<String>,
    /// How its outputs are read: `nanodet`, `yolox` or `fastestdet`.
    #[schemars(schema_with = "schema::families")]
    pub(super) family: Option<String>,
    /// Width and height of its input in pixels, multiples of 32.
    pub(super) input: Option<[u32; 2]>,
    /// Order of the colours: `bgr` or `rgb`.
    #[schemars(schema_with = "schema::colours")]
    pub(super) colour: Option<ColourOrder>,
    /// Subtracted from each colour (0..255), in the order of `colour`.
    pub(super) mean: Option<[f32; 3]>,
    /// Each colour is divided by it after that.
    pub(super) std: Option<[f32; 3]>,
    /// How a picture is fitted: `letterbox` keeps its shape, `stretch` does not.
    #[schemars(schema_with = "schema::resizes")]
    pub(super) resize: Option<Resize>,
    /// Value of padding, 0..255.
    pub(super) pad: Option<f32>,
    /// The model's class names in order, or `coco` for COCO's 80.
    #[schemars(schema_with = "schema::classes")]
    pub(super) classes: Option<ClassesShape>,
    /// Renames classes (the model's name: a label), or `frigate`, which counts trucks as cars.
    #[schemars(schema_with = "schema::label_map")]
    pub(super) label_map: Option<LabelMapShape>,
    /// Detections from it on may begin a track (0 to 1).
    pub(super) threshold: Option<f32>,
    /// Detections from it on may keep a track (0 to 1).
    pub(super) threshold_low: Option<f32>,
    /// Of two boxes of one label that overlap more (IoU) the lesser is dropped (0 to 1).
    pub(super) nms_iou: Option<f32>,
}

/// Class names, or the name of a list.
#[derive(Debug)]
pub(super) enum ClassesShape {
    Preset(String),
    Names(Vec<String>),
}

impl<'de> Deserialize<'de> for ClassesShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ClassesShape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of class names, or `coco`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<ClassesShape, E> {
                Ok(ClassesShape::Preset(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ClassesShape, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push(name);
                }
                Ok(ClassesShape::Names(names))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// New names of classes, or the name of such a map.
#[derive(Debug)]
pub(super) enum LabelMapShape {
    Preset(String),
    Names(BTreeMap<String, Label>),
}

impl<'de> Deserialize<'de> for LabelMapShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = LabelMapShape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from class names to labels, or `frigate`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<LabelMapShape, E> {
                Ok(LabelMapShape::Preset(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelMapShape, A::Error> {
                let mut names = BTreeMap::new();
                while let Some((from, to)) = map.next_entry()? {
                    names.insert(from, to);
                }
                Ok(LabelMapShape::Names(names))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
