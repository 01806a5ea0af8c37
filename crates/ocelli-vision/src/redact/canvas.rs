//! The copy of a picture that redaction works on: at most [`SIDE_MAX`] pixels a side, 4:2:0, full
//! range, tightly packed.

use ocelli_core::{Picture, PictureBuffer};

/// The longest side of a still, in pixels.
pub(super) const SIDE_MAX: u32 = 800;
/// Solid fill: luma and both colour differences.
pub(super) const FILL: [u8; 3] = [72, 128, 128];

/// Pixels that may be written to.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    planes: [Vec<u8>; 3],
}

impl Canvas {
    /// A copy of `picture`, shrunk by a whole number to fit. `None`: its planes are not what its
    /// size promises.
    pub(super) fn of(picture: &Picture) -> Option<Self> {
        let factor = picture.width.max(picture.height).div_ceil(SIDE_MAX).max(1) as usize;
        let width = picture.width as usize / factor;
        let height = picture.height as usize / factor;
        if width < 2 || height < 2 {
            return None;
        }
        let [luma_levels, colour_levels] = levels(picture.full_range);
        let luma = Shrink {
            source: picture.buffer.plane(0),
            shift: (0, 0),
            step: (factor, factor),
            whole: (picture.width as usize, picture.height as usize),
        }
        .run((width, height), &luma_levels)?;
        let small = (width.div_ceil(2), height.div_ceil(2));
        let colour = |index| {
            let source = picture.buffer.plane(index);
            if source.0.is_empty() {
                return Some(vec![FILL[index]; small.0 * small.1]);
            }
            Shrink {
                source,
                shift: (picture.chroma_shift_x, picture.chroma_shift_y),
                step: (2 * factor, 2 * factor),
                whole: (picture.width as usize, picture.height as usize),
            }
            .run(small, &colour_levels)
        };
        Some(Self {
            width,
            height,
            planes: [luma, colour(1)?, colour(2)?],
        })
    }

    /// A canvas in one colour at each place of the colour planes' grid.
    pub(super) fn painted(
        (width, height): (usize, usize),
        colour: impl Fn(usize, usize) -> [u8; 3],
    ) -> Self {
        let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
        let cells = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
        let cells: Vec<[u8; 3]> = cells.map(|(x, y)| colour(x, y)).collect();
        let luma = (0..height)
            .flat_map(|y| (0..width).map(move |x| y / 2 * columns + x / 2))
            .map(|at| cells[at][0]);
        Self {
            width,
            height,
            planes: [
                luma.collect(),
                cells.iter().map(|cell| cell[1]).collect(),
                cells.iter().map(|cell| cell[2]).collect(),
            ],
        }
    }

    /// Columns and rows of cells of 2 x 2 pixels.
    pub(super) fn cells(&self) -> (usize, usize) {
        (self.width.div_ceil(2), self.height.div_ceil(2))
    }

    /// The mean of each cell of one row: luma and both colour differences.
    pub(super) fn cell_row(&self, row: usize, out: &mut Vec<[u8; 3]>) {
        let (columns, _) = self.cells();
        let line = |y: usize| {
            let y = y.min(self.height - 1);
            &self.planes[0][y * self.width..(y + 1) * self.width]
        };
        let (upper, lower) = (line(2 * row), line(2 * row + 1));
        let [_, cb, cr] = &self.planes;
        let (cb, cr) = (&cb[row * columns..][..columns], &cr[row * columns..]);
        out.clear();
        out.extend((0..columns).map(|x| {
            let (left, right) = (2 * x, (2 * x + 1).min(self.width - 1));
            let sum = [upper[left], upper[right], lower[left], lower[right]].map(u16::from);
            let luma = (sum.iter().sum::<u16>() + 2) / 4;
            [luma as u8, cb[x], cr[x]]
        }));
    }

    /// Fills a rectangle whose corners are even, or the picture's edges.
    pub(super) fn fill(&mut self, (left, top): (usize, usize), (right, bottom): (usize, usize)) {
        let (width, height) = (self.width, self.height);
        let columns = width.div_ceil(2);
        for y in top..bottom.min(height) {
            self.planes[0][y * width..][left..right.min(width)].fill(FILL[0]);
        }
        for (plane, fill) in self.planes[1..].iter_mut().zip(&FILL[1..]) {
            for y in top / 2..bottom.min(height).div_ceil(2) {
                plane[y * columns..][left / 2..right.min(width).div_ceil(2)].fill(*fill);
            }
        }
    }

    /// The picture that it has become.
    pub(super) fn into_picture(self, of: &Picture) -> Picture {
        Picture {
            stream: of.stream,
            at: of.at,
            received: of.received,
            wall: of.wall,
            wall_source: of.wall_source,
            width: self.width as u32,
            height: self.height as u32,
            chroma_shift_x: 1,
            chroma_shift_y: 1,
            full_range: true,
            key: of.key,
            buffer: Box::new(self),
        }
    }
}

impl PictureBuffer for Canvas {
    fn plane(&self, index: usize) -> (&[u8], usize) {
        let stride = if index == 0 {
            self.width
        } else {
            self.width.div_ceil(2)
        };
        (&self.planes[index], stride)
    }
}

/// What each coded level of luma and of colour is in full range.
fn levels(full_range: bool) -> [[u8; 256]; 2] {
    let level = |at: usize, black: f32, gain: f32| {
        let value = if full_range {
            at as f32
        } else {
            (at as f32 - black) * gain + if black > 100.0 { 128.0 } else { 0.0 }
        };
        value.round().clamp(0.0, 255.0) as u8
    };
    [
        std::array::from_fn(|at| level(at, 16.0, 255.0 / 219.0)),
        std::array::from_fn(|at| level(at, 128.0, 255.0 / 224.0)),
    ]
}

/// Means over `step` luma pixels each way of a plane that is `shift` halvings smaller.
struct Shrink<'a> {
    source: (&'a [u8], usize),
    shift: (u8, u8),
    step: (usize, usize),
    whole: (usize, usize),
}

impl Shrink<'_> {
    fn run(&self, (width, height): (usize, usize), levels: &[u8; 256]) -> Option<Vec<u8>> {
        let (samples, stride) = self.source;
        let plane_width = self.whole.0.div_ceil(1 << self.shift.0);
        let plane_height = self.whole.1.div_ceil(1 << self.shift.1);
        if stride < plane_width || samples.len() < (plane_height - 1) * stride + plane_width {
            return None;
        }
        let across = (self.step.0 >> self.shift.0).max(1);
        let down = (self.step.1 >> self.shift.1).max(1);
        let mut out = Vec::with_capacity(width * height);
        let mut sums = vec![0_u32; plane_width];
        for y in 0..height {
            let rows = y * down..((y + 1) * down).min(plane_height);
            if across == 1 && down == 1 {
                let row = &samples[rows.start.min(plane_height - 1) * stride..][..width];
                out.extend(row.iter().map(|&sample| levels[usize::from(sample)]));
                continue;
            }
            sums.fill(0);
            for row in rows.clone() {
                let row = &samples[row * stride..][..plane_width];
                for (sum, &sample) in sums.iter_mut().zip(row) {
                    *sum += u32::from(sample);
                }
            }
            out.extend((0..width).map(|x| {
                let run = &sums[(x * across).min(plane_width - 1)..];
                let run = &run[..across.min(run.len())];
                let count = (run.len() * rows.len().max(1)) as u32;
                let mean = (run.iter().sum::<u32>() + count / 2) / count;
                levels[mean.min(255) as usize]
            }));
        }
        Some(out)
    }
}
