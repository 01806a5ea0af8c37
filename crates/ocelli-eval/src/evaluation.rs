//! Both sides of a comparison, and the report on them.

use ocelli_core::EventRecord;

use crate::{
    Account, Sequence,
    report::{DetectionRow, Report, TrackingRow},
    score::{self, Basis, CountTruth, Likeness},
};

/// What is compared. Each part of the report needs both of its sides.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// True boxes.
    pub true_boxes: Option<Sequence>,
    /// Boxes found in the same pictures.
    pub found_boxes: Option<Sequence>,
    /// Detections in the same pictures: boxes whose names say nothing.
    pub detections: Option<Sequence>,
    /// Which boxes may be one object.
    pub likeness: Likeness,
    /// What truly happened.
    pub truth: Option<Account>,
    /// What happened in a run that looks at every picture.
    pub reference: Option<Account>,
    /// What was found to happen.
    pub found: Option<Account>,
    /// How often things truly happened.
    pub counts: Option<CountTruth>,
    /// The events by which that is counted.
    pub records: Vec<EventRecord>,
}

impl Evaluation {
    /// Scores all parts that have both of their sides.
    pub fn report(&self, subject: &str) -> Report {
        let mut report = Report::new(subject);
        if let (Some(truth), Some(found)) = (&self.true_boxes, &self.found_boxes) {
            report.tracking = tracking(truth, found, self.likeness);
        }
        if let (Some(truth), Some(found)) = (&self.true_boxes, &self.detections) {
            report.detections = detections(truth, found, self.likeness);
        }
        if let Some(found) = &self.found {
            let sides = [
                (&self.truth, Basis::Absolute),
                (&self.reference, Basis::Relative),
            ];
            for (truth, basis) in sides {
                if let Some(truth) = truth {
                    report.events.push(score::events(truth, found, basis));
                }
            }
        }
        if let Some(counts) = &self.counts {
            report.counts = Some(score::counts(counts, &self.records));
        }
        report
    }
}

/// Each label of the truth: of others it does not say where they are.
fn detections(truth: &Sequence, found: &Sequence, likeness: Likeness) -> Vec<DetectionRow> {
    let row = |label| {
        let truth = truth.of_label(label);
        let scores = match likeness {
            Likeness::AnyLabel => score::detections(&truth, found),
            Likeness::SameLabel => score::detections(&truth, &found.of_label(label)),
        };
        DetectionRow { label, scores }
    };
    truth.labels().into_iter().map(row).collect()
}

/// All boxes, then each label where there is more than one.
fn tracking(truth: &Sequence, found: &Sequence, likeness: Likeness) -> Vec<TrackingRow> {
    let mut rows = vec![TrackingRow {
        label: None,
        scores: score::tracking(truth, found, likeness),
    }];
    let labels = truth.labels();
    if labels.len() > 1 {
        rows.extend(labels.into_iter().map(|label| TrackingRow {
            label: Some(label),
            scores: score::tracking(&truth.of_label(label), &found.of_label(label), likeness),
        }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use ocelli_core::Label;

    use super::*;
    use crate::mot;

    #[test]
    fn only_what_has_both_sides_is_scored() {
        let text = "1,1,10,10,20,40,1,person,1\n1,2,50,50,40,20,1,car,1\n";
        let boxes = mot::read(text, mot::Role::Truth, Label::Person).unwrap();
        let mut evaluation = Evaluation {
            true_boxes: Some(boxes.sequence.clone()),
            truth: Some(Account::default()),
            ..Evaluation::default()
        };
        let report = evaluation.report("nothing found");
        assert!(report.tracking.is_empty() && report.events.is_empty());
        evaluation.found_boxes = Some(boxes.sequence);
        evaluation.found = Some(Account::default());
        let report = evaluation.report("all found");
        let labels: Vec<_> = report.tracking.iter().map(|row| row.label).collect();
        assert_eq!(labels, [None, Some(Label::Person), Some(Label::Car)]);
        assert_eq!(report.events.len(), 1);
        assert!(report.counts.is_none());
    }
}
