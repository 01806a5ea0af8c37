//! ITU-T H.265 7.3.2.2 and E.2.1.

use super::{Order, Sequence, crop_unit, sane_rate, skip_signal_type};
use crate::bitstream::bits::Bits;

/// The identifier of an H.265 sequence parameter set; leaves the bits behind it.
pub(in crate::bitstream) fn id(bits: &mut Bits<'_>) -> Option<u32> {
    bits.skip(4)?; // sps_video_parameter_set_id
    let sub_layers_minus1 = bits.number(3)?;
    bits.skip(1)?; // sps_temporal_id_nesting_flag
    // Profile, tier and level (7.3.3): 88 bits of profile, 8 of level.
    bits.skip(96)?;
    let mut present = Vec::new();
    for _ in 0..sub_layers_minus1 {
        present.push((bits.bit()?, bits.bit()?));
    }
    if sub_layers_minus1 > 0 {
        bits.skip(2 * (8 - sub_layers_minus1))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    bits.ue()
}

pub(super) fn read(unit: &[u8]) -> Option<Sequence> {
    let bits = &mut Bits::of_unit(unit, 2);
    let sub_layers_minus1 = bits.clone().number(7)? & 7;
    let _id = id(bits)?;
    let chroma_format = bits.ue()?;
    let separate_planes = chroma_format == 3 && bits.bit()?;
    let (mut width, mut height) = (u64::from(bits.ue()?), u64::from(bits.ue()?));
    if bits.bit()? {
        let (unit_x, unit_y) = crop_unit(chroma_format, separate_planes);
        width = width.checked_sub((u64::from(bits.ue()?) + u64::from(bits.ue()?)) * unit_x)?;
        height = height.checked_sub((u64::from(bits.ue()?) + u64::from(bits.ue()?)) * unit_y)?;
    }
    bits.ue()?; // bit_depth_luma_minus8
    bits.ue()?; // bit_depth_chroma_minus8
    let count_bits = bits.ue()?.checked_add(4)?;
    if count_bits > 16 {
        return None;
    }
    // The last sub-layer's limits are those of the whole stream.
    let says_each = bits.bit()?;
    let mut reorder = 0;
    for _ in 0..=if says_each { sub_layers_minus1 } else { 0 } {
        bits.ue()?; // sps_max_dec_pic_buffering_minus1
        reorder = bits.ue()?;
        bits.ue()?; // sps_max_latency_increase_plus1
    }
    Some(Sequence {
        width: u32::try_from(width).ok()?,
        height: u32::try_from(height).ok()?,
        reorder: Some(reorder.min(16)),
        rate: rate(bits, count_bits),
        order: Order::H265 {
            count_bits,
            separate_planes,
        },
    })
}

/// Reads on to the rate in the usability information (7.3.2.2.1, E.2.1).
fn rate(bits: &mut Bits<'_>, count_bits: u32) -> Option<f64> {
    for _ in 0..6 {
        bits.ue()?; // sizes of blocks, depths of hierarchies
    }
    if bits.bit()? && bits.bit()? {
        skip_scaling_lists(bits)?;
    }
    bits.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.bit()? {
        bits.skip(8)?; // bit depths of PCM
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?; // pcm_loop_filter_disabled_flag
    }
    skip_reference_sets(bits)?;
    if bits.bit()? {
        let long_term = bits.ue()?;
        if long_term > 33 {
            return None;
        }
        // lt_ref_pic_poc_lsb_sps and used_by_curr_pic_lt_sps_flag.
        bits.skip(long_term * (count_bits + 1))?;
    }
    bits.skip(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    if !bits.bit()? {
        return None;
    }
    if bits.bit()? && bits.number(8)? == 255 {
        bits.skip(32)?; // sar_width, sar_height
    }
    if bits.bit()? {
        bits.skip(1)?; // overscan_appropriate_flag
    }
    skip_signal_type(bits)?;
    if bits.bit()? {
        bits.ue()?;
        bits.ue()?; // places of chroma samples
    }
    bits.skip(3)?; // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
    if bits.bit()? {
        for _ in 0..4 {
            bits.ue()?; // default display window
        }
    }
    if !bits.bit()? {
        return None;
    }
    let (units_in_tick, ticks_per_sec) = (bits.number(32)?, bits.number(32)?);
    sane_rate(f64::from(ticks_per_sec) / f64::from(units_in_tick))
}

/// 7.3.4.
fn skip_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4_u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if bits.bit()? {
                if size > 1 {
                    bits.se()?; // scaling_list_dc_coef_minus8
                }
                for _ in 0..64.min(1 << (4 + 2 * size)) {
                    bits.se()?;
                }
            } else {
                bits.ue()?; // scaling_list_pred_matrix_id_delta
            }
        }
    }
    Some(())
}

/// 7.3.7.
fn skip_reference_sets(bits: &mut Bits<'_>) -> Option<()> {
    let sets = bits.ue()?;
    if sets > 64 {
        return None;
    }
    let mut pictures = 0_u32;
    for set in 0..sets {
        if set > 0 && bits.bit()? {
            // Predicted from the set before.
            bits.skip(1)?; // delta_rps_sign
            bits.ue()?; // abs_delta_rps_minus1
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = bits.bit()?;
                let is_kept = used || bits.bit()?;
                kept += u32::from(is_kept);
            }
            pictures = kept;
        } else {
            let (negative, positive) = (bits.ue()?, bits.ue()?);
            if negative > 16 || positive > 16 {
                return None;
            }
            pictures = negative + positive;
            for _ in 0..pictures {
                bits.ue()?;
                bits.skip(1)?;
            }
        }
    }
    Some(())
}
