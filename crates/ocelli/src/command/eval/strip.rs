//! The picture of an evaluation.

use ocelli_core::Point;
use ocelli_eval::{
    Account, Evaluation, Truth,
    draw::{self, DrawnPlace, Layout, Plate},
    truth::Place,
};

use super::{Arguments, CommandError, Inputs, failed};

/// Draws truth and what was found at some moments: a PNG file.
pub(super) fn strip(
    inputs: &Inputs,
    arguments: &Arguments,
    evaluation: &Evaluation,
) -> Result<Vec<u8>, CommandError> {
    let nothing = Account::default();
    let truth = evaluation.truth.as_ref().unwrap_or(&nothing);
    let found = evaluation.found.as_ref().unwrap_or(&nothing);
    let plate = match &arguments.plate {
        None => None,
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|error| failed(path, &error))?;
            Some(Plate::read_png(&bytes).map_err(|error| failed(path, &error))?)
        }
    };
    let frame = inputs.frame(arguments);
    let aspect = plate.as_ref().map(Plate::aspect);
    let aspect = aspect.or(frame.map(|(_, size)| size.width / size.height));
    let layout = Layout {
        cell_width: 480,
        aspect: aspect.unwrap_or(16.0 / 9.0),
        columns: arguments.columns,
    };
    let moments = if arguments.at.is_empty() {
        spread(truth, found)
    } else {
        let mut at = arguments.at.clone();
        at.sort_by(f64::total_cmp);
        at
    };
    let cells = draw::cells(truth, found, &moments);
    draw::strip(
        layout,
        plate.as_ref(),
        &places(inputs.truth.as_ref()),
        &cells,
    )
    .map_err(|error| CommandError::failed(error.to_string()))
}

fn places(truth: Option<&Truth>) -> Vec<DrawnPlace> {
    let Some(truth) = truth else {
        return Vec::new();
    };
    let drawn = |closed: bool| {
        move |place: &Place| DrawnPlace {
            name: place.name.clone(),
            points: place.points.iter().map(|&[x, y]| Point { x, y }).collect(),
            closed,
        }
    };
    let zones = truth.zones.iter().map(drawn(true));
    zones.chain(truth.lines.iter().map(drawn(false))).collect()
}

/// Twelve moments from the first passage to the end of the last.
fn spread(truth: &Account, found: &Account) -> Vec<f64> {
    let passages = || truth.passages.iter().chain(&found.passages);
    let first = passages()
        .map(|p| p.from_secs)
        .fold(f64::INFINITY, f64::min);
    let last = passages().map(|p| p.to_secs).fold(0.0, f64::max);
    let first = if first.is_finite() { first } else { 0.0 };
    let moment = |number: u32| first + (last - first) * f64::from(number) / 11.0;
    (0..12).map(moment).collect()
}
