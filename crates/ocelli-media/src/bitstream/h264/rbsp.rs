//! The raw payload of a NAL unit (ITU-T H.264 7.3.1, 7.4.1.1).

/// Zero bytes behind the payload, so that readers may look ahead without asking.
const PADDING: usize = 16;

/// A buffer bigger than this is given back after use.
const KEPT_BYTES: usize = 128 * 1024;

/// The payload of one NAL unit at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Payload {
    bytes: Vec<u8>,
}

impl Payload {
    /// Takes the payload of `unit`, which begins with its header: without that, and without
    /// emulation prevention bytes. Returns it with [`PADDING`] zero bytes behind, and the place of
    /// the stop bit, in bits. `None` without a stop bit.
    pub(super) fn of(&mut self, unit: &[u8]) -> Option<(&[u8], usize)> {
        let mut rest = unit.get(1..)?;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.bytes.reserve(rest.len() + PADDING);
        while let Some(at) = next_prevention(rest) {
            self.bytes.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
        }
        self.bytes.extend_from_slice(rest);
        let last = self.bytes.iter().rposition(|&byte| byte != 0)?;
        let stop = last * 8 + 7 - self.bytes[last].trailing_zeros() as usize;
        self.bytes.truncate(last + 1);
        self.bytes.resize(last + 1 + PADDING, 0);
        Some((&self.bytes, stop))
    }
}

/// Where the next 3 stands behind two zero bytes. Looking starts afresh behind each: no two of them
/// share a zero.
fn next_prevention(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            3 if bytes[at - 1] == 0 && bytes[at - 2] == 0 => return Some(at),
            // A 3 here may be behind zeros, a 0 may be one of them.
            0 | 3 => at += 1,
            // Neither this byte nor the next two can end `00 00 03`... unless they come later.
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bitstream::bits::Bits;

    #[test]
    fn the_stop_bit_is_found() {
        let mut payload = Payload::default();
        assert_eq!(payload.of(&[0x41, 0xff, 0b0101_1000, 0]).unwrap().1, 12);
        // Zero words behind an arithmetic slice.
        let (bytes, stop) = payload
            .of(&[0x41, 0x80, 0, 0, 3, 0, 0, 3])
            .map(|(bytes, stop)| (bytes.to_vec(), stop))
            .unwrap();
        assert_eq!((bytes.len(), stop), (1 + PADDING, 0));
        assert!(payload.of(&[0x41, 0, 0]).is_none());
        assert!(payload.of(&[0x41]).is_none());
        assert!(payload.of(&[]).is_none());
    }

    proptest! {
        #[test]
        fn the_same_as_bit_by_bit(bytes in prop::collection::vec(
            prop_oneof![3 => Just(0_u8), 2 => Just(3_u8), 1 => any::<u8>()], 0..60,
        )) {
            let unit = [&[0x41][..], &bytes, &[0x80]].concat();
            let mut payload = Payload::default();
            let (ours, _) = payload.of(&unit).unwrap();
            let mut bits = Bits::of_unit(&unit, 1);
            let theirs: Vec<u8> = std::iter::from_fn(|| bits.number(8).map(|byte| byte as u8)).collect();
            prop_assert_eq!(&ours[..ours.len() - PADDING], &theirs[..]);
        }
    }
}
