//! `count`: how many in each interval, by label.

use std::collections::BTreeMap;

use ocelli_core::{
    BBox, Direction, Event, EventDetail, EventKind, Label, MediaTime, Track, WallTime,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anchor, Built, Rule, RuleKind, View, Zones, config, wanted};
use crate::{
    Emitter,
    presence::{Attendance, Place, Step},
};

/// Configuration of a `count` rule.
///
/// It counts what crosses a `line` rule's line (`count` in, `count_out` out), or what enters a
/// `zone` (`count`) and leaves it (`count_out`), or without either what appears on the stream. At
/// the end of each interval every label that was counted makes one `counted` event; if none was,
/// one event without a label says 0. Who is first seen in the middle of the zone has not entered it:
/// nobody saw them come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountRule {
    /// Name of the rule, as it stands in its events.
    pub name: String,
    /// Name of a `line` rule of the same stream, whose events are counted.
    #[serde(default)]
    pub line: Option<String>,
    /// Name of one of the stream's zones, whose entries are counted.
    #[serde(default)]
    pub zone: Option<String>,
    /// Labels it is about; none means all.
    #[serde(default)]
    #[schemars(schema_with = "config::labels_schema")]
    pub labels: Vec<Label>,
    /// The part of the box that has to be inside the zone.
    #[serde(default)]
    pub anchor: Anchor,
    /// Looks in a row inside the zone that make an entry (1 to 100).
    #[serde(default = "config::two_looks")]
    pub inertia: u8,
    /// Length of an interval, in seconds of media time (1 to 86,400; an hour if nothing else is
    /// said).
    #[serde(default)]
    pub every_secs: Option<f32>,
    /// Times of day at which an interval ends, as `HH:MM`.
    #[serde(default)]
    pub reset_at: Vec<String>,
    /// How far the clock of `reset_at` is ahead of UTC, in minutes (-1,440 to 1,440).
    #[serde(default)]
    pub utc_offset_minutes: i16,
}

pub(super) static KIND: RuleKind = RuleKind {
    name: "count",
    summary: "counts crossings, entries or visits by label and interval, with times of reset",
    build,
    schema: || schemars::schema_for!(CountRule),
    example: r#"{"name":"visitors","line":"door","labels":["person"],"reset_at":["00:00","12:00"]}"#,
};

const HOUR_SECS: f32 = 3_600.0;

fn build(json: &str, zones: &Zones) -> Result<Built, String> {
    let mut config: CountRule = config::read(json)?;
    if config.line.is_some() && config.zone.is_some() {
        return Err("`line` and `zone` exclude each other: write two rules".to_owned());
    }
    config::number("inertia", f32::from(config.inertia), 1.0, 100.0)?;
    if config.every_secs.is_none() && config.reset_at.is_empty() {
        config.every_secs = Some(HOUR_SECS);
    }
    if let Some(secs) = config.every_secs {
        config::number("every_secs", secs, 1.0, 86_400.0)?;
    }
    config::number(
        "utc_offset_minutes",
        f32::from(config.utc_offset_minutes),
        -1_440.0,
        1_440.0,
    )?;
    if config.reset_at.len() > 48 {
        return Err(format!(
            "{} times in `reset_at`, 48 are the most",
            config.reset_at.len()
        ));
    }
    let resets = config.reset_at.iter().map(|text| minute_of_day(text));
    let polygon = config.zone.as_deref().map(|name| config::zone(zones, name));
    Ok(Built {
        name: config.name.clone(),
        zone: config.zone.clone(),
        counts_line: config.line.clone(),
        rule: Box::new(Count {
            resets: resets.collect::<Result<_, _>>()?,
            place: polygon.transpose()?.map(|polygon| Place {
                polygon,
                anchor: config.anchor,
                inertia: config.inertia,
            }),
            config,
            memory: Memory::default(),
        }),
    })
}

/// Minutes since midnight of `HH:MM`.
fn minute_of_day(text: &str) -> Result<i64, String> {
    let parsed = text.split_once(':').and_then(|(hours, minutes)| {
        let two = |digits: &str| {
            let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            if plain {
                digits.parse::<i64>().ok()
            } else {
                None
            }
        };
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    });
    parsed.ok_or_else(|| format!("`{text}` in `reset_at` is no time of day, expected e.g. `06:30`"))
}

struct Count {
    config: CountRule,
    place: Option<Place>,
    resets: Vec<i64>,
    memory: Memory,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    began: Option<(MediaTime, WallTime)>,
    /// In and out.
    counts: BTreeMap<Label, (u32, u32)>,
    attendance: Attendance,
}

impl Count {
    fn add(&mut self, label: Label, into: bool) {
        if wanted(&self.config.labels, label) {
            let (count, count_out) = self.memory.counts.entry(label).or_default();
            let one = if into { count } else { count_out };
            *one = one.saturating_add(1);
        }
    }

    /// Ends the interval, if it is time.
    fn end_interval(&mut self, out: &mut Emitter<'_>) {
        let now = (out.moment().at, out.moment().wall);
        let began = *self.memory.began.get_or_insert(now);
        let long = self
            .config
            .every_secs
            .is_some_and(|secs| now.0.secs_since(began.0).abs() >= f64::from(secs));
        if long || self.passed_reset(began.1, now.1) {
            self.tell(out);
            self.memory.began = Some(now);
        }
    }

    /// Whether a time of reset lies between two wall times. A clock that was put back has passed
    /// none.
    fn passed_reset(&self, from: WallTime, to: WallTime) -> bool {
        const MINUTE_MICROS: i64 = 60_000_000;
        const DAY_MINUTES: i64 = 1_440;
        let offset = i64::from(self.config.utc_offset_minutes);
        let minutes = |wall: WallTime| wall.micros.div_euclid(MINUTE_MICROS) + offset;
        let days = |wall: WallTime, reset: i64| (minutes(wall) - reset).div_euclid(DAY_MINUTES);
        self.resets
            .iter()
            .any(|&reset| days(to, reset) > days(from, reset))
    }

    fn tell(&mut self, out: &mut Emitter<'_>) {
        let two_ways = self.config.line.is_some() || self.config.zone.is_some();
        let place = self
            .config
            .line
            .clone()
            .or_else(|| self.config.zone.clone());
        let detail = |(count, count_out): (u32, u32)| EventDetail {
            rule: Some(self.config.name.clone()),
            place: place.clone(),
            count: Some(count),
            count_out: two_ways.then_some(count_out),
            ..EventDetail::default()
        };
        let bbox = self
            .place
            .as_ref()
            .map_or_else(BBox::default, |place| place.polygon.bounds());
        if self.memory.counts.is_empty() {
            out.stream(EventKind::Counted, None, bbox, detail((0, 0)));
        }
        for (&label, &counts) in &self.memory.counts {
            out.stream(EventKind::Counted, Some(label), bbox, detail(counts));
        }
        self.memory.counts.clear();
    }
}

impl Rule for Count {
    fn look(&mut self, view: &View<'_>, out: &mut Emitter<'_>) {
        self.end_interval(out);
        let Some(place) = &self.place else {
            return;
        };
        let now = out.moment().at;
        let mut changes = Vec::new();
        for subject in view.seen(&self.config.labels) {
            for step in self.memory.attendance.look(subject, now, place) {
                match step {
                    Step::Entered { came: true } => changes.push((subject.track.label, true)),
                    Step::Left(_) => changes.push((subject.track.label, false)),
                    // Nobody saw it come in.
                    Step::Entered { came: false } | Step::None => {}
                }
            }
        }
        for (label, into) in changes {
            self.add(label, into);
        }
    }

    fn pass(&mut self, out: &mut Emitter<'_>) {
        self.end_interval(out);
    }

    fn gone(&mut self, track: &Track, _out: &mut Emitter<'_>) {
        if self.memory.attendance.gone(track).is_some() {
            self.add(track.label, false);
        }
    }

    fn hear(&mut self, event: &Event) {
        let Some(label) = event.label else { return };
        let line = self.config.line.as_ref();
        let counts = match event.kind {
            EventKind::Crossed => line.is_some() && event.detail.rule.as_ref() == line,
            EventKind::Appeared => line.is_none() && self.place.is_none(),
            _ => false,
        };
        if counts {
            self.add(label, event.detail.direction != Some(Direction::Left));
        }
    }

    fn close(&mut self, out: &mut Emitter<'_>) {
        if self.memory.began.is_some() {
            self.tell(out);
        }
        self.memory = Memory::default();
    }

    fn save(&self) -> Vec<u8> {
        config::keep(&self.memory)
    }

    fn load(&mut self, memory: &[u8]) -> Result<(), postcard::Error> {
        self.memory = config::restore(memory)?;
        Ok(())
    }
}
