//! `zone`: who comes, goes and stays.

use ocelli_core::{EventDetail, EventKind, Label, Track};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anchor, Built, Rule, RuleKind, View, Zones, config, wanted};
use crate::{
    Emitter,
    presence::{Attendance, Place, Step},
};

/// Configuration of a `zone` rule.
///
/// Who is first seen in the middle of the zone is inside like anybody else, but nobody saw them
/// come: their `entered` says `appeared_inside`, and is no entry where entries are counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneRule {
    /// Name of the rule, as it stands in its events.
    pub name: String,
    /// Name of one of the stream's zones.
    pub zone: String,
    /// Labels it is about; none means all.
    #[serde(default)]
    #[schemars(schema_with = "config::labels_schema")]
    pub labels: Vec<Label>,
    /// The part of the box that has to be inside.
    #[serde(default)]
    pub anchor: Anchor,
    /// Looks in a row inside that make an entry, and outside that make a leave (1 to 100).
    #[serde(default = "config::two_looks")]
    pub inertia: u8,
    /// A tag that is inside for this long in one stay makes one `dwelt` event.
    #[serde(default)]
    pub dwell_secs: Option<f32>,
    /// A tag that is inside for this long in all its stays together loiters: one `dwelt` event
    /// each time another such span is full. Stepping out for a moment does not start it anew.
    #[serde(default)]
    pub loiter_secs: Option<f32>,
    /// Limits of the number of tags inside: passing one makes an `occupancy` event, and so does
    /// coming back.
    #[serde(default)]
    pub occupancy: Option<Occupancy>,
}

/// Limits of the number of tags inside.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Occupancy {
    /// Fewer than this are too few.
    #[serde(default)]
    pub min: Option<u32>,
    /// More than this are too many.
    #[serde(default)]
    pub max: Option<u32>,
    /// A change counts once it has lasted this long.
    #[serde(default = "two_secs")]
    pub hold_secs: f32,
}

fn two_secs() -> f32 {
    2.0
}

pub(super) static KIND: RuleKind = RuleKind {
    name: "zone",
    summary: "says who enters, leaves, stays and loiters in a zone, and when it is too full or too empty",
    build,
    schema: || schemars::schema_for!(ZoneRule),
    example: r#"{"name":"desk staffed","zone":"desk","labels":["person"],"dwell_secs":60,"occupancy":{"min":1,"hold_secs":30}}"#,
};

fn build(json: &str, zones: &Zones) -> Result<Built, String> {
    let config: ZoneRule = config::read(json)?;
    let polygon = config::zone(zones, &config.zone)?;
    config::number("inertia", f32::from(config.inertia), 1.0, 100.0)?;
    for (name, secs) in [
        ("dwell_secs", config.dwell_secs),
        ("loiter_secs", config.loiter_secs),
    ] {
        if let Some(secs) = secs {
            config::number(name, secs, 0.1, 604_800.0)?;
        }
    }
    if let Some(Occupancy {
        min,
        max,
        hold_secs,
    }) = config.occupancy
    {
        config::number("hold_secs", hold_secs, 0.0, 86_400.0)?;
        match (min, max) {
            (None, None) => return Err("`occupancy` needs `min`, `max` or both".to_owned()),
            (Some(min), Some(max)) if min > max => {
                return Err(format!("`min` {min} is more than `max` {max}"));
            }
            _ => {}
        }
    }
    Ok(Built {
        name: config.name.clone(),
        zone: Some(config.zone.clone()),
        counts_line: None,
        rule: Box::new(Zone {
            place: Place {
                polygon,
                anchor: config.anchor,
                inertia: config.inertia,
            },
            config,
            memory: Memory::default(),
        }),
    })
}

struct Zone {
    config: ZoneRule,
    place: Place,
    memory: Memory,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    attendance: Attendance,
    /// Seconds of former stays, and how often each loiterer was told of.
    loitering: std::collections::BTreeMap<ocelli_core::Tag, (f32, u32)>,
    level: Level,
    /// Where the number is otherwise than `level` says, and since when.
    changing: Option<(Level, ocelli_core::MediaTime)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
enum Level {
    Below,
    #[default]
    Within,
    Above,
}

impl Zone {
    fn detail(&self, secs: Option<f32>) -> EventDetail {
        EventDetail {
            rule: Some(self.config.name.clone()),
            place: Some(self.config.zone.clone()),
            dwell_secs: secs,
            ..EventDetail::default()
        }
    }

    fn stay(&mut self, track: &Track, out: &mut Emitter<'_>) {
        let Some(presence) = self.memory.attendance.tags.get_mut(&track.tag) else {
            return;
        };
        if !presence.inside {
            return;
        }
        let secs = presence.secs;
        if let Some(limit) = self.config.dwell_secs
            && secs >= limit
            && !presence.told
        {
            presence.told = true;
            out.tag(EventKind::Dwelt, track, self.detail(Some(secs)));
        }
        if let Some(limit) = self.config.loiter_secs {
            let (former, told) = self.memory.loitering.entry(track.tag).or_default();
            let total = *former + secs;
            let full = (total / limit) as u32;
            if full > *told {
                *told = full;
                out.tag(EventKind::Dwelt, track, self.detail(Some(total)));
            }
        }
    }

    fn left(&mut self, track: &Track, secs: f32, out: &mut Emitter<'_>) {
        if self.config.loiter_secs.is_some() {
            self.memory.loitering.entry(track.tag).or_default().0 += secs;
        }
        out.tag(EventKind::Left, track, self.detail(Some(secs)));
    }

    fn judge_occupancy(&mut self, out: &mut Emitter<'_>) {
        let Some(limits) = self.config.occupancy else {
            return;
        };
        let count = self.memory.attendance.inside();
        let level = if limits.min.is_some_and(|min| count < min) {
            Level::Below
        } else if limits.max.is_some_and(|max| count > max) {
            Level::Above
        } else {
            Level::Within
        };
        if level == self.memory.level {
            self.memory.changing = None;
            return;
        }
        let now = out.moment().at;
        let since = match self.memory.changing {
            Some((other, since)) if other == level => since,
            _ => now,
        };
        self.memory.changing = Some((level, since));
        if now.secs_since(since) >= f64::from(limits.hold_secs) {
            self.memory.level = level;
            self.memory.changing = None;
            let detail = EventDetail {
                count: Some(count),
                ..self.detail(None)
            };
            out.stream(
                EventKind::Occupancy,
                None,
                self.place.polygon.bounds(),
                detail,
            );
        }
    }
}

impl Rule for Zone {
    fn look(&mut self, view: &View<'_>, out: &mut Emitter<'_>) {
        let now = out.moment().at;
        for subject in view.subjects {
            let track = &subject.track;
            // Who is known already stays known when the label turns out to be another.
            let known = self.memory.attendance.tags.contains_key(&track.tag);
            if !track.seen || !(known || wanted(&self.config.labels, track.label)) {
                continue;
            }
            for step in self.memory.attendance.look(subject, now, &self.place) {
                match step {
                    Step::Entered { came } => {
                        let detail = EventDetail {
                            appeared_inside: !came,
                            ..self.detail(None)
                        };
                        out.tag(EventKind::Entered, track, detail);
                    }
                    Step::Left(secs) => self.left(track, secs, out),
                    Step::None => {}
                }
            }
            self.stay(track, out);
        }
        self.judge_occupancy(out);
    }

    fn pass(&mut self, out: &mut Emitter<'_>) {
        self.judge_occupancy(out);
    }

    fn gone(&mut self, track: &Track, out: &mut Emitter<'_>) {
        if let Some(secs) = self.memory.attendance.gone(track) {
            self.left(track, secs, out);
        }
        self.memory.loitering.remove(&track.tag);
    }

    fn save(&self) -> Vec<u8> {
        config::keep(&self.memory)
    }

    fn load(&mut self, memory: &[u8]) -> Result<(), postcard::Error> {
        self.memory = config::restore(memory)?;
        Ok(())
    }
}
