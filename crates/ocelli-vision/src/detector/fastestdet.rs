//! FastestDet (dog-qiuqiu/FastestDet): one grid of stride 16.
//!
//! One output `[1, 5 + classes, rows, columns]`: objectness, box, class scores (objectness and
//! classes after their activation). A score is objectness^0.6 * class^0.4; a centre lies
//! (tanh(x) + column) columns to the right, a side is a sigmoid's share of the picture.

use super::{Candidate, Decode, Family, Layout};

pub(super) const FAMILY: Family = Family {
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
                super::shape_text(shape),
                layout.classes,
                layout.width,
                layout.height,
                super::shape_text(&expected)
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
