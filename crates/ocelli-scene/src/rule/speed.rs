//! `speed`: how fast tags cross a stretch of ground of known size.

use std::collections::BTreeMap;

use ocelli_core::{EventDetail, EventKind, Label, MediaTime, Point, Tag, Track};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anchor, Built, Rule, RuleKind, View, Zones, config, wanted};
use crate::{Emitter, Polygon};

/// Configuration of a `speed` rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpeedRule {
    /// Name of the rule, as it stands in its events.
    pub name: String,
    /// The four corners of a rectangle on the ground, in order around it, 0..1 of the picture.
    pub points: Vec<[f32; 2]>,
    /// From the first corner to the second, in metres.
    pub width_metres: f32,
    /// From the second corner to the third, in metres.
    pub length_metres: f32,
    /// Labels it is about; none means all.
    #[serde(default)]
    #[schemars(schema_with = "config::labels_schema")]
    pub labels: Vec<Label>,
    /// The part of the box that touches the ground.
    #[serde(default)]
    pub anchor: Anchor,
    /// With it, only tags that are faster make an event, at once; without it every tag makes one
    /// when it leaves the rectangle.
    #[serde(default)]
    pub limit_kmh: Option<f32>,
    /// A speed is taken over at least this time and three looks, in seconds.
    #[serde(default = "half_second")]
    pub least_secs: f32,
}

fn half_second() -> f32 {
    0.5
}

pub(super) static KIND: RuleKind = RuleKind {
    name: "speed",
    summary: "takes the speed of tags on a rectangle of ground of known size",
    build,
    schema: || schemars::schema_for!(SpeedRule),
    example: r#"{"name":"thirty","points":[[0.3,0.9],[0.7,0.9],[0.6,0.5],[0.4,0.5]],"width_metres":7,"length_metres":20,"limit_kmh":30}"#,
};

fn build(json: &str, _zones: &Zones) -> Result<Built, String> {
    let config: SpeedRule = config::read(json)?;
    let points = config::points(&config.points, 4, 4)?;
    let polygon = Polygon::new(&points)?;
    config::number("width_metres", config.width_metres, 0.1, 10_000.0)?;
    config::number("length_metres", config.length_metres, 0.1, 10_000.0)?;
    config::number("least_secs", config.least_secs, 0.1, 60.0)?;
    if let Some(limit) = config.limit_kmh {
        config::number("limit_kmh", limit, 0.1, 1_000.0)?;
    }
    let ground = Ground::new(&points, config.width_metres, config.length_metres).ok_or(
        "the four points are no picture of a rectangle: all corners must turn the same way",
    )?;
    Ok(Built {
        name: config.name.clone(),
        zone: None,
        counts_line: None,
        rule: Box::new(Speed {
            config,
            polygon,
            ground,
            runners: BTreeMap::new(),
        }),
    })
}

struct Speed {
    config: SpeedRule,
    polygon: Polygon,
    ground: Ground,
    runners: BTreeMap<Tag, Runner>,
}

/// A tag inside the rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Runner {
    began: MediaTime,
    last: MediaTime,
    fit: Fit,
    told: bool,
}

/// A straight line fitted to the places on the ground over time by least squares. Looks fade, so
/// that a car that waited first and then drove off is as fast as it drives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Fit {
    looks: u32,
    n: f64,
    t: f64,
    tt: f64,
    x: f64,
    xt: f64,
    y: f64,
    yt: f64,
}

impl Fit {
    /// The weight of a look halves in this time.
    const HALF_SECS: f64 = 2.0;

    /// A look `dt` seconds after the last one; times count from now.
    fn add(&mut self, dt: f64, x: f64, y: f64) {
        let kept = 0.5_f64.powf(dt / Self::HALF_SECS);
        let Self {
            n,
            t,
            tt,
            x: sx,
            xt,
            y: sy,
            yt,
            ..
        } = *self;
        *self = Self {
            looks: self.looks.saturating_add(1),
            n: kept * n + 1.0,
            t: kept * (t - dt * n),
            tt: kept * (tt - 2.0 * dt * t + dt * dt * n),
            x: kept * sx + x,
            xt: kept * (xt - dt * sx),
            y: kept * sy + y,
            yt: kept * (yt - dt * sy),
        };
    }

    fn kmh(&self) -> Option<f32> {
        let spread = self.n * self.tt - self.t * self.t;
        if self.looks < 3 || spread <= 1e-9 {
            return None;
        }
        let vx = (self.n * self.xt - self.t * self.x) / spread;
        let vy = (self.n * self.yt - self.t * self.y) / spread;
        let kmh = vx.hypot(vy) * 3.6;
        (kmh.is_finite() && kmh < 1_000.0).then_some(kmh as f32)
    }
}

impl Speed {
    fn tell(&self, track: &Track, kmh: f32, out: &mut Emitter<'_>) {
        let detail = EventDetail {
            rule: Some(self.config.name.clone()),
            place: Some(self.config.name.clone()),
            speed_kmh: Some(kmh),
            ..EventDetail::default()
        };
        out.tag(EventKind::Speed, track, detail);
    }

    /// The speed of a run that is over, if it makes an event.
    fn end(&mut self, track: &Track, out: &mut Emitter<'_>) {
        let Some(runner) = self.runners.remove(&track.tag) else {
            return;
        };
        if let Some(kmh) = self.speed(&runner)
            && self.config.limit_kmh.is_none()
        {
            self.tell(track, kmh, out);
        }
    }

    fn speed(&self, runner: &Runner) -> Option<f32> {
        let long = runner.last.secs_since(runner.began) >= f64::from(self.config.least_secs);
        if long { runner.fit.kmh() } else { None }
    }
}

impl Rule for Speed {
    fn look(&mut self, view: &View<'_>, out: &mut Emitter<'_>) {
        let now = out.moment().at;
        for subject in view.subjects {
            let track = &subject.track;
            if !track.seen || !wanted(&self.config.labels, track.label) {
                continue;
            }
            let place = self.config.anchor.of(track.bbox);
            if !self.polygon.contains(place) {
                self.end(track, out);
                continue;
            }
            let mut runner = *self.runners.entry(track.tag).or_insert(Runner {
                began: now,
                last: now,
                fit: Fit::default(),
                told: false,
            });
            let (x, y) = self.ground.metres(place);
            runner.fit.add(now.secs_since(runner.last), x, y);
            runner.last = now;
            if let (Some(limit), Some(kmh)) = (self.config.limit_kmh, self.speed(&runner))
                && kmh > limit
                && !runner.told
            {
                runner.told = true;
                self.tell(track, kmh, out);
            }
            self.runners.insert(track.tag, runner);
        }
    }

    fn gone(&mut self, track: &Track, out: &mut Emitter<'_>) {
        self.end(track, out);
    }

    fn save(&self) -> Vec<u8> {
        config::keep(&self.runners)
    }

    fn load(&mut self, memory: &[u8]) -> Result<(), postcard::Error> {
        self.runners = config::restore(memory)?;
        Ok(())
    }
}

/// The projective map from the picture to the ground (Hartley and Zisserman, "Multiple View
/// Geometry", 4.1), from the four corners.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ground([f64; 8]);

impl Ground {
    fn new(corners: &[Point], width: f32, length: f32) -> Option<Self> {
        let (width, length) = (f64::from(width), f64::from(length));
        let ground = [(0.0, 0.0), (width, 0.0), (width, length), (0.0, length)];
        if !turns_one_way(corners) {
            return None;
        }
        let mut rows = [[0.0; 9]; 8];
        for (index, (point, (gx, gy))) in corners.iter().zip(ground).enumerate() {
            let (x, y) = (f64::from(point.x), f64::from(point.y));
            rows[2 * index] = [x, y, 1.0, 0.0, 0.0, 0.0, -gx * x, -gx * y, gx];
            rows[2 * index + 1] = [0.0, 0.0, 0.0, x, y, 1.0, -gy * x, -gy * y, gy];
        }
        solve(rows).map(Self)
    }

    fn metres(&self, place: Point) -> (f64, f64) {
        let (x, y, h) = (f64::from(place.x), f64::from(place.y), &self.0);
        let scale = h[6] * x + h[7] * y + 1.0;
        (
            (h[0] * x + h[1] * y + h[2]) / scale,
            (h[3] * x + h[4] * y + h[5]) / scale,
        )
    }
}

/// A projected rectangle is convex.
fn turns_one_way(corners: &[Point]) -> bool {
    let turn = |i: usize| {
        let (a, b, c) = (corners[i], corners[(i + 1) % 4], corners[(i + 2) % 4]);
        (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x)
    };
    let turns = [turn(0), turn(1), turn(2), turn(3)];
    turns.iter().all(|&t| t > 1e-6) || turns.iter().all(|&t| t < -1e-6)
}

/// Gaussian elimination with row exchange.
fn solve(mut rows: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let pivot =
            (column..8).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        if rows[pivot][column].abs() < 1e-12 {
            return None;
        }
        rows.swap(column, pivot);
        let top = rows[column];
        for (index, row) in rows.iter_mut().enumerate() {
            if index != column {
                let factor = row[column] / top[column];
                for (value, above) in row.iter_mut().zip(top) {
                    *value -= factor * above;
                }
            }
        }
    }
    Some(std::array::from_fn(|index| {
        rows[index][8] / rows[index][index]
    }))
}
