//! Which box may be which object, and at what cost.
//!
//! The cost is the negative logarithm of the likelihood that the object made the box: Gaussian in
//! place and in the logarithm of the sides, with the spread that the filter expects at this time.
//! Because the spread's own size counts, an object whose place is well known has the first claim
//! on a box near it, and one that is hardly known may reach far: what the fixed overlap thresholds
//! of the SORT family cannot do at one look a second. Overlap and the direction of travel
//! (OC-SORT's momentum term) count beside it.

use super::{assignment::Pair, object::Object, params::Params};
use crate::clean::Seen;

/// The most candidates of one object.
const CANDIDATES_MAX: usize = 12;

/// Collects the allowed pairs, sorted by row. `objects` and `boxes` hold places in `all` and
/// `seen`; `boxes` is sorted by the middle's x.
pub(crate) struct Gate<'a> {
    pub(crate) all: &'a [Object],
    pub(crate) seen: &'a [Seen],
    pub(crate) params: &'a Params,
    pub(crate) cost_max: f32,
}

impl Gate<'_> {
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
        let params = self.params;
        let expected = object.motion.square();
        let size = expected.size();
        let loose = params.match_sd * size;
        let (var_x, var_y) = (
            object.motion.x.var + loose * loose,
            object.motion.y.var + loose * loose,
        );
        let mut base = (var_x * var_y / (size * size * size * size)).ln();
        if !object.confirmed {
            base += params.unconfirmed_cost;
        }
        let reach = self.cost_max - base + params.iou_weight;
        if reach <= 0.0 || !reach.is_finite() {
            return;
        }
        let reach_x = (reach * var_x).sqrt();
        let (left, right) = (expected.centre.x - reach_x, expected.centre.x + reach_x);
        let first = boxes.partition_point(|&index| self.seen[index].square.centre.x < left);
        let heading = object.heading();
        let from = object.seen_square().centre;
        for (column, &index) in boxes.iter().enumerate().skip(first) {
            let seen = &self.seen[index];
            if seen.square.centre.x > right {
                break;
            }
            if super::kind::Group::of(seen.label) != object.group {
                continue;
            }
            let off = seen.square.centre.minus(expected.centre);
            let mut cost = base + off.x * off.x / var_x + off.y * off.y / var_y;
            if cost > self.cost_max + params.iou_weight {
                continue;
            }
            cost += self.shape_cost(object, seen) - params.iou_weight * expected.iou(seen.square);
            if let Some(heading) = heading {
                let step = seen.square.centre.minus(from);
                let length = heading.length() * step.length();
                if step.length() > 0.15 * size && length > 0.0 {
                    let cosine = (heading.dot(step) / length).clamp(-1.0, 1.0);
                    cost += params.heading_weight * (1.0 - cosine) / 2.0;
                }
            }
            if cost < self.cost_max {
                pairs.push(Pair {
                    row,
                    column: column as u32,
                    cost,
                });
            }
        }
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
