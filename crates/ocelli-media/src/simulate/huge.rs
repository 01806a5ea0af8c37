//! Sequence parameter sets of any size: what a hostile camera claims.

use ocelli_core::Codec;

/// The side of the pictures that [`super::Fault::HugePicture`] claims, in pixels.
pub(super) const SIDE: u32 = 65_536;

/// A sequence parameter set for pictures of `width` by `height`, multiples of 16.
pub(super) fn sequence_parameter_set(codec: Codec, width: u32, height: u32) -> Vec<u8> {
    let (header, bits) = match codec {
        Codec::H265 => (vec![0x42, 0x01], h265(width, height)),
        Codec::H264 | Codec::Mjpeg => (vec![0x67], h264(width, height)),
    };
    let mut unit = header;
    let mut zeros = 0;
    for byte in bits.finish() {
        // Emulation prevention: no start code within a unit.
        if zeros == 2 && byte <= 3 {
            unit.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        unit.push(byte);
    }
    unit
}

/// ITU-T H.264, section 7.3.2.1.1: constrained baseline, level 6.2.
fn h264(width: u32, height: u32) -> Bits {
    let mut bits = Bits::default();
    for byte in [66, 0xc0, 62] {
        bits.fixed(8, byte);
    }
    bits.golomb(0); // seq_parameter_set_id
    bits.golomb(0); // log2_max_frame_num_minus4
    bits.golomb(2); // pic_order_cnt_type
    bits.golomb(1); // max_num_ref_frames
    bits.fixed(1, 0); // gaps_in_frame_num_value_allowed_flag
    bits.golomb(width / 16 - 1);
    bits.golomb(height / 16 - 1);
    bits.fixed(1, 1); // frame_mbs_only_flag
    bits.fixed(1, 1); // direct_8x8_inference_flag
    bits.fixed(1, 0); // frame_cropping_flag
    bits.fixed(1, 0); // vui_parameters_present_flag
    bits
}

/// ITU-T H.265, section 7.3.2.2.1: main profile, level 6.2.
fn h265(width: u32, height: u32) -> Bits {
    let mut bits = Bits::default();
    bits.fixed(4, 0); // sps_video_parameter_set_id
    bits.fixed(3, 0); // sps_max_sub_layers_minus1
    bits.fixed(1, 1); // sps_temporal_id_nesting_flag
    bits.fixed(8, 1); // profile space and tier 0, profile main
    bits.fixed(32, 0x6000_0000); // compatible with main and main 10
    bits.fixed(4, 0b1001); // progressive, frames only
    bits.fixed(32, 0);
    bits.fixed(12, 0); // 44 reserved bits in all
    bits.fixed(8, 186); // general_level_idc
    bits.golomb(0); // sps_seq_parameter_set_id
    bits.golomb(1); // chroma_format_idc
    bits.golomb(width);
    bits.golomb(height);
    bits.fixed(1, 0); // conformance_window_flag
    bits.golomb(0); // bit_depth_luma_minus8
    bits.golomb(0); // bit_depth_chroma_minus8
    bits.golomb(4); // log2_max_pic_order_cnt_lsb_minus4
    bits.fixed(1, 1); // sps_sub_layer_ordering_info_present_flag
    for _ in 0..3 {
        bits.golomb(0); // picture buffer, reordering, latency
    }
    bits.golomb(0); // log2_min_luma_coding_block_size_minus3
    bits.golomb(3);
    bits.golomb(0); // log2_min_luma_transform_block_size_minus2
    bits.golomb(3);
    bits.golomb(0);
    bits.golomb(0); // transform hierarchy depths
    bits.fixed(4, 0); // scaling lists, amp, sample adaptive offset, pcm
    bits.golomb(0); // num_short_term_ref_pic_sets
    bits.fixed(3, 0); // long-term pictures, temporal mvp, strong intra smoothing
    bits.fixed(2, 0); // vui, extension
    bits
}

/// Bits, the first in the highest place.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits used of the last byte; 0 if it is full.
    used: u32,
}

impl Bits {
    fn bit(&mut self, bit: bool) {
        if self.used == 0 {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (7 - self.used);
        }
        self.used = (self.used + 1) % 8;
    }

    fn fixed(&mut self, count: u32, value: u32) {
        for place in (0..count).rev() {
            self.bit(value >> place & 1 == 1);
        }
    }

    /// ue(v): exponential Golomb (section 9.1 of H.264, 9.2 of H.265).
    fn golomb(&mut self, value: u32) {
        let coded = u64::from(value) + 1;
        let length = coded.ilog2();
        for _ in 0..length {
            self.bit(false);
        }
        for place in (0..=length).rev() {
            self.bit(coded >> place & 1 == 1);
        }
    }

    /// With the stop bit.
    fn finish(mut self) -> Vec<u8> {
        self.bit(true);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use h264_reader::{
        nal::sps::{SeqParameterSet, SpsError},
        rbsp::{BitReader, decode_nal},
    };

    use super::*;

    fn h264_set(width: u32, height: u32) -> Result<SeqParameterSet, SpsError> {
        let unit = sequence_parameter_set(Codec::H264, width, height);
        let rbsp = decode_nal(&unit).unwrap();
        SeqParameterSet::from_bits(BitReader::new(&rbsp[..]))
    }

    #[test]
    fn an_independent_parser_reads_the_size_of_h264() {
        for size in [(640, 352), (16, 16), (1920, 1088)] {
            let set = h264_set(size.0, size.1).unwrap();
            let read = (
                (set.pic_width_in_mbs_minus1 + 1) * 16,
                (set.pic_height_in_map_units_minus1 + 1) * 16,
            );
            assert_eq!(read, size);
        }
        // The parser has a limit of its own, and names what is beyond it.
        let macroblocks = (SIDE / 16) * (SIDE / 16);
        assert!(matches!(
            h264_set(SIDE, SIDE),
            Err(SpsError::FieldValueTooLarge { value, .. }) if value == macroblocks
        ));
    }

    #[test]
    fn an_independent_parser_reads_the_size_of_h265() {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        use retina::codec::{Depacketizer, ParametersRef};

        // Of an encoder, for the same picture size; the parser asks for all three.
        let (vps, pps) = ("QAEMAf//AWAAAAMAkAAAAwAAAwAelZgJ", "RAHBcrRiQA==");
        let size_of = |width, height| {
            let set = sequence_parameter_set(Codec::H265, width, height);
            let parameters = format!(
                "sprop-vps={vps};sprop-sps={};sprop-pps={pps}",
                STANDARD.encode(set)
            );
            let depacketizer =
                Depacketizer::new("video", "h265", 90_000, None, Some(&parameters)).ok()?;
            match depacketizer.parameters()? {
                ParametersRef::Video(video) => Some(video.pixel_dimensions()),
                _ => None,
            }
        };
        assert_eq!(size_of(640, 352), Some((640, 352)));
        assert_eq!(size_of(1920, 1088), Some((1920, 1088)));
    }
}
