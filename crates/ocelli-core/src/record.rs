//! The published shape of an event: JSON, version 1.

use serde::{Deserialize, Serialize};

use crate::{Direction, Event, EventKind, GoneReason, Label, StreamId, WallSource, WallTime};

/// One event as the store, the API and the sinks give it. Fields that say nothing are left out.
///
/// Version 1. A later version only adds fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// `<epoch>-<number>` in hexadecimal: the same after a replay.
    pub id: String,
    /// Name of the stream.
    pub stream: String,
    /// What happened.
    pub kind: EventKind,
    /// To whom: 13 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Confidence, 0..1.
    pub score: f32,
    /// `[x, y, w, h]`, 0..1, origin top left.
    #[serde(rename = "box")]
    pub bbox: [f32; 4],
    /// Wall time, RFC 3339 in UTC.
    pub time: String,
    /// Where `time` came from.
    pub time_source: WallSource,
    /// Seconds on the stream's own monotone timeline.
    pub media_secs: f64,
    /// Looks taken over looks wanted around that time, 0..1.
    pub coverage: f32,
    /// Name of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Name of the zone or line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Why a tag is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<GoneReason>,
    /// Which way a line was crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Seconds of media time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dwell_secs: Option<f32>,
    /// Kilometres per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_kmh: Option<f32>,
    /// Number of tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Number counted the other way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count_out: Option<u32>,
    /// Of `entered`: nobody saw it come in, its tag began in the middle of the zone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub appeared_inside: bool,
}

impl EventRecord {
    /// Version of this shape.
    pub const VERSION: u32 = 1;

    /// The record of `event` on the stream that people call `stream_name`.
    pub fn new(event: &Event, stream_name: &str) -> Self {
        let Event {
            id,
            stream: StreamId(_),
            kind,
            tag,
            label,
            score,
            bbox,
            at,
            wall,
            wall_source,
            coverage,
            detail,
        } = event;
        Self {
            id: format!("{:016x}-{:x}", id.epoch, id.number),
            stream: stream_name.to_owned(),
            kind: *kind,
            tag: tag.map(|tag| tag.to_string()),
            label: *label,
            score: rounded(*score, 1e3),
            bbox: [bbox.x, bbox.y, bbox.w, bbox.h].map(|side| rounded(side, 1e4)),
            time: wall.to_rfc3339(),
            time_source: *wall_source,
            media_secs: (at.as_secs() * 1e3).round() / 1e3,
            coverage: rounded(*coverage, 1e3),
            rule: detail.rule.clone(),
            place: detail.place.clone(),
            reason: detail.reason,
            direction: detail.direction,
            dwell_secs: detail.dwell_secs.map(|secs| rounded(secs, 1e2)),
            speed_kmh: detail.speed_kmh.map(|speed| rounded(speed, 1e1)),
            count: detail.count,
            count_out: detail.count_out,
            appeared_inside: detail.appeared_inside,
        }
    }

    /// Wall time of the event, if the text is one.
    pub fn wall(&self) -> Option<WallTime> {
        WallTime::from_rfc3339(&self.time)
    }
}

/// `value` to the nearest of `steps` steps in one: more digits would only pretend.
fn rounded(value: f32, steps: f64) -> f32 {
    ((f64::from(value) * steps).round() / steps) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BBox, EventDetail, EventId, MediaTime, Tag};

    #[test]
    fn the_shape_is_stable() {
        let event = Event {
            id: EventId {
                epoch: 0xabc,
                number: 17,
            },
            stream: StreamId(3),
            kind: EventKind::Gone,
            tag: Some(Tag(77)),
            label: Some(Label::Person),
            score: 0.876_54,
            bbox: BBox {
                x: 0.1,
                y: 0.2,
                w: 0.3,
                h: 0.4,
            },
            at: MediaTime { micros: 1_234_567 },
            wall: WallTime {
                micros: 1_795_509_000_123_000,
            },
            wall_source: WallSource::Receive,
            coverage: 1.0,
            detail: EventDetail {
                reason: Some(GoneReason::Left),
                dwell_secs: Some(12.345),
                ..EventDetail::default()
            },
        };
        let record = EventRecord::new(&event, "lobby");
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(
            text,
            r#"{"id":"0000000000000abc-11","stream":"lobby","kind":"gone","tag":"000000000002d","label":"person","score":0.877,"box":[0.1,0.2,0.3,0.4],"time":"2026-11-24T08:30:00.123Z","time_source":"receive","media_secs":1.235,"coverage":1.0,"reason":"left","dwell_secs":12.35}"#
        );
        assert_eq!(serde_json::from_str::<EventRecord>(&text).unwrap(), record);
    }
}
