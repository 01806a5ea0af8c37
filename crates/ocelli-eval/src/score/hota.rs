//! HOTA: detection and association weighed alike (Luiten et al., "HOTA: A Higher Order Metric for
//! Evaluating Multi-Object Tracking", IJCV 2020).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pairing::Pairing;
use crate::{
    assignment::{self, Pair},
    thresholds::HOTA_ALPHAS,
};

const ALPHAS: usize = HOTA_ALPHAS.len();

/// Means over the thresholds, 0..1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Hota {
    /// Geometric mean of detection and association, averaged (equation 20).
    pub hota: f64,
    /// Detection accuracy (equation 16).
    pub det_a: f64,
    /// Association accuracy (equation 15).
    pub ass_a: f64,
    /// Share of the true boxes that are detected.
    pub det_re: f64,
    /// Share of the detected boxes that are true.
    pub det_pr: f64,
    /// Mean overlap of the hits; 1 where there is none.
    pub loc_a: f64,
}

/// Sums at each threshold, which add up over sequences.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HotaTally {
    hits: [u64; ALPHAS],
    /// True boxes.
    truths: u64,
    /// Boxes found.
    founds: u64,
    /// Sum over the hits of their association.
    association: [f64; ALPHAS],
    /// Sum over the hits of their overlap.
    overlap: [f64; ALPHAS],
}

impl HotaTally {
    pub(super) fn new(pairing: &Pairing) -> Self {
        let mut tally = Self {
            truths: pairing.truths(),
            founds: pairing.founds(),
            ..Self::default()
        };
        let alignment = alignment(pairing);
        // Hits of each pair of names at each threshold.
        let mut hits = BTreeMap::<(usize, usize), [u64; ALPHAS]>::new();
        for picture in &pairing.pictures {
            let names =
                |o: &super::pairing::Overlap| (picture.truth[o.truth], picture.found[o.found]);
            let pairs: Vec<Pair> = picture
                .overlaps
                .iter()
                .map(|overlap| Pair {
                    row: overlap.truth,
                    column: overlap.found,
                    worth: alignment[&names(overlap)] * overlap.iou,
                })
                .collect();
            for index in assignment::best(&pairs) {
                let overlap = &picture.overlaps[index];
                let of_pair = hits.entry(names(overlap)).or_default();
                for (at, &alpha) in HOTA_ALPHAS.iter().enumerate() {
                    if overlap.iou >= alpha - f64::EPSILON {
                        tally.hits[at] += 1;
                        tally.overlap[at] += overlap.iou;
                        of_pair[at] += 1;
                    }
                }
            }
        }
        for (&(truth, found), of_pair) in &hits {
            let both = pairing.truth_boxes[truth] + pairing.found_boxes[found];
            for (at, &hits) in of_pair.iter().enumerate() {
                let hits = hits as f64;
                tally.association[at] += hits * hits / (both as f64 - hits).max(1.0);
            }
        }
        tally
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.truths += other.truths;
        self.founds += other.founds;
        for at in 0..ALPHAS {
            self.hits[at] += other.hits[at];
            self.association[at] += other.association[at];
            self.overlap[at] += other.overlap[at];
        }
    }

    pub(super) fn scores(&self) -> Hota {
        let mut mean = Hota::default();
        for at in 0..ALPHAS {
            let hits = self.hits[at] as f64;
            let of = |count: u64| hits / (count as f64).max(1.0);
            let union = self.truths + self.founds - self.hits[at];
            let (det_a, ass_a) = (of(union), self.association[at] / hits.max(1.0));
            mean.hota += (det_a * ass_a).sqrt();
            mean.det_a += det_a;
            mean.ass_a += ass_a;
            mean.det_re += of(self.truths);
            mean.det_pr += of(self.founds);
            mean.loc_a += if self.hits[at] == 0 {
                1.0
            } else {
                self.overlap[at] / hits
            };
        }
        let share = |sum: f64| sum / ALPHAS as f64;
        Hota {
            hota: share(mean.hota),
            det_a: share(mean.det_a),
            ass_a: share(mean.ass_a),
            det_re: share(mean.det_re),
            det_pr: share(mean.det_pr),
            loc_a: share(mean.loc_a),
        }
    }
}

/// How well two names go together over the whole sequence, before any matching: the overlap of
/// their boxes, each shared out among all that overlap there, as intersection over union.
fn alignment(pairing: &Pairing) -> BTreeMap<(usize, usize), f64> {
    let mut sums = BTreeMap::<(usize, usize), f64>::new();
    for picture in &pairing.pictures {
        let mut of_truth = vec![0.0; picture.truth.len()];
        let mut of_found = vec![0.0; picture.found.len()];
        for overlap in &picture.overlaps {
            of_truth[overlap.truth] += overlap.iou;
            of_found[overlap.found] += overlap.iou;
        }
        for overlap in &picture.overlaps {
            let whole = of_truth[overlap.truth] + of_found[overlap.found] - overlap.iou;
            let names = (picture.truth[overlap.truth], picture.found[overlap.found]);
            *sums.entry(names).or_default() += overlap.iou / whole;
        }
    }
    for (&(truth, found), sum) in &mut sums {
        let both = pairing.truth_boxes[truth] + pairing.found_boxes[found];
        *sum /= both as f64 - *sum;
    }
    sums
}
