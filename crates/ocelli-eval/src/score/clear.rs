//! MOTA, MOTP and the counts behind them (Bernardin and Stiefelhagen, "Evaluating Multiple Object
//! Tracking Performance: The CLEAR MOT Metrics", 2008).

use serde::{Deserialize, Serialize};

use super::pairing::{Pairing, PicturePairing};
use crate::{
    assignment::{self, Pair},
    thresholds::HIT_IOU_MIN,
};

/// What keeping the match of the picture before is worth: more than any overlaps.
const KEPT: f64 = 1000.0;

/// Counts, and the two figures made of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Clear {
    /// 1 less misses, false alarms and switches over the true boxes: below 0 is possible. 0 where
    /// there are no true boxes.
    pub mota: f64,
    /// Mean overlap of the hits, 0..1.
    pub motp: f64,
    /// True boxes that were found.
    pub hits: u64,
    /// True boxes that were not.
    pub misses: u64,
    /// Boxes found that are none.
    pub false_alarms: u64,
    /// Times that a true object is found under another name than before.
    pub switches: u64,
    /// Times that a true object is found again after a gap.
    pub fragments: u64,
    /// True objects found in more than 80 % of their pictures.
    pub mostly_found: u64,
    /// True objects found in less than 20 % of their pictures.
    pub mostly_lost: u64,
    /// True objects.
    pub objects: u64,
}

/// Sums that add up over sequences.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ClearTally {
    counts: Clear,
    overlap: f64,
}

/// What is remembered of the true objects from picture to picture.
struct Memory {
    /// The name under which each was found last.
    last: Vec<Option<usize>>,
    /// The name under which each was found in the picture before.
    before: Vec<Option<usize>>,
    /// Pictures in which each was found.
    hits: Vec<u64>,
    /// Times that each was found after not being found.
    begun: Vec<u64>,
}

impl ClearTally {
    pub(super) fn new(pairing: &Pairing) -> Self {
        let objects = pairing.truth_boxes.len();
        let mut memory = Memory {
            last: vec![None; objects],
            before: vec![None; objects],
            hits: vec![0; objects],
            begun: vec![0; objects],
        };
        let mut tally = Self::default();
        for picture in &pairing.pictures {
            tally.picture(picture, &mut memory);
        }
        tally.counts.objects = objects as u64;
        for (&hits, &boxes) in memory.hits.iter().zip(&pairing.truth_boxes) {
            let share = hits as f64 / boxes as f64;
            tally.counts.mostly_found += u64::from(share > 0.8);
            tally.counts.mostly_lost += u64::from(share < 0.2);
        }
        tally.counts.fragments = memory.begun.iter().map(|n| n.saturating_sub(1)).sum();
        tally
    }

    fn picture(&mut self, picture: &PicturePairing, memory: &mut Memory) {
        let counts = &mut self.counts;
        let (truths, founds) = (picture.truth.len() as u64, picture.found.len() as u64);
        // A picture in which one side is empty does not end what was found before it: so the
        // reference implementations do.
        if truths == 0 || founds == 0 {
            counts.misses += truths;
            counts.false_alarms += founds;
            return;
        }
        let close = picture
            .overlaps
            .iter()
            .filter(|overlap| overlap.iou >= HIT_IOU_MIN - f64::EPSILON);
        let pairs: Vec<Pair> = close
            .map(|overlap| {
                let kept = memory.before[picture.truth[overlap.truth]]
                    == Some(picture.found[overlap.found]);
                Pair {
                    row: overlap.truth,
                    column: overlap.found,
                    worth: overlap.iou + if kept { KEPT } else { 0.0 },
                }
            })
            .collect();
        let chosen = assignment::best(&pairs);
        let mut now = vec![None; memory.before.len()];
        for &index in &chosen {
            let pair = pairs[index];
            let (truth, found) = (picture.truth[pair.row], picture.found[pair.column]);
            self.overlap += pair.worth % KEPT;
            counts.switches += u64::from(memory.last[truth].is_some_and(|last| last != found));
            memory.hits[truth] += 1;
            memory.begun[truth] += u64::from(memory.before[truth].is_none());
            memory.last[truth] = Some(found);
            now[truth] = Some(found);
        }
        memory.before = now;
        let hits = chosen.len() as u64;
        counts.hits += hits;
        counts.misses += truths - hits;
        counts.false_alarms += founds - hits;
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Clear {
            mota: _,
            motp: _,
            hits,
            misses,
            false_alarms,
            switches,
            fragments,
            mostly_found,
            mostly_lost,
            objects,
        } = other.counts;
        self.overlap += other.overlap;
        self.counts.hits += hits;
        self.counts.misses += misses;
        self.counts.false_alarms += false_alarms;
        self.counts.switches += switches;
        self.counts.fragments += fragments;
        self.counts.mostly_found += mostly_found;
        self.counts.mostly_lost += mostly_lost;
        self.counts.objects += objects;
    }

    pub(super) fn scores(&self) -> Clear {
        let counts = self.counts;
        let hits = counts.hits as f64;
        let truths = (counts.hits + counts.misses) as f64;
        let wrong = (counts.false_alarms + counts.switches) as f64;
        Clear {
            // Of nothing there is no share, however much was found.
            mota: if truths > 0.0 {
                (hits - wrong) / truths
            } else {
                0.0
            },
            motp: self.overlap / hits.max(1.0),
            ..counts
        }
    }
}
