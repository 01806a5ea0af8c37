//! Points and boxes in square units: heights of the picture on both axes.

use ocelli_core::{BBox, Point};
use serde::{Deserialize, Serialize};

/// A place or a displacement in heights of the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vec2 {
    pub(crate) x: f32,
    pub(crate) y: f32,
}

impl Vec2 {
    /// The place of `point` in a picture of this shape (width over height).
    pub(crate) fn of(point: Point, aspect: f32) -> Self {
        Self {
            x: point.x * aspect,
            y: point.y,
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            x: self.x - other.x,
            y: self.y - other.y,
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            x: self.x + other.x,
            y: self.y + other.y,
        }
    }

    pub(crate) fn times(self, factor: f32) -> Self {
        Self {
            x: self.x * factor,
            y: self.y * factor,
        }
    }

    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// The z part of the cross product: positive where `other` lies clockwise of `self` with the
    /// y axis pointing down, that is, to its right.
    pub(crate) fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    pub(crate) fn length(self) -> f32 {
        self.x.hypot(self.y)
    }
}

/// A box by its middle and sides, in heights of the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SquareBox {
    pub(crate) centre: Vec2,
    pub(crate) w: f32,
    pub(crate) h: f32,
}

impl SquareBox {
    pub(crate) fn of(bbox: BBox, aspect: f32) -> Self {
        Self {
            centre: Vec2::of(bbox.centre(), aspect),
            w: bbox.w * aspect,
            h: bbox.h,
        }
    }

    pub(crate) fn bbox(self, aspect: f32) -> BBox {
        BBox {
            x: (self.centre.x - self.w / 2.0) / aspect,
            y: self.centre.y - self.h / 2.0,
            w: self.w / aspect,
            h: self.h,
        }
    }

    /// The side of a square of the same area.
    pub(crate) fn size(self) -> f32 {
        (self.w * self.h).max(0.0).sqrt()
    }

    /// Intersection over union, 0..1.
    pub(crate) fn iou(self, other: Self) -> f32 {
        let shared = self.shared_area(other);
        let union = self.w * self.h + other.w * other.h - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Area that both cover.
    pub(crate) fn shared_area(self, other: Self) -> f32 {
        let reach = self.centre.minus(other.centre);
        let w = (f32::midpoint(self.w, other.w) - reach.x.abs()).min(self.w.min(other.w));
        let h = (f32::midpoint(self.h, other.h) - reach.y.abs()).min(self.h.min(other.h));
        if w > 0.0 && h > 0.0 { w * h } else { 0.0 }
    }
}
