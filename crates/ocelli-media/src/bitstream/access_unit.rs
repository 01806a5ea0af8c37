//! What stands in an access unit before its first slice, and what that slice is. The coded picture
//! itself is never searched.

use ocelli_core::Codec;

use super::{
    annexb::{UnitKind, kind, next_start},
    bits::Bits,
    entries::Start,
};

/// The first look at an access unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a> {
    /// Parameter sets before the first slice, without start codes.
    pub sets: Vec<&'a [u8]>,
    /// The first slice and all that follows it, without its start code; empty without a slice.
    pub slice: &'a [u8],
    /// Whether decoding can start here: an IDR or IRAP picture, or an H.264 picture of I slices
    /// that a recovery point (SEI payload 6, D.2.8) or a sequence parameter set announces. A
    /// recovery point of an intra refresh, whose slices are P, gives no whole picture.
    pub key: bool,
    /// Whether a recovery point is announced and the picture is no key picture: an intra refresh
    /// begins.
    pub refresh: bool,
}

impl Head<'_> {
    pub(crate) fn start(&self) -> Start {
        match (self.key, self.refresh) {
            (true, _) => Start::Key,
            (false, true) => Start::Refresh,
            (false, false) => Start::No,
        }
    }
}

/// Reads the head of an access unit in Annex B form.
pub fn head(codec: Codec, access_unit: &[u8]) -> Head<'_> {
    let mut head = Head {
        sets: Vec::new(),
        slice: &[],
        key: false,
        refresh: false,
    };
    let (mut announced, mut recovers) = (false, false);
    let mut at = next_start(access_unit, 0);
    while let Some(start) = at {
        let rest = &access_unit[start + 3..];
        let unit_kind = kind(codec, rest);
        if let UnitKind::Slice { key, first: _ } = unit_kind {
            head.slice = rest;
            head.key = key || ((announced || recovers) && codec == Codec::H264 && is_intra(rest));
            head.refresh = recovers && !head.key;
            break;
        }
        at = next_start(access_unit, start + 3);
        let mut unit = &access_unit[start + 3..at.unwrap_or(access_unit.len())];
        while let [front @ .., 0] = unit {
            unit = front;
        }
        match unit_kind {
            UnitKind::ParameterSet => {
                announced |= codec == Codec::H264 && unit[0] & 0x1f == 7;
                head.sets.push(unit);
            }
            UnitKind::Prefix if codec == Codec::H264 && unit[0] & 0x1f == 6 => {
                recovers |= has_recovery_point(&unit[1..]);
            }
            // Supplemental information before the picture (H.265, table 7-1), its header of two
            // bytes.
            UnitKind::Prefix if codec == Codec::H265 && unit[0] >> 1 & 0x3f == 39 => {
                recovers |= has_recovery_point(unit.get(2..).unwrap_or_default());
            }
            _ => {}
        }
    }
    head
}

/// Whether decoding can start at this access unit, see [`Head::key`].
pub fn is_key(codec: Codec, access_unit: &[u8]) -> bool {
    head(codec, access_unit).key
}

/// Whether an H.264 slice is of type I or SI (7.4.3: types 2 and 4, and 5 more where all slices of
/// the picture are alike).
fn is_intra(slice: &[u8]) -> bool {
    let mut bits = Bits::of_unit(slice, 1);
    let _first_macroblock = bits.ue();
    matches!(bits.ue(), Some(2 | 4 | 7 | 9))
}

/// Whether one of the messages of an SEI unit is a recovery point (payload 6 in both codecs).
fn has_recovery_point(mut messages: &[u8]) -> bool {
    // The trailing bit is one byte at least, so a message takes three.
    while messages.len() > 2 {
        let Some((payload, rest)) = sei_number(messages) else {
            return false;
        };
        let Some((size, rest)) = sei_number(rest) else {
            return false;
        };
        if payload == 6 {
            return true;
        }
        // Emulation prevention bytes inside a message are not counted by its size; a message that
        // has some ends the search, which is right for the short ones that come first.
        messages = rest.get(size..).unwrap_or_default();
    }
    false
}

/// A number of an SEI message: bytes of 255 add up (7.3.2.3.1).
fn sei_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let full = bytes.iter().take_while(|&&byte| byte == 255).count();
    let (&last, rest) = bytes.get(full..)?.split_first()?;
    Some((full * 255 + usize::from(last), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::annexb::START_CODE;

    fn unit(head: u8, rest: &[u8]) -> Vec<u8> {
        [&START_CODE[..], &[head], rest].concat()
    }

    /// First macroblock 0, then the slice type, then a stop bit: `1 00110 1..` is type 5 (P).
    const P: &[u8] = &[0b1001_1010];
    /// `1 0001000 1`: type 7 (I).
    const I: &[u8] = &[0b1000_1000, 0b1000_0000];

    #[test]
    fn key_pictures_are_told_from_others() {
        let recovery = unit(0x06, &[6, 1, 0xc4, 0x80]);
        let late_recovery = unit(0x06, &[1, 1, 9, 6, 1, 0xc4, 0x80]);
        let set = unit(0x67, &[1, 2]);
        for (parts, key) in [
            (vec![unit(0x65, I)], true),
            (vec![unit(0x41, I)], false),
            (vec![unit(0x41, P)], false),
            (vec![recovery.clone(), unit(0x41, I)], true),
            (vec![late_recovery, unit(0x41, I)], true),
            (vec![recovery, unit(0x41, P)], false),
            (vec![set.clone(), unit(0x41, I)], true),
            (vec![set.clone(), unit(0x41, P)], false),
            (vec![set], false),
        ] {
            assert_eq!(is_key(Codec::H264, &parts.concat()), key, "{parts:?}");
        }
        for (kind, key) in [
            (1, false),
            (9, false),
            (16, true),
            (19, true),
            (21, true),
            (22, false),
        ] {
            let picture = unit(kind << 1, &[1, 0x80]);
            assert_eq!(is_key(Codec::H265, &picture), key, "{kind}");
        }
    }

    #[test]
    fn refreshes_are_told_from_key_pictures() {
        let refresh = |codec, parts: &[Vec<u8>]| head(codec, &parts.concat()).refresh;
        let recovery = unit(0x06, &[6, 1, 0xc4, 0x80]);
        assert!(refresh(Codec::H264, &[recovery.clone(), unit(0x41, P)]));
        assert!(!refresh(Codec::H264, &[recovery, unit(0x41, I)]), "a key");
        assert!(!refresh(
            Codec::H264,
            &[unit(0x06, &[1, 1, 9, 0x80]), unit(0x41, P)]
        ));
        assert!(!refresh(Codec::H264, &[unit(0x67, &[1, 2]), unit(0x41, P)]));
        let recovery = unit(39 << 1, &[1, 6, 1, 0xd0, 0x80]);
        assert!(refresh(
            Codec::H265,
            &[recovery.clone(), unit(1 << 1, &[1, 0x80])]
        ));
        assert!(!refresh(
            Codec::H265,
            &[recovery, unit(21 << 1, &[1, 0x80])]
        ));
    }

    #[test]
    fn parameter_sets_before_the_slice_are_found() {
        let access_unit = [
            unit(0x67, &[1, 2, 0]),
            unit(0x68, &[3]),
            unit(0x65, I),
            unit(0x68, &[4]),
        ]
        .concat();
        let head = head(Codec::H264, &access_unit);
        assert_eq!(head.sets, [&[0x67, 1, 2][..], &[0x68, 3]]);
        assert!(head.slice.starts_with(&[0x65]));
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            units in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..30),
        ) {
            let noise: Vec<u8> = units.iter().flat_map(|&head| unit(head, &bytes)).collect();
            for codec in [Codec::H264, Codec::H265, Codec::Mjpeg] {
                head(codec, &bytes);
                head(codec, &noise);
            }
        }
    }
}
