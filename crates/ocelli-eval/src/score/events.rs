//! How many of the true passages, crossings and entries became events, and how many events are
//! true.

use std::collections::BTreeMap;

use ocelli_core::Label;
use serde::{Deserialize, Serialize};

use super::{Share, passages};
use crate::{
    Account, PlaceEvent,
    assignment::{self, Pair},
    thresholds::{INSTANT_SECS_MAX, LENGTH_SECS, PASSAGE_SECS_MIN},
};

/// What the truth is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Labels: everything that was missed counts, also what the detector cannot see.
    Absolute,
    /// A run that looks at every picture: only what attention costs counts.
    Relative,
}

/// Recall and what belongs to it, of one group of passages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// True passages that got a tag of their own.
    pub recall: Share,
    /// Tags that are a true passage. A second tag of one passage is not.
    pub precision: Share,
    /// Tags that are a further part of a true passage.
    pub repeats: u64,
    /// Tags for each true passage that got any; 1 is best.
    pub tags_per_passage: Option<f64>,
    /// True crossings of lines that were reported, the right way and in time.
    pub crossing_recall: Share,
    /// Reported crossings that are true.
    pub crossing_precision: Share,
    /// True entries into zones that were reported in time.
    pub entry_recall: Share,
    /// Reported entries that are true.
    pub entry_precision: Share,
}

/// Rows by length of the passage and by label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventScores {
    /// What the truth is.
    pub basis: Basis,
    /// All passages from [`PASSAGE_SECS_MIN`] on, and all tags.
    pub all: EventRow,
    /// By length: true passages by theirs, tags by their own.
    pub by_length: Vec<LengthRow>,
    /// By label.
    pub by_label: BTreeMap<Label, EventRow>,
}

/// The passages of one span of lengths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LengthRow {
    /// Seconds from which.
    pub from_secs: f64,
    /// Seconds below which; absent for the longest.
    pub to_secs: Option<f64>,
    /// The figures.
    pub row: EventRow,
}

/// Sums of one or more streams.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventTally {
    all: Row,
    by_length: [Row; LENGTH_SECS.len() + 1],
    by_label: BTreeMap<Label, Row>,
}

/// Sums of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Row {
    passages: Sums,
    repeats: u64,
    /// Tags of the true passages that got any.
    tags: u64,
    crossings: Sums,
    entries: Sums,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    truths: u64,
    recalled: u64,
    founds: u64,
    right: u64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.truths += other.truths;
        self.recalled += other.recalled;
        self.founds += other.founds;
        self.right += other.right;
    }

    fn recall(self) -> Share {
        Share::new(self.recalled, self.truths)
    }

    fn precision(self) -> Share {
        Share::new(self.right, self.founds)
    }
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.passages.add(other.passages);
        self.repeats += other.repeats;
        self.tags += other.tags;
        self.crossings.add(other.crossings);
        self.entries.add(other.entries);
    }

    fn scores(&self) -> EventRow {
        let tags = self.tags as f64 / self.passages.recalled as f64;
        EventRow {
            recall: self.passages.recall(),
            precision: self.passages.precision(),
            repeats: self.repeats,
            tags_per_passage: (self.passages.recalled > 0).then_some(tags),
            crossing_recall: self.crossings.recall(),
            crossing_precision: self.crossings.precision(),
            entry_recall: self.entries.recall(),
            entry_precision: self.entries.precision(),
        }
    }
}

/// To which groups something belongs.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// Whether it counts in the row of all.
    all: bool,
    /// Its place in the list of lengths, where its length is known.
    length: Option<usize>,
    label: Option<Label>,
}

fn length_group(secs: f64) -> usize {
    LENGTH_SECS.partition_point(|bound| *bound <= secs)
}

impl EventTally {
    /// The sums of one stream.
    pub fn new(truth: &Account, found: &Account) -> Self {
        let mut tally = Self::default();
        tally.passages(truth, found);
        tally.place_events(truth, found);
        tally
    }

    /// Adds another stream.
    pub fn add(&mut self, other: &Self) {
        self.all.add(&other.all);
        for (row, other) in self.by_length.iter_mut().zip(&other.by_length) {
            row.add(other);
        }
        for (label, other) in &other.by_label {
            self.by_label.entry(*label).or_default().add(other);
        }
    }

    /// The figures of what was added up.
    pub fn scores(&self, basis: Basis) -> EventScores {
        let bounds = std::iter::once(0.0).chain(LENGTH_SECS);
        let by_length = bounds.zip(&self.by_length).enumerate();
        EventScores {
            basis,
            all: self.all.scores(),
            by_length: by_length
                .map(|(at, (from_secs, row))| LengthRow {
                    from_secs,
                    to_secs: LENGTH_SECS.get(at).copied(),
                    row: row.scores(),
                })
                .collect(),
            by_label: self
                .by_label
                .iter()
                .map(|(label, row)| (*label, row.scores()))
                .collect(),
        }
    }

    fn count(&mut self, group: Group, add: impl Fn(&mut Row)) {
        if group.all {
            add(&mut self.all);
        }
        if let Some(at) = group.length {
            add(&mut self.by_length[at]);
        }
        if let (true, Some(label)) = (group.all, group.label) {
            add(self.by_label.entry(label).or_default());
        }
    }

    fn passages(&mut self, truth: &Account, found: &Account) {
        let outcome = passages::judge(&truth.passages, &found.passages);
        for (passage, tags) in truth.passages.iter().zip(&outcome.tags_of_truth) {
            let group = Group {
                all: passage.secs() >= PASSAGE_SECS_MIN,
                length: Some(length_group(passage.secs())),
                label: Some(passage.label),
            };
            self.count(group, |row| {
                row.passages.truths += 1;
                row.passages.recalled += u64::from(*tags > 0);
                row.tags += tags;
            });
        }
        for (passage, verdict) in found.passages.iter().zip(&outcome.verdicts) {
            let group = Group {
                all: true,
                length: Some(length_group(passage.secs())),
                label: Some(passage.label),
            };
            self.count(group, |row| {
                row.passages.founds += 1;
                row.passages.right += u64::from(*verdict == passages::Verdict::Right);
                row.repeats += u64::from(*verdict == passages::Verdict::Repeat);
            });
        }
    }

    fn place_events(&mut self, truth: &Account, found: &Account) {
        let pairs = place_pairs(&truth.place_events, &found.place_events);
        let mut recalled = vec![false; truth.place_events.len()];
        let mut right = vec![false; found.place_events.len()];
        for index in assignment::best(&pairs) {
            recalled[pairs[index].row] = true;
            right[pairs[index].column] = true;
        }
        for (account, hits, true_side) in [(truth, &recalled, true), (found, &right, false)] {
            let lengths: BTreeMap<&str, f64> = account
                .passages
                .iter()
                .map(|passage| (passage.tag.as_str(), passage.secs()))
                .collect();
            for (event, &hit) in account.place_events.iter().zip(hits) {
                if !truth.speaks_of(&event.place) {
                    continue;
                }
                let secs = event.tag.as_deref().and_then(|tag| lengths.get(tag));
                let group = Group {
                    all: !true_side || secs.is_none_or(|secs| *secs >= PASSAGE_SECS_MIN),
                    length: secs.map(|secs| length_group(*secs)),
                    label: event.label,
                };
                self.count(group, |row| {
                    let sums = if event.deed.is_crossing() {
                        &mut row.crossings
                    } else {
                        &mut row.entries
                    };
                    if true_side {
                        sums.truths += 1;
                        sums.recalled += u64::from(hit);
                    } else {
                        sums.founds += 1;
                        sums.right += u64::from(hit);
                    }
                });
            }
        }
    }
}

/// Pairs of the same deed at the same place by the same label, close in time. As many as possible
/// are matched, and among those choices the one that is closest.
fn place_pairs(truth: &[PlaceEvent], found: &[PlaceEvent]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (row, a) in truth.iter().enumerate() {
        for (column, b) in found.iter().enumerate() {
            let apart = (a.at_secs - b.at_secs).abs();
            let same_label = a.label.is_none() || b.label.is_none() || a.label == b.label;
            if a.place == b.place && a.deed == b.deed && same_label && apart <= INSTANT_SECS_MAX {
                let worth = passages::MATCHED + 1.0 - apart / INSTANT_SECS_MAX;
                pairs.push(Pair { row, column, worth });
            }
        }
    }
    pairs
}

/// The figures of one stream.
pub fn events(truth: &Account, found: &Account, basis: Basis) -> EventScores {
    EventTally::new(truth, found).scores(basis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Passage, Rect, account::Deed};

    fn passage(tag: &str, from_secs: f64, to_secs: f64) -> Passage {
        let rect = Rect::new(0.1, 0.1, 0.2, 0.2);
        Passage {
            tag: tag.to_owned(),
            label: Label::Person,
            from_secs,
            to_secs,
            boxes: vec![(from_secs, rect), (to_secs, rect)],
        }
    }

    fn entered(tag: &str, place: &str, at_secs: f64) -> PlaceEvent {
        PlaceEvent {
            tag: Some(tag.to_owned()),
            label: Some(Label::Person),
            place: place.to_owned(),
            deed: Deed::Entered,
            at_secs,
        }
    }

    fn counts(share: Share) -> (u64, u64) {
        (share.hits, share.of)
    }

    #[test]
    fn passages_count_by_length() {
        let truth = Account {
            passages: vec![
                passage("1", 0.0, 0.5),
                passage("2", 10.0, 11.5),
                passage("3", 20.0, 24.0),
                passage("4", 30.0, 50.0),
            ],
            ..Account::default()
        };
        let found = Account {
            passages: vec![
                passage("a", 0.0, 0.4),
                passage("b", 20.5, 24.0),
                passage("c", 30.0, 40.0),
                passage("d", 41.0, 50.0),
                passage("e", 70.0, 71.0),
            ],
            ..Account::default()
        };
        let scores = events(&truth, &found, Basis::Absolute);
        assert_eq!(counts(scores.all.recall), (2, 3));
        assert_eq!(counts(scores.all.precision), (3, 5));
        assert_eq!(scores.all.repeats, 1);
        assert_eq!(scores.all.tags_per_passage, Some(1.5));
        let recall: Vec<_> = scores
            .by_length
            .iter()
            .map(|l| counts(l.row.recall))
            .collect();
        assert_eq!(recall, [(1, 1), (0, 1), (1, 1), (1, 1)]);
        let precision: Vec<_> = scores
            .by_length
            .iter()
            .map(|l| counts(l.row.precision))
            .collect();
        assert_eq!(precision, [(1, 1), (0, 1), (1, 1), (1, 2)]);
        assert_eq!(counts(scores.by_label[&Label::Person].recall), (2, 3));
    }

    #[test]
    fn entries_are_matched_once_in_time_and_at_their_place() {
        let truth = Account {
            passages: vec![passage("1", 0.0, 30.0)],
            place_events: vec![
                entered("1", "desk", 5.0),
                entered("1", "desk", 6.0),
                entered("1", "door", 20.0),
            ],
            places: Some(["desk".to_owned(), "door".to_owned()].into()),
        };
        let found = Account {
            passages: vec![passage("a", 0.0, 30.0)],
            place_events: vec![
                entered("a", "desk", 8.9),
                entered("a", "desk", 7.0),
                entered("a", "desk", 7.1),
                entered("a", "door", 23.5),
                // The truth does not say who came here.
                entered("a", "yard", 23.5),
            ],
            places: None,
        };
        let scores = events(&truth, &found, Basis::Relative);
        // The first can only have 7.0 or 7.1, so the second takes what is left.
        assert_eq!(counts(scores.all.entry_recall), (2, 3));
        assert_eq!(counts(scores.all.entry_precision), (2, 4));
        assert_eq!(counts(scores.all.crossing_recall), (0, 0));
        assert_eq!(counts(scores.by_length[3].row.entry_recall), (2, 3));
    }

    #[test]
    fn streams_add_up() {
        let truth = Account {
            passages: vec![passage("1", 0.0, 3.0)],
            ..Account::default()
        };
        let mut tally = EventTally::new(&truth, &truth);
        tally.add(&EventTally::new(&truth, &Account::default()));
        let scores = tally.scores(Basis::Absolute);
        assert_eq!(counts(scores.all.recall), (1, 2));
        assert_eq!(counts(scores.all.precision), (1, 1));
    }
}
