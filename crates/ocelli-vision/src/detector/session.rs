//! ONNX Runtime sessions: one thread, built from bytes, one input and one output.

use ocelli_core::settings::DetectorSettings;
use ort::{
    session::{Session, builder::GraphOptimizationLevel},
    value::{TensorRef, ValueType},
};

use crate::runtime::environment;

/// What runs the models: no other provider is asked for, so there is none to fall back from.
pub(super) const PROVIDER: &str = "CPUExecutionProvider";

/// Loads a model and runs it on zeros, once.
pub(crate) fn run_once(bytes: &[u8], shape: [usize; 4]) -> Result<(), String> {
    let mut session = open(bytes)?;
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

pub(super) fn open(bytes: &[u8]) -> Result<Session, String> {
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
pub(super) fn check_input(
    session: &Session,
    settings: &DetectorSettings,
) -> Result<String, String> {
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
pub(super) fn shape_text(shape: &[i64]) -> String {
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
pub(super) fn run<T>(
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
