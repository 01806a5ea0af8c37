//! Encoding of what was redacted.

use jpeg_encoder::{Encoder, EncodingError, ImageBuffer, JpegColorType, SamplingFactor};
use ocelli_core::{Picture, StageError};

use super::Redacted;

/// Quality of the encoder, 1..100.
const QUALITY: u8 = 70;

/// A redacted, encoded picture: a JPEG (baseline, 4:2:0). There is no other way to one:
///
/// ```compile_fail,E0308
/// fn encode(picture: &ocelli_core::Picture) -> ocelli_vision::redact::Still {
///     ocelli_vision::redact::Still::encode(picture).unwrap()
/// }
/// ```
/// ```compile_fail,E0451
/// fn claim(jpeg: Vec<u8>) -> ocelli_vision::redact::Still {
///     ocelli_vision::redact::Still { jpeg }
/// }
/// ```
#[derive(Clone)]
pub struct Still {
    jpeg: Vec<u8>,
}

impl Still {
    /// Encodes it. Err: [`StageError::Rejected`], a size that no JPEG can have.
    pub fn encode(picture: &Redacted<Picture>) -> Result<Self, StageError> {
        let mut jpeg = Vec::with_capacity(32 * 1024);
        let mut encoder = Encoder::new(&mut jpeg, QUALITY);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        let refused = |error: EncodingError| StageError::Rejected(format!("no still: {error}"));
        encoder.encode_image(Rows(picture.get())).map_err(refused)?;
        Ok(Self { jpeg })
    }

    /// Its bytes.
    pub fn into_jpeg(self) -> Vec<u8> {
        self.jpeg
    }
}

/// The rows of a full-range 4:2:0 picture.
struct Rows<'a>(&'a Picture);

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        u16::try_from(self.0.width).unwrap_or(0)
    }

    fn height(&self) -> u16 {
        u16::try_from(self.0.height).unwrap_or(0)
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let width = self.0.width as usize;
        let (luma, stride) = self.0.buffer.plane(0);
        buffers[0].extend_from_slice(&luma[usize::from(y) * stride..][..width]);
        for (index, buffer) in buffers.iter_mut().enumerate().take(3).skip(1) {
            let (samples, stride) = self.0.buffer.plane(index);
            let row = &samples[usize::from(y) / 2 * stride..][..width.div_ceil(2)];
            buffer.extend((0..width).map(|x| row[x / 2]));
        }
    }
}
