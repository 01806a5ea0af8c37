//! Bits of a payload, for headers and variable-length codes (ITU-T H.264 7.2, 9.1).

use super::error::Damage;

/// Reads bits. Behind the end there are zeros; [`Self::check`] says so in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the stop bit stands.
    stop: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from their first bit; the stop bit is at `stop`.
    pub(super) fn new(bytes: &'a [u8], stop: usize) -> Self {
        Self { bytes, at: 0, stop }
    }

    /// Where the next bit stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the stop bit stands.
    pub(super) fn stop(&self) -> usize {
        self.stop
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether bits are left before the stop bit (7.2, `more_rbsp_data`).
    pub(super) fn has_more(&self) -> bool {
        self.at < self.stop
    }

    /// Fails where more was read than there is.
    pub(super) fn check(&self) -> Result<(), Damage> {
        if self.at <= self.stop {
            Ok(())
        } else {
            Err(Damage::End)
        }
    }

    /// The next 32 bits, the first of them highest.
    #[inline]
    pub(super) fn peek(&self) -> u32 {
        let from = self.at >> 3;
        let word = match self.bytes.get(from..).and_then(|rest| rest.first_chunk()) {
            Some(&chunk) => u64::from_be_bytes(chunk),
            None => 0,
        };
        ((word << (self.at & 7)) >> 32) as u32
    }

    /// Passes over bits.
    #[inline]
    pub(super) fn skip(&mut self, bits: u32) {
        self.at += bits as usize;
    }

    /// Goes on at a whole byte (alignment bits are not looked at).
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// The next bit.
    #[inline]
    pub(super) fn bit(&mut self) -> bool {
        let bit = self.peek() >> 31 == 1;
        self.at += 1;
        bit
    }

    /// A number of 1 to 32 bits.
    #[inline]
    pub(super) fn number(&mut self, bits: u32) -> u32 {
        let number = self.peek() >> (32 - bits);
        self.at += bits as usize;
        number
    }

    /// An unsigned Exp-Golomb number.
    #[inline]
    pub(super) fn ue(&mut self) -> Result<u32, Damage> {
        let ahead = self.peek();
        let zeros = ahead.leading_zeros();
        if zeros <= 15 {
            self.at += 2 * zeros as usize + 1;
            return Ok((ahead >> (31 - 2 * zeros)) - 1);
        }
        if zeros >= 32 {
            return Err(Damage::Code);
        }
        self.at += zeros as usize;
        Ok(self.number(zeros + 1) - 1)
    }

    /// An unsigned Exp-Golomb number up to `max`.
    #[inline]
    pub(super) fn ue_to(&mut self, max: u32) -> Result<u32, Damage> {
        self.ue().and_then(|number| {
            if number <= max {
                Ok(number)
            } else {
                Err(Damage::Range)
            }
        })
    }

    /// A signed Exp-Golomb number.
    #[inline]
    pub(super) fn se(&mut self) -> Result<i32, Damage> {
        let code = self.ue()?;
        let magnitude = (code / 2 + code % 2) as i32;
        Ok(if code % 2 == 1 { magnitude } else { -magnitude })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bitstream::bits::Bits;

    proptest! {
        /// The slow reader of the same bits is the oracle.
        #[test]
        fn the_same_as_bit_by_bit(
            bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(0xff), any::<u8>()], 0..40),
            kinds in prop::collection::vec(0_u32..36, 0..60),
        ) {
            // No emulation prevention for the oracle to leave out.
            prop_assume!(!bytes.windows(3).any(|window| window == [0, 0, 3]));
            let padded = [&bytes[..], &[0; 16]].concat();
            let mut ours = Reader::new(&padded, bytes.len() * 8);
            let mut theirs = Bits::of_unit(&bytes, 0);
            for kind in kinds {
                let (our, their) = match kind {
                    0 => (ours.ue().ok(), theirs.ue()),
                    1 => (ours.se().ok().map(|number| number as u32), theirs.se().map(|number| number as u32)),
                    2 => (Some(u32::from(ours.bit())), theirs.bit().map(u32::from)),
                    bits => (Some(ours.number(bits - 3 + u32::from(bits == 3))), theirs.number(bits - 3 + u32::from(bits == 3))),
                };
                if their.is_none() {
                    break;
                }
                prop_assert_eq!(our, their);
                prop_assert!(ours.check().is_ok());
            }
        }
    }
}
