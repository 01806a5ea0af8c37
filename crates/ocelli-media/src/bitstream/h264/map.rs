//! What is known of each macroblock.

/// How a macroblock is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// `P_Skip`: the prediction is taken as it is.
    #[default]
    Skip,
    /// Predicted from other pictures.
    Inter,
    /// Predicted from the same picture.
    Intra,
    /// `I_PCM`: the samples themselves.
    Pcm,
}

/// One macroblock: 16x16 luma samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Macroblock {
    /// Motion of the first partition, in quarter samples, right and down; 0 where there is none.
    pub vector: [i16; 2],
    /// Coded bits spent on it; of a skipped one 0 with variable-length codes, and what the
    /// arithmetic decoder took in meanwhile otherwise.
    pub bits: u16,
    /// How it is coded.
    pub class: Class,
    /// Whether its coded block pattern is not 0, or its samples are coded themselves.
    pub coded: bool,
    /// The luma quantiser, 0..=51; 0 of an `I_PCM` macroblock.
    pub qp: u8,
}

impl Macroblock {
    /// Whether it is predicted from the same picture, or holds the samples themselves.
    pub fn is_intra(&self) -> bool {
        matches!(self.class, Class::Intra | Class::Pcm)
    }

    /// The sum of both parts of the motion, in quarter samples.
    pub fn motion(&self) -> u32 {
        u32::from(self.vector[0].unsigned_abs()) + u32::from(self.vector[1].unsigned_abs())
    }
}

/// The macroblocks of one picture, by rows from the top.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MacroblockMap {
    pub(super) width: usize,
    pub(super) macroblocks: Vec<Macroblock>,
    pub(super) slices: u16,
    pub(super) predicted: bool,
}

impl MacroblockMap {
    /// Begins empty; one map serves many pictures.
    pub fn new() -> Self {
        Self::default()
    }

    /// Macroblocks in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of macroblocks.
    pub fn height(&self) -> usize {
        self.macroblocks.len().checked_div(self.width).unwrap_or(0)
    }

    /// All macroblocks, row by row.
    pub fn macroblocks(&self) -> &[Macroblock] {
        &self.macroblocks
    }

    /// Slices of the picture.
    pub fn slices(&self) -> u16 {
        self.slices
    }

    /// Whether it has a P slice.
    pub fn is_predicted(&self) -> bool {
        self.predicted
    }

    /// The share of macroblocks with coded residual, 0..=1: what tells calm from boiling streams.
    pub fn coded_share(&self) -> f32 {
        let coded = self.macroblocks.iter().filter(|block| block.coded).count();
        coded as f32 / self.macroblocks.len().max(1) as f32
    }
}
