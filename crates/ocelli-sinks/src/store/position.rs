//! How exactly the store remembers where something was.

use ocelli_core::EventRecord;

/// How boxes are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Positions {
    /// On a grid of 32 x 18 cells: enough to know the place, not enough to follow a path.
    #[default]
    Grid,
    /// As they come: for measuring on recordings.
    Exact,
}

const COLUMNS: f64 = 32.0;
const ROWS: f64 = 18.0;
/// Edges this near to a line of the grid (in cells) are on it, so that the grid keeps its own.
const NEAR: f64 = 0.01;

/// A box in cells: first column and row, width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) x: u8,
    pub(crate) y: u8,
    pub(crate) w: u8,
    pub(crate) h: u8,
}

impl Cells {
    /// The cells that a box touches.
    pub(crate) fn around(bbox: [f32; 4]) -> Self {
        let (x, w) = span(bbox[0], bbox[2], COLUMNS);
        let (y, h) = span(bbox[1], bbox[3], ROWS);
        Self { x, y, w, h }
    }

    /// The box around the cells.
    pub(crate) fn bbox(self) -> [f32; 4] {
        [
            edge(self.x, COLUMNS),
            edge(self.y, ROWS),
            edge(self.w, COLUMNS),
            edge(self.h, ROWS),
        ]
    }

    /// 21 bits.
    pub(crate) fn pack(self) -> [u8; 3] {
        let bits = u32::from(self.x & 31)
            | u32::from(self.y & 31) << 5
            | u32::from(self.w & 63) << 10
            | u32::from(self.h & 31) << 16;
        let [a, b, c, _] = bits.to_le_bytes();
        [a, b, c]
    }

    pub(crate) fn unpack(bytes: [u8; 3]) -> Self {
        let bits = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
        Self {
            x: (bits & 31) as u8,
            y: (bits >> 5 & 31) as u8,
            w: (bits >> 10 & 63) as u8,
            h: (bits >> 16 & 31) as u8,
        }
    }
}

fn span(from: f32, size: f32, cells: f64) -> (u8, u8) {
    let first = (f64::from(from) * cells + NEAR).floor();
    let first = first.clamp(0.0, cells - 1.0);
    let last = ((f64::from(from) + f64::from(size)) * cells - NEAR).ceil();
    let count = (last.clamp(0.0, cells) - first).max(0.0);
    (first as u8, count as u8)
}

fn edge(cell: u8, cells: f64) -> f32 {
    ((f64::from(cell) / cells * 1e4).round() / 1e4) as f32
}

impl Positions {
    /// Makes a record say no more than this.
    pub fn limit(self, record: &mut EventRecord) {
        if self == Self::Grid && record.bbox.iter().all(|side| side.is_finite()) {
            record.bbox = Cells::around(record.bbox).bbox();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "the same numbers are to come out")]
    fn a_box_grows_to_its_cells() {
        let cells = Cells::around([0.5, 0.5, 0.01, 0.2]);
        assert_eq!(
            cells,
            Cells {
                x: 16,
                y: 9,
                w: 1,
                h: 4
            }
        );
        assert_eq!(cells.bbox(), [0.5, 0.5, 0.0313, 0.2222]);
        assert_eq!(Cells::around([0.0; 4]).bbox(), [0.0; 4]);
        assert_eq!(
            Cells::around([0.0, 0.0, 1.0, 1.0]).bbox(),
            [0.0, 0.0, 1.0, 1.0]
        );
    }

    proptest! {
        #[test]
        fn the_grid_keeps_its_own(x in 0_u8..32, y in 0_u8..18, w in 0_u8..=32, h in 0_u8..=18) {
            let cells = Cells { x, y, w: w.min(32 - x), h: h.min(18 - y) };
            prop_assert_eq!(Cells::around(cells.bbox()), cells);
            prop_assert_eq!(Cells::unpack(cells.pack()), cells);
        }

        #[test]
        fn any_box_lands_on_the_grid(bbox in proptest::array::uniform4(-2.0_f32..3.0)) {
            let cells = Cells::around(bbox);
            prop_assert!(cells.x < 32 && cells.y < 18 && cells.x + cells.w <= 32 && cells.y + cells.h <= 18);
            prop_assert_eq!(Cells::around(cells.bbox()), cells);
        }
    }
}
