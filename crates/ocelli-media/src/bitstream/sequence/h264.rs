//! ITU-T H.264 7.3.2.1 and E.1.

use super::{Order, Sequence, crop_unit, sane_rate, skip_signal_type};
use crate::bitstream::bits::Bits;

/// Profiles whose sets say more about colour (7.3.2.1.1).
const CHROMA_PROFILES: [u32; 13] = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];

pub(super) fn read(unit: &[u8]) -> Option<Sequence> {
    let bits = &mut Bits::of_unit(unit, 1);
    let profile = bits.number(8)?;
    bits.skip(16)?;
    let _id = bits.ue()?;
    let (mut chroma_format, mut separate_planes) = (1, false);
    if CHROMA_PROFILES.contains(&profile) {
        chroma_format = bits.ue()?;
        separate_planes = chroma_format == 3 && bits.bit()?;
        bits.ue()?; // bit_depth_luma_minus8
        bits.ue()?; // bit_depth_chroma_minus8
        bits.skip(1)?; // qpprime_y_zero_transform_bypass_flag
        if bits.bit()? {
            for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                if bits.bit()? {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    let frame_num_bits = bits.ue()?.checked_add(4)?;
    let order_kind = bits.ue()?;
    let mut count_bits = 0;
    match order_kind {
        0 => count_bits = bits.ue()?.checked_add(4)?,
        1 => {
            bits.skip(1)?; // delta_pic_order_always_zero_flag
            bits.se()?; // offset_for_non_ref_pic
            bits.se()?; // offset_for_top_to_bottom_field
            let cycle = bits.ue()?;
            for _ in 0..cycle {
                bits.se()?;
            }
        }
        2 => {}
        _ => return None,
    }
    if frame_num_bits > 16 || count_bits > 16 {
        return None;
    }
    bits.ue()?; // max_num_ref_frames
    bits.skip(1)?; // gaps_in_frame_num_value_allowed_flag
    let width_mbs = u64::from(bits.ue()?) + 1;
    let height_units = u64::from(bits.ue()?) + 1;
    let fields = !bits.bit()?;
    if fields {
        bits.skip(1)?; // mb_adaptive_frame_field_flag
    }
    bits.skip(1)?; // direct_8x8_inference_flag
    let field_factor = if fields { 2 } else { 1 };
    let (mut width, mut height) = (width_mbs * 16, height_units * 16 * field_factor);
    if bits.bit()? {
        let (unit_x, unit_y) = crop_unit(chroma_format, separate_planes);
        width = width.checked_sub((u64::from(bits.ue()?) + u64::from(bits.ue()?)) * unit_x)?;
        let vertical = u64::from(bits.ue()?) + u64::from(bits.ue()?);
        height = height.checked_sub(vertical * unit_y * field_factor)?;
    }
    // What follows helps but is not needed: a set that is cut or wrong there is still of use.
    let (rate, restriction) = usability(bits).unwrap_or_default();
    // Order type 2 means that decoding order is the order of showing (8.2.1.3); Baseline (66) has no
    // B pictures.
    let reorder = if order_kind == 2 || profile == 66 {
        Some(0)
    } else {
        // More than the largest decoded picture buffer is nonsense.
        restriction.filter(|&reorder| reorder <= 16)
    };
    let order = if order_kind == 0 && reorder != Some(0) {
        Order::H264 {
            frame_num_bits,
            count_bits,
            separate_planes,
            fields,
        }
    } else {
        Order::Unread
    };
    Some(Sequence {
        width: u32::try_from(width).ok()?,
        height: u32::try_from(height).ok()?,
        reorder,
        rate,
        order,
    })
}

fn skip_scaling_list(bits: &mut Bits<'_>, entries: u32) -> Option<()> {
    let (mut last, mut next) = (8_i32, 8_i32);
    for _ in 0..entries {
        if next != 0 {
            next = last.checked_add(bits.se()?)?.rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// Reads the video usability information (E.1.1): pictures a second, and the limit of reordering.
fn usability(bits: &mut Bits<'_>) -> Option<(Option<f64>, Option<u32>)> {
    if !bits.bit()? {
        return Some((None, None));
    }
    if bits.bit()? && bits.number(8)? == 255 {
        bits.skip(32)?; // sar_width, sar_height
    }
    if bits.bit()? {
        bits.skip(1)?; // overscan_appropriate_flag
    }
    skip_signal_type(bits)?;
    if bits.bit()? {
        bits.ue()?; // chroma_sample_loc_type_top_field
        bits.ue()?; // chroma_sample_loc_type_bottom_field
    }
    let mut rate = None;
    if bits.bit()? {
        let (units_in_tick, ticks_per_sec) = (bits.number(32)?, bits.number(32)?);
        bits.skip(1)?; // fixed_frame_rate_flag
        // A tick is a field.
        rate = sane_rate(f64::from(ticks_per_sec) / f64::from(units_in_tick) / 2.0);
    }
    Some((rate, reorder_limit(bits)))
}

fn reorder_limit(bits: &mut Bits<'_>) -> Option<u32> {
    let mut has_buffer_model = false;
    for _ in 0..2 {
        if bits.bit()? {
            has_buffer_model = true;
            let schedules = bits.ue()?;
            bits.skip(8)?; // bit_rate_scale, cpb_size_scale
            for _ in 0..=schedules {
                bits.ue()?;
                bits.ue()?;
                bits.skip(1)?;
            }
            bits.skip(20)?; // four lengths
        }
    }
    if has_buffer_model {
        bits.skip(1)?; // low_delay_hrd_flag
    }
    bits.skip(1)?; // pic_struct_present_flag
    if !bits.bit()? {
        return None;
    }
    bits.skip(1)?; // motion_vectors_over_pic_boundaries_flag
    for _ in 0..4 {
        bits.ue()?; // bytes and bits of a picture, lengths of motion vectors
    }
    bits.ue()
}
