//! The sequence parameter set of H.265 (7.3.2.2 and 7.3.3 of ITU-T H.265).

use super::bits::Bits;

/// Width and height in pixels, before cropping; read from behind the unit's two first bytes.
pub(super) fn size(bits: &mut Bits) -> Option<(u32, u32)> {
    bits.take(4)?;
    let sub_layers = bits.take(3)?;
    bits.take(1)?;
    bits.skip(88 + 8)?;
    let mut present = Vec::new();
    for _ in 0..sub_layers {
        present.push((bits.take(1)?, bits.take(1)?));
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(88 * profile as usize + 8 * level as usize)?;
    }
    bits.unsigned()?;
    if bits.unsigned()? == 3 {
        bits.take(1)?;
    }
    Some((bits.unsigned()?, bits.unsigned()?))
}
