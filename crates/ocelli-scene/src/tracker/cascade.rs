//! The cascades of one look.

use ocelli_core::MediaTime;
use serde::{Deserialize, Serialize};

use super::{
    assignment::{Assignment, Pair},
    association::Gate,
    camera_motion::common_shift,
    object::Object,
    params::Params,
};
use crate::{Faults, clean::Seen, plane::Vec2};

/// The most objects that are followed at once.
pub(crate) const TRACKS_MAX: usize = 500;
/// The longest step of the filter; more adds nothing to what is not known anyway.
const STEP_SECS_MAX: f32 = 10.0;
/// An object that stands still is kept this many times longer.
const STILL_PATIENCE: f32 = 4.0;
/// While others stand in front of it, it is kept this long, in seconds.
const COVERED_SECS_MAX: f32 = 300.0;
/// Share of a box that has to be covered.
const COVERED_SHARE: f32 = 0.4;

/// Everything followed, and what it needs to go on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tracker {
    /// Oldest first.
    pub(crate) objects: Vec<Object>,
    next_id: u64,
    /// Until when `unseen_secs` counts.
    counted_to: Option<MediaTime>,
    last_look: Option<MediaTime>,
    /// Usual time between looks.
    interval_secs: f32,
    #[serde(skip)]
    pub(crate) params: Params,
    #[serde(skip)]
    scratch: Scratch,
}

/// Memory that is used again at every look.
#[derive(Debug, Clone, Default)]
struct Scratch {
    assignment: Assignment,
    pairs: Vec<Pair>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    taken: Vec<bool>,
    matched: Vec<bool>,
}

impl PartialEq for Scratch {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

/// Which boxes and objects a cascade joins.
struct Stage {
    confirmed: bool,
    sure: bool,
    cost_max: f32,
}

impl Tracker {
    pub(crate) fn last_look(&self) -> Option<MediaTime> {
        self.last_look
    }

    /// Takes the boxes of a look, surest first, at a time after the last look. Returns the shift
    /// of the camera, if it seems to have moved.
    pub(crate) fn look(
        &mut self,
        at: MediaTime,
        seen: &[Seen],
        threshold: f32,
        faults: &mut Faults,
    ) -> Option<Vec2> {
        let dt = self
            .last_look
            .map_or(0.0, |last| at.secs_since(last) as f32);
        if self.last_look.is_some() {
            let step = dt.clamp(0.001, 30.0);
            let pull = if self.interval_secs > 0.0 { 0.2 } else { 1.0 };
            self.interval_secs += pull * (step - self.interval_secs);
        }
        self.last_look = Some(at);
        self.count_unseen(at);
        for object in &mut self.objects {
            object.predict(dt.min(STEP_SECS_MAX), &self.params);
        }
        let scratch = &mut self.scratch;
        scratch.taken.clear();
        scratch.taken.resize(seen.len(), false);
        scratch.matched.clear();
        scratch.matched.resize(self.objects.len(), false);
        let surely = self.params.cost_max;
        let confirmed = Stage {
            confirmed: true,
            sure: true,
            cost_max: surely,
        };
        self.join(&confirmed, at, seen, threshold);
        let shift = self.unshake(seen);
        if shift.is_some() {
            self.join(&confirmed, at, seen, threshold);
        }
        let unsure = Stage {
            confirmed: true,
            sure: false,
            cost_max: self.params.cost_max_low,
        };
        self.join(&unsure, at, seen, threshold);
        let tentative = Stage {
            confirmed: false,
            sure: true,
            cost_max: surely,
        };
        self.join(&tentative, at, seen, threshold);
        self.begin(at, seen, threshold, faults);
        shift
    }

    /// Counts the time that objects are unseen.
    pub(crate) fn count_unseen(&mut self, at: MediaTime) {
        if let Some(to) = self.counted_to {
            let secs = at.secs_since(to).max(0.0) as f32;
            for object in &mut self.objects {
                object.unseen_secs += secs;
            }
        }
        self.counted_to = self.counted_to.max(Some(at));
    }

    /// The next look follows a restart: the time in between counts for nobody.
    pub(crate) fn forgive_gap(&mut self) {
        self.counted_to = None;
    }

    /// Takes out the objects that nobody has seen for too long.
    pub(crate) fn take_ended(&mut self, gone_after_secs: f32) -> Vec<Object> {
        let patience = gone_after_secs.max(2.5 * self.interval_secs);
        let tentative = self.params.tentative_secs;
        let covered: Vec<bool> = (0..self.objects.len())
            .map(|index| self.is_covered(index))
            .collect();
        let mut ended = Vec::new();
        let mut index = 0;
        self.objects.retain_mut(|object| {
            index += 1;
            let keep = if !object.confirmed {
                object.missed == 0 || object.unseen_secs < tentative
            } else if object.still && covered[index - 1] {
                object.unseen_secs < COVERED_SECS_MAX.max(patience)
            } else if object.still {
                object.unseen_secs < patience * STILL_PATIENCE
            } else {
                object.unseen_secs < patience
            };
            if !keep && object.confirmed {
                ended.push(object.clone());
            }
            keep
        });
        ended
    }

    /// Takes out everything.
    pub(crate) fn take_all(&mut self) -> Vec<Object> {
        let mut objects = std::mem::take(&mut self.objects);
        objects.retain(|object| object.confirmed);
        self.last_look = None;
        self.counted_to = None;
        objects
    }

    fn is_covered(&self, index: usize) -> bool {
        let object = &self.objects[index];
        if !object.still || object.seen() {
            return false;
        }
        let own = object.seen_square();
        let area = own.w * own.h;
        self.objects.iter().any(|other| {
            other.id != object.id && other.confirmed && other.seen() && {
                let shared = other.motion.square().shared_area(own);
                shared > COVERED_SHARE * area
            }
        })
    }

    fn join(&mut self, stage: &Stage, at: MediaTime, seen: &[Seen], threshold: f32) {
        let scratch = &mut self.scratch;
        scratch.rows.clear();
        scratch.columns.clear();
        for (index, object) in self.objects.iter().enumerate() {
            // An unsure box may keep an object that was just seen, not find a lost one again.
            let fresh = stage.sure || object.missed <= 1 || object.unseen_secs < 0.5;
            if object.confirmed == stage.confirmed && !scratch.matched[index] && fresh {
                scratch.rows.push(index);
            }
        }
        for (index, one) in seen.iter().enumerate() {
            if (one.score >= threshold) == stage.sure && !scratch.taken[index] {
                scratch.columns.push(index);
            }
        }
        if scratch.rows.is_empty() || scratch.columns.is_empty() {
            return;
        }
        scratch.columns.sort_by(|&a, &b| {
            let (x, y) = (seen[a].square.centre.x, seen[b].square.centre.x);
            x.total_cmp(&y).then(a.cmp(&b))
        });
        let gate = Gate {
            all: &self.objects,
            seen,
            params: &self.params,
            cost_max: stage.cost_max,
        };
        gate.pairs(&scratch.rows, &scratch.columns, &mut scratch.pairs);
        let found = scratch.assignment.solve(
            scratch.rows.len(),
            scratch.columns.len(),
            &scratch.pairs,
            stage.cost_max,
        );
        for (row, &object) in scratch.rows.iter().enumerate() {
            if let Some(column) = Assignment::column(found, row) {
                let index = scratch.columns[column];
                self.objects[object].update(&seen[index], at, &self.params);
                scratch.taken[index] = true;
                scratch.matched[object] = true;
            }
        }
    }

    /// Shifts everything that found no box, if one shift explains most of it.
    fn unshake(&mut self, seen: &[Seen]) -> Option<Vec2> {
        let scratch = &self.scratch;
        let lost: Vec<usize> = (0..self.objects.len())
            .filter(|&index| {
                let object = &self.objects[index];
                object.confirmed && object.missed == 1 && !scratch.matched[index]
            })
            .collect();
        let fresh = self
            .objects
            .iter()
            .filter(|object| object.confirmed && object.missed <= 1)
            .count();
        if lost.len() * 2 < fresh {
            return None;
        }
        let boxes: Vec<usize> = (0..seen.len())
            .filter(|&index| !scratch.taken[index])
            .collect();
        let shift = common_shift(&self.objects, &lost, seen, &boxes)?;
        for (index, object) in self.objects.iter_mut().enumerate() {
            if !scratch.matched[index] {
                object.shift(shift);
            }
        }
        Some(shift)
    }

    fn begin(&mut self, at: MediaTime, seen: &[Seen], threshold: f32, faults: &mut Faults) {
        let least = threshold + self.params.birth_margin;
        for (index, one) in seen.iter().enumerate() {
            if self.scratch.taken[index] || one.score < least {
                continue;
            }
            if self.objects.len() >= TRACKS_MAX {
                faults.tracks_over += 1;
                continue;
            }
            self.objects
                .push(Object::new(self.next_id, one, at, &self.params));
            self.next_id += 1;
        }
    }
}
