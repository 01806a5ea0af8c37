//! What happened.

use serde::{Deserialize, Serialize};

use crate::{BBox, Label, MediaTime, StreamId, Tag, WallSource, WallTime};

/// The name of an event: the same after a replay, so that a store keeps it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId {
    /// Drawn when a scene begins; a scene that resumes keeps it.
    pub epoch: u64,
    /// Counts the events of the scene.
    pub number: u64,
}

/// What happened to a tag, or to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A tag was confirmed: something is there.
    Appeared,
    /// A tag is still there: at most one in each interval of the settings.
    Updated,
    /// A tag stands still.
    Stopped,
    /// A tag that stood still moves again.
    Moved,
    /// A tag is no longer there.
    Gone,
    /// A tag came into a zone.
    Entered,
    /// A tag left a zone.
    Left,
    /// A tag stayed in a zone for as long as the rule asks.
    Dwelt,
    /// A tag crossed a line.
    Crossed,
    /// A tag went the wrong way.
    WrongWay,
    /// A tag's speed was taken.
    Speed,
    /// The number of tags in a zone passed a limit of the rule.
    Occupancy,
    /// A count was closed: one interval of a counting rule.
    Counted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Appeared,
        Self::Updated,
        Self::Stopped,
        Self::Moved,
        Self::Gone,
        Self::Entered,
        Self::Left,
        Self::Dwelt,
        Self::Crossed,
        Self::WrongWay,
        Self::Speed,
        Self::Occupancy,
        Self::Counted,
    ];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Updated => "updated",
            Self::Stopped => "stopped",
            Self::Moved => "moved",
            Self::Gone => "gone",
            Self::Entered => "entered",
            Self::Left => "left",
            Self::Dwelt => "dwelt",
            Self::Crossed => "crossed",
            Self::WrongWay => "wrong_way",
            Self::Speed => "speed",
            Self::Occupancy => "occupancy",
            Self::Counted => "counted",
        }
    }
}

impl std::str::FromStr for EventKind {
    type Err = UnknownEventKind;

    fn from_str(text: &str) -> Result<Self, UnknownEventKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownEventKind(text.to_owned()))
    }
}

/// A word that names no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of event `{0}`")]
pub struct UnknownEventKind(pub String);

/// Why a tag is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoneReason {
    /// It left, or was not seen for as long as the tracker keeps a track.
    Left,
    /// Its life reached the bound; what is still there gets a new tag.
    Expired,
    /// The stream ended or was taken away.
    StreamEnded,
    /// The eye died, and its state was too old to go on.
    Lost,
}

/// Which way a line was crossed, seen along the line from its first point to its last with the
/// picture's y axis pointing down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the left side of the line to its right side: counted as `in`.
    Right,
    /// From the right side of the line to its left side: counted as `out`.
    Left,
}

/// What some kinds of event say beyond the common fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventDetail {
    /// Name of the rule that made the event.
    pub rule: Option<String>,
    /// Name of the zone or line.
    pub place: Option<String>,
    /// Why a tag is gone.
    pub reason: Option<GoneReason>,
    /// Which way a line was crossed.
    pub direction: Option<Direction>,
    /// Seconds of media time: in the zone, standing still, or (gone) in view.
    pub dwell_secs: Option<f32>,
    /// Kilometres per hour.
    pub speed_kmh: Option<f32>,
    /// Number of tags: in a zone, or counted in an interval.
    pub count: Option<u32>,
    /// Number counted the other way, where a rule counts both.
    pub count_out: Option<u32>,
    /// Of `entered`: nobody saw it come in. Its tag began in the middle of the zone.
    #[serde(default)]
    pub appeared_inside: bool,
}

/// One instant that something happened to a tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// The stream.
    pub stream: StreamId,
    /// What happened.
    pub kind: EventKind,
    /// To whom, as far as ocelli says; `None` for events of the whole stream.
    pub tag: Option<Tag>,
    /// What it is.
    pub label: Option<Label>,
    /// Confidence, 0..1; 0 where there is no tag.
    pub score: f32,
    /// Where it was.
    pub bbox: BBox,
    /// Media time.
    pub at: MediaTime,
    /// Wall time.
    pub wall: WallTime,
    /// Where `wall` came from.
    pub wall_source: WallSource,
    /// Looks taken over looks wanted on this stream around that time, 0..1.
    pub coverage: f32,
    /// What this kind says beyond that.
    pub detail: EventDetail,
}
