//! The sequence parameter set of H.264 (7.3.2.1.1 and E.1.1 of ITU-T H.264).

use super::bits::Bits;

/// What a sequence parameter set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sps {
    /// Width in pixels of whole macroblocks, before cropping.
    pub(super) width: u32,
    /// Height in pixels of whole macroblocks, before cropping.
    pub(super) height: u32,
    /// Whether samples use all of 0..255.
    pub(super) full_range: bool,
}

/// Profiles whose parameter sets tell the format of colours.
const PROFILES_WITH_FORMAT: [u32; 13] =
    [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Reads a sequence parameter set, from behind the unit's first byte.
pub(super) fn sps(bits: &mut Bits) -> Option<Sps> {
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.unsigned()?;
    if PROFILES_WITH_FORMAT.contains(&profile) {
        skip_format(bits)?;
    }
    bits.unsigned()?;
    skip_order_count(bits)?;
    bits.unsigned()?;
    bits.take(1)?;
    let width = bits.unsigned()?.saturating_add(1);
    let height = bits.unsigned()?.saturating_add(1);
    let whole_frames = bits.take(1)?;
    Some(Sps {
        width: width.saturating_mul(16),
        height: height.saturating_mul(16).saturating_mul(2 - whole_frames),
        full_range: full_range(bits, whole_frames == 1).unwrap_or(false),
    })
}

/// Format and depth of colours, and the tables of quantisation.
fn skip_format(bits: &mut Bits) -> Option<()> {
    let chroma_format = bits.unsigned()?;
    if chroma_format == 3 {
        bits.take(1)?;
    }
    bits.unsigned()?;
    bits.unsigned()?;
    bits.take(1)?;
    if bits.take(1)? == 1 {
        for list in 0..if chroma_format == 3 { 12 } else { 8 } {
            if bits.take(1)? == 1 {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(())
}

/// How the order of pictures is told.
fn skip_order_count(bits: &mut Bits) -> Option<()> {
    match bits.unsigned()? {
        0 => {
            bits.unsigned()?;
        }
        1 => {
            bits.take(1)?;
            bits.unsigned()?;
            bits.unsigned()?;
            for _ in 0..bits.unsigned()?.min(255) {
                bits.unsigned()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// The range of samples, as the usability information says it; from behind the size.
fn full_range(bits: &mut Bits, whole_frames: bool) -> Option<bool> {
    bits.take(if whole_frames { 1 } else { 2 })?;
    if bits.take(1)? == 1 {
        for _ in 0..4 {
            bits.unsigned()?;
        }
    }
    if bits.take(1)? == 0 {
        return Some(false);
    }
    // The shape of pixels: 255 stands for one that is written out.
    if bits.take(1)? == 1 && bits.take(8)? == 255 {
        bits.take(32)?;
    }
    if bits.take(1)? == 1 {
        bits.take(1)?;
    }
    if bits.take(1)? == 0 {
        return Some(false);
    }
    bits.take(3)?;
    Some(bits.take(1)? == 1)
}

fn skip_scaling_list(bits: &mut Bits, entries: u32) -> Option<()> {
    let (mut last, mut next) = (8i64, 8i64);
    for _ in 0..entries {
        if next != 0 {
            next = (last + bits.signed()? + 256) & 255;
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}
