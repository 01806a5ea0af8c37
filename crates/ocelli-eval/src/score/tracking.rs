//! The three families of figures for boxes with names, for one sequence and pooled over several.

use serde::{Deserialize, Serialize};

use super::{
    Clear, Hota, Identity, Likeness, clear::ClearTally, hota::HotaTally, identity::IdentityTally,
    pairing::Pairing,
};
use crate::Sequence;

/// How good boxes with names are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackingScores {
    /// HOTA and its parts.
    pub hota: Hota,
    /// IDF1 and its parts.
    pub identity: Identity,
    /// MOTA and its counts.
    pub clear: Clear,
}

/// Sums of one or more sequences. Pooling adds sums, it does not average figures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrackingTally {
    hota: HotaTally,
    identity: IdentityTally,
    clear: ClearTally,
}

impl TrackingTally {
    /// The sums of one sequence: what was `found` in the same pictures as the `truth`.
    pub fn new(truth: &Sequence, found: &Sequence, likeness: Likeness) -> Self {
        let pairing = Pairing::new(truth, found, likeness);
        Self {
            hota: HotaTally::new(&pairing),
            identity: IdentityTally::new(&pairing),
            clear: ClearTally::new(&pairing),
        }
    }

    /// Adds another sequence.
    pub fn add(&mut self, other: &Self) {
        self.hota.add(&other.hota);
        self.identity.add(&other.identity);
        self.clear.add(&other.clear);
    }

    /// The figures of what was added up.
    pub fn scores(&self) -> TrackingScores {
        TrackingScores {
            hota: self.hota.scores(),
            identity: self.identity.scores(),
            clear: self.clear.scores(),
        }
    }
}

/// The figures of one sequence.
pub fn tracking(truth: &Sequence, found: &Sequence, likeness: Likeness) -> TrackingScores {
    TrackingTally::new(truth, found, likeness).scores()
}
