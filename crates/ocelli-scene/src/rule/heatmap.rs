//! `heatmap`: where tags are, by cell and interval.

use std::collections::BTreeMap;

use ocelli_core::{BBox, EventDetail, EventKind, Label, MediaTime, Tag, Track};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anchor, Built, Rule, RuleKind, View, Zones, config};
use crate::Emitter;

/// Cells across the picture.
const COLUMNS: u16 = 32;
/// Cells down the picture.
const ROWS: u16 = 18;

/// Configuration of a `heatmap` rule.
///
/// At the end of each interval every cell of a 32x18 grid that a tag was in makes one `counted`
/// event: its box is the cell, its count the number of tags that came into the cell, its dwell the
/// seconds that they spent there. These are the operator's own figures: what is published of them
/// has to pass the publication's privacy first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeatmapRule {
    /// Name of the rule, as it stands in its events.
    pub name: String,
    /// Labels it is about; none means all.
    #[serde(default)]
    #[schemars(schema_with = "config::labels_schema")]
    pub labels: Vec<Label>,
    /// The part of the box that says where a tag is.
    #[serde(default)]
    pub anchor: Anchor,
    /// Length of an interval, in seconds of media time (10 to 86,400).
    #[serde(default = "minute")]
    pub every_secs: f32,
}

fn minute() -> f32 {
    60.0
}

pub(super) static KIND: RuleKind = RuleKind {
    name: "heatmap",
    summary: "counts tags and their seconds in the cells of a 32x18 grid, by interval",
    build,
    schema: || schemars::schema_for!(HeatmapRule),
    example: r#"{"name":"heat","labels":["person"],"every_secs":60}"#,
};

fn build(json: &str, _zones: &Zones) -> Result<Built, String> {
    let config: HeatmapRule = config::read(json)?;
    config::number("every_secs", config.every_secs, 10.0, 86_400.0)?;
    Ok(Built {
        name: config.name.clone(),
        zone: None,
        counts_line: None,
        rule: Box::new(Heatmap {
            config,
            memory: Memory::default(),
        }),
    })
}

struct Heatmap {
    config: HeatmapRule,
    memory: Memory,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    began: Option<MediaTime>,
    cells: BTreeMap<u16, Cell>,
    tags: BTreeMap<Tag, (u16, MediaTime)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Cell {
    tags: u32,
    secs: f32,
}

impl Heatmap {
    fn end_interval(&mut self, now: MediaTime, out: &mut Emitter<'_>) {
        let began = *self.memory.began.get_or_insert(now);
        if now.secs_since(began).abs() >= f64::from(self.config.every_secs) {
            self.tell(out);
            self.memory.began = Some(now);
        }
    }

    fn tell(&mut self, out: &mut Emitter<'_>) {
        for (cell, Cell { tags, secs }) in std::mem::take(&mut self.memory.cells) {
            let (column, row) = (cell % COLUMNS, cell / COLUMNS);
            let (w, h) = (1.0 / f32::from(COLUMNS), 1.0 / f32::from(ROWS));
            let bbox = BBox {
                x: f32::from(column) * w,
                y: f32::from(row) * h,
                w,
                h,
            };
            let detail = EventDetail {
                rule: Some(self.config.name.clone()),
                count: Some(tags),
                dwell_secs: Some(secs),
                ..EventDetail::default()
            };
            out.stream(EventKind::Counted, None, bbox, detail);
        }
    }
}

impl Rule for Heatmap {
    fn look(&mut self, view: &View<'_>, out: &mut Emitter<'_>) {
        let now = out.moment().at;
        self.end_interval(now, out);
        for subject in view.seen(&self.config.labels) {
            let place = self.config.anchor.of(subject.track.bbox);
            let step = |value: f32, cells: u16| ((value * f32::from(cells)) as u16).min(cells - 1);
            let cell = step(place.y, ROWS) * COLUMNS + step(place.x, COLUMNS);
            let former = self.memory.tags.insert(subject.track.tag, (cell, now));
            if let Some((cell, since)) = former {
                // The way between two looks belongs to where it began.
                self.memory.cells.entry(cell).or_default().secs += now.secs_since(since) as f32;
            }
            if former.is_none_or(|(former, _)| former != cell) {
                self.memory.cells.entry(cell).or_default().tags += 1;
            }
        }
    }

    fn pass(&mut self, out: &mut Emitter<'_>) {
        self.end_interval(out.moment().at, out);
    }

    fn gone(&mut self, track: &Track, _out: &mut Emitter<'_>) {
        self.memory.tags.remove(&track.tag);
    }

    fn close(&mut self, out: &mut Emitter<'_>) {
        self.tell(out);
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
