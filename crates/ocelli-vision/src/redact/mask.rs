//! Parts of a picture that nothing may see: burned in before anything looks.

use ocelli_core::{Picture, PictureBuffer, Point};

/// Side of the squares that masks are made of, in luma pixels.
const SQUARE: usize = 4;
/// What is burned in, in limited and in full range: luma, then colour.
const BLACK: [[u8; 2]; 2] = [[16, 128], [0, 128]];

/// The privacy masks of one stream.
pub struct PrivacyMasks {
    polygons: Vec<Vec<Point>>,
    /// The squares for the last size of picture.
    squares: Option<Squares>,
}

/// A size of pictures, and the columns and rows of the squares that are filled in them.
type Squares = ((u32, u32), Vec<(usize, usize)>);

struct Planes {
    samples: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl PictureBuffer for Planes {
    fn plane(&self, index: usize) -> (&[u8], usize) {
        (&self.samples[index], self.strides[index])
    }
}

impl PrivacyMasks {
    /// Polygons in fractions of the picture.
    pub fn new(polygons: Vec<Vec<Point>>) -> Self {
        Self {
            polygons,
            squares: None,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.polygons.is_empty()
    }

    /// The picture with every mask filled, rounded outwards to squares of 4 x 4 pixels. `None`: its
    /// planes are not what its size promises, so nothing may look at it.
    pub fn burn(&mut self, picture: Picture) -> Option<Picture> {
        if self.polygons.is_empty() {
            return Some(picture);
        }
        let size = (picture.width, picture.height);
        let fits = matches!(&self.squares, Some((known, _)) if *known == size);
        if !fits {
            self.squares = Some((size, squares(&self.polygons, size)));
        }
        let (_, squares) = self.squares.as_ref()?;
        let mut planes = Planes {
            samples: [0, 1, 2].map(|index| picture.buffer.plane(index).0.to_vec()),
            strides: [0, 1, 2].map(|index| picture.buffer.plane(index).1),
        };
        let black = BLACK[usize::from(picture.full_range)];
        for index in 0..3 {
            if index > 0 && planes.samples[index].is_empty() {
                continue;
            }
            let shift = if index == 0 {
                (0, 0)
            } else {
                (picture.chroma_shift_x, picture.chroma_shift_y)
            };
            let width = (size.0 as usize).div_ceil(1 << shift.0);
            let height = (size.1 as usize).div_ceil(1 << shift.1);
            let stride = planes.strides[index];
            for &(x, y) in squares {
                let columns = (x * SQUARE) >> shift.0..(((x + 1) * SQUARE) >> shift.0).min(width);
                let rows = (y * SQUARE) >> shift.1..(((y + 1) * SQUARE) >> shift.1).min(height);
                for row in rows {
                    planes.samples[index]
                        .get_mut(row * stride + columns.start..row * stride + columns.end)?
                        .fill(black[usize::from(index > 0)]);
                }
            }
        }
        Some(Picture {
            buffer: Box::new(planes),
            ..picture
        })
    }
}

/// Every square that a polygon may touch: those whose middle lies inside, or nearer to an edge
/// than its own corners.
fn squares(polygons: &[Vec<Point>], (width, height): (u32, u32)) -> Vec<(usize, usize)> {
    let (width, height) = (width as usize, height as usize);
    let scaled: Vec<Vec<(f32, f32)>> = polygons
        .iter()
        .map(|points| {
            let to_pixels = |point: &Point| (point.x * width as f32, point.y * height as f32);
            points.iter().map(to_pixels).collect()
        })
        .collect();
    let reach = SQUARE as f32 * std::f32::consts::FRAC_1_SQRT_2;
    let mut squares = Vec::new();
    for y in 0..height.div_ceil(SQUARE) {
        for x in 0..width.div_ceil(SQUARE) {
            let middle = |at: usize| (at as f32 + 0.5) * SQUARE as f32;
            let place = (middle(x), middle(y));
            let touches = |polygon: &Vec<(f32, f32)>| {
                contains(polygon, place)
                    || edges(polygon).any(|edge| distance(edge, place) <= reach)
            };
            if scaled.iter().any(touches) {
                squares.push((x, y));
            }
        }
    }
    squares
}

type Place = (f32, f32);

fn edges(polygon: &[Place]) -> impl Iterator<Item = (Place, Place)> + '_ {
    let next = polygon.iter().cycle().skip(1);
    polygon.iter().copied().zip(next.copied())
}

/// Even-odd rule.
fn contains(polygon: &[Place], (x, y): Place) -> bool {
    edges(polygon).fold(false, |inside, ((ax, ay), (bx, by))| {
        let crosses = (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax);
        inside ^ crosses
    })
}

/// From a place to an edge.
fn distance(((ax, ay), (bx, by)): (Place, Place), (x, y): Place) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 {
        (((x - ax) * dx + (y - ay) * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (x - ax - along * dx).hypot(y - ay - along * dy)
}
