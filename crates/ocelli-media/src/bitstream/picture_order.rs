//! Where pictures stand in the order of showing (ITU-T H.264 8.2.1.1; H.265 8.3.1).

use super::{bits::Bits, parameter_sets::ParameterSets, sequence::Order};

/// Follows the picture order count of one stream.
#[derive(Debug, Default)]
pub struct PictureOrder {
    /// Count of the last picture that others count from.
    last: i64,
}

/// Where a picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Larger is later.
    pub count: i64,
    /// All pictures before it, in decoding order, are shown before it.
    pub begins: bool,
}

impl PictureOrder {
    /// Reads a picture's place from its first slice (without start code); `None` where the stream
    /// does not say, or says it in a way that is not read.
    pub fn next(&mut self, sets: &ParameterSets, slice: &[u8]) -> Option<Place> {
        match sets.sequence()?.order {
            Order::Unread => None,
            Order::H264 {
                frame_num_bits,
                count_bits,
                separate_planes,
                fields,
            } => {
                let head = *slice.first()?;
                let begins = head & 0x1f == 5;
                let bits = &mut Bits::of_unit(slice, 1);
                bits.ue()?; // first_mb_in_slice
                bits.ue()?; // slice_type
                bits.ue()?; // pic_parameter_set_id
                bits.skip(if separate_planes { 2 } else { 0 } + frame_num_bits)?;
                if fields && bits.bit()? {
                    bits.skip(1)?; // bottom_field_flag
                }
                if begins {
                    bits.ue()?; // idr_pic_id
                }
                let is_reference = head & 0x60 != 0;
                self.place(bits.number(count_bits)?, count_bits, begins, is_reference)
            }
            Order::H265 {
                count_bits,
                separate_planes,
            } => {
                let kind = slice.first()? >> 1 & 0x3f;
                let temporal_id_plus1 = slice.get(1)? & 7;
                let bits = &mut Bits::of_unit(slice, 2);
                bits.skip(1)?; // first_slice_segment_in_pic_flag
                if (16..=23).contains(&kind) {
                    bits.skip(1)?; // no_output_of_prior_pics_flag
                }
                let (has_output_flag, extra_bits) = h265_extras(sets.picture_set(bits.ue()?)?)?;
                bits.skip(extra_bits)?;
                bits.ue()?; // slice_type
                bits.skip(u32::from(has_output_flag) + if separate_planes { 2 } else { 0 })?;
                // IDR pictures are at 0.
                let lsb = if matches!(kind, 19 | 20) {
                    0
                } else {
                    bits.number(count_bits)?
                };
                // IDR and BLA; those that may be left out are not counted from (RADL, RASL, and
                // others' non-references).
                let begins = (16..=20).contains(&kind);
                let is_counted_from = temporal_id_plus1 == 1
                    && !(6..=9).contains(&kind)
                    && !(kind < 16 && kind % 2 == 0);
                self.place(lsb, count_bits, begins, is_counted_from)
            }
        }
    }

    fn place(
        &mut self,
        lsb: u32,
        count_bits: u32,
        begins: bool,
        is_counted_from: bool,
    ) -> Option<Place> {
        let range = 1_i64 << count_bits;
        let lsb = i64::from(lsb);
        let count = if begins {
            lsb
        } else {
            // The count with these low bits that is nearest to the last.
            let step = (lsb - self.last).rem_euclid(range);
            self.last
                .checked_add(if step < range / 2 { step } else { step - range })?
        };
        if is_counted_from || begins {
            self.last = count;
        }
        Some(Place { count, begins })
    }
}

/// Whether slices of an H.265 picture parameter set have an output flag, and how many bits more
/// (7.3.2.3.1).
fn h265_extras(unit: &[u8]) -> Option<(bool, u32)> {
    let bits = &mut Bits::of_unit(unit, 2);
    bits.ue()?; // pps_pic_parameter_set_id
    bits.ue()?; // pps_seq_parameter_set_id
    bits.skip(1)?; // dependent_slice_segments_enabled_flag
    Some((bits.bit()?, bits.number(3)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_where_their_low_bits_wrap() {
        let mut order = PictureOrder::default();
        let mut count = |lsb, begins| order.place(lsb, 4, begins, true).unwrap().count;
        assert_eq!(count(0, true), 0);
        assert_eq!(count(6, false), 6);
        assert_eq!(count(2, false), 2);
        assert_eq!(count(9, false), 9);
        assert_eq!(count(15, false), 15);
        assert_eq!(count(4, false), 20);
        assert_eq!(count(14, false), 14, "a B picture before it");
        assert_eq!(count(0, true), 0);
    }
}
