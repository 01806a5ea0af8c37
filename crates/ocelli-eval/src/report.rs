//! The figures of one evaluation as a table for people and as JSON for programs.

use std::fmt::Write as _;

use ocelli_core::Label;
use serde::{Deserialize, Serialize};

use crate::score::{
    Basis, CountScores, DetectionScores, EventRow, EventScores, Share, TrackingScores,
};

/// Everything that was scored. Parts that were not are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Of this shape: [`Report::VERSION`]. A later version only adds fields.
    pub version: u32,
    /// What was scored, in words: a clip, a run.
    pub subject: String,
    /// How the run came about, in words: looks a second, gate, model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<(String, String)>,
    /// Boxes with names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracking: Vec<TrackingRow>,
    /// Boxes without names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detections: Vec<DetectionRow>,
    /// Passages, crossings and entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventScores>,
    /// Counts at lines and in zones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<CountScores>,
}

/// The figures of boxes of one label, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrackingRow {
    /// Which label; absent means all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// The figures.
    pub scores: TrackingScores,
}

/// The figures of detections of one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionRow {
    /// Which label.
    pub label: Label,
    /// The figures.
    pub scores: DetectionScores,
}

impl Report {
    /// Version of the JSON.
    pub const VERSION: u32 = 1;

    /// A report without figures yet.
    pub fn new(subject: &str) -> Self {
        Self {
            version: Self::VERSION,
            subject: subject.to_owned(),
            conditions: Vec::new(),
            tracking: Vec::new(),
            detections: Vec::new(),
            events: Vec::new(),
            counts: None,
        }
    }

    /// JSON with a line for each field.
    pub fn json(&self) -> String {
        // Numbers, texts and lists of them always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// A table for a terminal.
    pub fn table(&self) -> String {
        let mut text = format!("{}\n", self.subject);
        for (name, value) in &self.conditions {
            line(&mut text, &format!("  {name}: {value}"));
        }
        if !self.tracking.is_empty() {
            self.tracking_table(&mut text);
        }
        for row in &self.detections {
            detection_table(&mut text, row);
        }
        for scores in &self.events {
            event_tables(&mut text, scores);
        }
        if let Some(counts) = &self.counts {
            count_table(&mut text, counts);
        }
        text
    }

    fn tracking_table(&self, text: &mut String) {
        line(text, "");
        line(
            text,
            "boxes        HOTA   DetA   AssA   LocA   IDF1    IDP    IDR   MOTA   MOTP switches fragments  misses   false objects",
        );
        for TrackingRow { label, scores } in &self.tracking {
            let name = label.map_or("all", Label::as_str);
            let (h, i, c) = (scores.hota, scores.identity, scores.clear);
            let shares = [
                h.hota, h.det_a, h.ass_a, h.loc_a, i.idf1, i.idp, i.idr, c.mota, c.motp,
            ];
            let shares = shares.map(|share| format!("{:>7.1}", 100.0 * share));
            let (switches, fragments, misses) = (c.switches, c.fragments, c.misses);
            let counts = format!(
                "{switches:>9}{fragments:>10}{misses:>8}{:>8}{:>8}",
                c.false_alarms, c.objects
            );
            line(text, &format!("{name:<10}{}{counts}", shares.concat()));
        }
    }
}

fn detection_table(text: &mut String, DetectionRow { label, scores }: &DetectionRow) {
    line(text, "");
    line(
        text,
        &format!(
            "detections of {label}: {} for {} true boxes, average precision {:.1}",
            scores.found,
            scores.truths,
            100.0 * scores.average_precision
        ),
    );
    line(text, &format!("{:<10}{:<27}precision", "score", "recall"));
    for row in scores.at_score.iter().filter(|row| row.precision.of > 0) {
        let cells = [row.recall, row.precision].map(cell).concat();
        line(text, &format!("{:<10}{cells}", format!("{:.2}", row.score)));
    }
    for row in &scores.at_precision {
        let recall = row.score.map_or_else(
            || "not reached".to_owned(),
            |score| format!("{:.1}, from score {score:.3}", 100.0 * row.recall),
        );
        line(
            text,
            &format!("recall at precision {:.0}: {recall}", 100.0 * row.precision),
        );
    }
}

fn event_tables(text: &mut String, scores: &EventScores) {
    let against = match scores.basis {
        Basis::Absolute => "the labelled truth",
        Basis::Relative => "a run that looks at every picture",
    };
    let rows = named_rows(scores);
    line(text, "");
    line(
        text,
        &format!("passages against {against}: percent of how many [95 % interval]"),
    );
    line(
        text,
        &format!(
            "{:<10}{:<27}{:<27}{:<13}repeats",
            "", "recall", "precision", "tags each"
        ),
    );
    for (name, row) in &rows {
        let tags = row
            .tags_per_passage
            .map_or_else(|| "-".to_owned(), |tags| format!("{tags:.2}"));
        let (recall, precision) = (cell(row.recall), cell(row.precision));
        line(
            text,
            &format!("{name:<10}{recall}{precision}{tags:<13}{}", row.repeats),
        );
    }
    for (title, of) in [
        ("crossings", crossings as fn(&EventRow) -> [Share; 2]),
        ("entries", entries),
    ] {
        if of(&scores.all).iter().all(|share| share.of == 0) {
            continue;
        }
        line(text, "");
        line(text, &format!("{title:<10}{:<27}precision", "recall"));
        for (name, row) in &rows {
            line(text, &format!("{name:<10}{}", of(row).map(cell).concat()));
        }
    }
}

fn crossings(row: &EventRow) -> [Share; 2] {
    [row.crossing_recall, row.crossing_precision]
}

fn entries(row: &EventRow) -> [Share; 2] {
    [row.entry_recall, row.entry_precision]
}

fn named_rows(scores: &EventScores) -> Vec<(String, &EventRow)> {
    let mut rows = vec![("all".to_owned(), &scores.all)];
    for length in &scores.by_length {
        let name = match length.to_secs {
            None => format!("> {} s", length.from_secs),
            Some(to) if length.from_secs == 0.0 => format!("< {to} s"),
            Some(to) => format!("{}-{to} s", length.from_secs),
        };
        rows.push((name, &length.row));
    }
    if scores.by_label.len() > 1 {
        let labels = scores.by_label.iter();
        rows.extend(labels.map(|(label, row)| (label.to_string(), row)));
    }
    rows
}

fn cell(share: Share) -> String {
    let text = share.value.map_or_else(
        || "-".to_owned(),
        |value| {
            let [value, low, high] = [value, share.low, share.high].map(|part| 100.0 * part);
            format!("{value:5.1} of {} [{low:.1} {high:.1}]", share.of)
        },
    );
    format!("{text:<27}")
}

fn count_table(text: &mut String, scores: &CountScores) {
    line(text, "");
    line(
        text,
        "counts                                    expected   found",
    );
    for row in &scores.rows {
        let truth = &row.truth;
        let mut name = format!("{} {}", truth.place, truth.kind.as_str());
        if let Some(direction) = truth.direction {
            let side = match direction {
                ocelli_core::Direction::Left => "left",
                ocelli_core::Direction::Right => "right",
            };
            name = format!("{name} {side}");
        }
        if let Some(label) = truth.label {
            name = format!("{name} {label}");
        }
        let mark = if row.right { "" } else { "  wrong" };
        let expected = match truth.tolerance {
            0 => truth.expected.to_string(),
            tolerance => format!("{}+-{tolerance}", truth.expected),
        };
        line(
            text,
            &format!("{name:<40}{expected:>10}{:>8}{mark}", row.found),
        );
    }
    line(
        text,
        &format!("off by {} of {}", scores.off, scores.expected),
    );
}

fn line(text: &mut String, row: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{}", row.trim_end()).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use ocelli_core::{Direction, EventKind};

    use super::*;
    use crate::{
        Account, Passage,
        score::{self, Basis, CountRow, ExpectedCount},
    };

    fn report() -> Report {
        let passage = Passage {
            tag: "1".to_owned(),
            label: Label::Person,
            from_secs: 0.0,
            to_secs: 3.0,
            boxes: Vec::new(),
        };
        let truth = Account {
            passages: vec![passage],
            ..Account::default()
        };
        Report {
            conditions: vec![("looks".to_owned(), "5 a second".to_owned())],
            tracking: vec![TrackingRow {
                label: None,
                scores: TrackingScores::default(),
            }],
            events: vec![score::events(&truth, &truth, Basis::Relative)],
            counts: Some(CountScores {
                rows: vec![CountRow {
                    truth: ExpectedCount {
                        place: "door".to_owned(),
                        kind: EventKind::Crossed,
                        direction: Some(Direction::Right),
                        label: None,
                        expected: 3,
                        tolerance: 0,
                    },
                    found: 2,
                    right: false,
                }],
                expected: 3,
                off: 1,
            }),
            ..Report::new("a clip")
        }
    }

    #[test]
    fn json_reads_back() {
        let report = report();
        let text = report.json();
        assert!(text.contains("\"version\": 1"), "{text}");
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn the_table_says_it_all() {
        let table = report().table();
        for part in [
            "a clip\n  looks: 5 a second\n",
            "passages against a run that looks at every picture",
            "\nall       100.0 of 1 [20.7 100.0]",
            "\n2-5 s     100.0 of 1",
            "\ndoor crossed right                               3       2  wrong\n",
            "\noff by 1 of 3\n",
        ] {
            assert!(table.contains(part), "`{part}` is not in\n{table}");
        }
        assert!(table.lines().all(|line| line == line.trim_end()));
    }
}
