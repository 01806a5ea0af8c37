//! What goes on after a restart, as bytes.

use std::collections::BTreeMap;

use ocelli_core::{
    Event, GoneReason, MediaTime, SceneState, StreamId, TagKey, WallSource, WallTime,
    settings::SceneSettings,
};
use serde::{Deserialize, Serialize};

use crate::{Faults, Scene, SceneError, setup::Running, tracker::Tracker, visit::Visit};

/// Version of the encoding of [`Body`]; any change of a type inside makes a new one.
const VERSION: u16 = 2;

/// All that a scene remembers, encoded with postcard.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RuleMemory {
    /// Of its kind, configuration and zone: another configuration starts anew.
    pub(crate) fingerprint: u64,
    pub(crate) memory: Vec<u8>,
}

impl Scene {
    /// Goes on from a state. With `expired` the state is too old: its open tags end with the
    /// reason `lost`, and the scene begins anew with the same epoch and counters. A state of
    /// another version, or a damaged one, is refused and counted: then the scene is a new one
    /// with `epoch_if_none`.
    pub fn resume(
        stream: StreamId,
        settings: &SceneSettings,
        key: TagKey,
        epoch_if_none: u64,
        state: &SceneState,
        expired: bool,
        events: &mut Vec<Event>,
    ) -> Result<Self, SceneError> {
        let mut scene = Self::new(stream, settings, key, epoch_if_none)?;
        let Some(body) = decode(state) else {
            scene.faults.states_refused += 1;
            return Ok(scene);
        };
        scene.ids.epoch = body.epoch;
        scene.ids.next = body.next_event;
        scene.next_tag = body.next_tag;
        scene.now = body.now;
        scene.wall = state.wall;
        scene.wall_source = body.wall_source;
        scene.aspect = body.aspect;
        scene.faults = body.faults;
        scene.tracker = body.tracker;
        scene.visits = body.visits;
        for RuleMemory {
            fingerprint,
            memory,
        } in &body.rules
        {
            let same = |running: &&mut Running| running.fingerprint == *fingerprint;
            if let Some(running) = scene.rules.iter_mut().find(same)
                && running.rule.load(memory).is_err()
            {
                scene.faults.states_refused += 1;
            }
        }
        scene.tracker.forgive_gap();
        scene.renew_tracks();
        if expired {
            scene.end_all(GoneReason::Lost, 0.0, events);
        }
        Ok(scene)
    }

    /// Where a replacement would go on: at most [`SceneState::BYTES_MAX`] bytes.
    pub fn state(&self) -> SceneState {
        let rules = self.rules.iter().map(|running| RuleMemory {
            fingerprint: running.fingerprint,
            memory: running.rule.save(),
        });
        let body = Body {
            epoch: self.ids.epoch,
            next_event: self.ids.next,
            next_tag: self.next_tag,
            now: self.now,
            wall_source: self.wall_source,
            aspect: self.aspect,
            tracker: self.tracker.clone(),
            visits: self.visits.clone(),
            faults: self.faults,
            rules: rules.collect(),
        };
        encode(body, self.wall)
    }
}

/// Encodes. Rules lose their memory, from the last in the list on, if all together is too large.
fn encode(mut body: Body, wall: WallTime) -> SceneState {
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
fn decode(state: &SceneState) -> Option<Body> {
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
