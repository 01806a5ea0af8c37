//! NanoDet and NanoDet-Plus (RangiLyu/nanodet): an anchor-free head with a distribution over the
//! distance of each side of a box ("Generalized Focal Loss", Li et al. 2020, eq. 3-6).
//!
//! One output `[1, cells, classes + 4 * bins]`: class scores after their sigmoid, then the logits
//! of the bins of the left, top, right and bottom side. NanoDet has the strides 8, 16 and 32 and
//! measures from the middle of a cell; NanoDet-Plus also has 64 and measures from its corner.

use super::{Candidate, Decode, Family, Layout};

pub(super) const FAMILY: Family = Family {
    name: "nanodet",
    open: |layout, shape| Ok(Box::new(NanoDet::open(layout, shape)?)),
};

const STRIDES: [usize; 4] = [8, 16, 32, 64];

struct NanoDet {
    classes: usize,
    bins: usize,
    /// Centre of each cell in pixels of the tensor, and its stride.
    cells: Vec<(f32, f32, f32)>,
}

impl NanoDet {
    fn open(layout: &Layout, shape: &[i64]) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "the model's output is {}, which is not family `nanodet` with {} classes at {}x{}: {why}",
                super::shape_text(shape),
                layout.classes,
                layout.width,
                layout.height
            )
        };
        let [1, cells, columns] = *shape else {
            return Err(wrong("it would be [1, cells, classes + 4 x bins]"));
        };
        let (cells, columns) = (cells as usize, columns as usize);
        let bins = columns.saturating_sub(layout.classes) / 4;
        if columns != layout.classes + 4 * bins || !(2..=33).contains(&bins) {
            return Err(wrong(
                "the columns after the classes are not 4 times 2 to 33 bins; does the number of classes fit?",
            ));
        }
        let plus = count(layout, &STRIDES);
        let plain = count(layout, &STRIDES[..3]);
        let (strides, offset) = if cells == plain {
            (&STRIDES[..3], 0.5)
        } else if cells == plus {
            (&STRIDES[..], 0.0)
        } else {
            return Err(wrong(&format!("it would have {plain} or {plus} cells")));
        };
        Ok(Self {
            classes: layout.classes,
            bins,
            cells: centres(layout, strides, offset),
        })
    }
}

/// The mean of the distribution of one side, in strides.
fn distance(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for (bin, &logit) in logits.iter().enumerate() {
        let weight = (logit - most).exp();
        sum += weight;
        weighted += weight * bin as f32;
    }
    weighted / sum
}

/// Rows and columns of the grid of one stride.
fn grid(layout: &Layout, stride: usize) -> (usize, usize) {
    (
        layout.height.div_ceil(stride),
        layout.width.div_ceil(stride),
    )
}

fn count(layout: &Layout, strides: &[usize]) -> usize {
    let cells = |&stride: &usize| {
        let (rows, columns) = grid(layout, stride);
        rows * columns
    };
    strides.iter().map(cells).sum()
}

fn centres(layout: &Layout, strides: &[usize], offset: f32) -> Vec<(f32, f32, f32)> {
    let mut cells = Vec::with_capacity(count(layout, strides));
    for &stride in strides {
        let (rows, columns) = grid(layout, stride);
        let stride = stride as f32;
        for row in 0..rows {
            for column in 0..columns {
                cells.push((
                    (column as f32 + offset) * stride,
                    (row as f32 + offset) * stride,
                    stride,
                ));
            }
        }
    }
    cells
}

impl Decode for NanoDet {
    fn candidates(&self, output: &[f32], wanted: &[f32], found: &mut dyn FnMut(Candidate)) {
        let columns = self.classes + 4 * self.bins;
        for (row, &(x, y, stride)) in output.chunks_exact(columns).zip(&self.cells) {
            let (scores, sides) = row.split_at(self.classes);
            for (class, (&score, &least)) in scores.iter().zip(wanted).enumerate() {
                if score < least {
                    continue;
                }
                let side =
                    |index: usize| distance(&sides[index * self.bins..][..self.bins]) * stride;
                found(Candidate {
                    class,
                    score,
                    left: x - side(0),
                    top: y - side(1),
                    right: x + side(2),
                    bottom: y + side(3),
                });
            }
        }
    }
}
