//! How long a tag is inside a shape: the integral of its presence over media time.
//!
//! Between two looks the tag is taken to go straight at an even speed, so the time inside is the
//! share of that way that lies inside. It does not matter how many looks there were.

use std::collections::BTreeMap;

use ocelli_core::{BBox, MediaTime, Point, Tag, Track};
use serde::{Deserialize, Serialize};

use crate::{Polygon, rule::Subject};

/// What is first seen nearer to the left or right edge of the picture than so many of its
/// widths, or nearer to the upper or lower one than so many of its heights, came in there.
const EDGE_WIDTHS: f32 = 1.0;
const EDGE_HEIGHTS: f32 = 0.25;

/// One tag and one shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Presence {
    /// Whether it counts as inside.
    pub(crate) inside: bool,
    /// Looks in a row that say otherwise.
    contrary: u8,
    /// Whether it was ever outside.
    came: bool,
    /// Seconds inside in this stay, also while it is not established yet.
    pub(crate) secs: f32,
    last_at: MediaTime,
    last: Point,
    /// What the rule did about this stay.
    pub(crate) told: bool,
}

/// What a look changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    None,
    Entered {
        /// Whether it came from outside; else it was inside from the first.
        came: bool,
    },
    /// After so many seconds.
    Left(f32),
}

impl Presence {
    /// A tag that will be seen at this time and place first.
    fn new(at: MediaTime, place: Point, came: bool) -> Self {
        Self {
            inside: false,
            contrary: 0,
            came,
            secs: 0.0,
            last_at: at,
            last: place,
            told: false,
        }
    }

    /// The tag was seen at `place`.
    fn look(&mut self, at: MediaTime, place: Point, polygon: &Polygon, inertia: u8) -> Step {
        let dt = at.secs_since(self.last_at).max(0.0) as f32;
        self.secs += dt * polygon.share_inside(self.last, place);
        (self.last_at, self.last) = (at, place);
        let within = polygon.contains(place);
        self.came |= !within;
        if within == self.inside {
            if !self.inside {
                self.secs = 0.0;
            }
            self.contrary = 0;
            return Step::None;
        }
        self.contrary = self.contrary.saturating_add(1);
        if self.contrary < inertia {
            return Step::None;
        }
        self.contrary = 0;
        self.inside = !self.inside;
        if self.inside {
            self.told = false;
            Step::Entered { came: self.came }
        } else {
            Step::Left(std::mem::take(&mut self.secs))
        }
    }
}

/// The part of an object's box that says where it is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The middle of the lower edge: where it stands on the ground.
    #[default]
    BottomCentre,
    /// The middle.
    Centre,
    /// The middle of the upper edge: for cameras that see heads only.
    TopCentre,
}

impl Anchor {
    /// The place of a box.
    pub fn of(self, bbox: BBox) -> Point {
        match self {
            Self::BottomCentre => bbox.bottom_centre(),
            Self::Centre => bbox.centre(),
            Self::TopCentre => Point {
                x: bbox.x + bbox.w / 2.0,
                y: bbox.y,
            },
        }
    }
}

/// A shape, and what it takes to be inside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) polygon: Polygon,
    pub(crate) anchor: Anchor,
    /// Looks in a row that change anything.
    pub(crate) inertia: u8,
}

impl Place {
    /// Whether a tag came from outside, by its first box and the one that confirmed it. It did
    /// where it was first seen at the edge of the picture, and where its way, followed back for
    /// as long, leads out of the shape.
    fn was_come_to(&self, first: BBox, now: BBox) -> bool {
        let beside = first.x.min(1.0 - first.x - first.w);
        let above = first.y.min(1.0 - first.y - first.h);
        let edge = beside <= EDGE_WIDTHS * first.w || above <= EDGE_HEIGHTS * first.h;
        let (from, to) = (self.anchor.of(first), self.anchor.of(now));
        let before = Point {
            x: 2.0 * from.x - to.x,
            y: 2.0 * from.y - to.y,
        };
        edge || !self.polygon.contains(before)
    }
}

/// The presence of all tags in one shape.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attendance {
    pub(crate) tags: BTreeMap<Tag, Presence>,
}

impl Attendance {
    pub(crate) fn inside(&self) -> u32 {
        self.tags
            .values()
            .filter(|presence| presence.inside)
            .count() as u32
    }

    /// Takes a look at a tag that was seen. A tag that was just confirmed is looked at where it was
    /// seen first as well: two steps at once.
    pub(crate) fn look(&mut self, subject: &Subject, at: MediaTime, place: &Place) -> [Step; 2] {
        let Place {
            polygon,
            anchor,
            inertia,
        } = place;
        let track = &subject.track;
        let first = (track.first_at, anchor.of(subject.first_bbox));
        let mut earlier = Step::None;
        let came = || place.was_come_to(subject.first_bbox, track.bbox);
        let presence = self.tags.entry(track.tag).or_insert_with(|| {
            let mut presence = Presence::new(first.0, first.1, came());
            if first.0 < at {
                earlier = presence.look(first.0, first.1, polygon, *inertia);
            }
            presence
        });
        [
            earlier,
            presence.look(at, anchor.of(track.bbox), polygon, *inertia),
        ]
    }

    /// Ends the presence of a tag that is gone; the seconds of the stay that this ends.
    pub(crate) fn gone(&mut self, track: &Track) -> Option<f32> {
        let presence = self.tags.remove(&track.tag)?;
        presence.inside.then_some(presence.secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integral_does_not_depend_on_the_looks() {
        let corners = [(0.2, 0.0), (0.8, 0.0), (0.8, 1.0), (0.2, 1.0)];
        let zone = Polygon::new(&corners.map(|(x, y)| Point { x, y })).unwrap();
        for steps in [&[0.04_f64][..], &[1.0], &[2.0, 0.1, 0.3], &[0.7, 1.9]] {
            let mut at = 0.0;
            let place = |at: f64| Point {
                x: (at / 10.0) as f32,
                y: 0.5,
            };
            let mut presence = Presence::new(MediaTime::default(), place(0.0), true);
            let mut left = None;
            for step in steps.iter().cycle() {
                at += step;
                if at > 10.0 {
                    break;
                }
                if let Step::Left(secs) =
                    presence.look(MediaTime::from_secs(at), place(at), &zone, 1)
                {
                    left = Some(secs);
                }
            }
            let secs = left.unwrap();
            assert!((secs - 6.0).abs() < 1e-3, "{steps:?}: {secs}");
        }
    }
}
