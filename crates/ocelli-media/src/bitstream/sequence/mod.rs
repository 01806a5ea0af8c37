//! Sequence parameter sets: size, order and rate of the pictures (ITU-T H.264 7.3.2.1 and E.1;
//! H.265 7.3.2.2).

mod h264;
mod h265;

use ocelli_core::{Codec, CodecParameters, StageError};

pub(super) use self::h265::id as h265_id;
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
        Codec::H264 => h264::read(unit),
        Codec::H265 => h265::read(unit),
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

/// Luma samples that one unit of cropping stands for (H.264 7-19 to 7-22; H.265 table 6-1).
fn crop_unit(chroma_format: u32, separate_planes: bool) -> (u64, u64) {
    match (chroma_format, separate_planes) {
        (1, _) => (2, 2),
        (2, _) => (2, 1),
        _ => (1, 1),
    }
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
