//! `direction`: who goes the wrong way.

use std::collections::BTreeMap;

use ocelli_core::{EventDetail, EventKind, Label, Point, Tag, Track};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anchor, Built, Rule, RuleKind, View, Zones, config};
use crate::{Emitter, Polygon, plane::Vec2};

/// Configuration of a `direction` rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectionRule {
    /// Name of the rule, as it stands in its events.
    pub name: String,
    /// An arrow of two points, 0..1 of the picture: the right way.
    pub points: Vec<[f32; 2]>,
    /// Name of one of the stream's zones; without it, the whole picture.
    #[serde(default)]
    pub zone: Option<String>,
    /// Labels it is about; none means all.
    #[serde(default)]
    #[schemars(schema_with = "config::labels_schema")]
    pub labels: Vec<Label>,
    /// The part of the box whose way is judged.
    #[serde(default)]
    pub anchor: Anchor,
    /// A way that differs from straight against the arrow by no more than this is wrong, in
    /// degrees (1 to 90).
    #[serde(default = "sixty")]
    pub tolerance_degrees: f32,
    /// A stretch of the way is judged when it is this long, in heights of the tag's box (0.1 to 10).
    #[serde(default = "one")]
    pub distance: f32,
    /// Stretches in a row that have to be wrong (1 to 100).
    #[serde(default = "config::one_look")]
    pub inertia: u8,
}

fn sixty() -> f32 {
    60.0
}

fn one() -> f32 {
    1.0
}

pub(super) static KIND: RuleKind = RuleKind {
    name: "direction",
    summary: "says who goes against an arrow, once until they have gone the right way again",
    build,
    schema: || schemars::schema_for!(DirectionRule),
    example: r#"{"name":"one way","points":[[0.5,0.9],[0.5,0.1]],"zone":"desk","labels":["car"]}"#,
};

fn build(json: &str, zones: &Zones) -> Result<Built, String> {
    let config: DirectionRule = config::read(json)?;
    let points = config::points(&config.points, 2, 2)?;
    config::number("tolerance_degrees", config.tolerance_degrees, 1.0, 90.0)?;
    config::number("distance", config.distance, 0.1, 10.0)?;
    config::number("inertia", f32::from(config.inertia), 1.0, 100.0)?;
    let polygon = config.zone.as_deref().map(|name| config::zone(zones, name));
    Ok(Built {
        name: config.name.clone(),
        zone: config.zone.clone(),
        counts_line: None,
        rule: Box::new(DirectionOf {
            polygon: polygon.transpose()?,
            points: (points[0], points[1]),
            config,
            walkers: BTreeMap::new(),
        }),
    })
}

struct DirectionOf {
    config: DirectionRule,
    polygon: Option<Polygon>,
    points: (Point, Point),
    walkers: BTreeMap<Tag, Walker>,
}

/// A tag on its way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Walker {
    /// Where the stretch began.
    from: Point,
    wrong: u8,
    told: bool,
}

impl Rule for DirectionOf {
    fn look(&mut self, view: &View<'_>, out: &mut Emitter<'_>) {
        let arrow =
            Vec2::of(self.points.1, view.aspect).minus(Vec2::of(self.points.0, view.aspect));
        let limit = -self.config.tolerance_degrees.to_radians().cos();
        for subject in view.seen(&self.config.labels) {
            let track = &subject.track;
            let place = self.config.anchor.of(track.bbox);
            if self
                .polygon
                .as_ref()
                .is_some_and(|polygon| !polygon.contains(place))
            {
                // The stretch begins where the zone does.
                if let Some(walker) = self.walkers.get_mut(&track.tag) {
                    walker.from = place;
                }
                continue;
            }
            let walker = self.walkers.entry(track.tag).or_insert(Walker {
                from: place,
                wrong: 0,
                told: false,
            });
            let went = Vec2::of(place, view.aspect).minus(Vec2::of(walker.from, view.aspect));
            if went.length() < self.config.distance * track.bbox.h {
                continue;
            }
            walker.from = place;
            let cosine = went.dot(arrow) / (went.length() * arrow.length());
            if cosine > limit {
                walker.wrong = 0;
                walker.told &= cosine <= 0.0;
                continue;
            }
            walker.wrong = walker.wrong.saturating_add(1);
            if walker.wrong >= self.config.inertia && !walker.told {
                walker.told = true;
                let detail = EventDetail {
                    rule: Some(self.config.name.clone()),
                    place: self.config.zone.clone(),
                    ..EventDetail::default()
                };
                out.tag(EventKind::WrongWay, track, detail);
            }
        }
    }

    fn gone(&mut self, track: &Track, _out: &mut Emitter<'_>) {
        self.walkers.remove(&track.tag);
    }

    fn save(&self) -> Vec<u8> {
        config::keep(&self.walkers)
    }

    fn load(&mut self, memory: &[u8]) -> Result<(), postcard::Error> {
        self.walkers = config::restore(memory)?;
        Ok(())
    }
}
