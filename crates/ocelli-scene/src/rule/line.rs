//! `line`: counts what crosses.

use std::collections::BTreeMap;

use ocelli_core::{BBox, Direction, EventDetail, EventKind, Label, Point, Tag, Track};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anchor, Built, Rule, RuleKind, View, Zones, config};
use crate::{Emitter, plane::Vec2};

/// Configuration of a `line` rule.
///
/// The line has a direction, from its first point to its last. Crossing it from its left to its
/// right, as seen along it with the picture's y axis pointing down, is `right` and counts as in;
/// the other way is `left` and counts as out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRule {
    /// Name of the rule and of the line, as it stands in its events.
    pub name: String,
    /// Two to 32 points, 0..1 of the picture. Only what crosses between them counts.
    pub points: Vec<[f32; 2]>,
    /// Labels it is about; none means all.
    #[serde(default)]
    #[schemars(schema_with = "config::labels_schema")]
    pub labels: Vec<Label>,
    /// The part of the box that has to cross.
    #[serde(default)]
    pub anchor: Anchor,
    /// How far from the line a tag has to be seen, in heights of its box (0 to 5): first on the one
    /// side, then on the other, and its crossing counts. What stands on the line, or first shows
    /// there, has not crossed it. The default is half the width of a walking person: all of the body
    /// is on the other side, and a box that is half hidden does not reach so far.
    #[serde(default = "fifth")]
    pub hysteresis: f32,
    /// Looks in a row clear behind the line that make a crossing (1 to 100). Whoever is gone there
    /// has crossed as well.
    #[serde(default = "config::two_looks")]
    pub inertia: u8,
}

fn fifth() -> f32 {
    0.2
}

pub(super) static KIND: RuleKind = RuleKind {
    name: "line",
    summary: "counts tags that were seen on both sides of a directed line, once until they have really gone back",
    build,
    schema: || schemars::schema_for!(LineRule),
    example: r#"{"name":"door","points":[[0.1,0.6],[0.9,0.6]],"labels":["person"]}"#,
};

fn build(json: &str, _zones: &Zones) -> Result<Built, String> {
    let config: LineRule = config::read(json)?;
    let points = config::points(&config.points, 2, 32)?;
    config::number("hysteresis", config.hysteresis, 0.0, 5.0)?;
    config::number("inertia", f32::from(config.inertia), 1.0, 100.0)?;
    Ok(Built {
        name: config.name.clone(),
        zone: None,
        counts_line: None,
        rule: Box::new(Line {
            config,
            points,
            crossers: BTreeMap::new(),
        }),
    })
}

struct Line {
    config: LineRule,
    points: Vec<Point>,
    crossers: BTreeMap<Tag, Crosser>,
}

/// A tag on its way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Crosser {
    last: Point,
    /// Whether it was ever clear of the line.
    came: bool,
    /// Crossings to the right less crossings to the left since it was last clear of the line.
    pending: i8,
    /// Looks in a row that saw it clear behind the line.
    behind: u8,
}

impl Line {
    /// Crossings to the right less crossings to the left on the straight way between two places.
    fn crossings(&self, from: Vec2, to: Vec2, aspect: f32) -> i8 {
        let mut sum = 0;
        for pair in self.points.windows(2) {
            let (a, b) = (Vec2::of(pair[0], aspect), Vec2::of(pair[1], aspect));
            // Half open on all ends: a way through a corner meets one of its two segments.
            let right = |place: Vec2| b.minus(a).cross(place.minus(a)) > 0.0;
            let beyond = |end: Vec2| to.minus(from).cross(end.minus(from)) > 0.0;
            if right(from) != right(to) && beyond(a) != beyond(b) {
                sum += if right(to) { 1 } else { -1 };
            }
        }
        sum
    }

    /// A tag that is looked at for the first time, where it was seen first.
    fn first(&self, bbox: BBox, aspect: f32) -> Crosser {
        let last = self.config.anchor.of(bbox);
        Crosser {
            last,
            came: self.is_clear(Vec2::of(last, aspect), bbox, aspect),
            pending: 0,
            behind: 0,
        }
    }

    fn crossed(&self, crosser: &Crosser, track: &Track, out: &mut Emitter<'_>) {
        let direction = if crosser.pending > 0 {
            Direction::Right
        } else {
            Direction::Left
        };
        let detail = EventDetail {
            rule: Some(self.config.name.clone()),
            place: Some(self.config.name.clone()),
            direction: Some(direction),
            ..EventDetail::default()
        };
        out.tag(EventKind::Crossed, track, detail);
    }

    fn is_clear(&self, place: Vec2, bbox: BBox, aspect: f32) -> bool {
        self.distance(place, aspect) >= self.config.hysteresis * bbox.h
    }

    fn distance(&self, place: Vec2, aspect: f32) -> f32 {
        self.points
            .windows(2)
            .map(|pair| {
                let (a, b) = (Vec2::of(pair[0], aspect), Vec2::of(pair[1], aspect));
                let along = b.minus(a);
                let t = place.minus(a).dot(along) / along.dot(along).max(f32::MIN_POSITIVE);
                place.minus(a.plus(along.times(t.clamp(0.0, 1.0)))).length()
            })
            .fold(f32::INFINITY, f32::min)
    }
}

impl Rule for Line {
    fn look(&mut self, view: &View<'_>, out: &mut Emitter<'_>) {
        for subject in view.seen(&self.config.labels) {
            let track = &subject.track;
            let place = self.config.anchor.of(track.bbox);
            let to = Vec2::of(place, view.aspect);
            let known = self.crossers.get(&track.tag).copied();
            let mut crosser = known.unwrap_or_else(|| self.first(subject.first_bbox, view.aspect));
            if crosser.came {
                let from = Vec2::of(crosser.last, view.aspect);
                let net = crosser
                    .pending
                    .saturating_add(self.crossings(from, to, view.aspect));
                crosser.pending = net.clamp(-1, 1);
            }
            crosser.last = place;
            let clear = self.is_clear(to, track.bbox, view.aspect);
            crosser.came |= clear;
            crosser.behind = if clear && crosser.pending != 0 {
                crosser.behind.saturating_add(1)
            } else {
                0
            };
            if crosser.behind >= self.config.inertia {
                self.crossed(&crosser, track, out);
                (crosser.pending, crosser.behind) = (0, 0);
            }
            self.crossers.insert(track.tag, crosser);
        }
    }

    fn gone(&mut self, track: &Track, out: &mut Emitter<'_>) {
        if let Some(crosser) = self.crossers.remove(&track.tag)
            && crosser.behind > 0
        {
            self.crossed(&crosser, track, out);
        }
    }

    fn save(&self) -> Vec<u8> {
        config::keep(&self.crossers)
    }

    fn load(&mut self, memory: &[u8]) -> Result<(), postcard::Error> {
        self.crossers = config::restore(memory)?;
        Ok(())
    }
}
