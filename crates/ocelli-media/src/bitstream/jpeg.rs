//! The header of a JPEG picture (ITU-T T.81, annex B).

/// The segments of a picture up to its coded data: marker, body, and what follows it; `None` in the
/// end where the bytes are cut or are no picture.
pub(crate) fn segments(picture: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8], &[u8])>> {
    let mut rest = picture.strip_prefix(&[0xff, 0xd8]);
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let segment = rest.and_then(next_segment);
        rest = segment.map(|(_, _, after)| after);
        // The picture's data, or its end before them.
        is_over = segment.is_none_or(|(marker, ..)| matches!(marker, 0xd8..=0xda));
        Some(segment)
    })
}

fn next_segment(mut rest: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    loop {
        let [0xff, after @ ..] = rest else {
            return None;
        };
        let (&marker, after) = after.split_first()?;
        match marker {
            // A fill byte before a marker.
            0xff => rest = &rest[1..],
            // Markers without a segment.
            0x01 | 0xd0..=0xd7 => rest = after,
            0x00 => return None,
            0xd8 | 0xd9 => return Some((marker, &[], after)),
            _ => {
                let length = usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]));
                // The length counts itself.
                let (segment, after) = after.split_at_checked(length.max(2))?;
                return Some((marker, &segment[2..], after));
            }
        }
    }
}

/// Width and height in pixels, read without decoding anything; `None` where the bytes are no JPEG
/// picture with a size.
pub fn size(picture: &[u8]) -> Option<(u32, u32)> {
    for segment in segments(picture) {
        let (marker, body, _) = segment?;
        // A frame header: all of SOF but DHT, JPG and DAC, which share the range.
        if matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) {
            let number = |at: usize| -> Option<u32> {
                Some(u32::from(*body.get(at)?) << 8 | u32::from(*body.get(at + 1)?))
            };
            return Some((number(3)?, number(1)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let frame = [0xff, 0xc0, 0, 8, 8, 0x01, 0x20, 0x02, 0x80, 3];
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
