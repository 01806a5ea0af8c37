//! IDF1: how long a name is right (Ristani et al., "Performance Measures and a Data Set for
//! Multi-Target, Multi-Camera Tracking", 2016).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pairing::Pairing;
use crate::{
    assignment::{self, Pair},
    thresholds::HIT_IOU_MIN,
};

/// Names matched one-to-one over the whole sequence, 0..1 (equations 8 to 10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Harmonic mean of the two.
    pub idf1: f64,
    /// Share of the boxes found that go by the right name.
    pub idp: f64,
    /// Share of the true boxes that are found under the right name.
    pub idr: f64,
}

/// Sums that add up over sequences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IdentityTally {
    right: u64,
    truths: u64,
    founds: u64,
}

impl IdentityTally {
    pub(super) fn new(pairing: &Pairing) -> Self {
        let mut together = BTreeMap::<(usize, usize), u64>::new();
        for picture in &pairing.pictures {
            for overlap in &picture.overlaps {
                if overlap.iou >= HIT_IOU_MIN {
                    let names = (picture.truth[overlap.truth], picture.found[overlap.found]);
                    *together.entry(names).or_default() += 1;
                }
            }
        }
        let pairs: Vec<Pair> = together
            .iter()
            .map(|(&(row, column), &boxes)| Pair {
                row,
                column,
                worth: boxes as f64,
            })
            .collect();
        let right: f64 = assignment::best(&pairs)
            .into_iter()
            .map(|index| pairs[index].worth)
            .sum();
        Self {
            right: right.round() as u64,
            truths: pairing.truths(),
            founds: pairing.founds(),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.truths += other.truths;
        self.founds += other.founds;
    }

    pub(super) fn scores(&self) -> Identity {
        let share = |hits: u64, of: u64| hits as f64 / (of as f64).max(1.0);
        Identity {
            idf1: share(2 * self.right, self.truths + self.founds),
            idp: share(self.right, self.founds),
            idr: share(self.right, self.truths),
        }
    }
}
