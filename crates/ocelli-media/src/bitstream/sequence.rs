//! Sequence parameter sets: size, order and rate of the pictures (ITU-T H.264 7.3.2.1 and E.1;
//! H.265 7.3.2.2).

use ocelli_core::{Codec, CodecParameters, StageError};

use super::bits::Bits;

/// What a sequence parameter set says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sequence {
    /// Width in pixels, cropped.
    pub width: u32,
    /// Height in pixels, cropped.
    pub height: u32,
    /// The most pictures that are decoded before one and shown after it; 0 means that all are shown
    /// in the order in which they are decoded. `None`: it does not say.
    pub reorder: Option<u32>,
    /// Pictures a second, if it says so.
    pub rate: Option<f64>,
    /// How slices say where their pictures stand in the order of showing.
    pub order: Order,
}

/// What is needed to read the order of showing from slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Pictures are shown in the order in which they are decoded, or it cannot be read.
    Unread,
    /// H.264, picture order count type 0 (8.2.1.1).
    H264 {
        /// Bits of `frame_num`.
        frame_num_bits: u32,
        /// Bits of `pic_order_cnt_lsb`.
        count_bits: u32,
        /// A slice says which plane it belongs to.
        separate_planes: bool,
        /// Pictures may be fields.
        fields: bool,
    },
    /// H.265 (8.3.1).
    H265 {
        /// Bits of `slice_pic_order_cnt_lsb`.
        count_bits: u32,
        /// A slice says which plane it belongs to.
        separate_planes: bool,
    },
}

impl Sequence {
    /// Whether pictures may be shown in another order than they are decoded.
    pub fn is_reordered(&self) -> bool {
        self.reorder != Some(0)
    }
}

/// Reads a sequence parameter set, without start code.
///
/// # Errors
/// [`StageError::Rejected`] where it cannot be read, or the size is out of bounds.
pub fn read(codec: Codec, unit: &[u8]) -> Result<Sequence, StageError> {
    let sequence = match codec {
        Codec::H264 => h264(unit),
        Codec::H265 => h265(unit),
        Codec::Mjpeg => None,
    }
    .ok_or_else(|| {
        StageError::Rejected(format!(
            "the {} sequence parameter set cannot be read",
            codec.as_str()
        ))
    })?;
    check_size(sequence.width, sequence.height)?;
    Ok(sequence)
}

/// Refuses pictures of a size that is not decoded.
///
/// # Errors
/// [`StageError::Rejected`].
pub fn check_size(width: u32, height: u32) -> Result<(), StageError> {
    if CodecParameters::size_is_sane(width, height) {
        Ok(())
    } else {
        Err(StageError::Rejected(format!(
            "pictures of {width}x{height} pixels are out of bounds"
        )))
    }
}

fn sane_rate(rate: f64) -> Option<f64> {
    (0.05..=240.0).contains(&rate).then_some(rate)
}

/// Profiles whose sets say more about colour (7.3.2.1.1).
const H264_CHROMA_PROFILES: [u32; 13] =
    [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];

fn h264(unit: &[u8]) -> Option<Sequence> {
    let bits = &mut Bits::of_unit(unit, 1);
    let profile = bits.number(8)?;
    bits.skip(16)?;
    let _id = bits.ue()?;
    let (mut chroma_format, mut separate_planes) = (1, false);
    if H264_CHROMA_PROFILES.contains(&profile) {
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
    let (rate, restriction) = h264_usability(bits).unwrap_or_default();
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

/// Luma samples that one unit of cropping stands for (H.264 7-19 to 7-22; H.265 table 6-1).
fn crop_unit(chroma_format: u32, separate_planes: bool) -> (u64, u64) {
    match (chroma_format, separate_planes) {
        (1, _) => (2, 2),
        (2, _) => (2, 1),
        _ => (1, 1),
    }
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
fn h264_usability(bits: &mut Bits<'_>) -> Option<(Option<f64>, Option<u32>)> {
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
    Some((rate, h264_reorder_limit(bits)))
}

fn h264_reorder_limit(bits: &mut Bits<'_>) -> Option<u32> {
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

fn skip_signal_type(bits: &mut Bits<'_>) -> Option<()> {
    if bits.bit()? {
        bits.skip(4)?; // video_format, video_full_range_flag
        if bits.bit()? {
            bits.skip(24)?; // colour description
        }
    }
    Some(())
}

/// The identifier of an H.265 sequence parameter set; leaves the bits behind it.
pub(super) fn h265_id(bits: &mut Bits<'_>) -> Option<u32> {
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

fn h265(unit: &[u8]) -> Option<Sequence> {
    let bits = &mut Bits::of_unit(unit, 2);
    let sub_layers_minus1 = bits.clone().number(7)? & 7;
    let _id = h265_id(bits)?;
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
        rate: h265_rate(bits, count_bits),
        order: Order::H265 {
            count_bits,
            separate_planes,
        },
    })
}

/// Reads on to the rate in the usability information (7.3.2.2.1, E.2.1).
fn h265_rate(bits: &mut Bits<'_>, count_bits: u32) -> Option<f64> {
    for _ in 0..6 {
        bits.ue()?; // sizes of blocks, depths of hierarchies
    }
    if bits.bit()? && bits.bit()? {
        skip_h265_scaling_lists(bits)?;
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
fn skip_h265_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
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

#[cfg(test)]
mod tests {
    use h264_reader::{
        nal::sps::SeqParameterSet,
        rbsp::{BitReader, decode_nal},
    };

    use super::*;

    /// High, level 3, 640x360 by cropping, two pictures of reordering, 25/s: written by x264.
    const X264: &[u8] = &[
        0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03,
        0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d, 0x96,
    ];

    #[test]
    fn a_set_of_x264() {
        let sequence = read(Codec::H264, X264).unwrap();
        assert_eq!((sequence.width, sequence.height), (640, 360));
        assert_eq!((sequence.reorder, sequence.rate), (Some(2), Some(25.0)));
        assert!(sequence.is_reordered());
        for cut in 0..10 {
            let error = read(Codec::H264, &X264[..cut]).unwrap_err();
            assert!(matches!(error, StageError::Rejected(_)), "{error}");
        }
    }

    #[test]
    fn what_only_helps_may_be_cut() {
        let sequence = read(Codec::H264, &X264[..X264.len() - 6]).unwrap();
        assert_eq!((sequence.width, sequence.height), (640, 360));
    }

    #[test]
    fn absurd_sizes_are_rejected() {
        for (width, height, is_sane) in [
            (16, 16, true),
            (8192, 4096, true),
            (8192, 8192, false),
            (65_536, 16, false),
            (8, 8, false),
            (0, 0, false),
            (u32::MAX, u32::MAX, false),
        ] {
            assert_eq!(
                check_size(width, height).is_ok(),
                is_sane,
                "{width}x{height}"
            );
        }
    }

    proptest::proptest! {
        /// Another reader, of the crate `h264-reader`, is the oracle for what it takes: it is
        /// stricter.
        #[test]
        fn the_same_as_another_reader(
            changes in proptest::collection::vec((1..26_usize, proptest::prelude::any::<u8>()), 0..4),
        ) {
            let mut unit = X264.to_vec();
            for (at, value) in changes {
                unit[at] = value;
            }
            let ours = read(Codec::H264, &unit);
            let theirs = decode_nal(&unit)
                .ok()
                .and_then(|payload| SeqParameterSet::from_bits(BitReader::new(&payload[..])).ok());
            if let Some(theirs) = theirs
                && let Ok((width, height)) = theirs.pixel_dimensions()
                && CodecParameters::size_is_sane(width, height)
            {
                let ours = ours.unwrap();
                proptest::prop_assert_eq!((ours.width, ours.height), (width, height));
                proptest::prop_assert_eq!(ours.rate, theirs.fps().and_then(sane_rate));
            }
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            for (codec, head) in [(Codec::H264, &[0x67, 100][..]), (Codec::H264, &[0x67]), (Codec::H265, &[0x42, 1])] {
                if let Ok(sequence) = read(codec, &[head, &bytes].concat()) {
                    proptest::prop_assert!(CodecParameters::size_is_sane(sequence.width, sequence.height));
                }
            }
        }
    }
}
