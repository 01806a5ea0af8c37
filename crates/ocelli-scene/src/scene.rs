//! One stream's scene: tracker, visits and rules under one roof.

use std::collections::BTreeMap;

use ocelli_core::{
    BBox, Detections, Event, EventDetail, EventKind, GoneReason, MediaTime, StreamId, Tag, TagKey,
    Track, WallSource, WallTime, settings::SceneSettings,
};

use crate::{
    Emitter, Faults, Moment, SceneError,
    clean::Cleaner,
    emitter::Ids,
    plane::SquareBox,
    rest::{Change, Rest},
    rule::{Subject, View},
    setup::{Running, build, first},
    tracker::{Object, Params, Tracker},
    visit::{STILL_UPDATES, Visit},
};

/// A look that is earlier than the last one by more than this begins a new timeline.
const BACK_SECS_MAX: f64 = 10.0;
/// A look after a gap of this many times the time that a tag is kept finds no old tag again.
const GAP_PATIENCE: f32 = 2.0;

/// One stream over time.
pub struct Scene {
    pub(crate) settings: SceneSettings,
    pub(crate) cleaner: Cleaner,
    pub(crate) rules: Vec<Running>,
    pub(crate) key: TagKey,
    pub(crate) ids: Ids,
    pub(crate) next_tag: u64,
    pub(crate) tracker: Tracker,
    pub(crate) visits: BTreeMap<u64, Visit>,
    pub(crate) tracks: Vec<Track>,
    pub(crate) faults: Faults,
    pub(crate) aspect: f32,
    pub(crate) now: MediaTime,
    pub(crate) wall: WallTime,
    pub(crate) wall_source: WallSource,
}

impl Scene {
    /// A scene that nobody has looked at. Err: the first of [`crate::check`]'s errors.
    pub fn new(
        stream: StreamId,
        settings: &SceneSettings,
        key: TagKey,
        epoch: u64,
    ) -> Result<Self, SceneError> {
        let (cleaner, rules) = build(settings).map_err(first)?;
        Ok(Self {
            settings: settings.clone(),
            cleaner,
            rules,
            key,
            ids: Ids {
                stream,
                epoch,
                next: 0,
            },
            next_tag: 0,
            tracker: Tracker::default(),
            visits: BTreeMap::new(),
            tracks: Vec::new(),
            faults: Faults::default(),
            aspect: 1.0,
            now: MediaTime::default(),
            wall: WallTime::default(),
            wall_source: WallSource::default(),
        })
    }

    /// Goes on under other settings. Tags stay; rules that did not change keep what they remember.
    /// Err: nothing changed.
    pub fn reconfigure(&mut self, settings: &SceneSettings) -> Result<(), SceneError> {
        let (cleaner, mut rules) = build(settings).map_err(first)?;
        for running in &mut rules {
            let same = |former: &Running| former.fingerprint == running.fingerprint;
            if let Some(index) = self.rules.iter().position(same) {
                *running = self.rules.swap_remove(index);
            }
        }
        self.cleaner = cleaner;
        self.rules = rules;
        self.settings = settings.clone();
        Ok(())
    }

    /// Makes new tags under this key from now on.
    pub fn rekey(&mut self, key: TagKey) {
        self.key = key;
    }

    /// Follows with other numbers than the defaults: for comparing and searching them.
    pub fn set_tracker_params(&mut self, params: Params) {
        self.tracker.params = params;
    }

    /// Takes what one look found. `coverage`, 0..1, is written on every event.
    pub fn look(&mut self, detections: &Detections, coverage: f32, events: &mut Vec<Event>) {
        if !self.accepts_time(detections.at, coverage, events) {
            return;
        }
        if detections.aspect.is_finite() && detections.aspect > 0.0 {
            self.aspect = detections.aspect.clamp(0.05, 20.0);
        }
        self.now = detections.at;
        self.wall = detections.wall;
        self.wall_source = detections.wall_source;
        let moment = self.moment(coverage);
        let begin = events.len();
        let seen = self
            .cleaner
            .clean(detections, self.aspect, &mut self.faults);
        // What was unseen for far too long is gone, whatever stands there now.
        self.tracker.count_unseen(detections.at);
        self.end_unseen(GAP_PATIENCE, moment, events);
        let threshold = self.settings.threshold;
        let shift = self
            .tracker
            .look(detections.at, &seen, threshold, &mut self.faults);
        if let Some(shift) = shift {
            for visit in self.visits.values_mut() {
                visit.rest.shift(shift);
            }
        }
        self.end_unseen(1.0, moment, events);
        self.visit(moment, events);
        self.renew_tracks();
        let subjects = self.subjects();
        let view = View {
            subjects: &subjects,
            aspect: self.aspect,
        };
        let mut out = Emitter::new(&mut self.ids, moment, events);
        for running in &mut self.rules {
            running.rule.look(&view, &mut out);
        }
        self.tell_rules(&events[begin..]);
    }

    /// Media time passes without a look. Tags that nobody sees end, and intervals of rules.
    pub fn pass(&mut self, at: MediaTime, wall: WallTime, coverage: f32, events: &mut Vec<Event>) {
        if at <= self.now || self.tracker.last_look().is_none() {
            return;
        }
        self.now = at;
        self.wall = wall;
        let moment = self.moment(coverage);
        let begin = events.len();
        self.tracker.count_unseen(at);
        self.end_unseen(1.0, moment, events);
        self.renew_tracks();
        let mut out = Emitter::new(&mut self.ids, moment, events);
        for running in &mut self.rules {
            running.rule.pass(&mut out);
        }
        self.tell_rules(&events[begin..]);
    }

    /// The stream ends, or is taken away: open tags and intervals end.
    pub fn close(&mut self, reason: GoneReason, coverage: f32, events: &mut Vec<Event>) {
        self.end_all(reason, coverage, events);
        let moment = self.moment(coverage);
        let mut out = Emitter::new(&mut self.ids, moment, events);
        for running in &mut self.rules {
            running.rule.close(&mut out);
        }
    }

    /// The confirmed objects, oldest first.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Media time of the last look, or of what passed since.
    pub fn now(&self) -> MediaTime {
        self.now
    }

    /// What was refused so far.
    pub fn faults(&self) -> Faults {
        self.faults
    }

    /// Whether a look at this time can be taken. One that is far in the past begins a new timeline.
    fn accepts_time(&mut self, at: MediaTime, coverage: f32, events: &mut Vec<Event>) -> bool {
        let Some(last) = self.tracker.last_look() else {
            return true;
        };
        if at > last {
            return true;
        }
        if last.secs_since(at) <= BACK_SECS_MAX {
            self.faults.looks_not_later += 1;
            return false;
        }
        self.faults.timelines_restarted += 1;
        self.end_all(GoneReason::Lost, coverage, events);
        true
    }

    fn moment(&self, coverage: f32) -> Moment {
        Moment {
            at: self.now,
            wall: self.wall,
            wall_source: self.wall_source,
            coverage: if coverage.is_finite() {
                coverage.clamp(0.0, 1.0)
            } else {
                0.0
            },
        }
    }

    /// Ends what is unseen for `factor` times as long as a tag is kept.
    fn end_unseen(&mut self, factor: f32, moment: Moment, events: &mut Vec<Event>) {
        let secs = self.settings.gone_after_secs * factor;
        for object in self.tracker.take_ended(secs, self.aspect) {
            if let Some(visit) = self.visits.remove(&object.id) {
                self.gone(&object, &visit, GoneReason::Left, moment, events);
            }
        }
    }

    pub(crate) fn end_all(&mut self, reason: GoneReason, coverage: f32, events: &mut Vec<Event>) {
        let moment = self.moment(coverage);
        let begin = events.len();
        for object in self.tracker.take_all() {
            if let Some(visit) = self.visits.remove(&object.id) {
                self.gone(&object, &visit, reason, moment, events);
            }
        }
        self.tracks.clear();
        self.tell_rules(&events[begin..]);
    }

    /// A tag ends: first for the rules, then for good.
    fn gone(
        &mut self,
        object: &Object,
        visit: &Visit,
        reason: GoneReason,
        moment: Moment,
        events: &mut Vec<Event>,
    ) {
        let track = visit.last_seen(object);
        let mut out = Emitter::new(&mut self.ids, moment, events);
        for running in &mut self.rules {
            running.rule.gone(&track, &mut out);
        }
        let detail = EventDetail {
            reason: Some(reason),
            dwell_secs: Some(track.last_at.secs_since(track.first_at).max(0.0) as f32),
            ..EventDetail::default()
        };
        out.tag(EventKind::Gone, &track, detail);
    }

    /// Takes every confirmed object's visit one look further.
    fn visit(&mut self, moment: Moment, events: &mut Vec<Event>) {
        let objects = std::mem::take(&mut self.tracker.objects);
        for object in objects.iter().filter(|object| object.confirmed) {
            let visit = self.visits.remove(&object.id);
            let known = visit.is_some();
            let mut visit =
                visit.unwrap_or_else(|| self.new_visit(object, object.first_at, object.first_bbox));
            let life = moment.at.secs_since(visit.born);
            let old = life >= f64::from(self.settings.tag_life_secs);
            if old && known && object.seen() {
                self.gone(object, &visit, GoneReason::Expired, moment, events);
                let rest = visit.rest;
                visit = self.new_visit(object, moment.at, object.bbox);
                visit.rest = rest;
                self.appeared(object, &visit, moment, events);
            } else if !known {
                self.appeared(object, &visit, moment, events);
            }
            if object.seen() {
                self.visit_seen(object, &mut visit, moment, events);
            }
            self.visits.insert(object.id, visit);
        }
        self.tracker.objects = objects;
        for object in &mut self.tracker.objects {
            if let Some(visit) = self.visits.get(&object.id) {
                object.still = visit.rest.still_since().is_some();
            }
        }
    }

    fn visit_seen(
        &mut self,
        object: &Object,
        visit: &mut Visit,
        moment: Moment,
        events: &mut Vec<Event>,
    ) {
        let square = SquareBox::of(object.bbox, self.aspect);
        let change = visit
            .rest
            .look(square, moment.at, self.settings.stopped_after_secs);
        let (kind, secs) = match change {
            Change::Stopped(secs) => (EventKind::Stopped, Some(secs)),
            Change::Moved(secs) => (EventKind::Moved, Some(secs)),
            Change::None => {
                let still = visit.rest.still_since().is_some();
                let pause = f64::from(self.settings.updated_every_secs)
                    * if still { STILL_UPDATES } else { 1.0 };
                if moment.at.secs_since(visit.updated) < pause {
                    return;
                }
                (EventKind::Updated, None)
            }
        };
        visit.updated = moment.at;
        let detail = EventDetail {
            dwell_secs: secs,
            ..EventDetail::default()
        };
        Emitter::new(&mut self.ids, moment, events).tag(kind, &visit.last_seen(object), detail);
    }

    fn appeared(
        &mut self,
        object: &Object,
        visit: &Visit,
        moment: Moment,
        events: &mut Vec<Event>,
    ) {
        let track = visit.last_seen(object);
        let mut out = Emitter::new(&mut self.ids, moment, events);
        out.tag(EventKind::Appeared, &track, EventDetail::default());
    }

    fn new_visit(&mut self, object: &Object, born: MediaTime, born_bbox: BBox) -> Visit {
        Visit {
            tag: self.next_tag(),
            born,
            born_bbox,
            updated: self.now,
            rest: Rest::new(
                SquareBox::of(object.first_bbox, self.aspect),
                object.first_at,
            ),
        }
    }

    /// The epoch decides where the numbers of a scene begin, so that a scene that begins anew
    /// under the same key gives out none that a former one did.
    fn next_tag(&mut self) -> Tag {
        let number = scattered(self.ids.epoch).wrapping_add(self.next_tag);
        self.next_tag += 1;
        self.key.tag(self.ids.stream, number)
    }

    pub(crate) fn renew_tracks(&mut self) {
        self.tracks.clear();
        for object in &self.tracker.objects {
            if let Some(visit) = self.visits.get(&object.id) {
                self.tracks.push(visit.track(object, self.aspect));
            }
        }
    }

    fn subjects(&self) -> Vec<Subject> {
        let confirmed = self.tracker.objects.iter();
        confirmed
            .filter_map(|object| {
                let visit = self.visits.get(&object.id)?;
                Some(Subject {
                    track: visit.track(object, self.aspect),
                    first_bbox: visit.born_bbox,
                    resting_since: visit.rest.since(),
                })
            })
            .collect()
    }

    fn tell_rules(&mut self, events: &[Event]) {
        for running in &mut self.rules {
            for event in events {
                running.rule.hear(event);
            }
        }
    }
}

/// Steele, Lea and Flood's `SplitMix64`: a bijection that spreads neighbours over all numbers.
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
