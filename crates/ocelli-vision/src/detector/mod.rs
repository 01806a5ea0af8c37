//! Objects in pictures: an ONNX model of a known family. One file and one line in [`FAMILIES`] for
//! each family.

mod fastestdet;
mod labels;
mod nanodet;
mod nms;
mod yolox;

use ocelli_core::{
    BBox, Detection, Detections, Label, Picture, StageError, seam::Detector,
    settings::DetectorSettings, wire::LoadedModel,
};
use ort::{
    session::{Session, builder::GraphOptimizationLevel},
    value::{TensorRef, ValueType},
};

use crate::{
    runtime::environment,
    tensor::{Fit, TensorFiller},
};

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
const FAMILIES: &[&Family] = &[&nanodet::FAMILY, &yolox::FAMILY, &fastestdet::FAMILY];

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
        let family = FAMILIES
            .iter()
            .find(|family| family.name == settings.family)
            .ok_or_else(|| {
                let known: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
                rejected(format!(
                    "unknown family `{}`, expected one of: {}",
                    settings.family,
                    known.join(", ")
                ))
            })?;
        check_settings(settings).map_err(rejected)?;
        let labels = labels::assign(settings).map_err(rejected)?;
        let mut session = open_session(bytes).map_err(rejected)?;
        let input = check_input(&session, settings).map_err(rejected)?;
        let filler = TensorFiller::new(settings);
        let layout = Layout {
            width: settings.input_width as usize,
            height: settings.input_height as usize,
            classes: settings.classes.len(),
        };
        let tensor = vec![0.0; filler.floats()];
        let shape = [1, 3, layout.height, layout.width];
        let decode = run(&mut session, &input, shape, &tensor, |shape, _output| {
            (family.open)(&layout, shape)
        })
        .and_then(|opened| opened)
        .map_err(rejected)?;
        let loaded = LoadedModel {
            labels: labels.found(),
            dropped_classes: labels.dropped,
            provider: "CPUExecutionProvider".to_owned(),
        };
        let wanted = labels
            .of_class
            .iter()
            .map(|label| label.map_or(f32::INFINITY, |_| settings.threshold_low))
            .collect();
        let detector = Self {
            session,
            input,
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
        let candidates = &mut self.candidates;
        candidates.clear();
        run(
            &mut self.session,
            &self.input,
            shape,
            &self.tensor,
            |_, output| {
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
            },
        )
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

/// Loads a model and runs it on zeros, once.
pub(crate) fn run_once(bytes: &[u8], shape: [usize; 4]) -> Result<(), String> {
    let mut session = open_session(bytes)?;
    let input = session
        .inputs()
        .first()
        .map(|input| input.name().to_owned());
    let zeros = vec![0.0; shape.iter().product()];
    run(
        &mut session,
        &input.unwrap_or_default(),
        shape,
        &zeros,
        |_, _| (),
    )
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
    if settings
        .std
        .iter()
        .any(|std| !std.is_finite() || *std <= 0.0)
    {
        return Err("every value of `std` is a number over 0".to_owned());
    }
    Ok(())
}

fn open_session(bytes: &[u8]) -> Result<Session, String> {
    let environment = environment().map_err(|error| error.to_string())?;
    let describe =
        |error: &dyn std::fmt::Display| format!("ONNX Runtime refuses the model: {error}");
    let mut builder = Session::builder(environment)
        .map_err(|error| describe(&error))?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(|error| describe(&error))?
        // One thread, the caller's own: a sandboxed eye starts no other.
        .with_intra_threads(1)
        .map_err(|error| describe(&error))?
        .with_inter_threads(1)
        .map_err(|error| describe(&error))?;
    builder
        .commit_from_memory(bytes)
        .map_err(|error| describe(&error))
}

/// Checks the model's single input against the settings and returns its name.
fn check_input(session: &Session, settings: &DetectorSettings) -> Result<String, String> {
    let [input] = session.inputs() else {
        return Err(format!(
            "the model has {} inputs, a detector has one",
            session.inputs().len()
        ));
    };
    let ValueType::Tensor { shape, .. } = input.dtype() else {
        return Err("the model's input is no tensor".to_owned());
    };
    let wanted = [
        1,
        3,
        i64::from(settings.input_height),
        i64::from(settings.input_width),
    ];
    let fits = shape.len() == wanted.len()
        && shape
            .iter()
            .zip(wanted)
            .all(|(&has, wants)| has < 0 || has == wants);
    if !fits {
        return Err(format!(
            "the model takes {}, the settings say {}",
            shape_text(shape),
            shape_text(&wanted)
        ));
    }
    Ok(input.name().to_owned())
}

/// A shape as people write it, `?` for any.
fn shape_text(shape: &[i64]) -> String {
    let sides: Vec<String> = shape
        .iter()
        .map(|&side| {
            if side < 0 {
                "?".to_owned()
            } else {
                side.to_string()
            }
        })
        .collect();
    format!("[{}]", sides.join(", "))
}

/// Runs the model on one tensor and gives shape and values of its first output to `read`.
fn run<T>(
    session: &mut Session,
    input: &str,
    shape: [usize; 4],
    tensor: &[f32],
    read: impl FnOnce(&[i64], &[f32]) -> T,
) -> Result<T, String> {
    let describe = |error: ort::Error| format!("the model failed: {error}");
    let value = TensorRef::from_array_view((shape, tensor)).map_err(describe)?;
    let outputs = session
        .run(ort::inputs![input => value])
        .map_err(describe)?;
    if outputs.len() != 1 {
        return Err(format!(
            "the model has {} outputs, the families here have one",
            outputs.len()
        ));
    }
    let (shape, values) = outputs[0].try_extract_tensor::<f32>().map_err(describe)?;
    Ok(read(shape, values))
}

#[cfg(test)]
mod tests {
    use ocelli_core::settings::DETECTOR_FAMILIES;

    use super::*;

    #[test]
    fn settings_list_and_folder_name_the_same_families() {
        let listed: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
        let known: Vec<&str> = DETECTOR_FAMILIES.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, known);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/detector");
        for name in listed {
            assert!(
                std::path::Path::new(folder)
                    .join(format!("{name}.rs"))
                    .is_file()
            );
        }
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
