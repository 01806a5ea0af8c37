//! The cascades of one look.

use ocelli_core::MediaTime;
use serde::{Deserialize, Serialize};

use super::{
    assignment::{Assignment, Pair},
    association::Gate,
    camera_motion::{common_shift, common_surprise},
    kind::Group,
    object::Object,
    params::Params,
};
use crate::{Faults, clean::Seen, plane::Vec2};

/// The most objects that are followed at once.
pub(crate) const TRACKS_MAX: usize = 500;
/// The longest step of the filter; more adds nothing to what is not known anyway.
const STEP_SECS_MAX: f32 = 10.0;
/// The most that the time around a restart counts as unseen, in seconds, unless looks are rarer.
const RESTART_SECS: f32 = 1.0;
/// An object that stands still is kept this many times longer.
const STILL_PATIENCE: f32 = 4.0;
/// While others stand in front of it, it is kept this long, in seconds.
const COVERED_SECS_MAX: f32 = 300.0;
/// Share of a box that has to be covered.
const COVERED_SHARE: f32 = 0.4;

/// Everything followed, and what it needs to go on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tracker {
    /// Oldest first.
    pub(crate) objects: Vec<Object>,
    next_id: u64,
    /// Until when `unseen_secs` counts.
    counted_to: Option<MediaTime>,
    last_look: Option<MediaTime>,
    /// Usual time between looks.
    interval_secs: f32,
    /// What objects shared of their surprise lately: motion, and no shake.
    drift: Vec2,
    /// Whether nobody has looked since a restart.
    #[serde(skip)]
    resumed: bool,
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
    found: Vec<(usize, usize)>,
    taken: Vec<bool>,
    matched: Vec<bool>,
}

/// Which boxes and objects a cascade joins.
struct Stage {
    confirmed: bool,
    sure: bool,
    strict: f32,
}

impl Tracker {
    pub(crate) fn last_look(&self) -> Option<MediaTime> {
        self.last_look
    }

    /// Takes the boxes of a look, surest first, at a time after the last look, whose unseen time is
    /// counted already. Returns the shift
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
        for object in &mut self.objects {
            object.predict(dt.min(STEP_SECS_MAX), &self.params);
        }
        let scratch = &mut self.scratch;
        scratch.taken.clear();
        scratch.taken.resize(seen.len(), false);
        scratch.matched.clear();
        scratch.matched.resize(self.objects.len(), false);
        let mut stage = Stage {
            confirmed: true,
            sure: true,
            strict: 0.0,
        };
        self.find(&stage, seen, threshold);
        let shift = self.knock(seen).or_else(|| self.shake(seen, dt));
        if let Some(by) = shift {
            for object in &mut self.objects {
                object.shift(by);
            }
            self.find(&stage, seen, threshold);
        }
        self.take_found(at, seen);
        stage.sure = false;
        stage.strict = self.params.cost_max_low;
        self.find(&stage, seen, threshold);
        self.take_found(at, seen);
        stage = Stage {
            confirmed: false,
            sure: true,
            strict: 0.0,
        };
        self.find(&stage, seen, threshold);
        self.take_found(at, seen);
        self.begin(at, seen, threshold, faults);
        shift
    }

    /// Counts the time that objects are unseen.
    pub(crate) fn count_unseen(&mut self, at: MediaTime) {
        if let Some(to) = self.counted_to {
            let mut secs = at.secs_since(to).max(0.0) as f32;
            if std::mem::take(&mut self.resumed) {
                secs = secs.min(self.interval_secs.max(RESTART_SECS));
            }
            for object in &mut self.objects {
                object.unseen_secs += secs;
            }
        }
        self.counted_to = self.counted_to.max(Some(at));
    }

    /// The next look follows a restart: of the time in between only a moment counts, as nobody
    /// could have been seen.
    pub(crate) fn forgive_gap(&mut self) {
        self.resumed = true;
    }

    /// Takes out the objects that nobody has seen for too long.
    pub(crate) fn take_ended(&mut self, gone_after_secs: f32, aspect: f32) -> Vec<Object> {
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
                let wait = if object.missed == 0 {
                    patience
                } else {
                    tentative
                };
                object.unseen_secs < wait
            } else if object.still && covered[index - 1] {
                object.unseen_secs < COVERED_SECS_MAX.max(patience)
            } else if object.still {
                object.unseen_secs < patience * STILL_PATIENCE
            } else {
                let left = object.missed >= 2 && object.is_outside(aspect);
                let patience = if left {
                    patience * self.params.left_patience
                } else {
                    patience
                };
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

    /// Finds pairs for one cascade, among what has none yet.
    fn find(&mut self, stage: &Stage, seen: &[Seen], threshold: f32) {
        let scratch = &mut self.scratch;
        scratch.rows.clear();
        scratch.columns.clear();
        scratch.found.clear();
        for (index, object) in self.objects.iter().enumerate() {
            // An unsure box may keep an object that was just seen, not find a lost one again.
            let fresh = stage.sure || object.missed <= 1 || object.unseen_secs < 0.5;
            if object.confirmed == stage.confirmed && !scratch.matched[index] && fresh {
                scratch.rows.push(index);
            }
        }
        let mut density = [0.0; Group::COUNT];
        for (index, one) in seen.iter().enumerate() {
            if (one.score >= threshold) == stage.sure {
                density[Group::of(one.label) as usize] += 1.0;
                if !scratch.taken[index] {
                    scratch.columns.push(index);
                }
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
            strict: stage.strict,
            density,
        };
        gate.pairs(&scratch.rows, &scratch.columns, &mut scratch.pairs);
        let (rows, columns) = (scratch.rows.len(), scratch.columns.len());
        let found = scratch.assignment.solve(rows, columns, &scratch.pairs, 0.0);
        for (row, &object) in scratch.rows.iter().enumerate() {
            if let Some(column) = Assignment::column(found, row) {
                scratch.found.push((object, scratch.columns[column]));
            }
        }
    }

    /// Takes the pairs that were found.
    fn take_found(&mut self, at: MediaTime, seen: &[Seen]) {
        for &(object, index) in &self.scratch.found {
            self.objects[object].update(&seen[index], at, &self.params);
            self.scratch.taken[index] = true;
            self.scratch.matched[object] = true;
        }
        self.scratch.found.clear();
    }

    /// The shift that well-known objects have in common at this look. What they have in common for
    /// longer is motion: a turning camera, or traffic that starts at a light.
    fn shake(&mut self, seen: &[Seen], dt: f32) -> Option<Vec2> {
        const DRIFT_SECS: f32 = 1.0;
        let known = self.scratch.found.iter().filter_map(|&(object, index)| {
            let object = &self.objects[object];
            let expected = object.motion.square();
            object.is_well_known().then(|| {
                let surprise = seen[index].square.centre.minus(expected.centre);
                (surprise, expected.size())
            })
        });
        let shift = common_surprise(&known.collect::<Vec<_>>());
        let common = shift.unwrap_or_default();
        let lasting = self.drift.dot(common) > 0.5 * common.dot(common);
        let pull = 1.0 - (-dt / DRIFT_SECS).exp();
        self.drift = self.drift.plus(common.minus(self.drift).times(pull));
        shift
            .filter(|_| !lasting && self.params.shake_share > 0.0)
            .map(|shift| shift.times(self.params.shake_share))
    }

    /// If at least half of the well-known objects lost their boxes all at once: the one shift that
    /// puts most of them onto boxes again.
    fn knock(&self, seen: &[Seen]) -> Option<Vec2> {
        let known: Vec<&Object> = self.objects.iter().filter(|o| o.is_well_known()).collect();
        let found = &self.scratch.found;
        let found = found
            .iter()
            .filter(|(index, _)| self.objects[*index].is_well_known());
        if found.count() * 2 > known.len() {
            return None;
        }
        common_shift(&known, seen)
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
