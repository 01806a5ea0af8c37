//! What the parameter sets say of how slices are coded (ITU-T H.264 7.3.2.1, 7.3.2.2).

use ocelli_core::CodecParameters;

use super::{
    error::{Damage, Unsupported},
    reader::Reader,
};

/// Profiles whose sets say more about colour (7.3.2.1.1).
const CHROMA_PROFILES: [u32; 13] = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];

/// How slices say where their pictures stand in the order of showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrderCount {
    /// By a number of so many bits.
    Lsb(u32),
    /// By differences, unless these are always 0.
    Differences { always_zero: bool },
    /// Not at all.
    None,
}

/// A sequence parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) id: u8,
    pub(super) frame_num_bits: u32,
    pub(super) order: OrderCount,
    /// In macroblocks.
    pub(super) width: usize,
    /// In macroblocks, of a whole frame.
    pub(super) height: usize,
    /// Slices say whether they belong to a field.
    pub(super) fields: bool,
    pub(super) has_chroma: bool,
    /// Why its pictures are not parsed.
    pub(super) refused: Option<Unsupported>,
}

impl Sequence {
    /// Reads a set, from its payload.
    pub(super) fn read(bits: &mut Reader<'_>) -> Result<Self, Damage> {
        let profile = bits.number(8);
        bits.skip(16);
        let id = bits.ue_to(31)? as u8;
        let mut refused = None;
        let mut chroma_format = 1;
        if CHROMA_PROFILES.contains(&profile) {
            chroma_format = bits.ue_to(3)?;
            if chroma_format > 1 {
                refused = Some(Unsupported::ChromaFormat);
            }
            if chroma_format == 3 {
                bits.skip(1); // separate_colour_plane_flag
            }
            let (luma, chroma) = (bits.ue_to(6)?, bits.ue_to(6)?);
            if luma > 0 || chroma > 0 {
                refused = Some(Unsupported::BitDepth);
            }
            bits.skip(1); // qpprime_y_zero_transform_bypass_flag
            if bits.bit() {
                for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                    if bits.bit() {
                        skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        let frame_num_bits = bits.ue_to(12)? + 4;
        let order = read_order(bits)?;
        bits.ue()?; // max_num_ref_frames
        bits.skip(1); // gaps_in_frame_num_value_allowed_flag
        let width = bits.ue_to(CodecParameters::SIDE_MAX / 16 - 1)? + 1;
        let units = bits.ue_to(CodecParameters::SIDE_MAX / 16 - 1)? + 1;
        let fields = !bits.bit();
        let height = units << u32::from(fields);
        if fields && bits.bit() {
            refused = Some(Unsupported::Interlaced); // mb_adaptive_frame_field_flag
        }
        if !CodecParameters::size_is_sane(width * 16, height * 16) {
            refused = Some(Unsupported::Size);
        }
        bits.check()?;
        Ok(Self {
            id,
            frame_num_bits,
            order,
            width: width as usize,
            height: height as usize,
            fields,
            has_chroma: chroma_format > 0,
            refused,
        })
    }
}

fn read_order(bits: &mut Reader<'_>) -> Result<OrderCount, Damage> {
    match bits.ue_to(2)? {
        0 => Ok(OrderCount::Lsb(bits.ue_to(12)? + 4)),
        1 => {
            let always_zero = bits.bit();
            bits.se()?; // offset_for_non_ref_pic
            bits.se()?; // offset_for_top_to_bottom_field
            for _ in 0..bits.ue_to(255)? {
                bits.se()?;
            }
            Ok(OrderCount::Differences { always_zero })
        }
        _ => Ok(OrderCount::None),
    }
}

/// 7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut Reader<'_>, size: usize) -> Result<(), Damage> {
    let mut last = 8;
    for _ in 0..size {
        let next = (last + bits.se()?) & 0xff;
        if next == 0 {
            break;
        }
        last = next;
    }
    Ok(())
}

/// A picture parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are flags of the standard, read once"
)]
pub(super) struct Picture {
    pub(super) id: u8,
    pub(super) sequence: u8,
    /// Arithmetic coding instead of variable-length codes.
    pub(super) is_arithmetic: bool,
    pub(super) says_bottom_order: bool,
    pub(super) slice_groups: bool,
    /// Reference pictures of P slices that do not say how many, 1..=32.
    pub(super) references: u8,
    pub(super) is_weighted: bool,
    /// Quantiser of slices that do not change it.
    pub(super) qp: i32,
    pub(super) says_deblocking: bool,
    pub(super) says_redundancy: bool,
    pub(super) has_transform_8x8: bool,
}

impl Picture {
    /// Reads a set, from its payload.
    pub(super) fn read(bits: &mut Reader<'_>) -> Result<Self, Damage> {
        let id = bits.ue_to(255)? as u8;
        let sequence = bits.ue_to(31)? as u8;
        let is_arithmetic = bits.bit();
        let says_bottom_order = bits.bit();
        let slice_groups = bits.ue_to(7)? > 0;
        let mut picture = Self {
            id,
            sequence,
            is_arithmetic,
            says_bottom_order,
            slice_groups,
            references: 1,
            is_weighted: false,
            qp: 26,
            says_deblocking: false,
            says_redundancy: false,
            has_transform_8x8: false,
        };
        if slice_groups {
            // Its slices are refused: the rest does not matter.
            return Ok(picture);
        }
        picture.references = bits.ue_to(31)? as u8 + 1;
        bits.ue_to(31)?; // num_ref_idx_l1_default_active_minus1
        picture.is_weighted = bits.bit();
        bits.skip(2); // weighted_bipred_idc
        picture.qp = 26 + bits.se()?;
        bits.se()?; // pic_init_qs_minus26
        bits.se()?; // chroma_qp_index_offset
        picture.says_deblocking = bits.bit();
        bits.skip(1); // constrained_intra_pred_flag
        picture.says_redundancy = bits.bit();
        bits.check()?;
        if !(0..=51).contains(&picture.qp) {
            return Err(Damage::Range);
        }
        picture.has_transform_8x8 = bits.has_more() && bits.bit();
        Ok(picture)
    }
}
