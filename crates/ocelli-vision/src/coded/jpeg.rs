//! The frame header of JPEG (B.2.2 of ITU-T T.81).

/// Width and height of the frame header that stands before the scan.
pub(super) fn size(data: &[u8]) -> Option<(u32, u32)> {
    let mut rest = data.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let at = rest.iter().position(|&byte| byte == 0xff)?;
        rest = &rest[at..];
        let marker = *rest.iter().find(|&&byte| byte != 0xff)?;
        let body = &rest[rest.iter().take_while(|&&byte| byte == 0xff).count() + 1..];
        match marker {
            0xda | 0xd9 => return None,
            // Markers without a length.
            0x00 | 0x01 | 0xd0..=0xd8 => rest = body,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let side = |at: usize| {
                    Some(u32::from(*body.get(at)?) << 8 | u32::from(*body.get(at + 1)?))
                };
                return Some((side(5)?, side(3)?));
            }
            _ => {
                let length = usize::from(*body.first()?) << 8 | usize::from(*body.get(1)?);
                rest = body.get(length.max(2)..)?;
            }
        }
    }
}
