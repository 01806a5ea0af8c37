//! What both entropy codings give.

use super::error::Damage;

/// A kind of residual block (7.3.5.3). The numbers are those of `ctxBlockCat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// Direct current of a 16x16 intra macroblock.
    LumaDc = 0,
    /// The rest of it.
    LumaAc = 1,
    /// A 4x4 block of luma.
    Luma = 2,
    /// Direct current of one chroma plane.
    ChromaDc = 3,
    /// The rest of a 4x4 block of it.
    ChromaAc = 4,
    /// An 8x8 block of luma.
    Luma8x8 = 5,
}

impl Block {
    /// How many coefficients it has at most.
    #[inline]
    pub(super) const fn size(self) -> usize {
        match self {
            Self::LumaDc | Self::Luma => 16,
            Self::LumaAc | Self::ChromaAc => 15,
            Self::ChromaDc => 4,
            Self::Luma8x8 => 64,
        }
    }
}

/// Stands for the coefficients of a block that is not there. Both codings need to tell it from 0.
pub(super) const ABSENT: u8 = 64;

/// Reads the syntax elements of macroblocks. Where an element depends on macroblocks beside and
/// above, what it needs of them is given; either coding uses what is its own.
pub(super) trait Entropy {
    /// Whether it is the arithmetic one.
    const ARITHMETIC: bool;

    /// Bits taken so far.
    fn at(&self) -> usize;

    /// Fails where more was taken than there is.
    fn check(&self) -> Result<(), Damage>;

    /// The type of a macroblock of an I slice, 0..=25 (table 7-11); `context` counts those of left
    /// and top that are not of 4x4 or 8x8 blocks.
    fn intra_type(&mut self, context: usize) -> Result<u32, Damage>;

    /// The type of a macroblock of a P slice: 0..=4 inter (table 7-13), above 5 + intra.
    fn predicted_type(&mut self) -> Result<u32, Damage>;

    /// The type of a quarter of a macroblock, 0..=3 (table 7-17).
    fn quarter_type(&mut self) -> Result<u32, Damage>;

    /// A reference of `count` ones, more than one; `context` is 1 if that of the left is not 0, plus
    /// 2 if that of the top is not.
    fn reference(&mut self, count: u8, context: usize) -> Result<u8, Damage>;

    /// One part (0 right, 1 down) of a vector's difference; `sum` adds up the sizes of those of
    /// left and top.
    fn difference(&mut self, part: usize, sum: u32) -> Result<i32, Damage>;

    /// Whether an intra macroblock, or one with residual, is transformed by 8x8.
    fn transform_8x8(&mut self, context: usize) -> Result<bool, Damage>;

    /// Passes over the prediction modes of so many intra blocks.
    fn skip_modes(&mut self, blocks: usize) -> Result<(), Damage>;

    /// Whether the prediction mode of chroma is another than 0.
    fn chroma_mode(&mut self, context: usize) -> Result<bool, Damage>;

    /// The coded block pattern: four bits of luma, two of chroma; `left` and `top` are those of the
    /// macroblocks there.
    fn pattern(&mut self, intra: bool, chroma: bool, left: u8, top: u8) -> Result<u8, Damage>;

    /// A change of the quantiser; `follows` another one.
    fn qp_delta(&mut self, follows: bool) -> Result<i32, Damage>;

    /// Passes over a block, returns how many coefficients are not 0 (arithmetic: the number may be
    /// less, but is 0 only if it is). `left` and `top` are those of the blocks there, or [`ABSENT`].
    fn block(&mut self, kind: Block, left: u8, top: u8) -> Result<u8, Damage>;

    /// Passes over the samples of an `I_PCM` macroblock.
    fn skip_samples(&mut self, bytes: usize) -> Result<(), Damage>;
}
