//! Small scenes written by hand.

use ocelli_core::{
    BBox, Detection, Detections, Event, EventKind, Label, MediaTime, Point, StreamId, TagKey,
    WallSource, WallTime,
    settings::{RuleSettings, SceneSettings, ZoneSettings},
};
use ocelli_scene::Scene;

pub(crate) const STREAM: StreamId = StreamId(3);
pub(crate) const ASPECT: f32 = 16.0 / 9.0;
/// 2026-11-24T08:00:00Z.
pub(crate) const START_MICROS: i64 = 1_795_507_200_000_000;

pub(crate) fn key() -> TagKey {
    TagKey::from_seed(7, STREAM, 0)
}

/// A person of usual shape who stands at this place.
pub(crate) fn person(x: f32, y: f32) -> Detection {
    thing(Label::Person, x, y, 0.07, 0.25)
}

pub(crate) fn car(x: f32, y: f32) -> Detection {
    thing(Label::Car, x, y, 0.15, 0.14)
}

pub(crate) fn thing(label: Label, x: f32, y: f32, w: f32, h: f32) -> Detection {
    Detection {
        bbox: BBox {
            x: x - w / 2.0,
            y: y - h,
            w,
            h,
        },
        label,
        score: 0.8,
    }
}

pub(crate) fn wall(at: f64) -> WallTime {
    WallTime {
        micros: START_MICROS + (at * 1e6) as i64,
    }
}

pub(crate) fn detections(at: f64, items: &[Detection]) -> Detections {
    Detections {
        stream: STREAM,
        at: MediaTime::from_secs(at),
        wall: wall(at),
        wall_source: WallSource::Receive,
        aspect: ASPECT,
        items: items.to_vec(),
    }
}

pub(crate) fn zone(name: &str, points: &[(f32, f32)]) -> ZoneSettings {
    ZoneSettings {
        name: name.to_owned(),
        points: points.iter().map(|&(x, y)| Point { x, y }).collect(),
    }
}

pub(crate) fn rule(kind: &str, json: &str) -> RuleSettings {
    RuleSettings {
        kind: kind.to_owned(),
        json: json.to_owned(),
    }
}

pub(crate) fn with_rules(zones: Vec<ZoneSettings>, rules: Vec<RuleSettings>) -> SceneSettings {
    SceneSettings {
        zones,
        rules,
        ..SceneSettings::default()
    }
}

/// A scene and what it said.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) events: Vec<Event>,
}

impl Stage {
    pub(crate) fn new(settings: &SceneSettings) -> Self {
        Self {
            scene: Scene::new(STREAM, settings, key(), 11).expect("the settings fit"),
            events: Vec::new(),
        }
    }

    pub(crate) fn look(&mut self, at: f64, items: &[Detection]) {
        self.scene
            .look(&detections(at, items), 1.0, &mut self.events);
    }

    pub(crate) fn pass(&mut self, at: f64) {
        let at_media = MediaTime::from_secs(at);
        self.scene.pass(at_media, wall(at), 1.0, &mut self.events);
    }

    /// Looks `rate` times a second from `from` to `to` at what `who` says is there.
    pub(crate) fn play(
        &mut self,
        from: f64,
        to: f64,
        rate: f64,
        who: impl Fn(f64) -> Vec<Detection>,
    ) {
        let looks = ((to - from) * rate).round() as u32;
        for look in 0..looks {
            let at = from + f64::from(look) / rate;
            self.look(at, &who(at));
        }
    }

    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.events
            .iter()
            .map(|event| event.kind.as_str())
            .collect()
    }

    pub(crate) fn of(&self, kind: EventKind) -> Vec<&Event> {
        self.events
            .iter()
            .filter(|event| event.kind == kind)
            .collect()
    }

    pub(crate) fn count(&self, kind: EventKind) -> usize {
        self.of(kind).len()
    }
}

/// Where something is that goes evenly from one place to another.
pub(crate) fn between(from: (f32, f32), to: (f32, f32), share: f64) -> (f32, f32) {
    let share = share.clamp(0.0, 1.0) as f32;
    (
        from.0 + (to.0 - from.0) * share,
        from.1 + (to.1 - from.1) * share,
    )
}
