//! Strips: what was there and what was found, some moments side by side, as a PNG file.
//!
//! A strip shows numbers, not people. Its ground is empty, or a [`Plate`]; every person is a solid
//! block, and over a plate the block has a margin, so that no pixel of a person stays where a box
//! is known.

mod canvas;
mod plate;
mod view;

use embedded_graphics::{
    prelude::{Point as Pixel, Size},
    primitives::Rectangle,
};
use ocelli_core::{Label, Point};

use crate::{Account, Passage, Rect, account::Deed};
use canvas::Canvas;
pub use plate::Plate;
use view::View;

/// The most cells of a strip.
pub const CELLS_MAX: usize = 400;
/// Pixels between cells, and for the line of text below each.
const GAP: u32 = 4;
const CAPTION: u32 = 12;
/// Seconds of the way behind an object.
const TRAIL_SECS: f64 = 3.0;
/// Steps a second of that way.
const TRAIL_STEPS: f64 = 5.0;
const PAPER: [u8; 3] = [16, 16, 16];

/// A strip that cannot be drawn, or a plate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DrawError(pub String);

/// A line or zone of the drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnPlace {
    /// Its name.
    pub name: String,
    /// Its points, in fractions of the picture.
    pub points: Vec<Point>,
    /// Whether it is a zone: closed.
    pub closed: bool,
}

/// How a strip looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Width of a cell in pixels (64 to 2048).
    pub cell_width: u32,
    /// Width of a picture over its height.
    pub aspect: f64,
    /// Cells in a row.
    pub columns: usize,
}

/// One object in a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its name.
    pub tag: String,
    /// What it is.
    pub label: Label,
    /// Where it is, in fractions of the picture.
    pub rect: Rect,
    /// Whether it is part of the truth.
    pub truth: bool,
    /// Where it stood during the last seconds.
    pub trail: Vec<Point>,
}

/// One moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Media time in seconds.
    pub at_secs: f64,
    /// What is there.
    pub shown: Vec<Shown>,
    /// What happened since the moment before, in words.
    pub notes: Vec<String>,
}

/// The cells of some moments, in order of time. Names are cut to their first six characters.
pub fn cells(truth: &Account, found: &Account, at_secs: &[f64]) -> Vec<Cell> {
    let mut since = f64::NEG_INFINITY;
    let mut cells = Vec::new();
    for &at in at_secs {
        let mut shown = shown(&truth.passages, at, true);
        shown.extend(self::shown(&found.passages, at, false));
        let mut notes = notes(truth, since, at, "true ");
        notes.extend(self::notes(found, since, at, ""));
        cells.push(Cell {
            at_secs: at,
            shown,
            notes,
        });
        since = at;
    }
    cells
}

fn shown(passages: &[Passage], at: f64, truth: bool) -> Vec<Shown> {
    let there = passages.iter().filter_map(|passage| {
        let rect = passage.rect_at(at)?;
        let steps = 0..=(TRAIL_SECS * TRAIL_STEPS) as u32;
        let trail = steps.filter_map(|step| {
            let back = passage.rect_at(at - f64::from(step) / TRAIL_STEPS)?;
            Some(back.bottom_centre())
        });
        Some(Shown {
            tag: short(&passage.tag),
            label: passage.label,
            rect,
            truth,
            trail: trail.collect(),
        })
    });
    there.collect()
}

fn short(tag: &str) -> String {
    tag.chars().take(6).collect()
}

fn notes(account: &Account, since: f64, at: f64, prefix: &str) -> Vec<String> {
    let between = account
        .place_events
        .iter()
        .filter(|event| event.at_secs > since && event.at_secs <= at);
    let words = between.map(|event| {
        let deed = match event.deed {
            Deed::CrossedLeft => "left over",
            Deed::CrossedRight => "right over",
            Deed::Entered => "into",
        };
        let tag = event.tag.as_deref().map(short).unwrap_or_default();
        format!("{prefix}{tag} {deed} {}", event.place)
    });
    words.collect()
}

/// Draws a strip: a PNG file.
pub fn strip(
    layout: Layout,
    plate: Option<&Plate>,
    places: &[DrawnPlace],
    cells: &[Cell],
) -> Result<Vec<u8>, DrawError> {
    let Layout {
        cell_width,
        aspect,
        columns,
    } = layout;
    if !(64..=2048).contains(&cell_width) || !(0.2..=5.0).contains(&aspect) || columns == 0 {
        let reason = format!(
            "{columns} columns of cells {cell_width} pixels wide, {aspect} times as wide as high"
        );
        return Err(DrawError(reason));
    }
    if cells.is_empty() || cells.len() > CELLS_MAX {
        let have = cells.len();
        return Err(DrawError(format!(
            "{have} cells, expected 1 to {CELLS_MAX}"
        )));
    }
    let cell = Size::new(cell_width, (f64::from(cell_width) / aspect).round() as u32);
    let columns = columns.min(cells.len());
    let rows = cells.len().div_ceil(columns);
    let step = Size::new(cell.width + GAP, cell.height + CAPTION + GAP);
    let width = step.width.saturating_mul(columns as u32);
    let height = step.height.saturating_mul(rows as u32);
    if u64::from(width) * u64::from(height) > 100_000_000 {
        return Err(DrawError(format!(
            "a strip of {width} x {height} pixels is too large"
        )));
    }
    let mut canvas = Canvas::new(width, height, PAPER);
    for (number, moment) in cells.iter().enumerate() {
        let corner = Pixel::new(
            (number % columns) as i32 * step.width as i32,
            (number / columns) as i32 * step.height as i32,
        );
        let view = View {
            area: Rectangle::new(corner, cell),
            plate,
        };
        view.draw(&mut canvas, places, moment);
    }
    canvas.png()
}

#[cfg(test)]
mod tests;
