//! Non-maximum suppression: of boxes of one label that overlap, the best stays.

use ocelli_core::Detection;

/// Keeps the best of every cluster, best first. Looks at `candidates_max` of the best at most.
pub(super) fn suppress(
    candidates: &mut Vec<Detection>,
    iou_max: f32,
    candidates_max: usize,
) -> Vec<Detection> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates.truncate(candidates_max);
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in candidates.drain(..) {
        let covered = kept
            .iter()
            .any(|best| best.label == candidate.label && best.bbox.iou(candidate.bbox) > iou_max);
        if !covered {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use ocelli_core::{BBox, Label};

    use super::*;

    #[test]
    fn the_best_of_a_cluster_stays_and_labels_do_not_mix() {
        let detection = |x: f32, label, score| Detection {
            bbox: BBox {
                x,
                y: 0.0,
                w: 0.2,
                h: 0.2,
            },
            label,
            score,
        };
        let mut candidates = vec![
            detection(0.01, Label::Person, 0.5),
            detection(0.0, Label::Person, 0.9),
            detection(0.0, Label::Car, 0.4),
            detection(0.5, Label::Person, 0.3),
        ];
        let kept = suppress(&mut candidates, 0.6, 100);
        let scores: Vec<f32> = kept.iter().map(|kept| kept.score).collect();
        assert_eq!(scores, [0.9, 0.4, 0.3]);
    }
}
