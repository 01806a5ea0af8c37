//! Zones and masks.

use ocelli_core::{BBox, Point};

/// The most corners of a polygon.
const CORNERS_MAX: usize = 64;

/// A closed shape that does not cross itself, in fractions of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    points: Vec<Point>,
}

impl Polygon {
    /// Takes the corners in order. Err: a lowercase text for people.
    pub fn new(points: &[Point]) -> Result<Self, String> {
        if points.len() < 3 {
            return Err(format!(
                "{} corners, but a shape needs at least 3",
                points.len()
            ));
        }
        if points.len() > CORNERS_MAX {
            return Err(format!(
                "{} corners, but {CORNERS_MAX} are the most",
                points.len()
            ));
        }
        check_points(points)?;
        let polygon = Self {
            points: points.to_vec(),
        };
        if let Some((a, b)) = polygon.crossing_edges() {
            return Err(format!(
                "the shape crosses itself: its edges {} and {} meet",
                a + 1,
                b + 1
            ));
        }
        if polygon.area() < 1e-6 {
            return Err("the shape has no area".to_owned());
        }
        Ok(polygon)
    }

    /// Whether a place lies inside (even-odd rule).
    pub fn contains(&self, place: Point) -> bool {
        let mut inside = false;
        for (a, b) in self.edges() {
            if (a.y > place.y) != (b.y > place.y) {
                let x = a.x + (place.y - a.y) / (b.y - a.y) * (b.x - a.x);
                if place.x < x {
                    inside = !inside;
                }
            }
        }
        inside
    }

    /// The share of the straight way from `from` to `to` that lies inside, 0..1.
    pub fn share_inside(&self, from: Point, to: Point) -> f32 {
        let mut cuts: Vec<f32> = self
            .edges()
            .filter_map(|(a, b)| cut(from, to, a, b))
            .collect();
        if cuts.is_empty() {
            let whole = self.contains(between(from, to, 0.5));
            return if whole { 1.0 } else { 0.0 };
        }
        cuts.extend([0.0, 1.0]);
        cuts.sort_by(f32::total_cmp);
        cuts.windows(2)
            .filter(|pair| self.contains(between(from, to, f32::midpoint(pair[0], pair[1]))))
            .map(|pair| pair[1] - pair[0])
            .sum()
    }

    /// The smallest box around it.
    pub fn bounds(&self) -> BBox {
        let (mut left, mut top, mut right, mut bottom) = (1.0_f32, 1.0_f32, 0.0_f32, 0.0_f32);
        for point in &self.points {
            left = left.min(point.x);
            top = top.min(point.y);
            right = right.max(point.x);
            bottom = bottom.max(point.y);
        }
        BBox::from_corners(left, top, right, bottom)
    }

    /// Its corners.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    fn edges(&self) -> impl Iterator<Item = (Point, Point)> + '_ {
        let next = self.points.iter().cycle().skip(1);
        self.points.iter().copied().zip(next.copied())
    }

    fn crossing_edges(&self) -> Option<(usize, usize)> {
        let edges: Vec<(Point, Point)> = self.edges().collect();
        for i in 0..edges.len() {
            for j in i + 1..edges.len() {
                let neighbours = j == i + 1 || (i == 0 && j == edges.len() - 1);
                let ((a, b), (c, d)) = (edges[i], edges[j]);
                let meet = if neighbours {
                    folds_back(edges[i], edges[j])
                } else {
                    cut(a, b, c, d).is_some() || touches(edges[i], edges[j])
                };
                if meet {
                    return Some((i, j));
                }
            }
        }
        None
    }

    fn area(&self) -> f32 {
        let twice: f32 = self.edges().map(|(a, b)| a.x * b.y - b.x * a.y).sum();
        (twice / 2.0).abs()
    }
}

/// Points of a zone or line: finite and inside the picture.
pub(crate) fn check_points(points: &[Point]) -> Result<(), String> {
    for (index, point) in points.iter().enumerate() {
        let inside = |value: f32| (0.0..=1.0).contains(&value);
        if !inside(point.x) || !inside(point.y) {
            return Err(format!(
                "point {} ({}, {}) lies outside the picture: both numbers go from 0 to 1",
                index + 1,
                point.x,
                point.y
            ));
        }
    }
    Ok(())
}

fn between(from: Point, to: Point, t: f32) -> Point {
    Point {
        x: from.x + (to.x - from.x) * t,
        y: from.y + (to.y - from.y) * t,
    }
}

fn side(a: Point, b: Point, c: Point) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// Where on the way from `p` to `q` (0..1) it meets the edge from `a` to `b`. Half open on both, so
/// that a way through a corner meets one of its two edges.
fn cut(p: Point, q: Point, a: Point, b: Point) -> Option<f32> {
    let (from, to) = (side(a, b, p), side(a, b, q));
    if (from > 0.0) == (to > 0.0) || (side(p, q, a) > 0.0) == (side(p, q, b) > 0.0) {
        return None;
    }
    Some(from / (from - to))
}

/// Whether an end of one edge lies on the other.
fn touches((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    on(a, b, c) || on(a, b, d) || on(c, d, a) || on(c, d, b)
}

fn on(a: Point, b: Point, c: Point) -> bool {
    side(a, b, c) == 0.0
        && c.x >= a.x.min(b.x)
        && c.x <= a.x.max(b.x)
        && c.y >= a.y.min(b.y)
        && c.y <= a.y.max(b.y)
}

/// Whether two edges that share a corner lie on each other.
fn folds_back((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    let (corner, one, other) = if b == c { (b, a, d) } else { (a, b, c) };
    let along =
        (one.x - corner.x) * (other.x - corner.x) + (one.y - corner.y) * (other.y - corner.y);
    one == corner || other == corner || (side(corner, one, other) == 0.0 && along > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(list: &[(f32, f32)]) -> Vec<Point> {
        list.iter().map(|&(x, y)| Point { x, y }).collect()
    }

    #[test]
    fn shapes_that_are_refused() {
        let table: [(&[(f32, f32)], &str); 8] = [
            (&[], "0 corners"),
            (&[(0.0, 0.0), (1.0, 1.0)], "2 corners"),
            (&[(0.0, 0.0), (1e-4, 0.0), (0.0, 1e-4)], "no area"),
            (&[(0.0, 0.0), (1.0, 0.0), (0.0, 1.1)], "point 3"),
            (&[(0.0, 0.0), (f32::NAN, 0.0), (0.0, 1.0)], "point 2"),
            (
                &[(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)],
                "crosses itself",
            ),
            (&[(0.0, 0.0), (0.5, 0.0), (1.0, 0.0)], "crosses itself"),
            (
                &[(0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.5, 1.0)],
                "crosses itself",
            ),
        ];
        for (corners, want) in table {
            let error = Polygon::new(&points(corners)).unwrap_err();
            assert!(error.contains(want), "{corners:?}: {error}");
        }
        let many: Vec<Point> = (0..65)
            .map(|i| Point {
                x: i as f32 / 65.0,
                y: 0.5,
            })
            .collect();
        assert!(Polygon::new(&many).unwrap_err().contains("64 are the most"));
    }

    #[test]
    fn shapes_that_are_taken() {
        let square = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)];
        let arrow = [(0.0, 0.0), (1.0, 0.5), (0.0, 1.0), (0.4, 0.5)];
        for corners in [
            &square[..],
            &arrow[..],
            &[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)],
        ] {
            Polygon::new(&points(corners)).unwrap();
        }
    }

    #[test]
    fn share_of_a_way() {
        let square =
            Polygon::new(&points(&[(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)])).unwrap();
        let table = [
            ((0.3, 0.5), (0.7, 0.5), 1.0),
            ((0.0, 0.5), (1.0, 0.5), 0.6),
            ((0.0, 0.5), (0.4, 0.5), 0.5),
            ((0.4, 0.5), (0.0, 0.5), 0.5),
            ((0.0, 0.1), (1.0, 0.1), 0.0),
            ((0.0, 0.0), (1.0, 1.0), 0.6),
            ((0.5, 0.5), (0.5, 0.5), 1.0),
            ((0.1, 0.1), (0.1, 0.1), 0.0),
        ];
        for ((x0, y0), (x1, y1), want) in table {
            let share = square.share_inside(Point { x: x0, y: y0 }, Point { x: x1, y: y1 });
            assert!(
                (share - want).abs() < 1e-5,
                "{x0},{y0} -> {x1},{y1}: {share}"
            );
        }
    }
}
