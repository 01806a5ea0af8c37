//! Syntax elements in variable-length codes (ITU-T H.264 9.1, 9.2).

use super::{
    cavlc_table::{
        PATTERN_INTER, PATTERN_INTER_GREY, PATTERN_INTRA, PATTERN_INTRA_GREY, RUNS, RUNS_BITS,
        TOKEN_DC, TOKENS, ZEROS, ZEROS_BITS, ZEROS_DC,
    },
    entropy::{ABSENT, Block, Entropy},
    error::Damage,
    reader::Reader,
};

/// Reads a slice in variable-length codes.
pub(super) struct Cavlc<'a> {
    bits: Reader<'a>,
}

impl<'a> Cavlc<'a> {
    /// Goes on where the header ended.
    pub(super) fn new(bits: Reader<'a>) -> Self {
        Self { bits }
    }

    /// How many macroblocks are skipped, at most `max`.
    pub(super) fn skip_run(&mut self, max: usize) -> Result<usize, Damage> {
        let run = self.bits.ue()? as usize;
        if run > max {
            return Err(Damage::Range);
        }
        Ok(run)
    }

    /// Whether the slice goes on.
    pub(super) fn has_more(&self) -> bool {
        self.bits.has_more()
    }

    /// Passes over the sizes of coefficients that are not trailing ones (9.2.2).
    fn levels(&mut self, count: u32, ones: u32) -> Result<(), Damage> {
        self.bits.skip(ones); // signs
        let mut suffix_bits = u32::from(count > 10 && ones < 3);
        for place in ones..count {
            let ahead = self.bits.peek();
            let prefix = ahead.leading_zeros();
            if prefix > 25 {
                return Err(Damage::Code);
            }
            let bits = match prefix {
                14 if suffix_bits == 0 => 4,
                0..=14 => suffix_bits,
                _ => prefix - 3,
            };
            self.bits.skip(prefix + 1);
            let mut code = prefix.min(15) << suffix_bits;
            if bits > 0 {
                code += self.bits.number(bits);
            }
            if prefix >= 15 && suffix_bits == 0 {
                code += 15;
            }
            if prefix >= 16 {
                code += (1 << (prefix - 3)) - 4096;
            }
            if place == ones && ones < 3 {
                code += 2;
            }
            let size = (code + 2) >> 1;
            suffix_bits = suffix_bits.max(1);
            if size > 3 << (suffix_bits - 1) && suffix_bits < 6 {
                suffix_bits += 1;
            }
        }
        Ok(())
    }

    /// Passes over the runs of zeros between coefficients (9.2.3).
    fn runs(&mut self, kind: Block, count: usize) -> Result<(), Damage> {
        let ahead = self.bits.peek();
        let entry = if kind == Block::ChromaDc {
            ZEROS_DC
                .get(count - 1)
                .map(|table| table[(ahead >> 29) as usize & 7])
        } else {
            ZEROS
                .get(count - 1)
                .map(|table| table[(ahead >> (32 - ZEROS_BITS)) as usize & 511])
        }
        .unwrap_or(0);
        if entry == 0 {
            return Err(Damage::Code);
        }
        self.bits.skip(u32::from(entry >> 4));
        let mut zeros = usize::from(entry & 15);
        if zeros + count > kind.size() {
            return Err(Damage::Range);
        }
        for _ in 1..count {
            if zeros == 0 {
                break;
            }
            let ahead = self.bits.peek() >> (32 - RUNS_BITS);
            let entry = RUNS[(zeros - 1).min(6)][ahead as usize & 2047];
            let run = usize::from(entry & 15);
            if entry == 0 || run > zeros {
                return Err(Damage::Code);
            }
            self.bits.skip(u32::from(entry >> 4));
            zeros -= run;
        }
        Ok(())
    }
}

impl Entropy for Cavlc<'_> {
    const ARITHMETIC: bool = false;

    #[inline]
    fn at(&self) -> usize {
        self.bits.at()
    }

    #[inline]
    fn check(&self) -> Result<(), Damage> {
        self.bits.check()
    }

    fn intra_type(&mut self, _context: usize) -> Result<u32, Damage> {
        self.bits.ue_to(25)
    }

    fn predicted_type(&mut self) -> Result<u32, Damage> {
        self.bits.ue_to(30)
    }

    fn quarter_type(&mut self) -> Result<u32, Damage> {
        self.bits.ue_to(3)
    }

    fn reference(&mut self, count: u8, _context: usize) -> Result<u8, Damage> {
        if count == 2 {
            return Ok(u8::from(!self.bits.bit()));
        }
        Ok(self.bits.ue_to(u32::from(count) - 1)? as u8)
    }

    fn difference(&mut self, _part: usize, _sum: u32) -> Result<i32, Damage> {
        self.bits.se()
    }

    fn transform_8x8(&mut self, _context: usize) -> Result<bool, Damage> {
        Ok(self.bits.bit())
    }

    fn skip_modes(&mut self, blocks: usize) -> Result<(), Damage> {
        for _ in 0..blocks {
            if !self.bits.bit() {
                self.bits.skip(3);
            }
        }
        Ok(())
    }

    fn chroma_mode(&mut self, _context: usize) -> Result<bool, Damage> {
        Ok(self.bits.ue_to(3)? != 0)
    }

    fn pattern(&mut self, intra: bool, chroma: bool, _left: u8, _top: u8) -> Result<u8, Damage> {
        let table: &[u8] = match (chroma, intra) {
            (true, true) => &PATTERN_INTRA,
            (true, false) => &PATTERN_INTER,
            (false, true) => &PATTERN_INTRA_GREY,
            (false, false) => &PATTERN_INTER_GREY,
        };
        table
            .get(self.bits.ue()? as usize)
            .copied()
            .ok_or(Damage::Range)
    }

    fn qp_delta(&mut self, _follows: bool) -> Result<i32, Damage> {
        let delta = self.bits.se()?;
        if (-26..=25).contains(&delta) {
            Ok(delta)
        } else {
            Err(Damage::Range)
        }
    }

    fn block(&mut self, kind: Block, left: u8, top: u8) -> Result<u8, Damage> {
        let ahead = self.bits.peek();
        let context = match (left, top) {
            (ABSENT, ABSENT) => 0,
            (ABSENT, one) | (one, ABSENT) => one,
            (left, top) => (left + top).div_ceil(2),
        };
        let (length, token) = if kind != Block::ChromaDc && context >= 8 {
            // Six bits: coefficients - 1 and trailing ones, but 3 stands for none.
            let code = ahead >> 26;
            (6, if code == 3 { 0 } else { code + 4 })
        } else {
            let table = match (kind, context) {
                (Block::ChromaDc, _) => &TOKEN_DC,
                (_, 0 | 1) => &TOKENS[0],
                (_, 2 | 3) => &TOKENS[1],
                _ => &TOKENS[2],
            };
            // One code of chroma is seven zeros, and more may follow; no other begins so.
            let zeros = ahead.leading_zeros().min(15);
            let behind = (ahead << zeros << 1) >> 29;
            let entry = table[(zeros << 3 | behind) as usize & 127];
            (u32::from(entry >> 8), u32::from(entry & 0xff))
        };
        if length == 0 {
            return Err(Damage::Code);
        }
        self.bits.skip(length);
        let (count, ones) = (token >> 2, token & 3);
        if count == 0 {
            return Ok(0);
        }
        if count as usize > kind.size() || ones > count {
            return Err(Damage::Range);
        }
        self.levels(count, ones)?;
        if (count as usize) < kind.size() {
            self.runs(kind, count as usize)?;
        }
        Ok(count as u8)
    }

    fn skip_samples(&mut self, bytes: usize) -> Result<(), Damage> {
        self.bits.align();
        self.bits.skip(bytes as u32 * 8);
        self.bits.check()
    }
}
