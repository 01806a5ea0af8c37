//! FastestDet (dog-qiuqiu/FastestDet): one grid of stride 16.
//!
//! One output `[1, 5 + classes, rows, columns]`: objectness, box, class scores (objectness and
//! classes after their activation). A score is objectness^0.6 * class^0.4; a centre lies
//! (tanh(x) + column) columns to the right, a side is a sigmoid's share of the picture.

use super::{Candidate, Decode, Family, Layout, session::shape_text};

pub(super) const KIND: Family = Family {
    name: "fastestdet",
    open: |layout, shape| Ok(Box::new(FastestDet::open(layout, shape)?)),
};

const STRIDE: usize = 16;

struct FastestDet {
    columns: usize,
    rows: usize,
    width: f32,
    height: f32,
}

impl FastestDet {
    fn open(layout: &Layout, shape: &[i64]) -> Result<Self, String> {
        let (rows, columns) = (layout.height / STRIDE, layout.width / STRIDE);
        let expected = [1, (5 + layout.classes) as i64, rows as i64, columns as i64];
        if shape != expected {
            return Err(format!(
                "the model's output is {}, family `fastestdet` with {} classes at {}x{} has {}",
                shape_text(shape),
                layout.classes,
                layout.width,
                layout.height,
                shape_text(&expected)
            ));
        }
        Ok(Self {
            columns,
            rows,
            width: layout.width as f32,
            height: layout.height as f32,
        })
    }
}

impl Decode for FastestDet {
    fn candidates(&self, output: &[f32], wanted: &[f32], found: &mut dyn FnMut(Candidate)) {
        let cells = self.rows * self.columns;
        let sigmoid = |value: f32| 1.0 / (1.0 + (-value).exp());
        for cell in 0..cells {
            let channel = |index: usize| output[index * cells + cell];
            let objectness = channel(0).max(0.0).powf(0.6);
            for (class, &least) in wanted.iter().enumerate() {
                // The score is at most the objectness's part of it.
                if objectness < least {
                    continue;
                }
                let score = objectness * channel(5 + class).max(0.0).powf(0.4);
                if score < least {
                    continue;
                }
                let (row, column) = (cell / self.columns, cell % self.columns);
                let x = (channel(1).tanh() + column as f32) / self.columns as f32 * self.width;
                let y = (channel(2).tanh() + row as f32) / self.rows as f32 * self.height;
                let (width, height) = (
                    sigmoid(channel(3)) * self.width,
                    sigmoid(channel(4)) * self.height,
                );
                found(Candidate {
                    class,
                    score,
                    left: x - width / 2.0,
                    top: y - height / 2.0,
                    right: x + width / 2.0,
                    bottom: y + height / 2.0,
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
        classes: 2,
    };

    #[test]
    fn a_box_lies_in_its_cell_and_scores_both_what_and_that_it_is() {
        let decode = FastestDet::open(&LAYOUT, &[1, 7, 2, 4]).unwrap();
        let cell = 5;
        let mut output = vec![0.0; 7 * 8];
        // tanh(0.5493) = 0.5, sigmoid(-1.0986) = 0.25.
        let values = [0.81, 0.549_306, 0.0, -1.098_612, 0.0, 0.2, 0.64];
        for (channel, value) in values.into_iter().enumerate() {
            output[channel * 8 + cell] = value;
        }
        let mut found = Vec::new();
        decode.candidates(&output, &[0.6, 0.6], &mut |candidate| found.push(candidate));
        let [candidate] = found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(candidate.class, 1);
        let score = 0.81_f32.powf(0.6) * 0.64_f32.powf(0.4);
        assert!((candidate.score - score).abs() < 1e-6);
        // The cell in column 1 and row 1 of 4x2: its centre moves half a cell to the right.
        let expected = [24.0 - 8.0, 16.0 - 8.0, 24.0 + 8.0, 16.0 + 8.0];
        let got = [
            candidate.left,
            candidate.top,
            candidate.right,
            candidate.bottom,
        ];
        for (got, expected) in got.into_iter().zip(expected) {
            assert!((got - expected).abs() < 1e-3, "{candidate:?}");
        }
    }

    #[test]
    fn outputs_that_do_not_fit_say_what_would() {
        let error = FastestDet::open(&LAYOUT, &[1, 85, 2, 4]).err().unwrap();
        assert!(
            error.contains("[1, 85, 2, 4]") && error.contains("[1, 7, 2, 4]"),
            "{error}"
        );
    }
}
