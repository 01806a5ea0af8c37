//! Which tag is which true passage.

use crate::{
    Passage,
    assignment::{self, Pair},
    thresholds::{MEAN_IOU_MIN, OVERLAP_SHARE_MIN},
};

/// What any match is worth: more than all that makes one better than another.
pub(super) const MATCHED: f64 = 10_000.0;

/// What became of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is a true passage.
    Right,
    /// It is a further part of a true passage that another tag is matched to.
    Repeat,
    /// It is neither.
    Wrong,
}

/// The verdicts on all.
#[derive(Debug)]
pub(super) struct Outcome {
    /// For each true passage the number of tags that are it or a part of it.
    pub(super) tags_of_truth: Vec<u64>,
    /// For each tag what became of it.
    pub(super) verdicts: Vec<Verdict>,
}

/// Matches one-to-one as many as possible, and among those choices the one with the greatest
/// overlaps in time and place. What is left over goes to the passage that it overlaps most.
pub(super) fn judge(truth: &[Passage], found: &[Passage]) -> Outcome {
    let pairs = pairs(truth, found);
    let mut verdicts = vec![Verdict::Wrong; found.len()];
    let mut tags_of_truth = vec![0; truth.len()];
    for index in assignment::best(&pairs) {
        verdicts[pairs[index].column] = Verdict::Right;
        tags_of_truth[pairs[index].row] += 1;
    }
    // A part of a passage that nobody is matched to cannot be: it would have been matched.
    let mut best = vec![None::<Pair>; found.len()];
    for &pair in &pairs {
        let best = &mut best[pair.column];
        if best.is_none_or(|other| pair.worth > other.worth) {
            *best = Some(pair);
        }
    }
    for (verdict, best) in verdicts.iter_mut().zip(best) {
        if let (Verdict::Wrong, Some(pair)) = (*verdict, best) {
            *verdict = Verdict::Repeat;
            tags_of_truth[pair.row] += 1;
        }
    }
    Outcome {
        tags_of_truth,
        verdicts,
    }
}

/// All pairs that may be one.
fn pairs(truth: &[Passage], found: &[Passage]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (row, a) in truth.iter().enumerate() {
        for (column, b) in found.iter().enumerate() {
            if let Some(closeness) = closeness(a, b) {
                let worth = MATCHED + closeness;
                pairs.push(Pair { row, column, worth });
            }
        }
    }
    pairs
}

/// How well two passages go together, 0..1, or `None` if they cannot be one.
fn closeness(truth: &Passage, found: &Passage) -> Option<f64> {
    if truth.label != found.label {
        return None;
    }
    let from = truth.from_secs.max(found.from_secs);
    let to = truth.to_secs.min(found.to_secs);
    if to < from {
        return None;
    }
    let shorter = truth.secs().min(found.secs());
    // One that was seen in one picture alone overlaps wholly or not at all.
    let share = if shorter > 0.0 {
        (to - from) / shorter
    } else {
        1.0
    };
    if share < OVERLAP_SHARE_MIN {
        return None;
    }
    let union = truth.to_secs.max(found.to_secs) - truth.from_secs.min(found.from_secs);
    let in_time = if union > 0.0 {
        (to - from) / union
    } else {
        1.0
    };
    if truth.boxes.is_empty() {
        // Labelled by time alone.
        return Some(in_time);
    }
    let iou = mean_iou(truth, found)?;
    (iou >= MEAN_IOU_MIN).then_some(in_time * iou)
}

/// Mean overlap at the times at which the tag has a box and the true passage exists.
fn mean_iou(truth: &Passage, found: &Passage) -> Option<f64> {
    let (mut sum, mut times) = (0.0, 0_u32);
    for &(secs, rect) in &found.boxes {
        if let Some(true_rect) = truth.rect_at(secs) {
            sum += rect.iou(true_rect);
            times += 1;
        }
    }
    (times > 0).then(|| sum / f64::from(times))
}

#[cfg(test)]
mod tests {
    use ocelli_core::Label;

    use super::*;
    use crate::Rect;

    fn passage(from: f64, to: f64, left: f64) -> Passage {
        let rect = Rect::new(left, 0.0, 0.2, 0.2);
        Passage {
            tag: "x".to_owned(),
            label: Label::Person,
            from_secs: from,
            to_secs: to,
            boxes: vec![(from, rect), (to, rect)],
        }
    }

    fn verdicts(truth: &[Passage], found: &[Passage]) -> Vec<Verdict> {
        judge(truth, found).verdicts
    }

    #[test]
    fn half_of_the_shorter_has_to_overlap() {
        let truth = [passage(10.0, 20.0, 0.0)];
        assert_eq!(
            verdicts(&truth, &[passage(8.0, 12.0, 0.0)]),
            [Verdict::Right]
        );
        assert_eq!(
            verdicts(&truth, &[passage(7.9, 12.0, 0.0)]),
            [Verdict::Wrong]
        );
        assert_eq!(
            verdicts(&truth, &[passage(20.0, 20.0, 0.0)]),
            [Verdict::Right]
        );
        assert_eq!(
            verdicts(&truth, &[passage(21.0, 21.0, 0.0)]),
            [Verdict::Wrong]
        );
    }

    #[test]
    fn boxes_have_to_overlap_and_labels_to_be_the_same() {
        let truth = [passage(0.0, 10.0, 0.0)];
        // Shifted by half a box: IoU 1/3; by more: below 0.3.
        assert_eq!(
            verdicts(&truth, &[passage(0.0, 10.0, 0.1)]),
            [Verdict::Right]
        );
        assert_eq!(
            verdicts(&truth, &[passage(0.0, 10.0, 0.11)]),
            [Verdict::Wrong]
        );
        let mut dog = passage(0.0, 10.0, 0.0);
        dog.label = Label::Dog;
        assert_eq!(verdicts(&truth, &[dog]), [Verdict::Wrong]);
    }

    #[test]
    fn a_second_tag_is_a_repeat_and_the_better_one_is_right() {
        let truth = [passage(0.0, 10.0, 0.0)];
        let found = [passage(0.0, 3.0, 0.0), passage(3.5, 10.0, 0.0)];
        let outcome = judge(&truth, &found);
        assert_eq!(outcome.verdicts, [Verdict::Repeat, Verdict::Right]);
        assert_eq!(outcome.tags_of_truth, [2]);
    }

    #[test]
    fn as_many_as_possible_are_matched() {
        // The long tag fits both, the short one only the first.
        let truth = [passage(0.0, 10.0, 0.0), passage(8.0, 18.0, 0.0)];
        let found = [passage(0.0, 18.0, 0.0), passage(0.0, 4.0, 0.0)];
        assert_eq!(verdicts(&truth, &found), [Verdict::Right; 2]);
    }

    #[test]
    fn a_truth_without_boxes_is_matched_by_time() {
        let mut truth = passage(0.0, 10.0, 0.0);
        truth.boxes.clear();
        assert_eq!(
            verdicts(&[truth], &[passage(0.0, 10.0, 0.7)]),
            [Verdict::Right]
        );
    }
}
