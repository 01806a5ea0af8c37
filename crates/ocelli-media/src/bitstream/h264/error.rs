//! Why a picture has no macroblock map.

use thiserror::Error;

/// What ended the parsing of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseError {
    /// A coding that is not parsed; it will not change before the next parameter sets.
    #[error("{0} are not parsed")]
    Unsupported(Unsupported),
    /// The parameter sets that a slice names have not arrived.
    #[error("no parameter set {0} for a slice")]
    NoParameterSet(u8),
    /// The access unit has no slice.
    #[error("no slice in an access unit")]
    NoSlice,
    /// The bytes are not what an encoder writes.
    #[error("damaged slice: {0}")]
    Damaged(Damage),
}

/// Codings that are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unsupported {
    /// Pictures predicted from two others.
    #[error("B slices")]
    Bidirectional,
    /// Slices of the types SP and SI.
    #[error("switching slices")]
    Switching,
    /// Fields, or frames that mix them in.
    #[error("interlaced pictures")]
    Interlaced,
    /// Macroblocks in another order than by rows.
    #[error("slice groups")]
    SliceGroups,
    /// Slices of a picture in another order than from its top.
    #[error("slices out of order")]
    SliceOrder,
    /// Slices in three parts.
    #[error("data partitions")]
    DataPartitions,
    /// 4:2:2, 4:4:4 and planes on their own.
    #[error("colours other than 4:2:0")]
    ChromaFormat,
    /// More than 8 bits.
    #[error("samples of more than 8 bits")]
    BitDepth,
    /// A picture outside of what is decoded.
    #[error("pictures of this size")]
    Size,
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Damage {
    /// Bits that are no code word.
    #[error("no such code")]
    Code,
    /// A number out of its range.
    #[error("a number out of range")]
    Range,
    /// More is coded than there are bits.
    #[error("it ends too early")]
    End,
    /// Bits are left behind the last macroblock.
    #[error("bits are left at its end")]
    Rest,
    /// Macroblocks of the picture belong to no slice.
    #[error("macroblocks are missing")]
    Missing,
}

impl From<Damage> for ParseError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<Unsupported> for ParseError {
    fn from(unsupported: Unsupported) -> Self {
        Self::Unsupported(unsupported)
    }
}
