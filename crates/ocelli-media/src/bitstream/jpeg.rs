//! The header of a JPEG picture (ITU-T T.81, annex B).

/// Width and height in pixels, read without decoding anything; `None` where the bytes are no JPEG
/// picture with a size.
pub fn size(picture: &[u8]) -> Option<(u32, u32)> {
    let mut rest = picture.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, after @ ..] = rest else {
            return None;
        };
        let (&marker, after) = after.split_first()?;
        match marker {
            // A fill byte before a marker.
            0xff => {
                rest = &rest[1..];
                continue;
            }
            // Markers without a segment.
            0x01 | 0xd0..=0xd7 => {
                rest = after;
                continue;
            }
            // A frame header: all of SOF but DHT, JPG and DAC, which share the range.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let number = |at: usize| -> Option<u32> {
                    Some(u32::from(*after.get(at)?) << 8 | u32::from(*after.get(at + 1)?))
                };
                return Some((number(5)?, number(3)?));
            }
            // The picture's data or its end before any frame header.
            0xd8..=0xda | 0x00 => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]));
        // The length counts itself.
        rest = after.get(length.max(2)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let frame = [0xff, 0xc0, 0, 17, 8, 0x01, 0x20, 0x02, 0x80, 3];
        let app = [0xff, 0xe0, 0, 4, 1, 2];
        let with = |parts: &[&[u8]]| [&[0xff, 0xd8][..], &parts.concat()].concat();
        assert_eq!(size(&with(&[&app, &frame])), Some((640, 288)));
        assert_eq!(size(&with(&[&app, &[0xff], &frame])), Some((640, 288)));
        assert_eq!(size(&with(&[&app, &frame[..7]])), None, "cut");
        assert_eq!(
            size(&with(&[&[0xff, 0xda, 0, 2], &frame])),
            None,
            "no header before data"
        );
        assert_eq!(size(&frame), None, "no start");
        assert_eq!(size(&[]), None);
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(
            proptest::prop_oneof![proptest::prelude::Just(0xff_u8), proptest::prelude::any::<u8>()],
            0..200,
        )) {
            size(&[&[0xff, 0xd8], &bytes[..]].concat());
            size(&bytes);
        }
    }
}
