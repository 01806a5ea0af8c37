//! How much one stream is looked at: quiet, curious, attentive. Pure; time is media time.

use ocelli_core::{Attention, MediaTime};
use ocelli_vision::change::{HEIGHT, Patch, WIDTH};

/// How long a detector looks after a change in which it finds nothing.
const CURIOUS_SECS: f64 = 1.0;
/// But at least so many looks, for looks may be far apart.
const LOOKS_MIN: u32 = 3;
/// How long a stream is decoded after the last object that moved.
const REST_SECS: f64 = 3.0;
/// A place where changes turn out to be nothing is not looked at for so long: at first, and at most.
const BLIND_SECS: (f64, f64) = (3.0, 60.0);
/// The most such places; one more, and the whole picture is one.
const PLACES_MAX: usize = 8;
/// Between looks of a detector at a quiet stream whose objects rest, and at an empty one: for what
/// the gates do not see, and for the plate.
const CHECK_SECS: f64 = 10.0;
const CHECK_EMPTY_SECS: f64 = 60.0;

/// A place where changes turned out to be nothing.
#[derive(Debug, Clone, Copy)]
struct Place {
    patch: Patch,
    /// It is blind up to here.
    until: MediaTime,
    /// How long it was, the last time.
    secs: f64,
}

/// What one look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// Objects that all stand still.
    Resting,
    /// Something that moves, or may turn out to.
    Moving,
}

/// The states of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    state: Attention,
    /// Since when a detector looks, or when it last found something that moves.
    since: Option<MediaTime>,
    /// Looks since then.
    looks: u32,
    /// What made it curious.
    patch: Option<Patch>,
    places: Vec<Place>,
    checked: MediaTime,
}

impl Watch {
    /// Begins curious: nothing is known of what is there.
    pub(crate) fn new() -> Self {
        Self {
            state: Attention::Curious,
            since: None,
            looks: 0,
            patch: None,
            places: Vec::new(),
            checked: MediaTime::default(),
        }
    }

    pub(crate) fn state(&self) -> Attention {
        self.state
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.state == Attention::Quiet
    }

    /// Places in which changes do not count now.
    pub(crate) fn blind(&self, at: MediaTime) -> Vec<Patch> {
        let places = self.places.iter().filter(|place| at < place.until);
        places.map(|place| place.patch).collect()
    }

    /// The picture at `at` changed: a detector is to look at it.
    pub(crate) fn changed(&mut self, at: MediaTime, patch: Option<Patch>) {
        if self.is_quiet() {
            self.state = Attention::Curious;
            self.since = Some(at);
            self.looks = 0;
            self.patch = patch;
        }
    }

    /// What a detector found. Returns whether the stream may become quiet.
    pub(crate) fn looked(&mut self, at: MediaTime, found: Found) -> bool {
        if self.is_quiet() {
            self.checked = at;
            if found == Found::Moving {
                self.state = Attention::Attentive;
                self.since = Some(at);
                self.looks = 0;
            }
            return false;
        }
        // A timeline that began anew.
        let since = self.since.filter(|&since| since <= at).unwrap_or(at);
        if found == Found::Moving {
            self.state = Attention::Attentive;
            self.since = Some(at);
            self.looks = 0;
            self.patch = None;
            return false;
        }
        self.looks += 1;
        self.since = Some(since);
        let secs = if self.state == Attention::Curious {
            CURIOUS_SECS
        } else {
            REST_SECS
        };
        self.looks >= LOOKS_MIN && at.secs_since(since) >= secs
    }

    /// The stream becomes quiet. A change that was nothing makes its place blind, for longer each
    /// time.
    pub(crate) fn rest(&mut self, at: MediaTime) {
        if let Some(patch) = self.patch.take() {
            self.was_nothing(patch, at);
        }
        self.state = Attention::Quiet;
        self.since = None;
        self.checked = at;
    }

    /// Whether a detector is to look at a quiet stream again, in which objects rest or not.
    pub(crate) fn check_is_due(&self, at: MediaTime, objects_rest: bool) -> bool {
        let secs = if objects_rest {
            CHECK_SECS
        } else {
            CHECK_EMPTY_SECS
        };
        at.secs_since(self.checked).abs() >= secs
    }

    fn was_nothing(&mut self, patch: Patch, at: MediaTime) {
        // What did not change for a while begins anew.
        self.places
            .retain(|place| at.secs_since(place.until).abs() < BLIND_SECS.1);
        let known = self
            .places
            .iter_mut()
            .find(|place| place.patch.holds(&patch, 4) || patch.holds(&place.patch, 4));
        if let Some(place) = known {
            place.secs = (place.secs * 2.0).min(BLIND_SECS.1);
            place.until = at.plus_micros((place.secs * 1e6) as i64);
            place.patch = union(place.patch, patch);
            return;
        }
        if self.places.len() == PLACES_MAX {
            // It moves everywhere: rain, a camera that shakes.
            self.places.truncate(1);
            let place = &mut self.places[0];
            place.patch = Patch {
                left: 0,
                top: 0,
                right: WIDTH - 1,
                bottom: HEIGHT - 1,
            };
            place.until = at.plus_micros((place.secs * 1e6) as i64);
            return;
        }
        self.places.push(Place {
            patch,
            until: at.plus_micros((BLIND_SECS.0 * 1e6) as i64),
            secs: BLIND_SECS.0,
        });
    }
}

fn union(a: Patch, b: Patch) -> Patch {
    Patch {
        left: a.left.min(b.left),
        top: a.top.min(b.top),
        right: a.right.max(b.right),
        bottom: a.bottom.max(b.bottom),
    }
}

#[cfg(test)]
mod tests;
