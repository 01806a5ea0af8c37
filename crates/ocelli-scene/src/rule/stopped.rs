//! `stopped`: what stands where it should not.

use std::collections::BTreeSet;

use ocelli_core::{EventDetail, EventKind, Label, Tag, Track};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anchor, Built, Rule, RuleKind, View, Zones, config};
use crate::{Emitter, Polygon};

/// Configuration of a `stopped` rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoppedRule {
    /// Name of the rule, as it stands in its events.
    pub name: String,
    /// Name of one of the stream's zones; without it, the whole picture.
    #[serde(default)]
    pub zone: Option<String>,
    /// Labels it is about; none means all.
    #[serde(default)]
    #[schemars(schema_with = "config::labels_schema")]
    pub labels: Vec<Label>,
    /// The part of the box that has to be in the zone.
    #[serde(default)]
    pub anchor: Anchor,
    /// Standing still for this long makes one `stopped` event, and moving on a `moved` event.
    pub after_secs: f32,
}

pub(super) static KIND: RuleKind = RuleKind {
    name: "stopped",
    summary: "says what stands still in a zone for too long, once, and when it moves on",
    build,
    schema: || schemars::schema_for!(StoppedRule),
    example: r#"{"name":"no parking","zone":"desk","labels":["car","truck"],"after_secs":60}"#,
};

fn build(json: &str, zones: &Zones) -> Result<Built, String> {
    let config: StoppedRule = config::read(json)?;
    config::number("after_secs", config.after_secs, 1.0, 604_800.0)?;
    let polygon = config.zone.as_deref().map(|name| config::zone(zones, name));
    Ok(Built {
        name: config.name.clone(),
        zone: config.zone.clone(),
        counts_line: None,
        rule: Box::new(Stopped {
            polygon: polygon.transpose()?,
            config,
            told: BTreeSet::new(),
        }),
    })
}

struct Stopped {
    config: StoppedRule,
    polygon: Option<Polygon>,
    /// Tags whose `stopped` was given out.
    told: BTreeSet<Tag>,
}

impl Stopped {
    fn detail(&self, secs: Option<f32>) -> EventDetail {
        EventDetail {
            rule: Some(self.config.name.clone()),
            place: self.config.zone.clone(),
            dwell_secs: secs,
            ..EventDetail::default()
        }
    }
}

impl Rule for Stopped {
    fn look(&mut self, view: &View<'_>, out: &mut Emitter<'_>) {
        let now = out.moment().at;
        for subject in view.seen(&self.config.labels) {
            let track = &subject.track;
            let place = self.config.anchor.of(track.bbox);
            let here = self
                .polygon
                .as_ref()
                .is_none_or(|polygon| polygon.contains(place));
            let stood = now.secs_since(subject.resting_since) as f32;
            if self.told.contains(&track.tag) {
                if stood < self.config.after_secs {
                    self.told.remove(&track.tag);
                    out.tag(EventKind::Moved, track, self.detail(None));
                }
            } else if here && stood >= self.config.after_secs {
                self.told.insert(track.tag);
                out.tag(EventKind::Stopped, track, self.detail(Some(stood)));
            }
        }
    }

    fn gone(&mut self, track: &Track, _out: &mut Emitter<'_>) {
        self.told.remove(&track.tag);
    }

    fn save(&self) -> Vec<u8> {
        config::keep(&self.told)
    }

    fn load(&mut self, memory: &[u8]) -> Result<(), postcard::Error> {
        self.told = config::restore(memory)?;
        Ok(())
    }
}
