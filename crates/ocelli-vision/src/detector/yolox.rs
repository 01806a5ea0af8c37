//! YOLOX (Ge et al. 2021, Megvii-BaseDetection/YOLOX): an anchor-free head with objectness.
//!
//! One output `[1, cells, 5 + classes]` over the strides 8, 16 and 32: centre, logarithm of the
//! size, objectness and class scores, the last two after their sigmoid, as the authors' own export
//! to ONNX leaves them.

use super::{Candidate, Decode, Family, Layout, session::shape_text};

pub(super) const KIND: Family = Family {
    name: "yolox",
    open: |layout, shape| Ok(Box::new(YoloX::open(layout, shape)?)),
};

const STRIDES: [usize; 3] = [8, 16, 32];

struct YoloX {
    classes: usize,
    /// Column, row and stride of each cell.
    cells: Vec<(f32, f32, f32)>,
}

impl YoloX {
    fn open(layout: &Layout, shape: &[i64]) -> Result<Self, String> {
        let mut cells = Vec::new();
        for stride in STRIDES {
            for row in 0..layout.height / stride {
                for column in 0..layout.width / stride {
                    cells.push((column as f32, row as f32, stride as f32));
                }
            }
        }
        let expected = [1, cells.len() as i64, (5 + layout.classes) as i64];
        if shape != expected {
            return Err(format!(
                "the model's output is {}, family `yolox` with {} classes at {}x{} has {}",
                shape_text(shape),
                layout.classes,
                layout.width,
                layout.height,
                shape_text(&expected)
            ));
        }
        Ok(Self {
            classes: layout.classes,
            cells,
        })
    }
}

impl Decode for YoloX {
    fn candidates(&self, output: &[f32], wanted: &[f32], found: &mut dyn FnMut(Candidate)) {
        for (row, &(column, line, stride)) in output.chunks_exact(5 + self.classes).zip(&self.cells)
        {
            let objectness = row[4];
            for (class, (&score, &least)) in row[5..].iter().zip(wanted).enumerate() {
                let score = score * objectness;
                if score < least {
                    continue;
                }
                let (x, y) = ((row[0] + column) * stride, (row[1] + line) * stride);
                let (width, height) = (row[2].exp() * stride, row[3].exp() * stride);
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
