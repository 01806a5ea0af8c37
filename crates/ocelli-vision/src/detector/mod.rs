//! Objects in pictures: an ONNX model of a known family. One file and one line in [`DETECTORS`] for
//! each family.

mod fastestdet;
mod labels;
mod nanodet;
mod nms;
mod session;
mod yolox;

use ocelli_core::{
    BBox, Detection, Detections, Label, Picture, StageError, seam::Detector,
    settings::DetectorSettings, wire::LoadedModel,
};
use ort::session::Session;

use crate::tensor::{Fit, TensorFiller};

pub(crate) use session::run_once;

/// How the outputs of one family of models are read.
pub(crate) struct Family {
    /// As in [`ocelli_core::settings::DETECTOR_FAMILIES`].
    name: &'static str,
    /// Reads the shape of the model's output, or says what is wrong with it.
    open: Open,
}

/// Takes what is known of a model and the shape of its output.
type Open = fn(&Layout, &[i64]) -> Result<Box<dyn Decode>, String>;

/// Every family.
const DETECTORS: &[&Family] = &[&nanodet::KIND, &yolox::KIND, &fastestdet::KIND];

/// What a family has to know of a model besides its output.
pub(crate) struct Layout {
    /// Width of the tensor in pixels.
    width: usize,
    /// Height of the tensor in pixels.
    height: usize,
    /// Number of the model's classes.
    classes: usize,
}

/// Reads one output tensor.
pub(crate) trait Decode: Send {
    /// Calls `found` with every candidate: class, score, and left, top, right, bottom in pixels of
    /// the tensor. `wanted` says for each class the least score that matters, or infinity.
    fn candidates(&self, output: &[f32], wanted: &[f32], found: &mut dyn FnMut(Candidate));
}

/// One box that a model proposes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    class: usize,
    score: f32,
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

/// A box that fills this much of both sides of a picture is the model's way to find nothing.
const WHOLE_PICTURE: f32 = 0.95;

/// The most candidates that one picture's suppression looks at: the best are kept.
const CANDIDATES_MAX: usize = 2000;

/// One ONNX model, run by ONNX Runtime in one thread.
pub struct OnnxDetector {
    session: Session,
    input: String,
    /// Shape of the output that `decode` reads.
    output_shape: Vec<i64>,
    decode: Box<dyn Decode>,
    filler: TensorFiller,
    tensor: Vec<f32>,
    size: (usize, usize),
    /// Label of each class, and the least score that matters; unknown classes have infinity.
    labels: Vec<Option<Label>>,
    wanted: Vec<f32>,
    nms_iou: f32,
    candidates: Vec<Detection>,
}

impl OnnxDetector {
    /// Loads an ONNX file's bytes.
    ///
    /// # Errors
    /// [`StageError::Rejected`] where the model does not fit its settings: family, size, classes,
    /// or a class that ocelli refuses.
    pub fn load(
        settings: &DetectorSettings,
        bytes: &[u8],
    ) -> Result<(Self, LoadedModel), StageError> {
        let rejected = |cause: String| StageError::Rejected(cause);
        let family = DETECTORS
            .iter()
            .find(|family| family.name == settings.family)
            .ok_or_else(|| {
                let known: Vec<_> = DETECTORS.iter().map(|family| family.name).collect();
                rejected(format!(
                    "unknown family `{}`, expected one of: {}",
                    settings.family,
                    known.join(", ")
                ))
            })?;
        check_settings(settings).map_err(rejected)?;
        let labels = labels::assign(settings).map_err(rejected)?;
        let mut session = session::open(bytes).map_err(rejected)?;
        let input = session::check_input(&session, settings).map_err(rejected)?;
        let filler = TensorFiller::new(settings);
        let layout = Layout {
            width: settings.input_width as usize,
            height: settings.input_height as usize,
            classes: settings.classes.len(),
        };
        let tensor = vec![0.0; filler.floats()];
        let shape = [1, 3, layout.height, layout.width];
        let (decode, output_shape) =
            session::run(&mut session, &input, shape, &tensor, |shape, _output| {
                (family.open)(&layout, shape).map(|decode| (decode, shape.to_vec()))
            })
            .and_then(|opened| opened)
            .map_err(rejected)?;
        let loaded = LoadedModel {
            labels: labels.found(),
            dropped_classes: labels.dropped,
            provider: session::PROVIDER.to_owned(),
        };
        let wanted = labels
            .of_class
            .iter()
            .map(|label| label.map_or(f32::INFINITY, |_| settings.threshold_low))
            .collect();
        let detector = Self {
            session,
            input,
            output_shape,
            decode,
            filler,
            tensor,
            size: (layout.width, layout.height),
            labels: labels.of_class,
            wanted,
            nms_iou: settings.nms_iou,
            candidates: Vec::new(),
        };
        Ok((detector, loaded))
    }

    fn look(&mut self, picture: &Picture) -> Result<Detections, StageError> {
        let fit = self.filler.fill(picture, &mut self.tensor);
        let shape = [1, 3, self.size.1, self.size.0];
        let (decode, labels, wanted) = (&self.decode, &self.labels, &self.wanted);
        let output_shape = self.output_shape.as_slice();
        let candidates = &mut self.candidates;
        candidates.clear();
        session::run(
            &mut self.session,
            &self.input,
            shape,
            &self.tensor,
            |shape, output| {
                if shape != output_shape {
                    return Err("the model's output changed its shape".to_owned());
                }
                decode.candidates(output, wanted, &mut |candidate| {
                    if let Some(label) = labels[candidate.class]
                        && let Some(bbox) = place(&candidate, &fit)
                    {
                        candidates.push(Detection {
                            bbox,
                            label,
                            score: candidate.score.clamp(0.0, 1.0),
                        });
                    }
                });
                Ok(())
            },
        )
        .and_then(|read| read)
        .map_err(StageError::Unavailable)?;
        let items = nms::suppress(candidates, self.nms_iou, CANDIDATES_MAX);
        Ok(Detections {
            stream: picture.stream,
            at: picture.at,
            wall: picture.wall,
            wall_source: picture.wall_source,
            aspect: picture.width as f32 / picture.height.max(1) as f32,
            items,
        })
    }
}

impl Detector for OnnxDetector {
    fn batch_max(&self) -> usize {
        // Batching across streams brings nothing on a CPU.
        1
    }

    fn detect(&mut self, pictures: &[Picture]) -> Result<Vec<Detections>, StageError> {
        pictures.iter().map(|picture| self.look(picture)).collect()
    }
}

/// From pixels of the tensor to shares of the picture; `None` for what is no box in it.
fn place(candidate: &Candidate, fit: &Fit) -> Option<BBox> {
    let (width, height) = (fit.width as f32, fit.height as f32);
    let bbox = BBox::from_corners(
        candidate.left / width,
        candidate.top / height,
        candidate.right / width,
        candidate.bottom / height,
    )
    .clipped()?;
    (candidate.score.is_finite() && !(bbox.w >= WHOLE_PICTURE && bbox.h >= WHOLE_PICTURE))
        .then_some(bbox)
}

fn check_settings(settings: &DetectorSettings) -> Result<(), String> {
    let (width, height) = (settings.input_width, settings.input_height);
    let fits = |side: u32| (32..=2048).contains(&side) && side.is_multiple_of(32);
    if !fits(width) || !fits(height) {
        return Err(format!(
            "an input of {width}x{height} does not work: both sides are multiples of 32 from 32 to 2048"
        ));
    }
    let shares = [
        ("threshold_low", settings.threshold_low),
        ("threshold", settings.threshold),
        ("nms_iou", settings.nms_iou),
    ];
    for (name, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!(
                "`{name}` is {share}, expected a number from 0 to 1"
            ));
        }
    }
    if !settings.pad.is_finite() || settings.mean.iter().any(|mean| !mean.is_finite()) {
        return Err("`pad` and every value of `mean` are numbers".to_owned());
    }
    if settings
        .std
        .iter()
        .any(|std| !std.is_finite() || *std <= 0.0)
    {
        return Err("every value of `std` is a number over 0".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ocelli_core::settings::DETECTOR_FAMILIES;

    use super::*;

    #[test]
    fn settings_list_and_folder_name_the_same_families() {
        let listed: Vec<&str> = DETECTORS.iter().map(|family| family.name).collect();
        let known: Vec<&str> = DETECTOR_FAMILIES.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, known);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/detector");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| {
                !["mod.rs", "labels.rs", "nms.rs", "session.rs"].contains(&name.as_str())
            })
            .collect();
        files.sort();
        let mut expected: Vec<String> = listed.iter().map(|name| format!("{name}.rs")).collect();
        expected.sort();
        assert_eq!(files, expected);
    }

    #[test]
    fn whole_picture_boxes_and_boxes_that_are_none_are_dropped() {
        let fit = Fit::new(
            ocelli_core::settings::Resize::Stretch,
            (320, 192),
            (640, 360),
        );
        let candidate = |left, top, right, bottom| Candidate {
            class: 0,
            score: 0.9,
            left,
            top,
            right,
            bottom,
        };
        assert_eq!(place(&candidate(-5.0, -5.0, 330.0, 200.0), &fit), None);
        assert_eq!(place(&candidate(f32::NAN, 0.0, 10.0, 10.0), &fit), None);
        assert_eq!(place(&candidate(20.0, 20.0, 10.0, 30.0), &fit), None);
        let kept = place(&candidate(-32.0, 0.0, 32.0, 96.0), &fit).unwrap();
        assert!((kept.w - 0.1).abs() < 1e-6 && (kept.h - 0.5).abs() < 1e-6);
    }
}
