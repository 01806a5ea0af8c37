//! Detectors: a model that ocelli knows, or a file of a known family.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ocelli_core::{
    Label,
    label::{COCO_80, refused_word},
    settings::{ColourOrder, DETECTOR_FAMILIES, DetectorSettings, Resize},
};

use super::{
    DetectorConfig, Fault, ModelSource,
    de::suggestion,
    shape::{ClassesShape, DetectorShape, LabelMapShape, OnnxShape},
    tree::{Node, Place},
};
use crate::models::{self, KnownModel, ModelError, ModelPurpose};

/// What Frigate's label map does: trucks are often taken for cars, and the other way round.
const FRIGATE: [(&str, Label); 1] = [("truck", Label::Car)];

/// Where relative paths and pulled models are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folders<'a> {
    /// The folder of the configuration file.
    pub(super) file: &'a Path,
    pub(super) data: &'a Path,
}

/// The detector that `node` describes, with everything noted that is wrong with it.
pub(super) fn resolve(
    shape: DetectorShape,
    node: &Node,
    folders: Folders<'_>,
    faults: &mut Vec<Fault>,
) -> Option<DetectorConfig> {
    let DetectorShape::Onnx(shape) = shape;
    let node = node.get("onnx").unwrap_or(node);
    let checker = Checker { node, folders };
    let before = faults.len();
    let (model, bytes, settings) = checker.model(&shape, faults)?;
    let settings = checker.settings(&shape, settings, faults);
    let sha256 = models::sha256(&bytes);
    if let Some(expected) = &shape.sha256
        && !expected.eq_ignore_ascii_case(&sha256)
    {
        let message = format!("the model has the hash {sha256}");
        faults.push(Fault::new(checker.place("sha256"), message));
    }
    (faults.len() == before).then_some(DetectorConfig {
        model,
        bytes: bytes.into(),
        sha256,
        settings,
    })
}

/// A model by its id alone, as streams may name it.
pub(super) fn known(id: &str, place: Place, data_dir: &Path) -> Result<DetectorConfig, Fault> {
    let Some(model) = models::find(id) else {
        let ids: Vec<&str> = models::detectors().map(|model| model.id.as_str()).collect();
        return Err(Fault::new(place, format!("unknown model `{id}`")).hint(suggestion(id, &ids)));
    };
    if model.purpose != ModelPurpose::Objects {
        let message = format!("`{id}` finds what has to be covered: no detector takes it");
        return Err(Fault::new(place, message));
    }
    let bytes = model.load(data_dir).map_err(|error| {
        let fault = Fault::new(place, error.to_string());
        match error {
            ModelError::NotHere(_) if model.url.is_some() => {
                fault.hint(format!("fetch it with `ocelli models pull {id}`"))
            }
            ModelError::NotHere(_) => fault.hint(format!(
                "nobody publishes this file: put it into `{}`",
                models::pulled_dir(data_dir).join(&model.file).display()
            )),
            _ => fault,
        }
    })?;
    Ok(DetectorConfig {
        model: ModelSource::Known(id.to_owned()),
        sha256: model.sha256.clone(),
        settings: model.settings(),
        bytes: bytes.into(),
    })
}

struct Checker<'a> {
    node: &'a Node,
    folders: Folders<'a>,
}

impl Checker<'_> {
    /// Where a key's value stands, or the whole.
    fn place(&self, key: &str) -> Place {
        self.node
            .get(key)
            .map_or(self.node.place, |node| node.place)
    }

    fn model(
        &self,
        shape: &OnnxShape,
        faults: &mut Vec<Fault>,
    ) -> Option<(ModelSource, Bytes, DetectorSettings)> {
        let read = match (&shape.model, &shape.file) {
            (Some(id), None) => known(id, self.place("model"), self.folders.data)
                .map(|known| (known.model, known.bytes.0, known.settings)),
            (None, Some(file)) => self.file(shape, file),
            _ => {
                let message = "expected either `model`, one that ocelli knows, or `file`";
                Err(Fault::new(self.node.place, message))
            }
        };
        read.map_err(|fault| faults.push(fault)).ok()
    }

    fn file(
        &self,
        shape: &OnnxShape,
        file: &str,
    ) -> Result<(ModelSource, Bytes, DetectorSettings), Fault> {
        let Some(family) = &shape.family else {
            let families = DETECTOR_FAMILIES.map(|(name, _)| name).join(", ");
            let fault = Fault::new(self.node.place, "a model's file needs its `family`");
            return Err(fault.hint(format!("one of: {families}")));
        };
        let path: PathBuf = self.folders.file.join(file);
        let bytes = models::read(&path)
            .map_err(|error| Fault::new(self.place("file"), error.to_string()))?;
        Ok((ModelSource::File(path), bytes, defaults_of(family)))
    }

    fn settings(
        &self,
        shape: &OnnxShape,
        base: DetectorSettings,
        faults: &mut Vec<Fault>,
    ) -> DetectorSettings {
        let [input_width, input_height] =
            shape.input.unwrap_or([base.input_width, base.input_height]);
        let settings = DetectorSettings {
            family: shape.family.clone().unwrap_or(base.family),
            input_width,
            input_height,
            colour: shape.colour.unwrap_or(base.colour),
            mean: shape.mean.unwrap_or(base.mean),
            std: shape.std.unwrap_or(base.std),
            resize: shape.resize.unwrap_or(base.resize),
            pad: shape.pad.unwrap_or(base.pad),
            classes: match &shape.classes {
                None => base.classes,
                Some(classes) => self.classes(classes, faults),
            },
            label_map: match &shape.label_map {
                None => base.label_map,
                Some(map) => self.label_map(map, faults),
            },
            threshold_low: shape.threshold_low.unwrap_or(base.threshold_low),
            threshold: shape.threshold.unwrap_or(base.threshold),
            nms_iou: shape.nms_iou.unwrap_or(base.nms_iou),
        };
        self.check(&settings, faults);
        if let Some(known) = shape.model.as_deref().and_then(models::find)
            && known.input.fixed
            && shape.input.is_some_and(|input| {
                input != [known.input.default_width, known.input.default_height]
            })
        {
            let (width, height) = (known.input.default_width, known.input.default_height);
            let message = format!(
                "`{}` takes {width}x{height} pixels and nothing else",
                known.id
            );
            faults.push(Fault::new(self.place("input"), message));
        }
        settings
    }

    fn classes(&self, classes: &ClassesShape, faults: &mut Vec<Fault>) -> Vec<String> {
        match classes {
            ClassesShape::Names(names) => names.clone(),
            ClassesShape::Preset(name) if name == "coco" => coco(),
            ClassesShape::Preset(name) => {
                let message = format!("unknown list of classes `{name}`, expected `coco`");
                faults.push(Fault::new(self.place("classes"), message));
                Vec::new()
            }
        }
    }

    fn label_map(&self, map: &LabelMapShape, faults: &mut Vec<Fault>) -> Vec<(String, Label)> {
        match map {
            LabelMapShape::Names(names) => {
                names.iter().map(|(from, to)| (from.clone(), *to)).collect()
            }
            LabelMapShape::Preset(name) if name == "frigate" => FRIGATE
                .iter()
                .map(|(from, to)| ((*from).to_owned(), *to))
                .collect(),
            LabelMapShape::Preset(name) => {
                let message = format!("unknown label map `{name}`, expected `frigate`");
                faults.push(Fault::new(self.place("label_map"), message));
                Vec::new()
            }
        }
    }

    fn check(&self, settings: &DetectorSettings, faults: &mut Vec<Fault>) {
        let mut fault = |key: &str, message: String| {
            faults.push(Fault::new(self.place(key), message));
        };
        let families = DETECTOR_FAMILIES.map(|(name, _)| name);
        if !families.contains(&settings.family.as_str()) {
            let families = families.join(", ");
            let message = format!(
                "unknown family `{}`, expected one of: {families}",
                settings.family
            );
            fault("family", message);
        }
        for side in [settings.input_width, settings.input_height] {
            if side % 32 != 0 || !(32..=2048).contains(&side) {
                fault(
                    "input",
                    format!("{side} pixels, expected a multiple of 32 up to 2048"),
                );
            }
        }
        if settings.std.contains(&0.0) {
            fault("std", "colours cannot be divided by 0".to_owned());
        }
        for (key, value) in [
            ("threshold", settings.threshold),
            ("threshold_low", settings.threshold_low),
            ("nms_iou", settings.nms_iou),
        ] {
            if !(0.0..=1.0).contains(&value) {
                fault(key, format!("{value}, expected 0 to 1"));
            }
        }
        if settings.threshold_low > settings.threshold {
            let (low, high) = (settings.threshold_low, settings.threshold);
            fault(
                "threshold_low",
                format!("{low} is more than `threshold`, {high}"),
            );
        }
        if settings.classes.is_empty() || settings.classes.len() > 1000 {
            let number = settings.classes.len();
            fault("classes", format!("{number} classes, expected 1 to 1000"));
        }
        for class in &settings.classes {
            if let Some(word) = refused_word(class) {
                let message = format!(
                    "the class `{class}` is refused for `{word}`: ocelli never says who somebody is"
                );
                fault("classes", message);
            }
        }
        for (class, _) in &settings.label_map {
            if !settings.classes.contains(class) {
                fault("label_map", format!("the model has no class `{class}`"));
            }
        }
    }
}

fn coco() -> Vec<String> {
    COCO_80.map(str::to_owned).to_vec()
}

/// How the models of a family are fed where a file says nothing else: as the model of this family
/// that ocelli knows, or as those who train them do.
fn defaults_of(family: &str) -> DetectorSettings {
    let known = models::detectors().find(|model| model.family == family);
    known.map_or_else(yolox, KnownModel::settings)
}

/// Megvii-BaseDetection/YOLOX from 0.1.1 on: values as they are, padded with 114.
fn yolox() -> DetectorSettings {
    DetectorSettings {
        family: "yolox".to_owned(),
        input_width: 416,
        input_height: 416,
        colour: ColourOrder::Bgr,
        mean: [0.0; 3],
        std: [1.0; 3],
        resize: Resize::Letterbox,
        pad: 114.0,
        classes: coco(),
        label_map: Vec::new(),
        threshold_low: 0.1,
        threshold: 0.4,
        nms_iou: 0.6,
    }
}
