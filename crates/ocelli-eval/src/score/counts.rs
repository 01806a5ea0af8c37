//! Counts at lines and in zones against what they should be.

use ocelli_core::{Direction, EventKind, EventRecord, Label};
use serde::{Deserialize, Serialize};

use crate::truth::TruthError;

/// How often things should have happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountTruth {
    /// Of this shape: 1.
    pub version: u32,
    /// The counts.
    pub counts: Vec<ExpectedCount>,
}

impl CountTruth {
    /// Reads the expected counts.
    pub fn read(text: &str) -> Result<Self, TruthError> {
        let truth: Self =
            serde_json::from_str(text).map_err(|error| TruthError(error.to_string()))?;
        if truth.version != 1 {
            let reason = format!("version {}, expected 1", truth.version);
            return Err(TruthError(reason));
        }
        Ok(truth)
    }
}

/// How often one thing should have happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCount {
    /// Name of the line or zone.
    pub place: String,
    /// What happened there.
    pub kind: EventKind,
    /// Which way; absent counts both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// To whom; absent counts all labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// How often.
    pub expected: u32,
    /// By how much the count may be off, where the truth itself is unsure.
    #[serde(default)]
    pub tolerance: u32,
}

/// One count beside what it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountRow {
    /// What should have happened.
    pub truth: ExpectedCount,
    /// How often it was reported.
    pub found: u32,
    /// Whether it is right.
    pub right: bool,
}

/// All counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountScores {
    /// One row for each expected count.
    pub rows: Vec<CountRow>,
    /// Sum of what should have happened.
    pub expected: u32,
    /// Sum of the differences, whichever way.
    pub off: u32,
}

/// Counts the events of one stream.
pub fn counts(truth: &CountTruth, records: &[EventRecord]) -> CountScores {
    let rows: Vec<CountRow> = truth
        .counts
        .iter()
        .map(|truth| {
            let found = records.iter().filter(|record| matches(truth, record));
            let found = found.count() as u32;
            CountRow {
                truth: truth.clone(),
                found,
                right: found.abs_diff(truth.expected) <= truth.tolerance,
            }
        })
        .collect();
    CountScores {
        expected: rows.iter().map(|row| row.truth.expected).sum(),
        off: rows
            .iter()
            .map(|row| row.found.abs_diff(row.truth.expected))
            .sum(),
        rows,
    }
}

fn matches(truth: &ExpectedCount, record: &EventRecord) -> bool {
    record.kind == truth.kind
        && !record.appeared_inside
        && record.place.as_deref() == Some(truth.place.as_str())
        && (truth.direction.is_none() || record.direction == truth.direction)
        && (truth.label.is_none() || record.label == truth.label)
}

#[cfg(test)]
mod tests {
    use ocelli_core::WallSource;

    use super::*;

    fn crossed(place: &str, direction: Direction, label: Label) -> EventRecord {
        EventRecord {
            id: String::new(),
            stream: "s".to_owned(),
            kind: EventKind::Crossed,
            tag: None,
            label: Some(label),
            score: 0.5,
            bbox: [0.0; 4],
            time: String::new(),
            time_source: WallSource::Receive,
            media_secs: 1.0,
            coverage: 1.0,
            rule: None,
            place: Some(place.to_owned()),
            reason: None,
            direction: Some(direction),
            dwell_secs: None,
            speed_kmh: None,
            count: None,
            count_out: None,
            appeared_inside: false,
        }
    }

    #[test]
    fn counts_are_by_place_direction_and_label() {
        let truth = CountTruth::read(
            r#"{"version":1,"counts":[
                {"place":"road","kind":"crossed","direction":"right","expected":2},
                {"place":"road","kind":"crossed","label":"car","expected":2,"tolerance":1},
                {"place":"path","kind":"crossed","expected":0}]}"#,
        )
        .unwrap();
        let records = [
            crossed("road", Direction::Right, Label::Car),
            crossed("road", Direction::Right, Label::Person),
            crossed("road", Direction::Left, Label::Car),
            crossed("road", Direction::Left, Label::Car),
            crossed("path", Direction::Left, Label::Car),
        ];
        let scores = counts(&truth, &records);
        let rows: Vec<_> = scores
            .rows
            .iter()
            .map(|row| (row.found, row.right))
            .collect();
        assert_eq!(rows, [(2, true), (3, true), (1, false)]);
        assert_eq!((scores.expected, scores.off), (4, 2));
        assert!(CountTruth::read(r#"{"version":3,"counts":[]}"#).is_err());
        assert!(CountTruth::read(r#"{"version":1,"counts":[{"plaice":1}]}"#).is_err());
    }
}
