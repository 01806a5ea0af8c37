//! Boxes and points in fractions of the picture: 0..1, origin top left.

use serde::{Deserialize, Serialize};

/// A place in the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// From the left edge, 0..1.
    pub x: f32,
    /// From the top edge, 0..1.
    pub y: f32,
}

/// An axis-aligned box, in fractions of the picture's width and height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BBox {
    /// Left edge, 0..1.
    pub x: f32,
    /// Top edge, 0..1.
    pub y: f32,
    /// Width, 0..1.
    pub w: f32,
    /// Height, 0..1.
    pub h: f32,
}

impl BBox {
    /// The box between two corners.
    pub fn from_corners(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Self {
            x: left,
            y: top,
            w: right - left,
            h: bottom - top,
        }
    }

    /// Right edge.
    pub fn right(self) -> f32 {
        self.x + self.w
    }

    /// Bottom edge.
    pub fn bottom(self) -> f32 {
        self.y + self.h
    }

    /// Area in fractions of the picture; 0 for a box turned inside out.
    pub fn area(self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    /// The middle.
    pub fn centre(self) -> Point {
        Point {
            x: self.x + self.w / 2.0,
            y: self.y + self.h / 2.0,
        }
    }

    /// Where the object stands: the middle of the lower edge.
    pub fn bottom_centre(self) -> Point {
        Point {
            x: self.x + self.w / 2.0,
            y: self.y + self.h,
        }
    }

    /// Intersection over union with `other`, 0..1.
    pub fn iou(self, other: Self) -> f32 {
        let w = self.right().min(other.right()) - self.x.max(other.x);
        let h = self.bottom().min(other.bottom()) - self.y.max(other.y);
        if w <= 0.0 || h <= 0.0 {
            return 0.0;
        }
        let shared = w * h;
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Cut to the picture, or `None` if nothing of it is inside or a number is not finite.
    pub fn clipped(self) -> Option<Self> {
        if ![self.x, self.y, self.w, self.h]
            .iter()
            .all(|v| v.is_finite())
        {
            return None;
        }
        let left = self.x.clamp(0.0, 1.0);
        let top = self.y.clamp(0.0, 1.0);
        let right = self.right().clamp(0.0, 1.0);
        let bottom = self.bottom().clamp(0.0, 1.0);
        (right > left && bottom > top).then(|| Self::from_corners(left, top, right, bottom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_halves() {
        let whole = BBox::from_corners(0.0, 0.0, 1.0, 1.0);
        let half = BBox::from_corners(0.0, 0.0, 0.5, 1.0);
        assert!((whole.iou(half) - 0.5).abs() < 1e-6);
        assert!((half.iou(half) - 1.0).abs() < 1e-6);
        let apart = BBox::from_corners(0.6, 0.0, 1.0, 1.0);
        assert!(half.iou(apart).abs() < f32::EPSILON);
    }

    #[test]
    fn clipping_refuses_what_is_not_a_box() {
        assert_eq!(BBox::from_corners(1.5, 0.0, 2.0, 1.0).clipped(), None);
        assert_eq!(BBox::from_corners(f32::NAN, 0.0, 1.0, 1.0).clipped(), None);
        assert_eq!(BBox::from_corners(0.5, 0.5, 0.4, 0.9).clipped(), None);
        let cut = BBox::from_corners(-1.0, -1.0, 0.5, 2.0).clipped();
        assert_eq!(cut, Some(BBox::from_corners(0.0, 0.0, 0.5, 1.0)));
    }
}
