//! NAL units as a sender of streams sees them.

use ocelli_core::Codec;

pub(super) use crate::bitstream::annexb::units;

/// What a NAL unit is for, as far as a sender has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum UnitKind {
    /// H.265 only.
    VideoParameterSet,
    SequenceParameterSet,
    PictureParameterSet,
    Other,
}

/// Reads the type of `unit`, which is not empty.
pub(super) fn kind(codec: Codec, unit: &[u8]) -> UnitKind {
    match (codec, unit.first().copied().unwrap_or(0)) {
        (Codec::H264, head) if head & 0x1f == 7 => UnitKind::SequenceParameterSet,
        (Codec::H264, head) if head & 0x1f == 8 => UnitKind::PictureParameterSet,
        (Codec::H265, head) if (head >> 1) & 0x3f == 32 => UnitKind::VideoParameterSet,
        (Codec::H265, head) if (head >> 1) & 0x3f == 33 => UnitKind::SequenceParameterSet,
        (Codec::H265, head) if (head >> 1) & 0x3f == 34 => UnitKind::PictureParameterSet,
        _ => UnitKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(data: &[u8]) -> Vec<&[u8]> {
        units(data).collect()
    }

    #[test]
    fn start_codes_of_three_and_four_bytes_and_trailing_zeros() {
        assert_eq!(
            cut(&[0, 0, 0, 1, 9, 0, 0, 1, 7, 0, 2, 0, 0, 0, 1, 5, 0, 0]),
            [&[9][..], &[7, 0, 2], &[5]]
        );
    }

    #[test]
    fn nothing_without_a_start_code() {
        assert_eq!(cut(&[]), [&[0u8; 0]; 0]);
        assert_eq!(cut(&[0, 0]), [&[0u8; 0]; 0]);
        assert_eq!(cut(&[1, 2, 3, 4]), [&[0u8; 0]; 0]);
        assert_eq!(cut(&[0, 0, 1]), [&[0u8; 0]; 0]);
        assert_eq!(cut(&[0, 0, 1, 0, 0, 1, 3]), [&[3]], "an empty unit is none");
        assert_eq!(cut(&[4, 4, 0, 0, 1, 3]), [&[3]]);
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_a_plain_search(data in proptest::collection::vec(0u8..3, 0..60)) {
            let starts: Vec<usize> = (0..data.len().saturating_sub(2))
                .filter(|&at| data[at..at + 3] == [0, 0, 1])
                .collect();
            let mut expected = Vec::new();
            for (index, &start) in starts.iter().enumerate() {
                let end = starts.get(index + 1).copied().unwrap_or(data.len());
                let unit = &data[start + 3..end];
                let kept = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                if kept > 0 {
                    expected.push(&unit[..kept]);
                }
            }
            proptest::prop_assert_eq!(cut(&data), expected);
        }
    }
}
