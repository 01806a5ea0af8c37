//! What goes on after a restart, as bytes.

use std::collections::BTreeMap;

use ocelli_core::{MediaTime, SceneState, WallSource, WallTime};
use serde::{Deserialize, Serialize};

use crate::{Faults, tracker::Tracker, visit::Visit};

/// Version of the encoding of [`Body`]; any change of a type inside makes a new one.
pub(crate) const VERSION: u16 = 1;

/// All that a scene remembers, encoded with postcard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) epoch: u64,
    pub(crate) next_event: u64,
    pub(crate) next_tag: u64,
    pub(crate) now: MediaTime,
    pub(crate) wall_source: WallSource,
    pub(crate) aspect: f32,
    pub(crate) tracker: Tracker,
    pub(crate) visits: BTreeMap<u64, Visit>,
    pub(crate) faults: Faults,
    pub(crate) rules: Vec<RuleMemory>,
}

/// What one rule remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RuleMemory {
    /// Of its kind, configuration and zone: another configuration starts anew.
    pub(crate) fingerprint: u64,
    pub(crate) memory: Vec<u8>,
}

/// Encodes. Rules lose their memory, from the last in the list on, if all together is too large.
pub(crate) fn encode(mut body: Body, wall: WallTime) -> SceneState {
    let mut bytes = to_bytes(&body);
    while bytes.len() > SceneState::BYTES_MAX && body.rules.pop().is_some() {
        body.faults.states_cut += 1;
        bytes = to_bytes(&body);
    }
    SceneState {
        version: VERSION,
        wall,
        body: bytes,
    }
}

fn to_bytes(body: &Body) -> Vec<u8> {
    // Only types that postcard knows are inside: it cannot fail.
    postcard::to_stdvec(body).unwrap_or_default()
}

/// Decodes, or `None` if the state is of another version, too large or damaged.
pub(crate) fn decode(state: &SceneState) -> Option<Body> {
    if state.version != VERSION || state.body.len() > SceneState::BYTES_MAX {
        return None;
    }
    let body: Body = postcard::from_bytes(&state.body).ok()?;
    body.is_sound().then_some(body)
}

impl Body {
    /// Whether the parts fit each other: bytes from outside are believed no further.
    fn is_sound(&self) -> bool {
        let objects = &self.tracker.objects;
        let confirmed = objects.iter().filter(|object| object.confirmed);
        self.aspect.is_finite()
            && self.aspect > 0.0
            && objects.len() <= crate::tracker::TRACKS_MAX
            && objects.windows(2).all(|pair| pair[0].id < pair[1].id)
            && confirmed
                .clone()
                .all(|object| self.visits.contains_key(&object.id))
            && confirmed.count() == self.visits.len()
    }
}
