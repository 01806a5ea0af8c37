//! Prediction of motion vectors (ITU-T H.264 8.4.1).

use super::column::{Column, Edge, OUTSIDE};

/// In quarter samples, right and down.
pub(super) type Vector = [i16; 2];

/// What a prediction takes of one neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub(super) reference: i8,
    pub(super) vector: Vector,
}

impl Neighbour {
    pub(super) const OUTSIDE: Self = Self {
        reference: OUTSIDE,
        vector: [0, 0],
    };

    pub(super) fn new(reference: i8, vector: Vector) -> Self {
        Self { reference, vector }
    }
}

/// The macroblocks around one: those of its own slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) left: Option<&'a Column>,
    pub(super) top: Option<&'a Column>,
    /// The one above and to the right, as it is seen from its lower left corner.
    pub(super) top_right: Neighbour,
    /// The one above and to the left, from its lower right corner.
    pub(super) top_left: Neighbour,
}

impl Around<'_> {
    /// The vector of a skipped macroblock (8.4.1.1).
    #[inline]
    pub(super) fn skipped(&self) -> Vector {
        let (Some(left), Some(top)) = (self.left, self.top) else {
            return [0, 0];
        };
        let (left, top) = (first(&left.right), first(&top.bottom));
        let still = Neighbour::new(0, [0, 0]);
        if left == still || top == still {
            return [0, 0];
        }
        median(left, top, self.diagonal(), 0)
    }

    /// The prediction for a macroblock of one vector.
    #[inline]
    pub(super) fn whole(&self, reference: i8) -> Vector {
        let left = self
            .left
            .map_or(Neighbour::OUTSIDE, |left| first(&left.right));
        let top = self
            .top
            .map_or(Neighbour::OUTSIDE, |top| first(&top.bottom));
        median(left, top, self.diagonal(), reference)
    }

    #[inline]
    fn diagonal(&self) -> Neighbour {
        if self.top_right.reference == OUTSIDE {
            self.top_left
        } else {
            self.top_right
        }
    }
}

#[inline]
fn first(edge: &Edge) -> Neighbour {
    Neighbour::new(edge.references[0], edge.vectors[0])
}

/// 8.4.1.3.1, and the rules of 8.4.1.3.2 for what is not there.
#[inline]
fn median(left: Neighbour, top: Neighbour, diagonal: Neighbour, reference: i8) -> Vector {
    if top.reference == OUTSIDE && diagonal.reference == OUTSIDE {
        return left.vector;
    }
    let same = |neighbour: Neighbour| neighbour.reference == reference;
    match (same(left), same(top), same(diagonal)) {
        (true, false, false) => left.vector,
        (false, true, false) => top.vector,
        (false, false, true) => diagonal.vector,
        _ => [0, 1].map(|part| {
            let (a, b, c) = (left.vector[part], top.vector[part], diagonal.vector[part]);
            a.min(b).max(a.max(b).min(c))
        }),
    }
}

/// Blocks in a row of a grid: one to the left, four, one to the right, two unused.
const STRIDE: usize = 8;

/// How a partition may prefer one neighbour (8.4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    None,
    Left,
    Top,
    Diagonal,
}

/// A rectangle of 4x4 blocks of a macroblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Area {
    pub(super) const fn new(x: usize, y: usize, width: usize, height: usize) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }
}

/// The motion of one macroblock's 4x4 blocks, with those around it.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    references: [i8; 64],
    vectors: [Vector; 64],
    differences: [[u8; 2]; 64],
}

/// Where a block stands in a [`Grid`]; -1 is left of, or above the macroblock.
const fn place(x: usize, y: usize) -> usize {
    (y + 1) * STRIDE + x + 1
}

impl Grid {
    pub(super) fn new() -> Self {
        Self {
            references: [OUTSIDE; 64],
            vectors: [[0, 0]; 64],
            differences: [[0, 0]; 64],
        }
    }

    /// Begins a macroblock.
    pub(super) fn surround(&mut self, around: &Around<'_>) {
        self.set(0, around.top_left);
        self.set(STRIDE - 3, around.top_right);
        let outside = Edge::of([0, 0], OUTSIDE);
        let top = around.top.map_or(&outside, |top| &top.bottom);
        let left = around.left.map_or(&outside, |left| &left.right);
        for at in 0..4 {
            self.set(
                1 + at,
                Neighbour::new(top.references[at / 2], top.vectors[at]),
            );
            self.differences[1 + at] = top.differences[at];
            let beside = (at + 1) * STRIDE;
            self.set(
                beside,
                Neighbour::new(left.references[at / 2], left.vectors[at]),
            );
            self.differences[beside] = left.differences[at];
        }
    }

    fn set(&mut self, at: usize, neighbour: Neighbour) {
        self.references[at & 63] = neighbour.reference;
        self.vectors[at & 63] = neighbour.vector;
    }

    fn get(&self, at: usize) -> Neighbour {
        Neighbour::new(self.references[at & 63], self.vectors[at & 63])
    }

    /// Which context a reference has: 1 if that of the left is not 0, plus 2 for the top.
    pub(super) fn reference_context(&self, area: Area) -> usize {
        let at = place(area.x, area.y);
        usize::from(self.references[(at - 1) & 63] > 0)
            + 2 * usize::from(self.references[(at - STRIDE) & 63] > 0)
    }

    /// The sizes of the differences of left and top, added up by part.
    pub(super) fn difference_sums(&self, area: Area) -> [u32; 2] {
        let at = place(area.x, area.y);
        let (left, top) = (
            self.differences[(at - 1) & 63],
            self.differences[(at - STRIDE) & 63],
        );
        [0, 1].map(|part| u32::from(left[part]) + u32::from(top[part]))
    }

    /// Sets the reference of a partition.
    pub(super) fn set_reference(&mut self, area: Area, reference: i8) {
        for y in area.y..area.y + area.height {
            for x in area.x..area.x + area.width {
                self.references[place(x, y) & 63] = reference;
            }
        }
    }

    /// The prediction for a partition whose reference is set, as are those of all others.
    pub(super) fn predict(&self, area: Area, preference: Preference) -> Vector {
        let at = place(area.x, area.y);
        let reference = self.references[at & 63];
        let left = self.get(at - 1);
        let top = self.get(at - STRIDE);
        let diagonal = if has_diagonal(area) {
            self.get(at - STRIDE + area.width)
        } else {
            Neighbour::OUTSIDE
        };
        let diagonal = if diagonal.reference == OUTSIDE {
            self.get(at - STRIDE - 1)
        } else {
            diagonal
        };
        let preferred = match preference {
            Preference::None => None,
            Preference::Left => Some(left),
            Preference::Top => Some(top),
            Preference::Diagonal => Some(diagonal),
        };
        match preferred {
            Some(neighbour) if neighbour.reference == reference => neighbour.vector,
            _ => median(left, top, diagonal, reference),
        }
    }

    /// Sets the vector of a partition, and its difference to the prediction.
    pub(super) fn set_vector(&mut self, area: Area, vector: Vector, difference: [u8; 2]) {
        for y in area.y..area.y + area.height {
            for x in area.x..area.x + area.width {
                self.vectors[place(x, y) & 63] = vector;
                self.differences[place(x, y) & 63] = difference;
            }
        }
    }

    /// The first partition's vector.
    pub(super) fn first_vector(&self) -> Vector {
        self.vectors[place(0, 0)]
    }

    /// The edges below and to the right, without coefficients.
    pub(super) fn edges(&self) -> [Edge; 2] {
        let edge = |blocks: [usize; 4]| Edge {
            vectors: blocks.map(|at| self.vectors[at & 63]),
            references: [blocks[0], blocks[2]].map(|at| self.references[at & 63]),
            differences: blocks.map(|at| self.differences[at & 63]),
            ..Edge::default()
        };
        [
            edge([0, 1, 2, 3].map(|x| place(x, 3))),
            edge([0, 1, 2, 3].map(|y| place(3, y))),
        ]
    }
}

/// Whether the block above and to the right of a partition is decoded before it (6.4.11.7). Above
/// the macroblock the grid knows.
fn has_diagonal(area: Area) -> bool {
    let (x, y) = (area.x + area.width, area.y);
    if y == 0 {
        return true;
    }
    if x >= 4 {
        return false;
    }
    // Quarters of the macroblock come in the order of reading, and so do the blocks of a quarter.
    let quarter = |x: usize, y: usize| (y / 2) * 2 + x / 2;
    let (own, other) = (quarter(area.x, area.y), quarter(x, y - 1));
    if own == other {
        // Only from the lower left block, or the lower half, of a quarter.
        return x % 2 == 1;
    }
    other < own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let at = |reference, x| Neighbour::new(reference, [x, -x]);
        assert_eq!(median(at(0, 4), at(0, 9), at(0, 5), 0), [5, -5]);
        assert_eq!(median(at(0, 4), at(1, 9), at(1, 5), 0), [4, -4]);
        assert_eq!(median(at(1, 4), at(0, 9), at(1, 5), 0), [9, -9]);
        assert_eq!(median(at(1, 4), at(1, 9), at(0, 5), 0), [5, -5]);
        // None is alike: the median of all, intra ones as 0.
        assert_eq!(median(at(1, 4), at(-1, 0), at(1, 5), 0), [4, -4]);
        let outside = Neighbour::OUTSIDE;
        assert_eq!(median(at(1, 4), outside, outside, 0), [4, -4]);
        assert_eq!(median(at(1, 4), at(1, 3), outside, 0), [3, -3]);
    }

    #[test]
    fn blocks_above_and_to_the_right() {
        let has = |x, y, width| has_diagonal(Area::new(x, y, width, 1));
        // 4x4 blocks in the order of decoding, by hand from figure 6-10.
        let expected = [
            [true, true, true, true],
            [true, false, true, false],
            [true, true, true, false],
            [true, false, true, false],
        ];
        for (y, row) in expected.iter().enumerate() {
            for (x, &expected) in row.iter().enumerate() {
                assert_eq!(has(x, y, 1), expected, "{x} {y}");
            }
        }
        // Halves and quarters.
        assert!(!has(0, 2, 4) && has(0, 2, 2) && !has(2, 2, 2) && has(2, 0, 2));
        // 8x4: the lower half of a quarter has the next quarter beside it.
        assert!(!has(0, 1, 2) && !has(2, 1, 2) && !has(0, 3, 2) && !has(2, 3, 2));
    }
}
