//! Syntax elements in arithmetic coding (ITU-T H.264 9.3.2, 9.3.3.1).

use super::{
    arithmetic::{Arithmetic, Contexts},
    cabac_table::{HIGH_SHIFT, LAST_8X8, SIGNIFICANT_8X8},
    entropy::{Block, Entropy},
    error::Damage,
};

// Where the contexts of each element begin (table 9-34).
const SKIP: usize = 11;
const INTRA_TYPE: usize = 3;
const PREDICTED_TYPE: usize = 14;
const PREDICTED_INTRA_TYPE: usize = 17;
const QUARTER_TYPE: usize = 21;
const DIFFERENCE: [usize; 2] = [40, 47];
const REFERENCE: usize = 54;
const QP_DELTA: usize = 60;
const CHROMA_MODE: usize = 64;
const LUMA_MODE: usize = 68;
const LUMA_PATTERN: usize = 73;
const CHROMA_PATTERN: usize = 77;
const CODED_BLOCK: usize = 85;
const TRANSFORM_8X8: usize = 399 - HIGH_SHIFT;

/// Of each kind of block (table 9-40): contexts that a coefficient is there, that it is the last,
/// and of its size.
const COEFFICIENTS: [[usize; 3]; 6] = [
    [105, 166, 227],
    [105 + 15, 166 + 15, 227 + 10],
    [105 + 29, 166 + 29, 227 + 20],
    [105 + 44, 166 + 44, 227 + 30],
    [105 + 47, 166 + 47, 227 + 39],
    [402 - HIGH_SHIFT, 417 - HIGH_SHIFT, 426 - HIGH_SHIFT],
];

/// The largest change of the quantiser, folded to one sign.
const QP_DELTA_MAX: u32 = 104;

/// Reads a slice in arithmetic coding.
pub(super) struct Cabac<'a> {
    decoder: Arithmetic<'a>,
    contexts: Contexts,
    /// Where the stop bit stands.
    stop: usize,
}

impl<'a> Cabac<'a> {
    /// Begins at a byte with the contexts of the slice.
    pub(super) fn new(bytes: &'a [u8], at: usize, stop: usize, contexts: &Contexts) -> Self {
        Self {
            decoder: Arithmetic::new(bytes, at),
            contexts: *contexts,
            stop,
        }
    }

    /// Whether a macroblock of a P slice is skipped; `context` counts those of left and top that
    /// are not.
    #[inline]
    pub(super) fn is_skipped(&mut self, context: usize) -> bool {
        self.decide(SKIP + context)
    }

    /// Whether the slice ends here.
    #[inline]
    pub(super) fn ends(&mut self) -> bool {
        self.decoder.terminate()
    }

    /// Fails unless the end was reached exactly: the last bit taken is the stop bit (9.3.1.2). What
    /// stands behind it in the last byte is not looked at, for x264 sets a bit there now and then.
    pub(super) fn check_end(&self) -> Result<(), Damage> {
        let stop = self.decoder.at() - 1;
        if stop / 8 > self.stop / 8 {
            return Err(Damage::End);
        }
        let byte = self.decoder.bytes().get(stop / 8).copied().unwrap_or(0);
        if stop / 8 < self.stop / 8 || byte >> (7 - stop % 8) & 1 == 0 {
            return Err(Damage::Rest);
        }
        Ok(())
    }

    #[inline]
    fn decide(&mut self, context: usize) -> bool {
        self.decoder.decide(&mut self.contexts, context)
    }

    /// The types behind the first value of an intra macroblock (table 9-36).
    fn intra_16x16_type(&mut self, first: usize, is_i_slice: bool) -> u32 {
        if self.decoder.terminate() {
            return 25;
        }
        let step = usize::from(is_i_slice);
        let mut kind = 1;
        if self.decide(first) {
            kind += 12;
        }
        if self.decide(first + 1) {
            kind += 4;
            if self.decide(first + 1 + step) {
                kind += 4;
            }
        }
        if self.decide(first + 2 + step) {
            kind += 2;
        }
        if self.decide(first + 2 + 2 * step) {
            kind += 1;
        }
        kind
    }
}

impl Entropy for Cabac<'_> {
    const ARITHMETIC: bool = true;

    #[inline]
    fn at(&self) -> usize {
        self.decoder.at()
    }

    #[inline]
    fn check(&self) -> Result<(), Damage> {
        if self.decoder.at() <= self.stop + 1 {
            Ok(())
        } else {
            Err(Damage::End)
        }
    }

    fn intra_type(&mut self, context: usize) -> Result<u32, Damage> {
        Ok(if self.decide(INTRA_TYPE + context) {
            self.intra_16x16_type(INTRA_TYPE + 3, true)
        } else {
            0
        })
    }

    fn predicted_type(&mut self) -> Result<u32, Damage> {
        if self.decide(PREDICTED_TYPE) {
            return Ok(if self.decide(PREDICTED_INTRA_TYPE) {
                5 + self.intra_16x16_type(PREDICTED_INTRA_TYPE + 1, false)
            } else {
                5
            });
        }
        Ok(if self.decide(PREDICTED_TYPE + 1) {
            2 - u32::from(self.decide(PREDICTED_TYPE + 3))
        } else {
            3 * u32::from(self.decide(PREDICTED_TYPE + 2))
        })
    }

    fn quarter_type(&mut self) -> Result<u32, Damage> {
        Ok(if self.decide(QUARTER_TYPE) {
            0
        } else if !self.decide(QUARTER_TYPE + 1) {
            1
        } else if self.decide(QUARTER_TYPE + 2) {
            2
        } else {
            3
        })
    }

    fn reference(&mut self, count: u8, context: usize) -> Result<u8, Damage> {
        let mut reference = 0;
        let mut context = context;
        while self.decide(REFERENCE + context) {
            reference += 1;
            if reference >= count {
                return Err(Damage::Range);
            }
            context = 4 + (context >> 2);
        }
        Ok(reference)
    }

    fn difference(&mut self, part: usize, sum: u32) -> Result<i32, Damage> {
        let first = DIFFERENCE[part & 1];
        if !self.decide(first + usize::from(sum > 2) + usize::from(sum > 32)) {
            return Ok(0);
        }
        let mut size = 1_i32;
        let mut context = first + 3;
        while size < 9 && self.decide(context) {
            if size < 4 {
                context += 1;
            }
            size += 1;
        }
        if size == 9 {
            let mut order = 3;
            while self.decoder.bypass() {
                size += 1 << order;
                order += 1;
                if order > 20 {
                    return Err(Damage::Range);
                }
            }
            for place in (0..order).rev() {
                size += i32::from(self.decoder.bypass()) << place;
            }
        }
        Ok(if self.decoder.bypass() { -size } else { size })
    }

    fn transform_8x8(&mut self, context: usize) -> Result<bool, Damage> {
        Ok(self.decide(TRANSFORM_8X8 + context))
    }

    fn skip_modes(&mut self, blocks: usize) -> Result<(), Damage> {
        for _ in 0..blocks {
            if !self.decide(LUMA_MODE) {
                for _ in 0..3 {
                    self.decide(LUMA_MODE + 1);
                }
            }
        }
        Ok(())
    }

    fn chroma_mode(&mut self, context: usize) -> Result<bool, Damage> {
        let is_other = self.decide(CHROMA_MODE + context);
        if is_other && self.decide(CHROMA_MODE + 3) {
            self.decide(CHROMA_MODE + 3);
        }
        Ok(is_other)
    }

    fn pattern(&mut self, _intra: bool, chroma: bool, left: u8, top: u8) -> Result<u8, Damage> {
        let clear = |bits: u8, mask: u8| usize::from(bits & mask == 0);
        let first = self.decide(LUMA_PATTERN + clear(left, 2) + 2 * clear(top, 4));
        let mut pattern = u8::from(first);
        let second = self.decide(LUMA_PATTERN + clear(pattern, 1) + 2 * clear(top, 8));
        pattern |= u8::from(second) << 1;
        let third = self.decide(LUMA_PATTERN + clear(left, 8) + 2 * clear(pattern, 1));
        pattern |= u8::from(third) << 2;
        let fourth = self.decide(LUMA_PATTERN + clear(pattern, 4) + 2 * clear(pattern, 2));
        pattern |= u8::from(fourth) << 3;
        if chroma {
            let (left, top) = (left >> 4, top >> 4);
            let any = usize::from(left > 0) + 2 * usize::from(top > 0);
            if self.decide(CHROMA_PATTERN + any) {
                let whole = usize::from(left == 2) + 2 * usize::from(top == 2);
                pattern |= 0x10 << u8::from(self.decide(CHROMA_PATTERN + 4 + whole));
            }
        }
        Ok(pattern)
    }

    fn qp_delta(&mut self, follows: bool) -> Result<i32, Damage> {
        let mut context = usize::from(follows);
        let mut folded = 0_u32;
        while self.decide(QP_DELTA + context) {
            context = 2 + (context >> 1);
            folded += 1;
            if folded > QP_DELTA_MAX {
                return Err(Damage::Range);
            }
        }
        let size = folded.div_ceil(2) as i32;
        Ok(if folded % 2 == 1 { size } else { -size })
    }

    #[inline]
    fn block(&mut self, kind: Block, left: u8, top: u8) -> Result<u8, Damage> {
        let context =
            CODED_BLOCK + 4 * kind as usize + usize::from(left != 0) + 2 * usize::from(top != 0);
        // An 8x8 block is coded if the pattern says so.
        if kind != Block::Luma8x8 && !self.decide(context) {
            return Ok(0);
        }
        self.coefficients(kind)
    }

    fn skip_samples(&mut self, bytes: usize) -> Result<(), Damage> {
        let end = self.decoder.at().div_ceil(8) + bytes;
        if end > self.decoder.bytes().len() {
            return Err(Damage::End);
        }
        self.decoder.restart(end);
        Ok(())
    }
}

impl Cabac<'_> {
    /// Passes over the coefficients of a block that has some (7.3.5.3.3).
    fn coefficients(&mut self, kind: Block) -> Result<u8, Damage> {
        let [there, last, size] = COEFFICIENTS[kind as usize];
        // On registers of its own: what the contexts are stored to is not read again for them.
        let mut decoder = self.decoder;
        let contexts = &mut self.contexts;
        let end = kind.size() - 1;
        let mut count = 0_u8;
        let mut place = 0;
        loop {
            if place == end {
                // The last one must be there, for no other was the last.
                count += 1;
                break;
            }
            let (there_at, last_at) = match kind {
                Block::Luma8x8 => (
                    usize::from(SIGNIFICANT_8X8[place & 63]),
                    usize::from(LAST_8X8[place & 63]),
                ),
                _ => (place, place),
            };
            if decoder.decide(contexts, there + there_at) {
                count += 1;
                if decoder.decide(contexts, last + last_at) {
                    break;
                }
            }
            place += 1;
        }
        // Sizes come backwards; contexts depend on how many were 1, and how many more.
        let (mut ones, mut more) = (0_usize, 0_usize);
        let more_max = if kind == Block::ChromaDc { 3 } else { 4 };
        for _ in 0..count {
            let first = if more > 0 { 0 } else { (1 + ones).min(4) };
            if decoder.decide(contexts, size + first) {
                let context = size + 5 + more.min(more_max);
                let mut prefix = 1;
                while prefix < 14 && decoder.decide(contexts, context) {
                    prefix += 1;
                }
                if prefix == 14 {
                    decoder.skip_golomb()?;
                }
                more += 1;
            } else {
                ones += 1;
            }
            decoder.bypass();
        }
        self.decoder = decoder;
        Ok(count)
    }
}
