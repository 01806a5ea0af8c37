//! Tells Home Assistant what there is: one message for each camera, in the form of its device
//! discovery (<https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload>).
//!
//! A camera, its zones, labels and lines are told when an event first names them.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{EventKind, EventRecord};
use serde_json::{Map, Value, json};

use super::{Message, frigate::Dialect, level};

/// Most things that are told of one camera.
const THINGS_MAX: usize = 200;

/// What is known of the cameras.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    cameras: BTreeMap<String, Camera>,
}

#[derive(Debug, Clone, Default)]
struct Camera {
    labels: BTreeSet<String>,
    zones: BTreeSet<(String, String)>,
    lines: BTreeSet<String>,
}

impl Known {
    /// The new discovery message of a camera, if an event tells something new about it.
    pub(crate) fn hear(
        &mut self,
        event: &EventRecord,
        discovery: &str,
        dialect: &Dialect,
    ) -> Option<Message> {
        let is_new = !self.cameras.contains_key(&event.stream);
        let camera = self.cameras.entry(event.stream.clone()).or_default();
        let things = camera.labels.len() + camera.zones.len() + camera.lines.len();
        if things > THINGS_MAX {
            return None;
        }
        let label = event.label.map(|label| label.as_str().to_owned());
        let mut is_more = is_new;
        if let (Some(label), Some(_)) = (&label, &event.tag) {
            is_more |= camera.labels.insert(label.clone());
        }
        match (event.kind, &event.place, label) {
            (EventKind::Entered, Some(zone), Some(label)) => {
                is_more |= camera.zones.insert((zone.clone(), label));
            }
            (EventKind::Crossed, Some(line), _) => is_more |= camera.lines.insert(line.clone()),
            _ => {}
        }
        is_more.then(|| camera.tell(&event.stream, discovery, dialect))
    }
}

impl Camera {
    fn tell(&self, stream: &str, discovery: &str, dialect: &Dialect) -> Message {
        let id = format!("ocelli_{}", identifier(stream));
        let root = format!("{}/{}", dialect.prefix, level(stream));
        let mut things = Map::new();
        let mut add = |name: &str, thing: Value| {
            let unique = format!("{id}_{}", identifier(name));
            let mut thing = thing;
            if let Value::Object(thing) = &mut thing {
                thing.insert("unique_id".to_owned(), unique.clone().into());
                thing.insert("name".to_owned(), name.into());
            }
            things.insert(unique, thing);
        };
        add(
            "motion",
            json!({
                "p": "binary_sensor", "device_class": "motion", "state_topic": format!("{root}/motion"),
            }),
        );
        for label in &self.labels {
            add(
                &format!("{label} count"),
                json!({
                    "p": "sensor", "state_class": "measurement",
                    "state_topic": format!("{root}/{label}"),
                }),
            );
        }
        for (zone, label) in &self.zones {
            add(
                &format!("{zone} {label} occupancy"),
                json!({
                    "p": "binary_sensor", "device_class": "occupancy",
                    "state_topic": format!("{}/{}/{label}", dialect.prefix, level(zone)),
                    "value_template": "{{ 'ON' if value | int(0) > 0 else 'OFF' }}",
                }),
            );
        }
        for line in &self.lines {
            for way in ["in", "out"] {
                add(
                    &format!("{line} {way}"),
                    json!({
                        "p": "sensor", "state_class": "total_increasing",
                        "state_topic": format!("{root}/lines/{}/{way}", level(line)),
                    }),
                );
            }
        }
        if !self.lines.is_empty() {
            add(
                "crossing",
                json!({
                    "p": "event", "event_types": ["in", "out"],
                    "state_topic": format!("{root}/crossing"),
                }),
            );
        }
        let device = json!({
            "dev": {"ids": [&id], "name": stream, "mf": "ocelli", "mdl": "stream"},
            "o": {"name": "ocelli", "sw": env!("CARGO_PKG_VERSION")},
            "availability": [{"topic": dialect.available()}],
            "cmps": things,
        });
        Message {
            keep: true,
            ..Message::retained(
                format!("{discovery}/device/{id}/config"),
                device.to_string(),
            )
        }
    }
}

/// A name as an id: letters, digits and `_`, with a checksum where something was lost.
fn identifier(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() { c } else { '_' }
    };
    let id: String = name.chars().map(plain).collect();
    if id == name.replace([' ', '-'], "_") {
        return id;
    }
    format!("{id}_{:08x}", crc32fast::hash(name.as_bytes()))
}
