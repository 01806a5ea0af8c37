//! The dialect that Frigate speaks over MQTT, as far as events tell what it says.
//!
//! Topics and fields: <https://docs.frigate.video/integrations/mqtt>. Events are made of tags: an
//! event of Frigate is one visit of one tag. `sub_label` is always null and `attributes` empty.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ocelli_core::{Direction, EventKind, EventRecord};
use serde_json::{Value, json};

use super::{Message, level};

/// Most tags that are followed at a time; beyond it the oldest is forgotten.
const OBJECTS_MAX: usize = 10_000;

/// How pictures are told of.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    /// The first level of every topic.
    pub(crate) prefix: String,
    /// Width and height of a picture in which boxes are told, in pixels.
    pub(crate) pixels: [u32; 2],
}

/// What was told so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    objects: HashMap<(String, String), Object>,
    /// Counts the objects ever seen.
    seen: u64,
    /// Topic -> the last number or word.
    states: BTreeMap<String, String>,
    /// Camera -> line -> counted in and out.
    crossings: BTreeMap<String, BTreeMap<String, [u64; 2]>>,
}

#[derive(Debug, Clone)]
struct Object {
    order: u64,
    id: String,
    start_secs: f64,
    label: String,
    top_score: f32,
    zones: Vec<String>,
    entered: Vec<String>,
    is_stationary: bool,
    still_secs: f32,
    moves: u32,
    told: Value,
}

impl Dialect {
    pub(crate) fn available(&self) -> String {
        format!("{}/available", self.prefix)
    }

    /// What is said of an event.
    pub(crate) fn say(&self, event: &EventRecord, told: &mut Told) -> Vec<Message> {
        let mut messages = Vec::new();
        let camera = level(&event.stream);
        self.say_object(event, told, &mut messages);
        if let (EventKind::Crossed, Some(line), Some(direction)) =
            (event.kind, &event.place, event.direction)
        {
            self.say_crossing(event, (&camera, line), direction, told, &mut messages);
        }
        self.say_counts(event, &camera, told, &mut messages);
        messages
    }

    fn say_object(&self, event: &EventRecord, told: &mut Told, messages: &mut Vec<Message>) {
        let (Some(tag), Some(label)) = (&event.tag, event.label) else {
            return;
        };
        let key = (event.stream.clone(), tag.clone());
        let is_new = !told.objects.contains_key(&key);
        if is_new && event.kind == EventKind::Gone {
            return;
        }
        if is_new {
            told.make_room();
            told.seen += 1;
            let object = Object::new(event, tag, label.as_str(), told.seen);
            told.objects.insert(key.clone(), object);
        }
        let Some(object) = told.objects.get_mut(&key) else {
            return;
        };
        object.hear(event);
        let after = object.tell(event, self.pixels);
        let before = std::mem::replace(&mut object.told, after.clone());
        let word = match event.kind {
            EventKind::Gone => "end",
            _ if is_new => "new",
            _ => "update",
        };
        let before = if is_new { after.clone() } else { before };
        let said = json!({"type": word, "before": before, "after": after});
        let topic = format!("{}/events", self.prefix);
        messages.push(Message::new(topic, said.to_string()));
        if event.kind == EventKind::Gone {
            told.objects.remove(&key);
        }
    }

    fn say_crossing(
        &self,
        event: &EventRecord,
        (camera, line): (&str, &str),
        direction: Direction,
        told: &mut Told,
        messages: &mut Vec<Message>,
    ) {
        let lines = told.crossings.entry(camera.to_owned()).or_default();
        let counts = lines.entry(level(line)).or_default();
        let (word, count) = match (direction, counts) {
            (Direction::Right, [inwards, _]) => ("in", inwards),
            (Direction::Left, [_, outwards]) => ("out", outwards),
        };
        *count += 1;
        let root = format!("{}/{camera}", self.prefix);
        let topic = format!("{root}/lines/{}/{word}", level(line));
        messages.push(Message::retained(topic, count.to_string()));
        let said = json!({
            "event_type": word, "line": line, "label": event.label, "tag": event.tag,
            "time": event.time,
        });
        messages.push(Message::new(format!("{root}/crossing"), said.to_string()));
    }

    /// Numbers of objects on the camera and in its zones, where they changed, and motion.
    fn say_counts(
        &self,
        event: &EventRecord,
        camera: &str,
        told: &mut Told,
        messages: &mut Vec<Message>,
    ) {
        let mut states: BTreeMap<String, usize> = BTreeMap::new();
        let mut is_moving = false;
        let here = told
            .objects
            .iter()
            .filter(|((stream, _), _)| *stream == event.stream);
        for (_, object) in here {
            is_moving |= !object.is_stationary;
            for place in std::iter::once(camera.to_owned())
                .chain(object.zones.iter().map(|zone| level(zone)))
            {
                for label in [object.label.as_str(), "all"] {
                    *states
                        .entry(format!("{}/{place}/{label}", self.prefix))
                        .or_default() += 1;
                }
            }
        }
        let mut states: BTreeMap<String, String> = states
            .into_iter()
            .map(|(topic, count)| (topic, count.to_string()))
            .collect();
        let motion = if is_moving { "ON" } else { "OFF" };
        states.insert(
            format!("{}/{camera}/motion", self.prefix),
            motion.to_owned(),
        );
        let places: BTreeSet<String> = event.place.iter().map(|place| level(place)).collect();
        let is_of = |topic: &String| {
            let place = topic.rsplit('/').nth(1).unwrap_or_default();
            place == camera || places.contains(place)
        };
        // What was told and is not there any more is zero now.
        let gone: Vec<String> = told
            .states
            .keys()
            .filter(|topic| is_of(topic) && !states.contains_key(*topic))
            .cloned()
            .collect();
        states.extend(gone.into_iter().map(|topic| (topic, "0".to_owned())));
        for (topic, state) in states {
            if told.states.get(&topic) != Some(&state) {
                told.states.insert(topic.clone(), state.clone());
                messages.push(Message::retained(topic, state));
            }
        }
    }
}

impl Told {
    fn make_room(&mut self) {
        if self.objects.len() >= OBJECTS_MAX
            && let Some(oldest) = self
                .objects
                .iter()
                .min_by_key(|(_, object)| object.order)
                .map(|(key, _)| key.clone())
        {
            self.objects.remove(&oldest);
        }
    }
}

fn unix_secs(event: &EventRecord) -> f64 {
    event.wall().map_or(0.0, |wall| wall.micros as f64 / 1e6)
}

impl Object {
    fn new(event: &EventRecord, tag: &str, label: &str, order: u64) -> Self {
        let start_secs = unix_secs(event);
        // Six characters of the tag, which are as random as any.
        let end: String = tag
            .chars()
            .skip(tag.chars().count().saturating_sub(6))
            .collect();
        Self {
            order,
            id: format!("{start_secs:.6}-{end}"),
            start_secs,
            label: label.to_owned(),
            top_score: 0.0,
            zones: Vec::new(),
            entered: Vec::new(),
            is_stationary: false,
            still_secs: 0.0,
            moves: 0,
            told: Value::Null,
        }
    }

    /// Takes in what an event says.
    fn hear(&mut self, event: &EventRecord) {
        self.top_score = self.top_score.max(event.score);
        match (event.kind, &event.place) {
            (EventKind::Stopped, _) => {
                self.is_stationary = true;
                self.still_secs = event.dwell_secs.unwrap_or(0.0);
            }
            (EventKind::Moved, _) => {
                self.is_stationary = false;
                self.still_secs = 0.0;
                self.moves += 1;
            }
            (EventKind::Entered, Some(zone)) => {
                if !self.zones.contains(zone) {
                    self.zones.push(zone.clone());
                }
                if !self.entered.contains(zone) {
                    self.entered.push(zone.clone());
                }
            }
            (EventKind::Left, Some(zone)) => self.zones.retain(|here| here != zone),
            _ => {}
        }
    }

    fn tell(&self, event: &EventRecord, pixels: [u32; 2]) -> Value {
        let [width, height] = pixels.map(f64::from);
        let [x, y, w, h] = event.bbox.map(f64::from);
        let bbox = [x * width, y * height, (x + w) * width, (y + h) * height]
            .map(|side| side.round() as i64);
        let [left, top, right, bottom] = bbox;
        let (wide, tall) = (right - left, bottom - top);
        let ratio = if tall > 0 {
            (wide as f64 / tall as f64 * 100.0).round() / 100.0
        } else {
            0.0
        };
        let now = unix_secs(event);
        let number = |value: f32| (f64::from(value) * 1e3).round() / 1e3;
        json!({
            "id": self.id,
            "camera": event.stream,
            "frame_time": now,
            "label": self.label,
            "sub_label": null,
            "top_score": number(self.top_score),
            "score": number(event.score),
            "false_positive": false,
            "start_time": self.start_secs,
            "end_time": (event.kind == EventKind::Gone).then_some(now),
            "box": bbox,
            "area": wide * tall,
            "ratio": ratio,
            "region": [0, 0, pixels[0], pixels[1]],
            "active": !self.is_stationary,
            "stationary": self.is_stationary,
            "motionless_count": self.still_secs.round() as i64,
            "position_changes": self.moves,
            "current_zones": self.zones,
            "entered_zones": self.entered,
            "has_clip": false,
            "has_snapshot": false,
            "attributes": {},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, tag: &str, place: Option<&str>) -> EventRecord {
        let mut event = json!({
            "id": "0000000000000abc-1", "stream": "front/door", "kind": kind,
            "tag": tag, "label": "person", "score": 0.877,
            "box": [0.1, 0.2, 0.3, 0.4], "time": "2026-11-24T08:30:00.5Z",
            "time_source": "receive", "media_secs": 1.235, "coverage": 1.0,
        });
        if let Some(place) = place {
            event["place"] = place.into();
        }
        if kind == "crossed" {
            event["direction"] = "left".into();
        }
        serde_json::from_value(event).unwrap()
    }

    fn dialect() -> Dialect {
        Dialect {
            prefix: "frigate".to_owned(),
            pixels: [1000, 500],
        }
    }

    fn said(messages: &[Message], topic: &str) -> Option<String> {
        let found = messages.iter().find(|message| message.topic == topic)?;
        Some(String::from_utf8(found.payload.clone()).unwrap())
    }

    #[test]
    fn a_visit_is_one_event_from_new_to_end() {
        let (dialect, mut told) = (dialect(), Told::default());
        let mut says = |kind, place| dialect.say(&event(kind, "0000000abcdef", place), &mut told);
        let first = says("appeared", None);
        let new: Value = serde_json::from_str(&said(&first, "frigate/events").unwrap()).unwrap();
        assert_eq!(new["type"], "new");
        let after = &new["after"];
        assert_eq!(after["id"], "1795509000.500000-abcdef");
        assert_eq!(after["box"], json!([100, 100, 400, 300]));
        assert_eq!(
            (&after["area"], &after["ratio"]),
            (&json!(60_000), &json!(1.5))
        );
        assert_eq!(after["score"], json!(0.877));
        assert_eq!(after["sub_label"], Value::Null);
        assert_eq!(after["attributes"], json!({}));
        assert_eq!(said(&first, "frigate/front_door/person").unwrap(), "1");
        assert_eq!(said(&first, "frigate/front_door/all").unwrap(), "1");
        assert_eq!(said(&first, "frigate/front_door/motion").unwrap(), "ON");

        let entered = says("entered", Some("desk"));
        let update: Value =
            serde_json::from_str(&said(&entered, "frigate/events").unwrap()).unwrap();
        assert_eq!(update["type"], "update");
        assert_eq!(update["before"]["current_zones"], json!([]));
        assert_eq!(update["after"]["current_zones"], json!(["desk"]));
        assert_eq!(said(&entered, "frigate/desk/person").unwrap(), "1");
        assert_eq!(
            said(&entered, "frigate/front_door/person"),
            None,
            "not again"
        );

        assert_eq!(
            said(&says("stopped", None), "frigate/front_door/motion").unwrap(),
            "OFF"
        );
        let left = says("left", Some("desk"));
        assert_eq!(said(&left, "frigate/desk/person").unwrap(), "0");
        let gone = says("gone", None);
        let end: Value = serde_json::from_str(&said(&gone, "frigate/events").unwrap()).unwrap();
        assert_eq!(end["type"], "end");
        assert_eq!(end["after"]["id"], new["after"]["id"]);
        assert_eq!(end["after"]["entered_zones"], json!(["desk"]));
        assert_eq!(end["after"]["end_time"], json!(1_795_509_000.5));
        assert_eq!(said(&gone, "frigate/front_door/all").unwrap(), "0");
    }

    #[test]
    fn crossings_are_counted_each_way() {
        let (dialect, mut told) = (dialect(), Told::default());
        for count in ["1", "2"] {
            let messages = dialect.say(&event("crossed", "0000000abcdef", Some("gate")), &mut told);
            assert_eq!(
                said(&messages, "frigate/front_door/lines/gate/out").unwrap(),
                count
            );
            let crossing = said(&messages, "frigate/front_door/crossing").unwrap();
            let crossing: Value = serde_json::from_str(&crossing).unwrap();
            assert_eq!(crossing["event_type"], "out");
        }
    }

    #[test]
    fn objects_are_bounded_and_names_are_one_level() {
        let (dialect, mut told) = (dialect(), Told::default());
        for number in 0..20 {
            let tag = format!("{number:013}");
            dialect.say_object(&event("appeared", &tag, None), &mut told, &mut Vec::new());
        }
        assert_eq!(told.objects.len(), 20);
        for name in ["a/b", "a+b", "a#b", "a\nb", "a\0b"] {
            assert_eq!(level(name), "a_b");
        }
        assert_eq!(level("$SYS"), "_SYS");
    }
}
