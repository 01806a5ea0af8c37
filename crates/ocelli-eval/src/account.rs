//! What happened on a stream, true or found: passages, and what they did to lines and zones.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{Direction, EventKind, EventRecord, Label, MediaTime, wire::TrackBox};

use crate::{Entry, Rect, Sequence};

/// One object from when it is first seen to when it is last seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Its name on its side: a number in a truth, a tag in what was found.
    pub tag: String,
    /// What it is.
    pub label: Label,
    /// Media time at which it is first seen, in seconds.
    pub from_secs: f64,
    /// Media time at which it is last seen, in seconds.
    pub to_secs: f64,
    /// Where it was, in order of time, in fractions of the picture. Some truths have none.
    pub boxes: Vec<(f64, Rect)>,
}

impl Passage {
    /// Seconds from first to last.
    pub fn secs(&self) -> f64 {
        self.to_secs - self.from_secs
    }

    /// Where it was at some time: on a straight line between the boxes before and after.
    pub fn rect_at(&self, secs: f64) -> Option<Rect> {
        let after = self.boxes.partition_point(|(at, _)| *at < secs - 1e-6);
        let &(to, last) = self.boxes.get(after)?;
        if (to - secs).abs() <= 1e-6 {
            return Some(last);
        }
        let &(from, first) = self.boxes.get(after.checked_sub(1)?)?;
        Some(first.towards(last, (secs - from) / (to - from)))
    }
}

/// What an object did to a line or a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// It crossed a line to its left.
    CrossedLeft,
    /// It crossed a line to its right.
    CrossedRight,
    /// It came into a zone.
    Entered,
}

impl Deed {
    /// The crossing in a direction.
    pub fn crossed(direction: Direction) -> Self {
        match direction {
            Direction::Left => Self::CrossedLeft,
            Direction::Right => Self::CrossedRight,
        }
    }

    /// Whether a line was crossed.
    pub fn is_crossing(self) -> bool {
        self != Self::Entered
    }
}

/// One instant at a line or a zone.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceEvent {
    /// Who, by the name of the passage; unknown in some accounts.
    pub tag: Option<String>,
    /// What it is.
    pub label: Option<Label>,
    /// Name of the line or zone.
    pub place: String,
    /// What happened.
    pub deed: Deed,
    /// Media time in seconds.
    pub at_secs: f64,
}

/// One side of a comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// The objects.
    pub passages: Vec<Passage>,
    /// What they did to lines and zones.
    pub place_events: Vec<PlaceEvent>,
    /// The lines and zones that the account speaks of; absent means all.
    pub places: Option<BTreeSet<String>>,
}

impl Account {
    /// Whether the account says what happened at this line or zone.
    pub fn speaks_of(&self, place: &str) -> bool {
        self.places.as_ref().is_none_or(|all| all.contains(place))
    }

    /// Passages of boxes with names: `rate` pictures a second, `width` x `height` pixels.
    pub fn of_sequence(sequence: &Sequence, rate: f64, width: f64, height: f64) -> Self {
        let mut boxes = BTreeMap::<u64, (Label, Vec<(f64, Rect)>)>::new();
        for (number, picture) in sequence.pictures.iter().enumerate() {
            let secs = number as f64 / rate;
            for entry in picture {
                let of = boxes.entry(entry.id).or_insert((entry.label, Vec::new()));
                let rect = entry.rect.scaled(1.0 / width, 1.0 / height);
                of.1.push((secs, rect));
            }
        }
        let passages = boxes.into_iter().filter_map(|(id, (label, boxes))| {
            let (&(from_secs, _), &(to_secs, _)) = (boxes.first()?, boxes.last()?);
            Some(Passage {
                tag: id.to_string(),
                label,
                from_secs,
                to_secs,
                boxes,
            })
        });
        Self {
            passages: passages.collect(),
            place_events: Vec::new(),
            places: Some(BTreeSet::new()),
        }
    }
}

/// Collects what a run says of one stream: events, and boxes where they are at hand. Without boxes
/// a passage has those of its events, and ends as long after its `appeared` as `gone` says.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    seen: BTreeMap<String, Seen>,
    told: BTreeMap<String, Seen>,
    place_events: Vec<PlaceEvent>,
    looks: Vec<(f64, Vec<TrackBox>)>,
}

#[derive(Debug, Clone)]
struct Seen {
    label: Label,
    boxes: Vec<(f64, Rect)>,
}

impl Observer {
    /// The boxes after one look. Only those that the look saw count: the others are guesses.
    pub fn look(&mut self, at: MediaTime, boxes: &[TrackBox]) {
        let secs = at.as_secs();
        let kept: Vec<TrackBox> = boxes.iter().filter(|b| b.seen).copied().collect();
        for seen in &kept {
            let of = self.seen.entry(seen.tag.to_string()).or_insert(Seen {
                label: seen.label,
                boxes: Vec::new(),
            });
            // What it is becomes surer with every look.
            of.label = seen.label;
            of.boxes.push((secs, seen.bbox.into()));
        }
        self.looks.push((secs, kept));
    }

    /// One event of the stream.
    pub fn record(&mut self, record: &EventRecord) {
        let deed = match (record.kind, record.direction) {
            // Who began inside did not come in.
            (EventKind::Entered, _) => (!record.appeared_inside).then_some(Deed::Entered),
            (EventKind::Crossed, Some(direction)) => Some(Deed::crossed(direction)),
            _ => None,
        };
        if let (Some(deed), Some(place)) = (deed, &record.place) {
            self.place_events.push(PlaceEvent {
                tag: record.tag.clone(),
                label: record.label,
                place: place.clone(),
                deed,
                at_secs: record.media_secs,
            });
        }
        let (Some(tag), Some(label)) = (&record.tag, record.label) else {
            return;
        };
        let of = self.told.entry(tag.clone()).or_insert(Seen {
            label,
            boxes: Vec::new(),
        });
        of.label = label;
        let mut secs = record.media_secs;
        let first = of.boxes.first().map(|(at, _)| *at);
        if let (EventKind::Gone, Some(dwell), Some(first)) = (record.kind, record.dwell_secs, first)
        {
            // `gone` comes seconds after the last look that saw the tag; its box is from then.
            secs = secs.min(first + f64::from(dwell));
        }
        if of.boxes.last().is_none_or(|(at, _)| *at < secs) {
            of.boxes.push((secs, record.bbox.into()));
        }
    }

    /// What happened, as far as it was told.
    pub fn account(&self) -> Account {
        let tags = if self.looks.is_empty() {
            &self.told
        } else {
            &self.seen
        };
        let passages = tags.iter().filter_map(|(tag, seen)| {
            let (&(from_secs, _), &(to_secs, _)) = (seen.boxes.first()?, seen.boxes.last()?);
            Some(Passage {
                tag: tag.clone(),
                label: seen.label,
                from_secs,
                to_secs,
                boxes: seen.boxes.clone(),
            })
        });
        Account {
            passages: passages.collect(),
            place_events: self.place_events.clone(),
            places: None,
        }
    }

    /// The boxes as a sequence of `rate` pictures a second and `width` x `height` pixels, names
    /// counted from 1, and the numbers of the pictures that were looked at.
    pub fn sequence(&self, rate: f64, width: f64, height: f64) -> (Sequence, Vec<usize>) {
        let mut sequence = Sequence::default();
        let mut names = BTreeMap::new();
        let mut pictures = Vec::new();
        for (secs, boxes) in &self.looks {
            let number = (secs * rate).round().max(0.0) as usize;
            if pictures.last().is_some_and(|last| *last >= number) {
                continue;
            }
            pictures.push(number);
            sequence.pictures.resize(number + 1, Vec::new());
            for seen in boxes {
                let next = names.len() as u64 + 1;
                sequence.pictures[number].push(Entry {
                    id: *names.entry(seen.tag).or_insert(next),
                    label: self
                        .seen
                        .get(&seen.tag.to_string())
                        .map_or(seen.label, |of| of.label),
                    rect: Rect::from(seen.bbox).scaled(width, height),
                    score: seen.score,
                });
            }
        }
        (sequence, pictures)
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::{BBox, Tag, WallSource};

    use super::*;

    fn record(kind: EventKind, secs: f64) -> EventRecord {
        EventRecord {
            id: String::new(),
            stream: "s".to_owned(),
            kind,
            tag: Some("a".to_owned()),
            label: Some(Label::Person),
            score: 0.5,
            bbox: [0.0, 0.0, 0.5, 0.5],
            time: String::new(),
            time_source: WallSource::Receive,
            media_secs: secs,
            coverage: 1.0,
            rule: None,
            place: None,
            reason: None,
            direction: None,
            dwell_secs: None,
            speed_kmh: None,
            count: None,
            count_out: None,
            appeared_inside: false,
        }
    }

    #[test]
    fn events_alone_tell_passages() {
        let mut observer = Observer::default();
        observer.record(&record(EventKind::Appeared, 10.0));
        let mut crossed = record(EventKind::Crossed, 11.0);
        crossed.place = Some("door".to_owned());
        crossed.direction = Some(Direction::Left);
        observer.record(&crossed);
        let mut gone = record(EventKind::Gone, 16.0);
        gone.dwell_secs = Some(3.0);
        observer.record(&gone);
        let account = observer.account();
        let passage = &account.passages[0];
        assert!((passage.from_secs - 10.0).abs() < 1e-9);
        assert!((passage.to_secs - 13.0).abs() < 1e-9);
        assert_eq!(passage.boxes.len(), 3);
        assert_eq!(account.place_events[0].deed, Deed::CrossedLeft);
    }

    #[test]
    fn boxes_of_looks_tell_better_and_guesses_do_not_count() {
        let mut observer = Observer::default();
        observer.record(&record(EventKind::Appeared, 0.5));
        for (number, seen) in [true, true, false].into_iter().enumerate() {
            let at = MediaTime::from_secs(number as f64 * 0.2);
            let shown = TrackBox {
                tag: Tag(7),
                label: Label::Car,
                bbox: BBox {
                    x: 0.1 * number as f32,
                    y: 0.0,
                    w: 0.2,
                    h: 0.2,
                },
                score: 0.9,
                seen,
                stationary: false,
            };
            observer.look(at, &[shown]);
        }
        let account = observer.account();
        assert_eq!(account.passages.len(), 1);
        let passage = &account.passages[0];
        assert_eq!((passage.label, passage.boxes.len()), (Label::Car, 2));
        let between = passage.rect_at(0.1).unwrap();
        assert!((between.left - 0.05).abs() < 1e-6);
        assert_eq!(passage.rect_at(0.3), None);
        let (sequence, looked) = observer.sequence(25.0, 100.0, 100.0);
        assert_eq!(looked, [0, 5, 10]);
        assert_eq!(sequence.boxes(), 2);
        assert!((sequence.pictures[5][0].rect.left - 10.0).abs() < 1e-4);
    }
}
