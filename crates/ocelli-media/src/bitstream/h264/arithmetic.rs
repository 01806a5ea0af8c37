//! The arithmetic decoder (ITU-T H.264 9.3.1.2 and 9.3.3.2).

use super::{
    cabac_table::{AFTER_LESS_PROBABLE, CONTEXTS, INITIAL, LESS_PROBABLE_RANGE},
    error::Damage,
};

/// The states of all contexts: twice the state of the standard, plus the more probable value. As
/// many as an index of nine bits reaches, so that no index has to be checked.
pub(super) type Contexts = [u8; 512];

/// Which states follow, if the more probable value was decoded, and if the other was.
static AFTER: [[u8; 2]; 256] = {
    let mut table = [[0; 2]; 256];
    let mut state = 0;
    while state < 128 {
        let (place, value) = (state >> 1, state & 1);
        let next = if place < 62 { place + 1 } else { place };
        let less = AFTER_LESS_PROBABLE[place];
        let flipped = if place == 0 { 1 - value } else { value };
        table[state] = [(next << 1 | value) as u8, less << 1 | flipped as u8];
        state += 1;
    }
    table
};

/// The contexts at the beginning of a slice (9.3.1.1); `set` is 0 for I slices and
/// `cabac_init_idc` + 1 for P slices.
pub(super) fn initial(set: usize, qp: i32) -> Contexts {
    let mut contexts = [0; 512];
    let set = set & 3;
    for (context, numbers) in contexts[..CONTEXTS].iter_mut().zip(&INITIAL) {
        let (slope, offset) = numbers[set];
        let state = (((i32::from(slope) * qp) >> 4) + i32::from(offset)).clamp(1, 126);
        *context = if state <= 63 {
            (63 - state) << 1
        } else {
            (state - 64) << 1 | 1
        } as u8;
    }
    contexts
}

/// The registers of the decoder. `value` holds the offset of the standard with the next `ahead`
/// bits behind it; it is compared with the range moved up by as many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arithmetic<'a> {
    bytes: &'a [u8],
    next: usize,
    value: u64,
    ahead: u32,
    range: u32,
}

impl<'a> Arithmetic<'a> {
    /// Begins at a byte.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        let mut decoder = Self {
            bytes,
            next: at,
            value: 0,
            ahead: 0,
            range: 510,
        };
        decoder.refill();
        // The first nine bits are the offset.
        decoder.ahead -= 9;
        decoder
    }

    /// Begins anew behind bytes that were not coded arithmetically.
    pub(super) fn restart(&mut self, at: usize) {
        *self = Self::new(self.bytes, at);
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bits taken, from the first byte of all.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.next * 8 - self.ahead as usize
    }

    /// Behind the end there are zeros.
    #[inline]
    fn refill(&mut self) {
        let word = match self
            .bytes
            .get(self.next..)
            .and_then(|rest| rest.first_chunk())
        {
            Some(&chunk) => u32::from_be_bytes(chunk),
            None => 0,
        };
        self.value = self.value << 32 | u64::from(word);
        self.next += 4;
        self.ahead += 32;
    }

    /// Decodes a value with a context.
    #[inline]
    pub(super) fn decide(&mut self, contexts: &mut Contexts, context: usize) -> bool {
        let state = &mut contexts[context & 511];
        let before = *state;
        let quarter = (self.range >> 6 & 3) as usize;
        let less = u32::from(LESS_PROBABLE_RANGE[(usize::from(before & 0x7e) << 1) | quarter]);
        let more = self.range - less;
        let threshold = u64::from(more) << self.ahead;
        let after = AFTER[usize::from(before)];
        if self.value < threshold {
            *state = after[0];
            // The more probable range is at least 128: one bit at most.
            let shift = more >> 8 ^ 1;
            self.range = more << shift;
            self.ahead -= shift;
            if self.ahead < 8 {
                self.refill();
            }
            before & 1 == 1
        } else {
            self.value -= threshold;
            *state = after[1];
            let shift = less.leading_zeros() - 23;
            self.range = less << shift;
            self.ahead -= shift;
            if self.ahead < 8 {
                self.refill();
            }
            before & 1 == 0
        }
    }

    /// Decodes a value that is as likely as not.
    #[inline]
    pub(super) fn bypass(&mut self) -> bool {
        self.ahead -= 1;
        let threshold = u64::from(self.range) << self.ahead;
        let bit = self.value >= threshold;
        if bit {
            self.value -= threshold;
        }
        if self.ahead < 8 {
            self.refill();
        }
        bit
    }

    /// Decodes whether something ends here.
    #[inline]
    pub(super) fn terminate(&mut self) -> bool {
        self.range -= 2;
        if self.value >= u64::from(self.range) << self.ahead {
            return true;
        }
        let shift = self.range >> 8 ^ 1;
        self.range <<= shift;
        self.ahead -= shift;
        if self.ahead < 8 {
            self.refill();
        }
        false
    }

    /// Passes over an Exp-Golomb number of order 0 (9.3.2.3).
    pub(super) fn skip_golomb(&mut self) -> Result<(), Damage> {
        let mut order = 0;
        while self.bypass() {
            order += 1;
            if order > 24 {
                return Err(Damage::Range);
            }
        }
        for _ in 0..order {
            self.bypass();
        }
        Ok(())
    }
}
