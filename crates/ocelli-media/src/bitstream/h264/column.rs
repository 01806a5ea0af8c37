//! What a macroblock leaves behind for those to its right and below.

use super::motion::Vector;

/// A reference of a block that is predicted from the same picture.
pub(super) const INTRA: i8 = -1;

/// A reference of a block that is not there.
pub(super) const OUTSIDE: i8 = -2;

/// The blocks at one edge of a macroblock, from left to right or from top to bottom.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Edge {
    pub(super) vectors: [Vector; 4],
    /// Of the two halves.
    pub(super) references: [i8; 2],
    /// Sizes of the vectors' differences.
    pub(super) differences: [[u8; 2]; 4],
    /// Coefficients of luma blocks.
    pub(super) luma: [u8; 4],
    /// Coefficients of the blocks of both chroma planes.
    pub(super) chroma: [[u8; 2]; 2],
}

impl Edge {
    /// The edge of a macroblock of one vector.
    #[inline]
    pub(super) fn of(vector: Vector, reference: i8) -> Self {
        Self {
            vectors: [vector; 4],
            references: [reference; 2],
            ..Self::default()
        }
    }
}

/// The last macroblock of one column of the picture.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Column {
    /// The slice it belongs to, from 1.
    pub(super) slice: u16,
    pub(super) kind: Kind,
    /// It is transformed by 8x8.
    pub(super) transform_8x8: bool,
    /// Its chroma is predicted in another mode than 0.
    pub(super) chroma_mode: bool,
    /// The coded block pattern.
    pub(super) pattern: u8,
    /// Which blocks of direct current have coefficients: luma 1, chroma 2 and 4.
    pub(super) direct: u8,
    pub(super) bottom: Edge,
    pub(super) right: Edge,
}

/// Kinds of macroblocks, as far as others depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    #[default]
    Skipped,
    Inter,
    /// Intra of 4x4 or 8x8 blocks.
    IntraBlocks,
    /// Intra of 16x16.
    IntraWhole,
    Samples,
}

impl Kind {
    /// Predicted from the same picture, or not at all.
    pub(super) fn is_intra(self) -> bool {
        matches!(self, Self::IntraBlocks | Self::IntraWhole | Self::Samples)
    }
}

impl Column {
    /// A macroblock of one vector without residual.
    #[inline]
    pub(super) fn of(slice: u16, kind: Kind, vector: Vector, reference: i8) -> Self {
        let edge = Edge::of(vector, reference);
        Self {
            slice,
            kind,
            transform_8x8: false,
            chroma_mode: false,
            pattern: 0,
            direct: 0,
            bottom: edge,
            right: edge,
        }
    }

    /// A macroblock whose samples are coded themselves: all counts as coded.
    pub(super) fn of_samples(slice: u16) -> Self {
        let edge = Edge {
            luma: [16; 4],
            chroma: [[16; 2]; 2],
            ..Edge::of([0, 0], INTRA)
        };
        Self {
            pattern: 0x2f,
            direct: 7,
            bottom: edge,
            right: edge,
            ..Self::of(slice, Kind::Samples, [0, 0], INTRA)
        }
    }
}
