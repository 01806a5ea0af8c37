//! The macroblocks of a slice (ITU-T H.264 7.3.4).

use super::{
    arithmetic::Contexts,
    cabac::Cabac,
    cavlc::Cavlc,
    column::{Column, Kind},
    entropy::Entropy,
    error::Damage,
    macroblock::Course,
    map::Macroblock,
    motion::{Around, Neighbour},
    reader::Reader,
};

/// Where a slice is read to.
pub(super) struct Slice<'a> {
    pub(super) course: Course<'a>,
    /// The last macroblock of each column, and one that is never there.
    pub(super) columns: &'a mut [Column],
    pub(super) macroblocks: &'a mut [Macroblock],
    /// The macroblock to come.
    pub(super) at: usize,
    /// Its column.
    x: usize,
    /// What is above and to its left.
    top_left: Corner,
    /// Bits taken before it.
    bits: usize,
}

/// The lower right corner of a macroblock.
#[derive(Debug, Clone, Copy)]
struct Corner {
    slice: u16,
    neighbour: Neighbour,
}

impl Corner {
    const OUTSIDE: Self = Self {
        slice: 0,
        neighbour: Neighbour::OUTSIDE,
    };

    #[inline]
    fn of(column: &Column) -> Self {
        Self {
            slice: column.slice,
            neighbour: Neighbour::new(column.bottom.references[1], column.bottom.vectors[3]),
        }
    }
}

impl<'a> Slice<'a> {
    /// Begins at a macroblock of a picture.
    pub(super) fn new(
        course: Course<'a>,
        columns: &'a mut [Column],
        macroblocks: &'a mut [Macroblock],
        first: usize,
    ) -> Self {
        let width = columns.len().saturating_sub(1).max(1);
        let x = first % width;
        // The macroblock above and to the left of the first one belongs to another slice.
        Self {
            course,
            columns,
            macroblocks,
            at: first,
            x,
            top_left: Corner::OUTSIDE,
            bits: 0,
        }
    }

    /// Reads a slice in arithmetic coding; returns the macroblock behind it.
    pub(super) fn arithmetic(
        &mut self,
        mut bits: Reader<'_>,
        contexts: &Contexts,
    ) -> Result<usize, Damage> {
        bits.align();
        self.bits = bits.at();
        let mut cabac = Cabac::new(bits.bytes(), bits.at() / 8, bits.stop(), contexts);
        loop {
            if self.course.is_predicted && cabac.is_skipped(self.skip_context()) {
                self.skip()?;
                self.spent(cabac.at());
            } else {
                self.code(&mut cabac)?;
                cabac.check()?;
            }
            if cabac.ends() {
                break;
            }
            // Each macroblock takes some of a bit at least, so this ends; the rows do too.
            if self.at >= self.macroblocks.len() {
                return Err(Damage::Rest);
            }
        }
        cabac.check_end()?;
        Ok(self.at)
    }

    /// Reads a slice in variable-length codes; returns the macroblock behind it.
    pub(super) fn variable_length(&mut self, bits: Reader<'_>) -> Result<usize, Damage> {
        self.bits = bits.at();
        let mut cavlc = Cavlc::new(bits);
        while cavlc.has_more() {
            if self.course.is_predicted {
                let left = self.macroblocks.len().saturating_sub(self.at);
                let run = cavlc.skip_run(left)?;
                for _ in 0..run {
                    self.skip()?;
                }
                // The run belongs to what ends it.
                if !cavlc.has_more() {
                    break;
                }
            }
            self.code(&mut cavlc)?;
            cavlc.check()?;
        }
        cavlc.check()?;
        Ok(self.at)
    }

    #[inline]
    fn skip(&mut self) -> Result<(), Damage> {
        let around = surroundings(self.columns, self.x, self.course.slice, self.top_left);
        let (column, block) = self.course.skipped(&around);
        self.put(column, block)
    }

    fn code<E: Entropy>(&mut self, entropy: &mut E) -> Result<(), Damage> {
        let around = surroundings(self.columns, self.x, self.course.slice, self.top_left);
        let (column, block) = self.course.coded(entropy, &around)?;
        self.put(column, block)?;
        self.spent(entropy.at());
        Ok(())
    }

    /// Writes down what the last macroblock took.
    #[inline]
    fn spent(&mut self, bits: usize) {
        if let Some(block) = self.macroblocks.get_mut(self.at.wrapping_sub(1)) {
            block.bits = bits.saturating_sub(self.bits).min(usize::from(u16::MAX)) as u16;
        }
        self.bits = bits;
    }

    /// Goes on to the next macroblock.
    #[inline]
    fn put(&mut self, column: Column, block: Macroblock) -> Result<(), Damage> {
        let width = self.columns.len() - 1;
        let (Some(place), Some(entry)) = (
            self.columns.get_mut(self.x),
            self.macroblocks.get_mut(self.at),
        ) else {
            return Err(Damage::Rest);
        };
        self.top_left = Corner::of(place);
        *place = column;
        *entry = block;
        self.at += 1;
        self.x += 1;
        if self.x == width {
            self.x = 0;
            self.top_left = Corner::OUTSIDE;
        }
        Ok(())
    }

    /// How many of left and top are there and not skipped.
    #[inline]
    fn skip_context(&self) -> usize {
        let counts = |at: usize| {
            self.columns.get(at).is_some_and(|column| {
                column.slice == self.course.slice && column.kind != Kind::Skipped
            })
        };
        usize::from(self.x > 0 && counts(self.x - 1)) + usize::from(counts(self.x))
    }
}

/// What is around the macroblock of column `x`, as far as it belongs to the same slice.
#[inline]
fn surroundings(columns: &[Column], x: usize, slice: u16, top_left: Corner) -> Around<'_> {
    let of = |at: usize| columns.get(at).filter(|column| column.slice == slice);
    Around {
        left: if x > 0 { of(x - 1) } else { None },
        top: of(x),
        top_right: of(x + 1).map_or(Neighbour::OUTSIDE, |column| {
            Neighbour::new(column.bottom.references[0], column.bottom.vectors[0])
        }),
        top_left: if top_left.slice == slice {
            top_left.neighbour
        } else {
            Neighbour::OUTSIDE
        },
    }
}
