//! What coded bytes say of their pictures, read in safe Rust before any decoder allocates for it.

mod bits;
mod h264;
mod h265;
mod jpeg;

use std::borrow::Cow;

use bits::Bits;
use memchr::memmem;
use ocelli_core::{Codec, CodecParameters, StageError};

/// Refuses coded bytes that announce pictures out of bounds. Bytes that announce nothing, or that
/// cannot be read, pass: the decoder judges them, under a limit of its own.
///
/// # Errors
/// [`StageError::Rejected`] with the size.
pub(crate) fn check(codec: Codec, data: &[u8]) -> Result<(), StageError> {
    match codec {
        Codec::H264 | Codec::H265 => units(data)
            .filter_map(|unit| announced(codec, unit))
            .try_for_each(|(width, height)| bounds(width, height)),
        Codec::Mjpeg => match jpeg::size(data) {
            Some((width, height)) => bounds(width, height),
            None => Ok(()),
        },
    }
}

/// # Errors
/// [`StageError::Rejected`] for a picture of this size.
pub(crate) fn bounds(width: u32, height: u32) -> Result<(), StageError> {
    if CodecParameters::size_is_sane(width, height) {
        Ok(())
    } else {
        Err(StageError::Rejected(format!(
            "pictures of {width}x{height} pixels are out of bounds"
        )))
    }
}

/// The parameter sets of H.264 that stand in an access unit, and what the last of them says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct H264Sets {
    /// In Annex B form.
    pub(crate) bytes: Vec<u8>,
    /// Whether samples use all of 0..255.
    pub(crate) full_range: bool,
}

/// The parameter sets in `data`, or `None` where there is no sequence parameter set.
pub(crate) fn h264_sets(data: &[u8]) -> Option<H264Sets> {
    let mut sets = H264Sets::default();
    let mut found = false;
    for unit in units(data) {
        let kind = unit.first().map_or(0, |head| head & 31);
        if let Some(body) = unit.get(1..).filter(|_| kind == 7)
            && let Some(sps) = h264::sps(&mut Bits::of_unit(body))
        {
            found = true;
            sets.full_range = sps.full_range;
        }
        if matches!(kind, 7 | 8) {
            let zeros = unit.iter().rev().take_while(|&&byte| byte == 0).count();
            sets.bytes.extend([0, 0, 0, 1]);
            sets.bytes.extend(&unit[..unit.len() - zeros]);
        }
    }
    found.then_some(sets)
}

/// An access unit of H.265 without its supplemental messages. No picture needs them, and a camera
/// that writes them wrongly is no reason to lose its pictures.
pub(crate) fn h265_without_messages(data: &[u8]) -> Cow<'_, [u8]> {
    let is_message =
        |unit: &[u8]| matches!(unit.first().map(|head| (head >> 1) & 63), Some(39 | 40));
    if !units(data).any(is_message) {
        return Cow::Borrowed(data);
    }
    let mut kept = Vec::with_capacity(data.len());
    for unit in units(data).filter(|unit| !is_message(unit)) {
        kept.extend([0, 0, 1]);
        kept.extend(unit);
    }
    Cow::Owned(kept)
}

/// The units of an Annex B stream, without start codes; zeros that belong to the next start code
/// may follow them.
fn units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts = memmem::find_iter(data, &[0, 0, 1]).map(|at| at + 3);
    let mut next = starts.next();
    std::iter::from_fn(move || {
        let start = next?;
        next = starts.next();
        Some(&data[start..next.map_or(data.len(), |next| next - 3)])
    })
}

/// The size that a sequence parameter set announces.
fn announced(codec: Codec, unit: &[u8]) -> Option<(u32, u32)> {
    let head = *unit.first()?;
    match codec {
        Codec::H265 if (head >> 1) & 63 == 33 => h265::size(&mut Bits::of_unit(unit.get(2..)?)),
        Codec::H264 if head & 31 == 7 => {
            let sps = h264::sps(&mut Bits::of_unit(unit.get(1..)?))?;
            Some((sps.width, sps.height))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes bits the other way round: what [`Bits`] reads.
    #[derive(Default)]
    struct Writer(Vec<bool>);

    impl Writer {
        fn put(&mut self, count: u32, value: u64) -> &mut Self {
            self.0
                .extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
            self
        }

        fn unsigned(&mut self, value: u64) -> &mut Self {
            let bits = 64 - (value + 1).leading_zeros();
            self.put(2 * bits - 1, value + 1)
        }

        fn unit(&self, head: &[u8]) -> Vec<u8> {
            let mut unit = [&[0, 0, 0, 1], head].concat();
            for bits in self.0.chunks(8) {
                let byte = bits
                    .iter()
                    .enumerate()
                    .fold(0, |byte, (at, &bit)| byte | u8::from(bit) << (7 - at));
                if unit.ends_with(&[0, 0]) && byte <= 3 {
                    unit.push(3);
                }
                unit.push(byte);
            }
            unit
        }
    }

    fn h264_sps(width: u64, height: u64) -> Vec<u8> {
        let mut bits = Writer::default();
        bits.put(8, 100)
            .put(16, 31)
            .unsigned(0)
            .unsigned(1)
            .unsigned(0)
            .unsigned(0)
            .put(1, 0);
        // Scaling lists: one that is given in full, the others left out.
        bits.put(1, 1).put(1, 1);
        for _ in 0..16 {
            bits.unsigned(1);
        }
        bits.put(7, 0)
            .unsigned(0)
            .unsigned(0)
            .unsigned(4)
            .unsigned(1)
            .put(1, 0);
        bits.unsigned(width / 16 - 1)
            .unsigned(height / 16 - 1)
            .put(1, 1)
            .put(8, 0x80);
        bits.unit(&[0x67])
    }

    fn h265_sps(width: u64, height: u64) -> Vec<u8> {
        let mut bits = Writer::default();
        // Two sub-layers, the lower one with its profile and level.
        bits.put(4, 0)
            .put(3, 1)
            .put(1, 1)
            .put(48, 0x0160_0000_0300)
            .put(48, 93);
        bits.put(2, 3).put(14, 0).put(48, 0).put(48, 0);
        bits.unsigned(0)
            .unsigned(1)
            .unsigned(width)
            .unsigned(height)
            .put(8, 0x80);
        bits.unit(&[33 << 1, 1])
    }

    fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![
            0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xc0, 0xff, 0xff, 0xc0, 0, 17, 8,
        ];
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend([3, 0xff, 0xda]);
        bytes
    }

    fn refused(codec: Codec, data: &[u8]) -> Option<String> {
        check(codec, data).err().map(|error| error.to_string())
    }

    #[test]
    fn sizes_are_read_before_the_decoder_sees_them() {
        for (codec, sane, absurd) in [
            (Codec::H264, h264_sps(1920, 1088), h264_sps(65_536, 65_536)),
            (Codec::H265, h265_sps(1920, 1080), h265_sps(65_536, 65_536)),
            (
                Codec::Mjpeg,
                jpeg_header(1920, 1080),
                jpeg_header(65_535, 65_535),
            ),
        ] {
            assert_eq!(refused(codec, &sane), None, "{codec:?}");
            let text = refused(codec, &absurd).unwrap();
            assert!(
                text.contains("65535x65535") || text.contains("65536x65536"),
                "{codec:?}: {text}"
            );
        }
    }

    #[test]
    fn every_parameter_set_counts_wherever_it_stands() {
        let sane = h264_sps(640, 368);
        let slice = [0, 0, 1, 0x65, 0x88, 0x80];
        assert_eq!(refused(Codec::H264, &[&sane[..], &slice].concat()), None);
        let behind = [&sane[..], &slice, &h264_sps(16_384, 368)].concat();
        assert!(refused(Codec::H264, &behind).unwrap().contains("16384x368"));
    }

    #[test]
    fn parameter_sets_are_kept_with_the_range_that_they_tell() {
        let sps = h264_sps(640, 368);
        let pps = [0, 0, 0, 1, 0x68, 0xce, 0x38];
        let unit = [&[0, 0, 0, 1, 9, 16][..], &sps, &pps, &[0, 0, 1, 0x65, 0x88]].concat();
        let sets = h264_sets(&unit).unwrap();
        assert_eq!(h264_sets(&sets.bytes).as_ref(), Some(&sets));
        assert!(!sets.full_range);
        assert_eq!(h264_sets(&pps), None);
    }

    #[test]
    fn messages_of_h265_are_left_out_and_nothing_else() {
        let sps = h265_sps(640, 368);
        let slice = [0, 0, 1, 38, 1, 0xaf, 0x09];
        let plain = [&sps[..], &slice].concat();
        assert_eq!(h265_without_messages(&plain), plain);
        let message = [0, 0, 1, 39 << 1, 1, 5, 1, 9, 0x80];
        let suffix = [0, 0, 1, 40 << 1, 1, 132, 1, 9, 0x80];
        let kept = h265_without_messages(&[&message[..], &plain, &suffix].concat()).into_owned();
        assert!(units(&kept).eq(units(&plain)), "{kept:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            for (codec, head) in [
                (Codec::H264, &[0, 0, 1, 0x67][..]),
                (Codec::H265, &[0, 0, 1, 0x42, 1]),
                (Codec::Mjpeg, &[0xff, 0xd8]),
            ] {
                let _read = check(codec, &[head, &data].concat());
                let _read = check(codec, &data);
            }
        }

        #[test]
        fn every_size_is_read_as_it_was_written(width in 1u64..600, height in 1u64..600) {
            let (width, height) = (width * 16, height * 16);
            let size = |codec, data: &[u8]| units(data).find_map(|unit| announced(codec, unit));
            let expected = Some((width as u32, height as u32));
            prop_assert_eq!(size(Codec::H264, &h264_sps(width, height)), expected);
            prop_assert_eq!(size(Codec::H265, &h265_sps(width, height)), expected);
            prop_assert_eq!(jpeg::size(&jpeg_header(width as u16, height as u16)), expected);
        }
    }
}
