//! The size of pictures, read from coded bytes in safe Rust before any decoder allocates for it.
//!
//! H.264: 7.3.2.1.1 of ITU-T H.264 (sequence parameter set). H.265: 7.3.2.2 and 7.3.3 of ITU-T
//! H.265. JPEG: B.2.2 of ITU-T T.81 (frame header).

use ocelli_core::{Codec, CodecParameters, StageError};

/// The most bytes of one parameter set that are read; real ones have fewer than 100.
const PARAMETER_SET_BYTES_MAX: usize = 1024;

/// Refuses coded bytes that announce pictures out of bounds. Bytes that announce nothing, or that
/// cannot be read, pass: the decoder judges them, under a limit of its own.
///
/// # Errors
/// [`StageError::Rejected`] with the size.
pub(super) fn check(codec: Codec, data: &[u8]) -> Result<(), StageError> {
    match codec {
        Codec::H264 | Codec::H265 => {
            parameter_sets(codec, data).try_for_each(|(width, height)| bounds(width, height))
        }
        Codec::Mjpeg => match jpeg_size(data) {
            Some((width, height)) => bounds(width, height),
            None => Ok(()),
        },
    }
}

/// # Errors
/// [`StageError::Rejected`] for a picture of this size.
pub(super) fn bounds(width: u32, height: u32) -> Result<(), StageError> {
    if CodecParameters::size_is_sane(width, height) {
        Ok(())
    } else {
        Err(StageError::Rejected(format!(
            "pictures of {width}x{height} pixels are out of bounds"
        )))
    }
}

/// The sizes that the units of an Annex B stream announce, up to the first slice: what is behind
/// one is not searched, which would cost more than it is worth.
fn parameter_sets(codec: Codec, data: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let mut rest = after_start_code(data);
    std::iter::from_fn(move || {
        let unit = rest.filter(|unit| !is_slice(codec, unit))?;
        rest = after_start_code(unit);
        Some(announced(codec, unit))
    })
    .flatten()
}

fn after_start_code(data: &[u8]) -> Option<&[u8]> {
    let at = data.windows(3).position(|window| window == [0, 0, 1])?;
    Some(&data[at + 3..])
}

/// Whether a unit holds coded samples: parameter sets stand before them.
fn is_slice(codec: Codec, unit: &[u8]) -> bool {
    let head = unit.first().copied().unwrap_or(0);
    match codec {
        Codec::H265 => (head >> 1) & 63 < 32,
        _ => matches!(head & 31, 1..=5),
    }
}

fn announced(codec: Codec, unit: &[u8]) -> Option<(u32, u32)> {
    let head = *unit.first()?;
    match codec {
        Codec::H265 if (head >> 1) & 63 == 33 => h265_size(&mut Bits::of_unit(unit.get(2..)?)),
        Codec::H264 if matches!(head & 31, 7 | 15) => h264_size(&mut Bits::of_unit(unit.get(1..)?)),
        _ => None,
    }
}

/// Width and height in whole macroblocks' pixels, before cropping.
fn h264_size(bits: &mut Bits) -> Option<(u32, u32)> {
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.unsigned()?;
    let high = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
    if high.contains(&profile) {
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
    }
    bits.unsigned()?;
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
    bits.unsigned()?;
    bits.take(1)?;
    let width = bits.unsigned()?.saturating_add(1);
    let height = bits.unsigned()?.saturating_add(1);
    let fields = 2 - bits.take(1)?;
    Some((
        width.saturating_mul(16),
        height.saturating_mul(16).saturating_mul(fields),
    ))
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

fn h265_size(bits: &mut Bits) -> Option<(u32, u32)> {
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

/// Width and height of the frame header that stands before the scan.
fn jpeg_size(data: &[u8]) -> Option<(u32, u32)> {
    let mut rest = data.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let at = rest.iter().position(|&byte| byte == 0xff)?;
        rest = &rest[at..];
        let marker = *rest.iter().find(|&&byte| byte != 0xff)?;
        let body = &rest[rest.iter().take_while(|&&byte| byte == 0xff).count() + 1..];
        match marker {
            0xda | 0xd9 => return None,
            // Markers without a length.
            0x00 | 0x01 | 0xd0..=0xd8 => rest = body,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let side = |at: usize| {
                    Some(u32::from(*body.get(at)?) << 8 | u32::from(*body.get(at + 1)?))
                };
                return Some((side(5)?, side(3)?));
            }
            _ => {
                let length = usize::from(*body.first()?) << 8 | usize::from(*body.get(1)?);
                rest = body.get(length.max(2)..)?;
            }
        }
    }
}

/// Bits of a unit, most significant first, without its emulation prevention bytes.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn of_unit(unit: &[u8]) -> Self {
        let unit = &unit[..unit.len().min(PARAMETER_SET_BYTES_MAX)];
        let mut bytes = Vec::with_capacity(unit.len());
        let mut zeros = 0;
        for &byte in unit {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Self { bytes, at: 0 }
    }

    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// `ue(v)`: an unsigned Exp-Golomb code.
    fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some(((1u64 << zeros) - 1) as u32 + self.take(zeros)?)
    }

    /// `se(v)`: a signed Exp-Golomb code.
    fn signed(&mut self) -> Option<i64> {
        let code = i64::from(self.unsigned()?);
        Some(if code % 2 == 1 {
            code / 2 + 1
        } else {
            -(code / 2)
        })
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

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
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
            (Codec::Mjpeg, jpeg(1920, 1080), jpeg(65_535, 65_535)),
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
    fn the_second_parameter_set_counts_too_but_nothing_behind_a_slice_is_read() {
        let both = [h264_sps(640, 368), h264_sps(16_384, 368)].concat();
        assert!(refused(Codec::H264, &both).unwrap().contains("16384x368"));
        let behind = [
            &h264_sps(640, 368)[..],
            &[0, 0, 1, 0x65, 0x88],
            &h264_sps(16_384, 368),
        ]
        .concat();
        assert_eq!(refused(Codec::H264, &behind), None);
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
            let size = |codec, data: &[u8]| parameter_sets(codec, data).next();
            let expected = Some((width as u32, height as u32));
            prop_assert_eq!(size(Codec::H264, &h264_sps(width, height)), expected);
            prop_assert_eq!(size(Codec::H265, &h265_sps(width, height)), expected);
            prop_assert_eq!(jpeg_size(&jpeg(width as u16, height as u16)), expected);
        }
    }
}
