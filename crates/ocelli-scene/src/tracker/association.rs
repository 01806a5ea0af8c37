//! Which box may be which object, and at what cost.
//!
//! The cost is the negative logarithm of the likelihood that the object made the box: Gaussian in
//! place and in the logarithm of the sides, with the spread that the filter expects at this time.
//! Because the spread's own size counts, an object whose place is well known has the first claim
//! on a box near it, and one that is hardly known may reach far: what the fixed overlap thresholds
//! of the SORT family cannot do at one look a second. Overlap and the direction of travel
//! (OC-SORT's momentum term) count beside it.

use super::{
    assignment::Pair,
    kind::Group,
    object::{Motion, Object},
    params::Params,
};
use crate::{clean::Seen, plane::Vec2};

/// The most candidates of one object.
const CANDIDATES_MAX: usize = 12;
/// From this many looks on an object's speed is known.
const STANDING_LOOKS: u32 = 3;

/// Collects the allowed pairs, sorted by row, each at a cost below zero: zero is that of staying
/// alone. `objects` and `boxes` hold places in `all` and
/// `seen`; `boxes` is sorted by the middle's x.
pub(crate) struct Gate<'a> {
    pub(crate) all: &'a [Object],
    pub(crate) seen: &'a [Seen],
    pub(crate) params: &'a Params,
    /// Subtracted from what a match may cost.
    pub(crate) strict: f32,
    /// Boxes of each group on an area of one picture height squared.
    pub(crate) density: [f32; Group::COUNT],
}

/// A place where an object may be, and how surely.
#[derive(Clone, Copy)]
struct Guess {
    place: Vec2,
    var: Vec2,
    /// Cost of a box exactly there.
    base: f32,
}

impl Guess {
    fn cost(self, place: Vec2) -> f32 {
        let off = place.minus(self.place);
        self.base + off.x * off.x / self.var.x + off.y * off.y / self.var.y
    }
}

impl Gate<'_> {
    /// What a match of this object may cost: the likelihood that the box is a new one or a false
    /// one, which grows with the number of boxes around.
    fn limit(&self, object: &Object) -> f32 {
        let size = object.motion.square().size();
        let around = (self.density[object.group as usize] * size * size).max(1e-6);
        let rare = -self.params.rare_weight * around.ln();
        self.params.cost_max - self.strict + rare.clamp(-1.0, self.params.rare_max)
    }

    pub(crate) fn pairs(&self, objects: &[usize], boxes: &[usize], pairs: &mut Vec<Pair>) {
        pairs.clear();
        for (row, &object) in objects.iter().enumerate() {
            let start = pairs.len();
            self.candidates(row as u32, &self.all[object], boxes, pairs);
            if pairs.len() - start > CANDIDATES_MAX {
                pairs[start..]
                    .sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.column.cmp(&b.column)));
                pairs.truncate(start + CANDIDATES_MAX);
            }
        }
    }

    fn candidates(&self, row: u32, object: &Object, boxes: &[usize], pairs: &mut Vec<Pair>) {
        let expected = object.motion.square();
        let limit = self.limit(object);
        let reach = limit + self.params.iou_weight;
        let guesses = self.guesses(object);
        let mut left = f32::INFINITY;
        let mut right = f32::NEG_INFINITY;
        for guess in &guesses {
            let wide = (reach - guess.base) * guess.var.x;
            if wide > 0.0 && wide.is_finite() {
                left = left.min(guess.place.x - wide.sqrt());
                right = right.max(guess.place.x + wide.sqrt());
            }
        }
        let heading = object.heading();
        let from = object.seen_square().centre;
        let first = boxes.partition_point(|&index| self.seen[index].square.centre.x < left);
        for (column, &index) in boxes.iter().enumerate().skip(first) {
            let seen = &self.seen[index];
            if seen.square.centre.x > right {
                break;
            }
            if Group::of(seen.label) != object.group {
                continue;
            }
            let [moving, standing] = guesses.map(|guess| guess.cost(seen.square.centre));
            let mut cost = moving.min(standing);
            if cost > reach {
                continue;
            }
            cost += self.shape_cost(object, seen);
            cost -= self.params.iou_weight * expected.iou(seen.square);
            if let Some(heading) = heading {
                cost += self.turn_cost(heading, seen.square.centre.minus(from), expected.size());
            }
            if cost < limit {
                pairs.push(Pair {
                    row,
                    column: column as u32,
                    cost: cost - limit,
                });
            }
        }
    }

    /// Where the object may be: where it moves to, and, while its speed is not known, where it was:
    /// most things that are seen for the first time either stand or are on their way.
    fn guesses(&self, object: &Object) -> [Guess; 2] {
        let size = object.motion.square().size();
        let loose = self.params.match_sd * size;
        let new = if object.confirmed {
            0.0
        } else {
            self.params.unconfirmed_cost
        };
        let guess = |motion: &Motion, loose: f32, extra: f32| {
            let var = Vec2 {
                x: motion.x.var + loose * loose,
                y: motion.y.var + loose * loose,
            };
            Guess {
                place: motion.square().centre,
                var,
                base: (var.x * var.y / (size * size * size * size)).ln() + new + extra,
            }
        };
        let moving = guess(&object.motion, loose, 0.0);
        let standing = if object.looks < STANDING_LOOKS {
            guess(object.seen_motion(), 1.5 * loose, self.params.standing_cost)
        } else {
            moving
        };
        [moving, standing]
    }

    fn turn_cost(&self, heading: Vec2, step: Vec2, size: f32) -> f32 {
        let (went, goes) = (heading.length(), step.length());
        if goes < 0.15 * size || went <= 0.0 {
            return 0.0;
        }
        let cosine = (heading.dot(step) / (went * goes)).clamp(-1.0, 1.0);
        self.params.heading_weight * (1.0 - cosine) / 2.0
    }

    fn shape_cost(&self, object: &Object, seen: &Seen) -> f32 {
        let side = |axis: &super::kalman::Axis, expected: f32, have: f32| {
            let spread =
                self.params.shape_sd * self.params.shape_sd + axis.var / (expected * expected);
            let off = (have / expected).ln();
            off * off / spread
        };
        let expected = object.motion.square();
        side(&object.motion.w, expected.w, seen.square.w)
            + side(&object.motion.h, expected.h, seen.square.h)
    }
}
