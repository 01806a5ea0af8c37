//! The truth of a stream as JSON, beside the boxes in MOT text.
//!
//! Version 1, as `tools/compose` writes it: places, passages, crossings and stays with media times.
//! Further fields are allowed.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{Direction, EventKind, Label};
use serde::{Deserialize, Serialize};

use crate::{
    Account, Passage, PlaceEvent, Sequence,
    account::Deed,
    score::{CountTruth, ExpectedCount},
};

/// A truth that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TruthError(pub String);

/// What is true of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Of this shape: 1.
    pub version: u32,
    /// Width of a picture in pixels.
    pub width: u32,
    /// Height of a picture in pixels.
    pub height: u32,
    /// Pictures a second.
    pub rate: f64,
    /// Number of pictures.
    pub pictures: u64,
    /// The lines that are crossed.
    #[serde(default)]
    pub lines: Vec<Place>,
    /// The zones that are entered.
    #[serde(default)]
    pub zones: Vec<Place>,
    /// The objects.
    pub passages: Vec<TruePassage>,
    /// Who crossed which line and when.
    #[serde(default)]
    pub crossings: Vec<TrueCrossing>,
    /// Who was in which zone and when.
    #[serde(default)]
    pub stays: Vec<TrueStay>,
}

/// A line or a zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its points, 0..1 of the picture.
    pub points: Vec<[f32; 2]>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruePassage {
    /// Its name in the MOT text.
    pub tag: u64,
    /// What it is.
    pub label: Label,
    /// Media time of its first picture.
    pub from_secs: f64,
    /// Media time of its last picture.
    pub to_secs: f64,
}

/// One crossing of a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrueCrossing {
    /// Who.
    pub tag: u64,
    /// Name of the line.
    pub line: String,
    /// Which way.
    pub direction: Direction,
    /// Media time.
    pub at_secs: f64,
}

/// One stay in a zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrueStay {
    /// Who.
    pub tag: u64,
    /// Name of the zone.
    pub zone: String,
    /// Media time of the entry.
    pub from_secs: f64,
    /// Media time of the leave.
    pub to_secs: f64,
    /// It was there from its first picture on: no entry.
    #[serde(default)]
    pub appeared_inside: bool,
}

impl Truth {
    /// Reads a truth and checks that it holds together.
    pub fn read(text: &str) -> Result<Self, TruthError> {
        let truth: Self =
            serde_json::from_str(text).map_err(|error| TruthError(error.to_string()))?;
        truth.check().map_err(TruthError)?;
        Ok(truth)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("version {}, expected 1", self.version));
        }
        if self.width == 0 || self.height == 0 || !(self.rate > 0.0 && self.rate <= 1000.0) {
            let (w, h, rate) = (self.width, self.height, self.rate);
            return Err(format!("{w} x {h} pixels at {rate} pictures a second"));
        }
        let span = |tag: u64, from: f64, to: f64| {
            if from.is_finite() && to.is_finite() && from <= to {
                Ok(())
            } else {
                Err(format!("tag {tag} is there from {from} to {to} seconds"))
            }
        };
        let mut tags = BTreeSet::new();
        for passage in &self.passages {
            if !tags.insert(passage.tag) {
                return Err(format!("a second passage of tag {}", passage.tag));
            }
            span(passage.tag, passage.from_secs, passage.to_secs)?;
        }
        let known = |tag: u64| {
            tags.contains(&tag)
                .then_some(())
                .ok_or_else(|| format!("no passage of tag {tag}"))
        };
        let named = |places: &[Place], kind: &str, name: &str| {
            let mut names = places.iter().map(|place| place.name.as_str());
            names
                .any(|place| place == name)
                .then_some(())
                .ok_or_else(|| format!("no {kind} `{name}`"))
        };
        for crossing in &self.crossings {
            known(crossing.tag)?;
            named(&self.lines, "line", &crossing.line)?;
            span(crossing.tag, crossing.at_secs, crossing.at_secs)?;
        }
        for stay in &self.stays {
            known(stay.tag)?;
            named(&self.zones, "zone", &stay.zone)?;
            span(stay.tag, stay.from_secs, stay.to_secs)?;
        }
        Ok(())
    }

    /// All lines and zones.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.lines.iter().chain(&self.zones)
    }

    /// What happened, with boxes where there are any.
    pub fn account(&self, boxes: Option<&Sequence>) -> Account {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let boxes = boxes.map(|boxes| Account::of_sequence(boxes, self.rate, width, height));
        let mut rects: BTreeMap<String, Vec<_>> = boxes
            .into_iter()
            .flat_map(|account| account.passages)
            .map(|passage| (passage.tag, passage.boxes))
            .collect();
        let labels: BTreeMap<u64, Label> = self.passages.iter().map(|p| (p.tag, p.label)).collect();
        let passages = self.passages.iter().map(|passage| Passage {
            tag: passage.tag.to_string(),
            label: passage.label,
            from_secs: passage.from_secs,
            to_secs: passage.to_secs,
            boxes: rects.remove(&passage.tag.to_string()).unwrap_or_default(),
        });
        let at_place = |tag: u64, place: &str, deed, at_secs| PlaceEvent {
            tag: Some(tag.to_string()),
            label: labels.get(&tag).copied(),
            place: place.to_owned(),
            deed,
            at_secs,
        };
        let crossings = self
            .crossings
            .iter()
            .map(|c| at_place(c.tag, &c.line, Deed::crossed(c.direction), c.at_secs));
        let entries = self.stays.iter().filter(|stay| !stay.appeared_inside);
        let entries = entries.map(|s| at_place(s.tag, &s.zone, Deed::Entered, s.from_secs));
        Account {
            passages: passages.collect(),
            place_events: crossings.chain(entries).collect(),
            places: Some(self.places().map(|place| place.name.clone()).collect()),
        }
    }

    /// How often each line was crossed either way and each zone entered, by label.
    pub fn counts(&self) -> CountTruth {
        let mut counts = BTreeMap::<_, u32>::new();
        for event in self.account(None).place_events {
            *counts
                .entry((event.place, event.deed, event.label))
                .or_default() += 1;
        }
        let counts = counts
            .into_iter()
            .map(|((place, deed, label), expected)| ExpectedCount {
                place,
                kind: if deed.is_crossing() {
                    EventKind::Crossed
                } else {
                    EventKind::Entered
                },
                direction: match deed {
                    Deed::CrossedLeft => Some(Direction::Left),
                    Deed::CrossedRight => Some(Direction::Right),
                    Deed::Entered => None,
                },
                label,
                expected,
                tolerance: 0,
            });
        CountTruth {
            version: 1,
            counts: counts.collect(),
        }
    }
}

/// Passes of vehicles, labelled by eye: which way and in which pictures, without boxes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Passes {
    /// Pictures a second.
    pub fps: f64,
    /// What they all are.
    pub class: Label,
    /// The passes.
    pub passes: Vec<Pass>,
}

/// One pass.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Pass {
    /// Its name.
    pub id: String,
    /// Which way it goes.
    pub dir: String,
    /// Its first and last picture.
    pub frames: [u32; 2],
}

impl Passes {
    /// Reads passes.
    pub fn read(text: &str) -> Result<Self, TruthError> {
        let passes: Self =
            serde_json::from_str(text).map_err(|error| TruthError(error.to_string()))?;
        if !(passes.fps > 0.0 && passes.fps <= 1000.0) {
            return Err(TruthError(format!("{} pictures a second", passes.fps)));
        }
        for Pass { id, frames, .. } in &passes.passes {
            if frames[0] > frames[1] {
                let [from, to] = frames;
                let reason = format!("pass `{id}` goes from picture {from} to {to}");
                return Err(TruthError(reason));
            }
        }
        Ok(passes)
    }

    /// What happened.
    pub fn account(&self) -> Account {
        let secs = |frame: u32| f64::from(frame) / self.fps;
        let passages = self.passes.iter().map(|pass| Passage {
            tag: pass.id.clone(),
            label: self.class,
            from_secs: secs(pass.frames[0]),
            to_secs: secs(pass.frames[1]),
            boxes: Vec::new(),
        });
        Account {
            passages: passages.collect(),
            place_events: Vec::new(),
            places: Some(BTreeSet::new()),
        }
    }

    /// How many go each way.
    pub fn by_direction(&self) -> BTreeMap<&str, u32> {
        let mut counts = BTreeMap::new();
        for pass in &self.passes {
            *counts.entry(pass.dir.as_str()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: &str = r#"{"version":1,"width":640,"height":360,"rate":25.0,"pictures":100,
        "lines":[{"name":"door","points":[[0.5,0.0],[0.5,1.0]]}],
        "zones":[{"name":"desk","points":[[0.0,0.0],[1.0,0.0],[1.0,1.0]]}],
        "passages":[{"tag":1,"label":"person","from_secs":0.0,"to_secs":3.0,"contrast":0.4},
                    {"tag":2,"label":"car","from_secs":1.0,"to_secs":2.0}],
        "crossings":[{"tag":1,"line":"door","direction":"left","at_secs":1.5},
                     {"tag":1,"line":"door","direction":"left","at_secs":2.5}],
        "stays":[{"tag":2,"zone":"desk","from_secs":1.0,"to_secs":1.5}]}"#;

    #[test]
    fn a_truth_becomes_an_account_and_counts() {
        let truth = Truth::read(TRUTH).unwrap();
        let account = truth.account(None);
        assert_eq!(account.passages.len(), 2);
        assert_eq!(account.place_events.len(), 3);
        let counts = truth.counts().counts;
        assert_eq!(counts.len(), 2);
        assert_eq!((counts[1].place.as_str(), counts[1].expected), ("door", 2));
        assert_eq!(counts[1].label, Some(Label::Person));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (from, to, want) in [
            (r#""version":1"#, r#""version":2"#, "version 2, expected 1"),
            (
                r#""width":640"#,
                r#""width":0"#,
                "0 x 360 pixels at 25 pictures a second",
            ),
            (
                r#""tag":2,"label""#,
                r#""tag":1,"label""#,
                "a second passage of tag 1",
            ),
            (
                r#""tag":2,"zone""#,
                r#""tag":3,"zone""#,
                "no passage of tag 3",
            ),
            (r#""line":"door""#, r#""line":"gate""#, "no line `gate`"),
            (r#""zone":"desk""#, r#""zone":"bed""#, "no zone `bed`"),
            (
                r#""to_secs":3.0"#,
                r#""to_secs":-1.0"#,
                "tag 1 is there from 0 to -1 seconds",
            ),
        ] {
            let text = TRUTH.replacen(from, to, 1);
            assert_eq!(Truth::read(&text).unwrap_err().to_string(), want);
        }
        let error = Truth::read("{\"version\":1,\n\"width\":x").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
