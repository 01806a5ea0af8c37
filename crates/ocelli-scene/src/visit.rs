//! The stay of one tag: what the scene remembers of it beside its motion.

use ocelli_core::{BBox, MediaTime, Tag, Track};
use serde::{Deserialize, Serialize};

use crate::{rest::Rest, tracker::Object};

/// A standing object says that it is still there this many times more rarely.
pub(crate) const STILL_UPDATES: f64 = 12.0;

/// One confirmed object under one tag.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub(crate) tag: Tag,
    /// First seen, or renamed.
    pub(crate) born: MediaTime,
    /// Its box then.
    pub(crate) born_bbox: BBox,
    pub(crate) updated: MediaTime,
    pub(crate) rest: Rest,
}

impl Visit {
    /// What others see of it.
    pub(crate) fn track(&self, object: &Object, aspect: f32) -> Track {
        let bbox = if object.seen() {
            object.bbox
        } else {
            let expected = object.motion.square().bbox(aspect);
            expected.clipped().unwrap_or(object.bbox)
        };
        Track {
            bbox,
            ..self.last_seen(object)
        }
    }

    /// The same, with the box where it was seen last.
    pub(crate) fn last_seen(&self, object: &Object) -> Track {
        Track {
            tag: self.tag,
            label: object.vote.label(),
            bbox: object.bbox,
            score: object.score,
            seen: object.seen(),
            stationary: self.rest.still_since().is_some(),
            first_at: self.born,
            last_at: object.last_at,
        }
    }
}
