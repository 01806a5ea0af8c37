//! Any sequence of looks, restarts and times.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use ocelli_core::{
    BBox, Detection, Detections, Event, EventKind, GoneReason, Label, MediaTime, Point, SceneState,
    StreamId, Tag, TagKey, WallSource, WallTime,
    settings::{RuleSettings, SceneSettings, ZoneSettings},
};
use ocelli_scene::Scene;

const STREAM: StreamId = StreamId(1);
/// The most objects that a scene follows.
const TRACKS_MAX: usize = 500;

/// The bytes of the fuzzer, one after another; 0 after the end.
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Mostly a place in or near the picture, sometimes any bits at all.
    fn number(&mut self) -> f32 {
        match self.byte() {
            255 => f32::from_bits(self.word()),
            byte => f32::from(byte) / 200.0 - 0.1,
        }
    }

    fn detection(&mut self) -> Detection {
        let label = Label::ALL[usize::from(self.byte() % 3)];
        Detection {
            bbox: BBox {
                x: self.number(),
                y: self.number(),
                w: self.number() / 2.0,
                h: self.number() / 2.0,
            },
            label,
            score: self.number(),
        }
    }

    /// Mostly a step on, sometimes a stop, a gap, a step back or any time at all.
    fn step(&mut self, at: MediaTime) -> MediaTime {
        let micros = match self.byte() {
            byte @ 0..=199 => i64::from(byte) * 10_000,
            200..=219 => 0,
            byte @ 220..=239 => i64::from(byte) * 1_000_000,
            byte @ 240..=254 => -i64::from(byte) * 100_000,
            255 => {
                return MediaTime {
                    micros: i64::from(self.word()) << 20,
                };
            }
        };
        at.plus_micros(micros)
    }
}

fn settings() -> SceneSettings {
    let corners = [(0.3, 0.2), (0.8, 0.2), (0.7, 1.0), (0.35, 0.9)];
    let zone = ZoneSettings {
        name: "desk".to_owned(),
        points: corners.iter().map(|&(x, y)| Point { x, y }).collect(),
    };
    let rules = [
        (
            "line",
            r#"{"name":"door","points":[[0.5,0.0],[0.45,0.5],[0.5,1.0]]}"#,
        ),
        (
            "zone",
            r#"{"name":"at desk","zone":"desk","dwell_secs":2,"loiter_secs":4,"occupancy":{"min":1,"max":2}}"#,
        ),
        (
            "direction",
            r#"{"name":"way","points":[[0.1,0.5],[0.9,0.5]]}"#,
        ),
        (
            "stopped",
            r#"{"name":"parked","zone":"desk","after_secs":5}"#,
        ),
        (
            "speed",
            r#"{"name":"fast","points":[[0.2,0.9],[0.8,0.9],[0.7,0.3],[0.3,0.3]],"width_metres":10,"length_metres":20}"#,
        ),
        ("heatmap", r#"{"name":"heat","every_secs":10}"#),
        (
            "count",
            r#"{"name":"through","line":"door","every_secs":15}"#,
        ),
    ];
    SceneSettings {
        zones: vec![zone],
        rules: rules
            .map(|(kind, json)| RuleSettings {
                kind: kind.to_owned(),
                json: json.to_owned(),
            })
            .into(),
        ..SceneSettings::default()
    }
}

/// Who is gone for good.
#[derive(Default)]
struct Gone(BTreeSet<Tag>);

impl Gone {
    fn check(&mut self, scene: &Scene, events: &[Event]) {
        for event in events {
            for number in [event.score, event.coverage] {
                assert!((0.0..=1.0).contains(&number), "{event:?}");
            }
            in_picture(event.bbox);
            for number in [event.detail.dwell_secs, event.detail.speed_kmh] {
                assert!(
                    number.is_none_or(|n| n.is_finite() && n >= 0.0),
                    "{event:?}"
                );
            }
            let Some(tag) = event.tag else { continue };
            assert!(!self.0.contains(&tag), "a tag came back: {event:?}");
            if event.kind == EventKind::Gone {
                self.0.insert(tag);
            }
        }
        let tracks = scene.tracks();
        assert!(tracks.len() <= TRACKS_MAX, "{} tracks", tracks.len());
        let mut tags = BTreeSet::new();
        for track in tracks {
            in_picture(track.bbox);
            assert!(tags.insert(track.tag), "two tracks share a tag: {track:?}");
            assert!(!self.0.contains(&track.tag), "a tag came back: {track:?}");
        }
    }
}

fn in_picture(bbox: BBox) {
    let near = -1e-3..=1.0 + 1e-3;
    for number in [bbox.x, bbox.y, bbox.right(), bbox.bottom()] {
        assert!(near.contains(&number), "{bbox:?}");
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data.iter());
    let settings = settings();
    let key = TagKey::from_seed(7, STREAM, 0);
    let mut scene = Scene::new(STREAM, &settings, key.clone(), 1).expect("the settings fit");
    let mut gone = Gone::default();
    let mut at = MediaTime::default();
    let mut events = Vec::new();
    let mut epoch = 1;
    while !bytes.is_empty() {
        events.clear();
        let what = bytes.byte();
        at = bytes.step(at);
        let wall = WallTime { micros: at.micros };
        match what {
            0..=9 => scene.pass(at, wall, bytes.number(), &mut events),
            10..=14 => {
                let mut state = scene.state();
                assert!(state.body.len() <= SceneState::BYTES_MAX);
                // An eye that dies: the state as it is, too old, or damaged.
                let how = bytes.byte();
                if how >= 200 && !state.body.is_empty() {
                    let place = bytes.word() as usize % state.body.len();
                    state.body[place] ^= how;
                    // What damage left of it is somebody's guess: only panics count from here on.
                    epoch += 1;
                    let damaged = Scene::resume(
                        STREAM,
                        &settings,
                        key.clone(),
                        epoch,
                        &state,
                        false,
                        &mut events,
                    );
                    drop(damaged);
                    continue;
                }
                let expired = how >= 100;
                scene = Scene::resume(
                    STREAM,
                    &settings,
                    key.clone(),
                    epoch,
                    &state,
                    expired,
                    &mut events,
                )
                .expect("the settings fit");
            }
            15 => scene.close(GoneReason::StreamEnded, 1.0, &mut events),
            _ => {
                // Seldom a crowd.
                let count = if what == 255 {
                    700
                } else {
                    usize::from(what % 8)
                };
                let first = bytes.detection();
                let items = (0..count).map(|number| {
                    if what == 255 {
                        let mut other = first;
                        other.bbox.x += number as f32 / 750.0;
                        other
                    } else {
                        bytes.detection()
                    }
                });
                let look = Detections {
                    stream: STREAM,
                    at,
                    wall,
                    wall_source: WallSource::Receive,
                    aspect: 16.0 / 9.0,
                    items: items.collect(),
                };
                scene.look(&look, bytes.number(), &mut events);
            }
        }
        gone.check(&scene, &events);
    }
});
