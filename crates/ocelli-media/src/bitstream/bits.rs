//! Bits of a NAL unit (ITU-T H.264 7.2 and 9.1; H.265 alike).

/// Reads bits, leaving emulation prevention bytes out (7.4.1.1). Cheap to clone: what it reads is
/// borrowed.
#[derive(Debug, Clone)]
pub struct Bits<'a> {
    rest: &'a [u8],
    /// Zero bytes just before `rest`, at most 2.
    zeros: u8,
    current: u8,
    /// Bits of `current` that are still to be read.
    left: u32,
}

impl<'a> Bits<'a> {
    /// Begins after `head` bytes of a unit: its header.
    pub fn of_unit(unit: &'a [u8], head: usize) -> Self {
        Self {
            rest: unit.get(head..).unwrap_or_default(),
            zeros: 0,
            current: 0,
            left: 0,
        }
    }

    /// The next bit; `None` at the end.
    pub fn bit(&mut self) -> Option<bool> {
        if self.left == 0 {
            let (&byte, rest) = self.rest.split_first()?;
            if self.zeros >= 2 && byte == 3 {
                self.zeros = 0;
                self.rest = rest;
                return self.bit();
            }
            self.zeros = if byte == 0 {
                (self.zeros + 1).min(2)
            } else {
                0
            };
            self.rest = rest;
            self.current = byte;
            self.left = 8;
        }
        self.left -= 1;
        Some(self.current >> self.left & 1 == 1)
    }

    /// A number of at most 32 bits.
    pub fn number(&mut self, bits: u32) -> Option<u32> {
        debug_assert!(bits <= 32);
        let mut value = 0_u32;
        for _ in 0..bits {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value)
    }

    /// Passes over bits.
    pub fn skip(&mut self, bits: u32) -> Option<()> {
        for _ in 0..bits {
            self.bit()?;
        }
        Some(())
    }

    /// An unsigned Exp-Golomb number, ue(v); `None` also where it has more than 32 bits.
    pub fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.number(zeros)?)
    }

    /// A signed Exp-Golomb number, se(v).
    pub fn se(&mut self) -> Option<i32> {
        let code = i64::from(self.ue()?);
        let magnitude = (code + 1) / 2;
        i32::try_from(if code % 2 == 1 { magnitude } else { -magnitude }).ok()
    }
}

#[cfg(test)]
mod tests {
    use h264_reader::rbsp::{BitRead as _, BitReader, ByteReader};

    use super::*;

    #[test]
    fn numbers() {
        // 1 | 010 | 011 | 00100 | 1 101 ....
        let unit = [0xff, 0b1010_0110, 0b0100_1101, 0b1000_0000];
        let mut bits = Bits::of_unit(&unit, 1);
        assert_eq!(
            [bits.ue(), bits.ue(), bits.ue(), bits.ue(), bits.ue()],
            [0, 1, 2, 3, 0].map(Some)
        );
        assert_eq!(bits.number(3), Some(0b101));
        assert_eq!(bits.number(9), None);
        let mut signed = Bits::of_unit(&unit, 1);
        assert_eq!(
            [signed.se(), signed.se(), signed.se(), signed.se()],
            [0, 1, -1, 2].map(Some)
        );
    }

    #[test]
    fn emulation_prevention_is_left_out() {
        let mut bits = Bits::of_unit(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3, 5], 0);
        let read: Vec<u32> = std::iter::from_fn(|| bits.number(8)).collect();
        assert_eq!(read, [0, 0, 1, 0, 0, 0, 0, 3, 5]);
    }

    proptest::proptest! {
        /// Another reader, of the crate `h264-reader`, is the oracle, as far as it goes.
        #[test]
        fn the_same_as_another_reader(bytes in proptest::collection::vec(
            proptest::prop_oneof![proptest::prelude::Just(0_u8), 0_u8..5, proptest::prelude::any::<u8>()],
            0..40,
        )) {
            let mut ours = Bits::of_unit(&bytes, 0);
            let mut theirs = BitReader::new(ByteReader::without_skip(&bytes[..]));
            while let Ok(number) = theirs.read_ue("number") {
                proptest::prop_assert_eq!(ours.ue(), Some(number));
            }
        }
    }
}
