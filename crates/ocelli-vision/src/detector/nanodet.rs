//! NanoDet and NanoDet-Plus (RangiLyu/nanodet): an anchor-free head with a distribution over the
//! distance of each side of a box ("Generalized Focal Loss", Li et al. 2020, eq. 3-6).
//!
//! One output `[1, cells, classes + 4 * bins]`: class scores after their sigmoid, then the logits
//! of the bins of the left, top, right and bottom side. NanoDet has the strides 8, 16 and 32 and
//! measures from the middle of a cell; NanoDet-Plus also has 64 and measures from its corner.

use super::{Candidate, Decode, Family, Layout, session::shape_text};

pub(super) const KIND: Family = Family {
    name: "nanodet",
    open: |layout, shape| Ok(Box::new(NanoDet::open(layout, shape)?)),
};

const STRIDES: [usize; 4] = [8, 16, 32, 64];

/// Bins of each side's distribution: the published models have distances up to 7 or 10 strides.
const BINS: [usize; 2] = [8, 11];

struct NanoDet {
    classes: usize,
    bins: usize,
    /// Centre of each cell in pixels of the tensor, and its stride.
    cells: Vec<(f32, f32, f32)>,
}

impl NanoDet {
    fn open(layout: &Layout, shape: &[i64]) -> Result<Self, String> {
        let &[1, cells, columns] = shape else {
            return Err(format!(
                "the model's output is {}, family `nanodet` needs [1, cells, columns]",
                shape_text(shape)
            ));
        };
        let classes = layout.classes;
        let bins = BINS
            .into_iter()
            .find(|bins| columns == (classes + 4 * bins) as i64)
            .ok_or_else(|| {
                format!(
                    "the model has {columns} columns, family `nanodet` with {classes} classes needs {} or {}",
                    classes + 4 * BINS[0],
                    classes + 4 * BINS[1]
                )
            })?;
        let (plain, plus) = (count(layout, &STRIDES[..3]), count(layout, &STRIDES));
        let (strides, offset) = if cells == plain as i64 {
            (&STRIDES[..3], 0.5)
        } else if cells == plus as i64 {
            (&STRIDES[..], 0.0)
        } else {
            return Err(format!(
                "the model has {cells} cells, family `nanodet` at {}x{} needs {plain}, or {plus} for NanoDet-Plus",
                layout.width, layout.height
            ));
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

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        width: 64,
        height: 32,
        classes: 3,
    };

    /// Candidates from 0.5 on of an output in which everything is low but the given rows.
    fn candidates(cells: usize, bins: usize, rows: &[(usize, Vec<f32>)]) -> Vec<Candidate> {
        let columns = 3 + 4 * bins;
        let shape = [1, cells as i64, columns as i64];
        let decode = NanoDet::open(&LAYOUT, &shape).unwrap();
        let mut output = vec![0.0; cells * columns];
        for (row, values) in rows {
            output[row * columns..][..columns].copy_from_slice(values);
        }
        let mut found = Vec::new();
        decode.candidates(&output, &[0.5; 3], &mut |candidate| found.push(candidate));
        found
    }

    /// A row: scores of three classes, and for each side the one bin that is certain.
    fn row(scores: [f32; 3], bins: usize, sides: [usize; 4]) -> Vec<f32> {
        let mut row = scores.to_vec();
        for side in sides {
            row.extend((0..bins).map(|bin| if bin == side { 60.0 } else { 0.0 }));
        }
        row
    }

    #[test]
    fn nanodet_measures_from_the_middle_of_a_cell() {
        // 8x4, 4x2 and 2x1 cells; the second row's third of stride 16 is the 39th.
        let found = candidates(42, 11, &[(32 + 6, row([0.1, 0.9, 0.2], 11, [1, 0, 1, 2]))]);
        assert_eq!(
            found,
            [Candidate {
                class: 1,
                score: 0.9,
                left: 24.0,
                top: 24.0,
                right: 56.0,
                bottom: 56.0,
            }]
        );
    }

    #[test]
    fn nanodet_plus_measures_from_the_corner_and_has_one_more_stride() {
        let found = candidates(43, 8, &[(42, row([0.6, 0.1, 0.1], 8, [0, 0, 1, 0]))]);
        let [candidate] = found[..] else {
            panic!("{found:?}")
        };
        assert!(candidate.left.abs() < 1e-3 && (candidate.right - 64.0).abs() < 1e-3);
        // Between two bins that are equally likely lies the middle.
        let mut between = row([0.6, 0.1, 0.1], 8, [3, 3, 3, 3]);
        between[3 + 4] = 60.0;
        let found = candidates(43, 8, &[(0, between)]);
        assert!((found[0].left + 3.5 * 8.0).abs() < 1e-4);
    }

    #[test]
    fn numbers_that_are_none_find_nothing() {
        let mut broken = row([f32::NAN, 0.9, f32::NAN], 8, [1, 1, 1, 1]);
        broken[3] = f32::NAN;
        let fit = crate::tensor::Fit {
            width: 64,
            height: 32,
        };
        for candidate in candidates(43, 8, &[(5, broken)]) {
            assert_eq!(super::super::place(&candidate, &fit), None);
        }
        let whole = candidates(43, 8, &[(5, row([0.1, 0.9, 0.1], 8, [1, 1, 1, 1]))]);
        assert!(super::super::place(&whole[0], &fit).is_some());
    }

    #[test]
    fn outputs_that_do_not_fit_say_what_would() {
        let open = |classes, shape: &[i64]| {
            let layout = Layout { classes, ..LAYOUT };
            NanoDet::open(&layout, shape).err()
        };
        assert_eq!(open(80, &[1, 42, 124]), None);
        assert_eq!(
            open(79, &[1, 42, 124]).unwrap(),
            "the model has 124 columns, family `nanodet` with 79 classes needs 111 or 123"
        );
        assert!(open(80, &[1, 41, 124]).unwrap().contains("41 cells"));
        assert!(open(80, &[1, 85, 4, 2]).unwrap().contains("[1, 85, 4, 2]"));
    }
}
