//! A picture's luma, made small.

use ocelli_core::Picture;

/// Width of a small picture.
pub const WIDTH: usize = 160;
/// Height of a small picture.
pub const HEIGHT: usize = 90;

/// Mean luma of the boxes of a grid of [`WIDTH`] x [`HEIGHT`] over a whole picture, by rows.
///
/// As a picture it has no way out: no `Debug`, no serialisation.
#[derive(Clone)]
pub struct Luma(Vec<u8>);

/// A rectangle of a small picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// The first column.
    pub left: usize,
    /// The first row.
    pub top: usize,
    /// The last column.
    pub right: usize,
    /// The last row.
    pub bottom: usize,
}

impl Patch {
    /// Whether the middle of `other` lies in it, or not further than `margin` pixels outside.
    pub fn holds(&self, other: &Self, margin: usize) -> bool {
        let within = |low: usize, high: usize, other: usize| {
            (low.saturating_sub(margin)..=high + margin).contains(&other)
        };
        within(
            self.left,
            self.right,
            usize::midpoint(other.left, other.right),
        ) && within(
            self.top,
            self.bottom,
            usize::midpoint(other.top, other.bottom),
        )
    }
}

impl Luma {
    /// Makes a picture small; `None` where its buffer is not what its size promises.
    pub fn of(picture: &Picture) -> Option<Self> {
        let (plane, stride) = picture.buffer.plane(0);
        let (width, height) = (picture.width as usize, picture.height as usize);
        if width == 0 || height == 0 || stride < width {
            return None;
        }
        let needed = stride.checked_mul(height - 1)?.checked_add(width)?;
        if plane.len() < needed {
            return None;
        }
        let columns: Vec<(usize, usize)> = (0..WIDTH).map(|x| span(x, WIDTH, width)).collect();
        let mut small = Vec::with_capacity(WIDTH * HEIGHT);
        let mut sums = vec![0_u32; width];
        for y in 0..HEIGHT {
            let (top, bottom) = span(y, HEIGHT, height);
            sums.fill(0);
            for row in top..bottom {
                let samples = &plane[row * stride..row * stride + width];
                for (sum, &sample) in sums.iter_mut().zip(samples) {
                    *sum += u32::from(sample);
                }
            }
            for &(left, right) in &columns {
                let area = ((right - left) * (bottom - top)) as u32;
                let sum: u32 = sums[left..right].iter().sum();
                small.push(((sum + area / 2) / area) as u8);
            }
        }
        Some(Self(small))
    }

    /// The samples, by rows.
    pub fn samples(&self) -> &[u8] {
        &self.0
    }

    /// A small picture of given samples: [`WIDTH`] x [`HEIGHT`] of them.
    #[cfg(test)]
    pub(super) fn from_samples(samples: Vec<u8>) -> Self {
        assert_eq!(samples.len(), WIDTH * HEIGHT);
        Self(samples)
    }
}

/// The samples that box `index` of `boxes` covers of `length`: at least one, also where a picture is
/// smaller than the grid.
fn span(index: usize, boxes: usize, length: usize) -> (usize, usize) {
    let from = (index * length / boxes).min(length - 1);
    let to = ((index + 1) * length / boxes).clamp(from + 1, length);
    (from, to)
}

#[cfg(test)]
mod tests {
    use ocelli_core::{MediaTime, MonoTime, PictureBuffer, StreamId, WallSource, WallTime};

    use super::*;

    struct Plane(Vec<u8>, usize);

    impl PictureBuffer for Plane {
        fn plane(&self, index: usize) -> (&[u8], usize) {
            if index == 0 {
                (&self.0, self.1)
            } else {
                (&[], 0)
            }
        }
    }

    fn picture(width: u32, height: u32, stride: usize, samples: Vec<u8>) -> Picture {
        Picture {
            stream: StreamId(0),
            at: MediaTime::default(),
            received: MonoTime::default(),
            wall: WallTime::default(),
            wall_source: WallSource::Receive,
            width,
            height,
            chroma_shift_x: 1,
            chroma_shift_y: 1,
            full_range: true,
            key: true,
            buffer: Box::new(Plane(samples, stride)),
        }
    }

    #[test]
    fn boxes_are_means_without_the_padding_of_rows() {
        // 640x360 with rows of 700: boxes of 4x4, the padding is white.
        let mut samples = vec![255; 700 * 360];
        for (y, row) in samples.chunks_exact_mut(700).enumerate() {
            for (x, sample) in row[..640].iter_mut().enumerate() {
                *sample = ((x / 4 + y / 4) % 200) as u8 + (x % 2) as u8 * 2;
            }
        }
        let small = Luma::of(&picture(640, 360, 700, samples)).unwrap();
        for (at, &sample) in small.samples().iter().enumerate() {
            let (x, y) = (at % WIDTH, at / WIDTH);
            assert_eq!(usize::from(sample), (x + y) % 200 + 1);
        }
    }

    #[test]
    fn small_odd_and_wrong_pictures() {
        let small = Luma::of(&picture(17, 33, 20, vec![9; 20 * 33])).unwrap();
        assert!(small.samples().iter().all(|&sample| sample == 9));
        assert!(Luma::of(&picture(64, 64, 64, vec![0; 64 * 63])).is_none());
        assert!(Luma::of(&picture(64, 64, 32, vec![0; 64 * 64])).is_none());
        assert!(Luma::of(&picture(0, 64, 64, vec![0; 64 * 64])).is_none());
    }
}
