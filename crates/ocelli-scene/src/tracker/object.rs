//! One followed object.

use ocelli_core::{BBox, MediaTime};
use serde::{Deserialize, Serialize};

use super::{
    kalman::Axis,
    kind::{Group, Vote},
    params::Params,
};
use crate::{
    clean::Seen,
    plane::{SquareBox, Vec2},
};

/// Least time between two points of an object's way.
const WAY_STEP_SECS: f64 = 0.25;
/// The place of a standing object gets no more uncertain after this time.
const STILL_DOUBT_SECS: f32 = 1.0;

/// Middle and sides of a box as four filters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Motion {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) w: Axis,
    pub(crate) h: Axis,
}

impl Motion {
    fn new(seen: SquareBox, group: Group, params: &Params) -> Self {
        let speed_sd = group.speed_sd() * params.speed_scale * seen.size();
        Self {
            x: Axis::new(seen.centre.x, params.seen_sd * seen.w, speed_sd),
            y: Axis::new(seen.centre.y, params.seen_sd * seen.h, speed_sd),
            w: Axis::new(seen.w, params.side_sd * seen.w, params.side_change * seen.w),
            h: Axis::new(seen.h, params.side_sd * seen.h, params.side_change * seen.h),
        }
    }

    fn predict(&mut self, dt: f32, group: Group, params: &Params) {
        let size = self.square().size();
        let change = group.speed_change() * params.change_scale * size;
        let (side_w, side_h) = (
            params.side_change * self.w.at,
            params.side_change * self.h.at,
        );
        self.x.predict(dt, change * change);
        self.y.predict(dt, change * change);
        let (w, h) = (self.w.at, self.h.at);
        self.w.predict(dt, side_w * side_w);
        self.h.predict(dt, side_h * side_h);
        // A box that shrinks or grows out of proportion is no prediction.
        self.w.at = self.w.at.clamp(w * 0.7, w * 1.4);
        self.h.at = self.h.at.clamp(h * 0.7, h * 1.4);
    }

    fn update(&mut self, seen: SquareBox, doubt: f32, params: &Params) {
        self.x
            .update(seen.centre.x, params.seen_sd * seen.w * doubt);
        self.y
            .update(seen.centre.y, params.seen_sd * seen.h * doubt);
        self.w.update(seen.w, params.side_sd * seen.w * doubt);
        self.h.update(seen.h, params.side_sd * seen.h * doubt);
    }

    pub(crate) fn square(&self) -> SquareBox {
        SquareBox {
            centre: Vec2 {
                x: self.x.at,
                y: self.y.at,
            },
            w: self.w.at.max(1e-4),
            h: self.h.at.max(1e-4),
        }
    }

    fn is_finite(&self) -> bool {
        [self.x, self.y, self.w, self.h]
            .iter()
            .all(|axis| axis.at.is_finite() && axis.speed.is_finite() && axis.var.is_finite())
    }
}

/// One object, confirmed or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Counts the objects of the scene.
    pub(crate) id: u64,
    pub(crate) group: Group,
    pub(crate) vote: Vote,
    /// Score of the last box.
    pub(crate) score: f32,
    /// The last box.
    pub(crate) bbox: BBox,
    pub(crate) first_bbox: BBox,
    pub(crate) first_at: MediaTime,
    pub(crate) last_at: MediaTime,
    /// As of now.
    pub(crate) motion: Motion,
    /// As of `last_at`.
    seen_motion: Motion,
    /// Points of its way, oldest first, at least `WAY_STEP_SECS` apart.
    way: [(MediaTime, Vec2); 3],
    pub(crate) looks: u32,
    score_sum: f32,
    /// Time that passed since it was seen.
    pub(crate) unseen_secs: f32,
    /// Looks that did not see it since it was seen.
    pub(crate) missed: u32,
    pub(crate) confirmed: bool,
    /// Whether it stands still: such an object is kept longer.
    pub(crate) still: bool,
    /// Whether others stand in front of it.
    pub(crate) covered_secs: f32,
}

impl Object {
    pub(crate) fn new(id: u64, seen: &Seen, at: MediaTime, params: &Params) -> Self {
        let group = Group::of(seen.label);
        let motion = Motion::new(seen.square, group, params);
        Self {
            id,
            group,
            vote: Vote::new(seen.label, seen.score),
            score: seen.score,
            bbox: seen.bbox,
            first_bbox: seen.bbox,
            first_at: at,
            last_at: at,
            motion,
            seen_motion: motion,
            way: [(at, seen.square.centre); 3],
            looks: 1,
            score_sum: seen.score,
            unseen_secs: 0.0,
            missed: 0,
            confirmed: false,
            still: false,
            covered_secs: 0.0,
        }
    }

    /// Whether the last look saw it.
    pub(crate) fn seen(&self) -> bool {
        self.missed == 0
    }

    /// Whether it was seen often, and at the look before this one: its place is well predicted.
    pub(crate) fn is_well_known(&self) -> bool {
        self.confirmed && self.looks >= 4 && self.missed == 1
    }

    /// Whether its middle is expected outside a picture of this shape.
    pub(crate) fn is_outside(&self, aspect: f32) -> bool {
        let place = self.motion.square().centre;
        !(0.0..=aspect).contains(&place.x) || !(0.0..=1.0).contains(&place.y)
    }

    /// Takes the estimate to a look `dt` seconds after the last one.
    pub(crate) fn predict(&mut self, dt: f32, params: &Params) {
        if self.still {
            // What stands is expected where it stands, however long it is hidden.
            let before = self.motion;
            if self.unseen_secs <= STILL_DOUBT_SECS {
                let dt = dt.min(STILL_DOUBT_SECS);
                self.motion.predict(dt, self.group, params);
            }
            self.motion.x.at = before.x.at;
            self.motion.y.at = before.y.at;
        } else {
            self.motion.predict(dt, self.group, params);
        }
        self.missed = self.missed.saturating_add(1);
    }

    /// It was seen.
    pub(crate) fn update(&mut self, seen: &Seen, at: MediaTime, params: &Params) {
        let doubt = 1.5 - seen.score;
        if self.missed > 1 {
            self.walk_again(seen, at, params);
        }
        self.motion.update(seen.square, doubt, params);
        if !self.motion.is_finite() {
            self.motion = Motion::new(seen.square, self.group, params);
        }
        self.seen_motion = self.motion;
        self.vote.add(seen.label, seen.score);
        self.score = seen.score;
        self.bbox = seen.bbox;
        self.last_at = at;
        self.looks = self.looks.saturating_add(1);
        self.score_sum += seen.score;
        self.unseen_secs = 0.0;
        self.missed = 0;
        self.covered_secs = 0.0;
        if at.secs_since(self.way[2].0) >= WAY_STEP_SECS {
            self.way.rotate_left(1);
            self.way[2] = (at, seen.square.centre);
        }
        self.confirmed |= self.looks >= params.confirm_looks
            || (self.looks >= 2 && self.score_sum >= params.confirm_score);
    }

    /// After a gap: the filter goes from the last observation along the straight way to this one,
    /// as if it had been seen there (OC-SORT's observation-centric re-update). What it guessed in
    /// between is forgotten.
    fn walk_again(&mut self, seen: &Seen, at: MediaTime, params: &Params) {
        const STEPS_MAX: u32 = 8;
        let gap = at.secs_since(self.last_at) as f32;
        let steps = self.missed.min(STEPS_MAX);
        let (from, to) = (self.seen_motion.square(), seen.square);
        let dt = gap / steps as f32;
        self.motion = self.seen_motion;
        for step in 1..=steps {
            self.motion.predict(dt, self.group, params);
            if step < steps {
                let share = step as f32 / steps as f32;
                let between = SquareBox {
                    centre: from.centre.plus(to.centre.minus(from.centre).times(share)),
                    w: from.w + (to.w - from.w) * share,
                    h: from.h + (to.h - from.h) * share,
                };
                self.motion.update(between, 1.0, params);
            }
        }
    }

    /// The way it went lately, as far as it went any.
    pub(crate) fn heading(&self) -> Option<Vec2> {
        let went = self.seen_motion.square().centre.minus(self.way[0].1);
        (went.length() > 0.15 * self.seen_motion.square().size()).then_some(went)
    }

    /// What was known of it when it was seen last.
    pub(crate) fn seen_motion(&self) -> &Motion {
        &self.seen_motion
    }

    /// Where the filter saw it last.
    pub(crate) fn seen_square(&self) -> SquareBox {
        self.seen_motion.square()
    }

    /// The camera moved: everything that is known of places moves with it.
    pub(crate) fn shift(&mut self, by: Vec2) {
        for motion in [&mut self.motion, &mut self.seen_motion] {
            motion.x.shift(by.x);
            motion.y.shift(by.y);
        }
        for (_, place) in &mut self.way {
            *place = place.plus(by);
        }
    }
}
