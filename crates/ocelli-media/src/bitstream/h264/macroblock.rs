//! One macroblock (ITU-T H.264 7.3.5).

use super::{
    column::{Column, INTRA, Kind},
    entropy::Entropy,
    error::Damage,
    inter::Partitions,
    map::{Class, Macroblock},
    motion::{Around, Grid, Vector},
    residual,
};

/// What all macroblocks of a slice share, and what goes from one to the next.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are flags of the standard, read once a slice"
)]
pub(super) struct Course<'a> {
    /// The slice's number, from 1.
    pub(super) slice: u16,
    pub(super) is_predicted: bool,
    pub(super) has_chroma: bool,
    pub(super) has_transform_8x8: bool,
    /// Reference pictures.
    pub(super) references: u8,
    pub(super) qp: i32,
    /// The last macroblock changed the quantiser.
    pub(super) qp_changed: bool,
    pub(super) grid: &'a mut Grid,
}

impl Course<'_> {
    /// A skipped macroblock.
    #[inline]
    pub(super) fn skipped(&mut self, around: &Around<'_>) -> (Column, Macroblock) {
        self.qp_changed = false;
        let vector = around.skipped();
        let block = Macroblock {
            vector,
            bits: 0,
            class: Class::Skip,
            coded: false,
            qp: self.qp as u8,
        };
        (Column::of(self.slice, Kind::Skipped, vector, 0), block)
    }

    /// A macroblock that is not skipped.
    pub(super) fn coded<E: Entropy>(
        &mut self,
        entropy: &mut E,
        around: &Around<'_>,
    ) -> Result<(Column, Macroblock), Damage> {
        let kind = if self.is_predicted {
            entropy.predicted_type()?
        } else {
            let whole = |column: Option<&Column>| {
                usize::from(column.is_some_and(|column| column.kind != Kind::IntraBlocks))
            };
            5 + entropy.intra_type(whole(around.left) + whole(around.top))?
        };
        match kind {
            0..=4 => self.inter(kind, entropy, around),
            5..=29 => self.intra(kind - 5, entropy, around),
            _ => self.samples(entropy),
        }
    }

    fn samples<E: Entropy>(&mut self, entropy: &mut E) -> Result<(Column, Macroblock), Damage> {
        entropy.skip_samples(if self.has_chroma { 384 } else { 256 })?;
        self.qp_changed = false;
        let block = Macroblock {
            class: Class::Pcm,
            coded: true,
            ..Macroblock::default()
        };
        Ok((Column::of_samples(self.slice), block))
    }

    fn intra<E: Entropy>(
        &mut self,
        kind: u32,
        entropy: &mut E,
        around: &Around<'_>,
    ) -> Result<(Column, Macroblock), Damage> {
        let mut now = if kind == 0 {
            let mut now = Column::of(self.slice, Kind::IntraBlocks, [0, 0], INTRA);
            now.transform_8x8 = self.has_transform_8x8 && transform_8x8(entropy, around)?;
            entropy.skip_modes(if now.transform_8x8 { 4 } else { 16 })?;
            now
        } else {
            // Table 7-11: the pattern is part of the type.
            let mut now = Column::of(self.slice, Kind::IntraWhole, [0, 0], INTRA);
            let chroma = (kind - 1) / 4 % 3;
            now.pattern = if kind > 12 { 15 } else { 0 } | (chroma << 4) as u8;
            if !self.has_chroma && chroma != 0 {
                return Err(Damage::Range);
            }
            now
        };
        if self.has_chroma {
            let other = |column: Option<&Column>| {
                usize::from(column.is_some_and(|column| column.chroma_mode))
            };
            now.chroma_mode = entropy.chroma_mode(other(around.left) + other(around.top))?;
        }
        if kind == 0 {
            now.pattern = self.pattern(true, entropy, around)?;
        }
        self.residual(&mut now, entropy, around)?;
        let block = self.block(&now, Class::Intra, [0, 0]);
        Ok((now, block))
    }

    fn inter<E: Entropy>(
        &mut self,
        kind: u32,
        entropy: &mut E,
        around: &Around<'_>,
    ) -> Result<(Column, Macroblock), Damage> {
        let mut partitions = Partitions {
            entropy,
            grid: self.grid,
            references: self.references,
        };
        let mut may_transform_8x8 = self.has_transform_8x8;
        let mut now;
        let vector;
        if kind == 0 {
            let (reference, whole, difference) = partitions.whole(around)?;
            vector = whole;
            now = Column::of(self.slice, Kind::Inter, vector, reference);
            now.bottom.differences = [difference; 4];
            now.right.differences = [difference; 4];
        } else {
            if kind < 3 {
                partitions.halves(around, kind == 2)?;
            } else {
                may_transform_8x8 &= partitions.quarters(around, kind == 4)?;
            }
            vector = self.grid.first_vector();
            now = Column::of(self.slice, Kind::Inter, vector, 0);
            [now.bottom, now.right] = self.grid.edges();
        }
        now.pattern = self.pattern(false, entropy, around)?;
        if may_transform_8x8 && now.pattern & 15 != 0 {
            now.transform_8x8 = transform_8x8(entropy, around)?;
        }
        self.residual(&mut now, entropy, around)?;
        let block = self.block(&now, Class::Inter, vector);
        Ok((now, block))
    }

    fn pattern<E: Entropy>(
        &self,
        intra: bool,
        entropy: &mut E,
        around: &Around<'_>,
    ) -> Result<u8, Damage> {
        // What is not there counts as luma that is coded, and chroma that is not (9.3.3.1.1.4).
        let of = |column: Option<&Column>| column.map_or(15, |column| column.pattern);
        entropy.pattern(intra, self.has_chroma, of(around.left), of(around.top))
    }

    /// The change of the quantiser, and the residual, if there is any.
    fn residual<E: Entropy>(
        &mut self,
        now: &mut Column,
        entropy: &mut E,
        around: &Around<'_>,
    ) -> Result<(), Damage> {
        if now.pattern == 0 && now.kind != Kind::IntraWhole {
            self.qp_changed = false;
            return Ok(());
        }
        let delta = entropy.qp_delta(self.qp_changed)?;
        self.qp_changed = delta != 0;
        self.qp = (self.qp + delta).rem_euclid(52);
        residual::skip(entropy, now, around.left, around.top)
    }

    fn block(&self, now: &Column, class: Class, vector: Vector) -> Macroblock {
        Macroblock {
            vector,
            bits: 0,
            class,
            coded: now.pattern != 0,
            qp: self.qp as u8,
        }
    }
}

fn transform_8x8<E: Entropy>(entropy: &mut E, around: &Around<'_>) -> Result<bool, Damage> {
    let of =
        |column: Option<&Column>| usize::from(column.is_some_and(|column| column.transform_8x8));
    entropy.transform_8x8(of(around.left) + of(around.top))
}
