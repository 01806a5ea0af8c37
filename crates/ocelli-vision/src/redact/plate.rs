//! The empty scene, learnt from looks.
//!
//! Each cell of 2 x 2 pixels holds a candidate: a value that keeps coming back. It counts for the
//! plate when it was seen at [`PlateTerms::looks_min`] looks over [`PlateTerms::span_micros`],
//! never inside a person's or a vehicle's grown box; and after a detector found no person in the
//! plate. A look that shows another value takes away what [`MISS_WEIGHT`] looks gave, so a value
//! that is there for less than four fifths of the time never stays.

use ocelli_core::{MediaTime, Picture};

use super::{
    canvas::{Canvas, FILL},
    cover::Cover,
};

/// When a value counts as the empty scene.
#[derive(Debug, Clone, Copy)]
pub struct PlateTerms {
    /// At how many looks it was seen.
    pub looks_min: u8,
    /// For how long, in microseconds of media time.
    pub span_micros: i64,
    /// Least distance of two looks that count, in microseconds of media time.
    pub sample_every_micros: i64,
    /// Least distance of two examinations of the plate, in microseconds of media time.
    pub check_every_micros: i64,
}

impl Default for PlateTerms {
    fn default() -> Self {
        Self {
            looks_min: 20,
            span_micros: 30 * MINUTE_MICROS,
            sample_every_micros: 10_000_000,
            check_every_micros: 5 * MINUTE_MICROS,
        }
    }
}

const MINUTE_MICROS: i64 = 60_000_000;
/// How many looks one that shows another value takes away.
const MISS_WEIGHT: u8 = 4;
/// Looks that are remembered at most: what was there for ever can be replaced.
const HITS_MAX: u8 = 200;
/// The most that two values of the same thing differ by, in luma and in colour.
const SAME: [u8; 2] = [14, 9];
/// Columns and rows of the grid of mean colours that stands for a plate that is not there yet.
pub(super) const GRID: (usize, usize) = (16, 9);

/// How far a cell's value may be used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// There is none.
    Unknown,
    /// It has been there for long enough; no detector has seen it yet.
    Pending,
    /// It is the plate.
    Released,
}

#[derive(Clone, Copy)]
struct Cell {
    candidate: [u8; 3],
    hits: u8,
    /// Minute in which the candidate was first seen, rounded up.
    since: u16,
    value: [u8; 3],
    standing: Standing,
}

/// The plate of one stream: 10 bytes for each 2 x 2 pixels.
pub(super) struct Plate {
    terms: PlateTerms,
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
    started: MediaTime,
    sampled: Option<MediaTime>,
    checked: Option<MediaTime>,
    /// Mean colours of what lies in no box.
    grid: Vec<Option<[f32; 3]>>,
}

/// How a picture compares with the plate.
pub(super) struct Comparison {
    /// Blocks that hold a cell which differs, or whose plate is unknown.
    pub(super) cover: Cover,
    /// Cells whose plate is known, over all cells.
    pub(super) known: f32,
    /// Cells that differ, over those that are known and lie in no box.
    pub(super) differing: f32,
}

impl Plate {
    pub(super) fn new(terms: PlateTerms, canvas: &Canvas, at: MediaTime) -> Self {
        let (columns, rows) = canvas.cells();
        let cell = Cell {
            candidate: [0; 3],
            hits: 0,
            since: 0,
            value: [0; 3],
            standing: Standing::Unknown,
        };
        Self {
            terms,
            columns,
            rows,
            cells: vec![cell; columns * rows],
            started: at,
            sampled: None,
            checked: None,
            grid: Vec::new(),
        }
    }

    /// Whether it is the plate of pictures of this size.
    pub(super) fn fits(&self, canvas: &Canvas) -> bool {
        (self.columns, self.rows) == canvas.cells()
    }

    /// Whether the next look counts.
    pub(super) fn is_due(&self, at: MediaTime) -> bool {
        self.sampled
            .is_none_or(|last| at.micros - last.micros >= self.terms.sample_every_micros)
    }

    /// Learns from one look; `boxes` covers people and vehicles.
    pub(super) fn sample(&mut self, canvas: &Canvas, boxes: &Cover, at: MediaTime) {
        self.sampled = Some(at);
        let elapsed = (at.micros - self.started.micros).max(0);
        let now = u16::try_from(elapsed / MINUTE_MICROS).unwrap_or(u16::MAX);
        let now_up = u16::try_from((elapsed + MINUTE_MICROS - 1) / MINUTE_MICROS);
        let now_up = now_up.unwrap_or(u16::MAX);
        let span = u16::try_from(self.terms.span_micros / MINUTE_MICROS).unwrap_or(u16::MAX);
        let mut row = Vec::new();
        let mut sums = vec![([0_u32; 3], 0_u32); GRID.0 * GRID.1];
        for y in 0..self.rows {
            canvas.cell_row(y, &mut row);
            let cells = &mut self.cells[y * self.columns..][..self.columns];
            let grid_row = y * GRID.1 / self.rows * GRID.0;
            for (x, (cell, &value)) in cells.iter_mut().zip(&row).enumerate() {
                if !boxes.has_cell(x, y) {
                    let (sum, count) = &mut sums[grid_row + x * GRID.0 / self.columns];
                    *count += 1;
                    for (sum, value) in sum.iter_mut().zip(value) {
                        *sum += u32::from(value);
                    }
                    cell.see(value, now_up);
                    let old_enough = now.saturating_sub(cell.since) >= span;
                    if old_enough && cell.hits >= self.terms.looks_min {
                        cell.settle(value);
                    }
                }
            }
        }
        self.mean_colours(&sums);
    }

    fn mean_colours(&mut self, sums: &[([u32; 3], u32)]) {
        self.grid.resize(sums.len(), None);
        for (kept, &(sum, count)) in self.grid.iter_mut().zip(sums) {
            if count == 0 {
                continue;
            }
            let fresh = sum.map(|sum| sum as f32 / count as f32);
            let kept = kept.get_or_insert(fresh);
            for (kept, fresh) in kept.iter_mut().zip(fresh) {
                *kept += (fresh - *kept) / 8.0;
            }
        }
    }

    /// Whether a detector is to examine it: something is new, and the last time is long ago.
    pub(super) fn wants_check(&self, at: MediaTime) -> bool {
        let long_ago = self
            .checked
            .is_none_or(|last| at.micros - last.micros >= self.terms.check_every_micros);
        let pending = || self.share(|standing| standing == Standing::Pending);
        let known = || self.share(|standing| standing != Standing::Unknown);
        // The first time waits until there is something to be seen.
        long_ago && pending() > 0.0 && (self.checked.is_some() || known() >= 0.5)
    }

    /// A detector has examined it: what lies in no box is released, the rest is learnt anew.
    pub(super) fn release(&mut self, people: &Cover, at: MediaTime) {
        self.checked = Some(at);
        for y in 0..self.rows {
            for x in 0..self.columns {
                let cell = &mut self.cells[y * self.columns + x];
                if people.has_cell(x, y) {
                    cell.standing = Standing::Unknown;
                    cell.hits = 0;
                } else if cell.standing == Standing::Pending {
                    cell.standing = Standing::Released;
                }
            }
        }
    }

    /// Nothing is filled yet of it.
    pub(super) fn cover(&self) -> Cover {
        Cover::open(2 * self.columns, 2 * self.rows)
    }

    fn share(&self, is: impl Fn(Standing) -> bool) -> f32 {
        let number = self.cells.iter().filter(|cell| is(cell.standing)).count();
        number as f32 / self.cells.len().max(1) as f32
    }

    /// The share of it that is released, 0..1.
    pub(super) fn known(&self) -> f32 {
        self.share(|standing| standing == Standing::Released)
    }

    /// Compares a picture; what lies in `boxes` does not count for [`Comparison::differing`].
    pub(super) fn compare(&self, canvas: &Canvas, boxes: &Cover) -> Comparison {
        let mut cover = Cover::open(canvas.width, canvas.height);
        let (mut known, mut outside, mut differing) = (0_u32, 0_u32, 0_u32);
        let mut row = Vec::new();
        for y in 0..self.rows {
            canvas.cell_row(y, &mut row);
            let cells = &self.cells[y * self.columns..][..self.columns];
            for (x, (cell, &value)) in cells.iter().zip(&row).enumerate() {
                if cell.standing != Standing::Released {
                    cover.fill_cell(x, y);
                    continue;
                }
                known += 1;
                let in_a_box = boxes.has_cell(x, y);
                outside += u32::from(!in_a_box);
                if !same(cell.value, value) {
                    cover.fill_cell(x, y);
                    differing += u32::from(!in_a_box);
                }
            }
        }
        Comparison {
            cover,
            known: known as f32 / self.cells.len().max(1) as f32,
            differing: differing as f32 / outside.max(1) as f32,
        }
    }

    /// The plate as a picture; where nothing is released, it is filled. `pending` shows also what no
    /// detector has seen yet.
    pub(super) fn picture(&self, of: &Picture, pending: bool) -> Picture {
        let size = (2 * self.columns, 2 * self.rows);
        let canvas = Canvas::painted(size, |x, y| {
            let cell = &self.cells[y * self.columns + x];
            match cell.standing {
                Standing::Released => cell.value,
                Standing::Pending if pending => cell.value,
                _ => FILL,
            }
        });
        canvas.into_picture(of)
    }

    /// The grid of mean colours alone.
    pub(super) fn grid_picture(&self, of: &Picture) -> Picture {
        let canvas = Canvas::painted((GRID.0 * 20, GRID.1 * 20), |x, y| self.mean(x / 10, y / 10));
        canvas.into_picture(of)
    }

    fn mean(&self, column: usize, row: usize) -> [u8; 3] {
        let mean = self.grid.get(row * GRID.0 + column).copied().flatten();
        mean.map_or(FILL, |mean| mean.map(|value| value.round() as u8))
    }
}

impl Cell {
    /// One look at it.
    fn see(&mut self, value: [u8; 3], now: u16) {
        if self.hits > 0 && same(self.candidate, value) {
            self.hits = self.hits.saturating_add(1).min(HITS_MAX);
            // It follows the light by one level at a time.
            for (kept, value) in self.candidate.iter_mut().zip(value) {
                *kept = kept.saturating_add_signed(i8::from(value > *kept));
                *kept -= u8::from(value < *kept);
            }
            return;
        }
        self.hits = self.hits.saturating_sub(MISS_WEIGHT);
        if self.hits == 0 {
            self.candidate = value;
            self.hits = 1;
            self.since = now;
        }
    }

    /// Its candidate has been there for long enough, if this look shows it.
    fn settle(&mut self, seen: [u8; 3]) {
        if !same(self.candidate, seen) {
            return;
        }
        if self.standing != Standing::Released || !same(self.value, self.candidate) {
            self.standing = Standing::Pending;
        }
        self.value = self.candidate;
    }
}

fn same(a: [u8; 3], b: [u8; 3]) -> bool {
    a[0].abs_diff(b[0]) <= SAME[0]
        && a[1].abs_diff(b[1]) <= SAME[1]
        && a[2].abs_diff(b[2]) <= SAME[1]
}
