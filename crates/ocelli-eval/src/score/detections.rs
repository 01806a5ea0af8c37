//! How good detections are: recall, precision and average precision of boxes without names.
//!
//! Detections are taken in order of their score; each is a hit on the true box of its picture that
//! it overlaps most among those that were not hit yet (PASCAL VOC, Everingham et al. 2010,
//! section 4.2). Average precision is interpolated at 101 recalls, as COCO does.

use serde::{Deserialize, Serialize};

use super::Share;
use crate::{
    Sequence,
    thresholds::{DETECTION_PRECISIONS, DETECTION_SCORES, HIT_IOU_MIN},
};

/// Recalls at which average precision is interpolated, less one.
const RECALL_STEPS: u32 = 100;

/// The figures of one run's detections.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DetectionScores {
    /// True boxes.
    pub truths: u64,
    /// Boxes found.
    pub found: u64,
    /// Average precision, 0..1, over 101 recalls.
    pub average_precision: f64,
    /// Recall and precision if only boxes from a score on are taken.
    pub at_score: Vec<AtScore>,
    /// The most recall with at least so much precision.
    pub at_precision: Vec<AtPrecision>,
}

/// Boxes from one score on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtScore {
    /// The least score that is taken.
    pub score: f32,
    /// True boxes that are hit, of all.
    pub recall: Share,
    /// Boxes that hit, of those taken.
    pub precision: Share,
}

/// The best recall at a precision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtPrecision {
    /// The least precision.
    pub precision: f64,
    /// The most recall that has it, 0..1.
    pub recall: f64,
    /// The score from which boxes are taken for it; absent where nothing reaches it.
    pub score: Option<f32>,
}

/// Scores the boxes of `found` against those of `truth`; names and labels do not matter.
pub fn detections(truth: &Sequence, found: &Sequence) -> DetectionScores {
    let hits = hits(truth, found);
    let truths = truth.boxes() as u64;
    // After each box, best first: score, hits so far.
    let mut right = 0_u64;
    let curve: Vec<(f32, u64)> = hits
        .iter()
        .map(|&(score, hit)| {
            right += u64::from(hit);
            (score, right)
        })
        .collect();
    let at_score = DETECTION_SCORES.map(|score| {
        let taken = curve.partition_point(|&(other, _)| other >= score);
        let right = taken.checked_sub(1).map_or(0, |last| curve[last].1);
        AtScore {
            score,
            recall: Share::new(right, truths),
            precision: Share::new(right, taken as u64),
        }
    });
    let points: Vec<(f32, f64, f64)> = curve
        .iter()
        .enumerate()
        .map(|(index, &(score, right))| {
            let (right, taken) = (right as f64, (index + 1) as f64);
            (score, right / (truths as f64).max(1.0), right / taken)
        })
        .collect();
    DetectionScores {
        truths,
        found: hits.len() as u64,
        average_precision: average_precision(&points),
        at_score: at_score.to_vec(),
        at_precision: DETECTION_PRECISIONS
            .map(|precision| at_precision(&points, precision))
            .to_vec(),
    }
}

/// Each box that was found, best first: its score, and whether it hits.
fn hits(truth: &Sequence, found: &Sequence) -> Vec<(f32, bool)> {
    let mut order: Vec<(usize, usize)> = (0..found.pictures.len())
        .flat_map(|picture| (0..found.picture(picture).len()).map(move |entry| (picture, entry)))
        .collect();
    let entry = |&(picture, entry): &(usize, usize)| &found.pictures[picture][entry];
    order.sort_by(|a, b| entry(b).score.total_cmp(&entry(a).score));
    let mut hit: Vec<Vec<bool>> = truth
        .pictures
        .iter()
        .map(|picture| vec![false; picture.len()])
        .collect();
    order
        .iter()
        .map(|place| {
            let (picture, one) = (place.0, entry(place));
            let best = truth
                .picture(picture)
                .iter()
                .enumerate()
                .filter(|(index, _)| !hit[picture][*index])
                .map(|(index, other)| (index, other.rect.iou(one.rect)))
                .filter(|(_, iou)| *iou >= HIT_IOU_MIN)
                .max_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((index, _)) = best {
                hit[picture][index] = true;
            }
            (one.score, best.is_some())
        })
        .collect()
}

/// `points`: score, recall, precision, best first.
fn average_precision(points: &[(f32, f64, f64)]) -> f64 {
    let sum: f64 = (0..=RECALL_STEPS)
        .map(|step| {
            let wanted = f64::from(step) / f64::from(RECALL_STEPS);
            let from = points.partition_point(|point| point.1 < wanted);
            points[from..]
                .iter()
                .map(|point| point.2)
                .fold(0.0, f64::max)
        })
        .sum();
    sum / f64::from(RECALL_STEPS + 1)
}

fn at_precision(points: &[(f32, f64, f64)], precision: f64) -> AtPrecision {
    let last = points.iter().rev().find(|point| point.2 >= precision);
    AtPrecision {
        precision,
        recall: last.map_or(0.0, |point| point.1),
        score: last.map(|point| point.0),
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::float_cmp,
        reason = "the scores asked for are those of the list"
    )]

    use ocelli_core::Label;

    use super::*;
    use crate::{Entry, Rect};

    fn entry(id: u64, left: f64, score: f32) -> Entry {
        Entry {
            id,
            label: Label::Person,
            rect: Rect::new(left, 0.0, 10.0, 20.0),
            score,
        }
    }

    fn at(scores: &DetectionScores, score: f32) -> (u64, u64, u64) {
        let row = scores.at_score.iter().find(|row| row.score == score);
        let row = row.unwrap();
        (row.recall.hits, row.recall.of, row.precision.of)
    }

    #[test]
    fn the_best_takes_the_true_box_and_the_next_is_wrong() {
        let truth = Sequence {
            pictures: vec![
                vec![entry(1, 0.0, 1.0), entry(2, 100.0, 1.0)],
                vec![entry(1, 0.0, 1.0)],
            ],
        };
        let found = Sequence {
            pictures: vec![
                // Two on the first, of which the better lies worse; none on the second.
                vec![entry(1, 3.0, 0.9), entry(2, 0.0, 0.8), entry(3, 50.0, 0.2)],
                vec![entry(1, 1.0, 0.6)],
            ],
        };
        let scores = detections(&truth, &found);
        assert_eq!((scores.truths, scores.found), (3, 4));
        assert_eq!(at(&scores, 0.85), (1, 3, 1));
        assert_eq!(at(&scores, 0.5), (2, 3, 3));
        assert_eq!(at(&scores, 0.05), (2, 3, 4));
        // Precision 1 up to a recall of 1/3 (34 recalls), 2/3 up to 2/3 (33 more), 0 after.
        let expected = (34.0 + 33.0 * 2.0 / 3.0) / 101.0;
        assert!(
            (scores.average_precision - expected).abs() < 1e-12,
            "{scores:?}"
        );
        let half = scores.at_precision.iter().find(|row| row.precision == 0.5);
        let half = half.unwrap();
        assert!((half.recall - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(half.score, Some(0.2));
    }

    #[test]
    fn a_box_in_another_picture_is_no_hit() {
        let truth = Sequence {
            pictures: vec![vec![entry(1, 0.0, 1.0)]],
        };
        let found = Sequence {
            pictures: vec![vec![], vec![entry(1, 0.0, 0.9)]],
        };
        let scores = detections(&truth, &found);
        assert_eq!(at(&scores, 0.05), (0, 1, 1));
        assert_eq!(scores.average_precision, 0.0);
        assert_eq!(scores.at_precision[0].score, None);
        let nothing = Sequence::default();
        assert_eq!(detections(&nothing, &nothing).found, 0);
        assert_eq!(at(&detections(&truth, &truth), 0.9), (1, 1, 1));
    }
}
