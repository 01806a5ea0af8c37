//! The empty scene behind a drawing.

use super::DrawError;

/// The most pixels of a plate, and the longest side.
const PIXELS_MAX: u64 = 36_000_000;
const SIDE_MAX: u32 = 8192;

/// A picture of the scene with nobody in it. What stands in a drawing is painted over it: people
/// are filled, so a person whom the plate should not have shown stays covered where a box is known,
/// but only there. Whoever makes a plate answers for it being empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Plate {
    width: u32,
    height: u32,
    /// Rows of red, green, blue.
    rgb: Vec<u8>,
}

impl Plate {
    /// A plate of `width` x `height` pixels of three bytes.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, DrawError> {
        checked_size(width, height)?;
        let bytes = width as usize * height as usize * 3;
        if rgb.len() != bytes {
            let have = rgb.len();
            return Err(DrawError(format!("{have} bytes, expected {bytes}")));
        }
        Ok(Self { width, height, rgb })
    }

    /// Reads a PNG file of 8-bit colour or grey.
    pub fn read_png(bytes: &[u8]) -> Result<Self, DrawError> {
        let failed = |error: png::DecodingError| DrawError(format!("not a PNG picture: {error}"));
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(failed)?;
        let (width, height) = (reader.info().width, reader.info().height);
        checked_size(width, height)?;
        let size = reader
            .output_buffer_size()
            .ok_or_else(|| DrawError("a picture too large".to_owned()))?;
        let mut pixels = vec![0; size];
        let frame = reader.next_frame(&mut pixels).map_err(failed)?;
        pixels.truncate(frame.buffer_size());
        let samples = frame.color_type.samples();
        let rgb = pixels.chunks_exact(samples).flat_map(|pixel| match *pixel {
            [grey] | [grey, _] => [grey; 3],
            [red, green, blue, ..] => [red, green, blue],
            [] => [0; 3],
        });
        Self::new(width, height, rgb.collect())
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Width over height.
    pub fn aspect(&self) -> f64 {
        f64::from(self.width) / f64::from(self.height)
    }

    /// The colour at a place in fractions of the picture, of the nearest pixel.
    pub(super) fn at(&self, x: f64, y: f64) -> [u8; 3] {
        let place = |share: f64, side: u32| ((share * f64::from(side)) as u32).min(side - 1);
        let pixel =
            place(y, self.height) as usize * self.width as usize + place(x, self.width) as usize;
        let start = 3 * pixel;
        [self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]]
    }
}

fn checked_size(width: u32, height: u32) -> Result<(), DrawError> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > PIXELS_MAX || width > SIDE_MAX || height > SIDE_MAX {
        let reason = format!(
            "{width} x {height} pixels, expected at most {SIDE_MAX} a side and {PIXELS_MAX} in all"
        );
        return Err(DrawError(reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked() {
        assert!(Plate::new(2, 1, vec![0; 6]).is_ok());
        for (width, height, bytes) in [(2, 1, 5), (0, 1, 0), (8193, 1, 3 * 8193), (8192, 8192, 0)] {
            assert!(Plate::new(width, height, vec![0; bytes]).is_err());
        }
        assert!(Plate::read_png(b"not a picture").is_err());
    }
}
