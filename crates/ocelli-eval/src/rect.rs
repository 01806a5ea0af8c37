//! Boxes with sides in one unit: pixels in a [`crate::Sequence`], fractions of the picture in a
//! passage.

use ocelli_core::{BBox, Point};

/// An axis-aligned box, origin of the picture top left.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// The box with this left and top edge, width and height.
    pub fn new(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self {
            left,
            top,
            width,
            height,
        }
    }

    /// Right edge.
    pub fn right(self) -> f64 {
        self.left + self.width
    }

    /// Bottom edge.
    pub fn bottom(self) -> f64 {
        self.top + self.height
    }

    /// Area; 0 for a box turned inside out.
    pub fn area(self) -> f64 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    /// Intersection over union with `other`, 0..1. Stretching the picture does not change it.
    pub fn iou(self, other: Self) -> f64 {
        let width = self.right().min(other.right()) - self.left.max(other.left);
        let height = self.bottom().min(other.bottom()) - self.top.max(other.top);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let shared = width * height;
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// This box with its sides multiplied, e.g. from fractions to pixels.
    #[must_use]
    pub fn scaled(self, x: f64, y: f64) -> Self {
        Self::new(self.left * x, self.top * y, self.width * x, self.height * y)
    }

    /// The box `share` of the way from `self` to `other`.
    #[must_use]
    pub fn towards(self, other: Self, share: f64) -> Self {
        let between = |a: f64, b: f64| a + (b - a) * share;
        Self::new(
            between(self.left, other.left),
            between(self.top, other.top),
            between(self.width, other.width),
            between(self.height, other.height),
        )
    }

    /// Where the object stands: the middle of the lower edge.
    pub fn bottom_centre(self) -> Point {
        Point {
            x: (self.left + self.width / 2.0) as f32,
            y: self.bottom() as f32,
        }
    }
}

impl From<BBox> for Rect {
    fn from(bbox: BBox) -> Self {
        Self::new(bbox.x.into(), bbox.y.into(), bbox.w.into(), bbox.h.into())
    }
}

impl From<[f32; 4]> for Rect {
    fn from([x, y, w, h]: [f32; 4]) -> Self {
        Self::new(x.into(), y.into(), w.into(), h.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_survives_stretching() {
        let (a, b) = (Rect::new(0.0, 0.0, 2.0, 2.0), Rect::new(1.0, 0.0, 2.0, 2.0));
        assert!((a.iou(b) - 1.0 / 3.0).abs() < 1e-12);
        let wide = a.scaled(640.0, 3.0).iou(b.scaled(640.0, 3.0));
        assert!((wide - 1.0 / 3.0).abs() < 1e-12);
        assert!(a.iou(Rect::new(5.0, 5.0, 1.0, 1.0)).abs() < 1e-12);
        assert!(a.iou(Rect::new(0.0, 0.0, -1.0, 2.0)).abs() < 1e-12);
    }
}
