//! The messages.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    Attention, BBox, CodecParameters, Detection, Event, Label, MediaTime, MonoTime, Packet,
    SceneState, StreamId, Tag, TagKey, WallTime, Want,
    accounting::Settled,
    histogram::EyeTimings,
    settings::{DetectorSettings, StreamSettings},
};

/// Version of the wire. The two executables are built together; another version is refused.
pub const VERSION: u16 = 2;

/// The largest still, in bytes.
pub const STILL_BYTES_MAX: usize = 384 * 1024;

/// From the parent to an eye.
#[derive(Clone)]
pub enum ToEye {
    /// First message.
    Hello {
        /// [`VERSION`].
        version: u16,
        /// Whether an eye that cannot give up its rights goes on.
        best_effort_sandbox: bool,
        /// Address space that the eye limits itself to, in bytes.
        memory_bytes_max: u64,
    },
    /// A model to detect with. Answered by [`FromEye::ModelLoaded`].
    Model {
        /// What streams call it.
        id: String,
        /// How it is fed and read.
        settings: DetectorSettings,
        /// The ONNX file.
        bytes: Bytes,
    },
    /// Take this stream.
    Adopt {
        /// The stream.
        stream: StreamId,
        /// How to treat it.
        settings: Box<StreamSettings>,
        /// Key of its tags.
        key: TagKey,
        /// Epoch of its events, unless `state` brings one.
        epoch: u64,
        /// Where a former eye stopped.
        state: Option<SceneState>,
        /// Whether `state` is too old to go on: its tags end with `gone`, reason `lost`.
        expired: bool,
    },
    /// Treat a stream differently from now on.
    Reconfigure {
        /// The stream.
        stream: StreamId,
        /// How to treat it.
        settings: Box<StreamSettings>,
    },
    /// Make new tags of a stream under this key from now on.
    Rekey {
        /// The stream.
        stream: StreamId,
        /// The key.
        key: TagKey,
    },
    /// Give this stream up. Answered by [`FromEye::Released`] after all that was sent before.
    Release {
        /// The stream.
        stream: StreamId,
        /// Whether it goes on elsewhere; otherwise its open tags end.
        moving: bool,
    },
    /// The packets that follow need these parameters.
    Parameters {
        /// The stream.
        stream: StreamId,
        /// Counts the parameters of the stream.
        generation: u32,
        /// The parameters.
        parameters: CodecParameters,
    },
    /// One packet.
    Packet(Packet),
    /// Packets are missing here: the next one is a key picture.
    Discontinuity {
        /// The stream.
        stream: StreamId,
        /// Media time that was shed for lack of room, in microseconds: looks that were wanted and
        /// not taken. 0 where the camera itself sent nothing.
        shed_micros: i64,
    },
    /// The packets so far hold a change, or the end of a group of a recording: judge the newest
    /// picture, and answer with [`FromEye::Want`] in any case.
    Judge {
        /// The stream.
        stream: StreamId,
    },
    /// A recording ended: give out what the decoder holds. Answered by [`FromEye::Ended`].
    End {
        /// The stream.
        stream: StreamId,
    },
    /// The time. Sent several times a second; answered by [`FromEye::Health`].
    Tick {
        /// The machine's monotone time.
        now: MonoTime,
        /// Wall time.
        wall: WallTime,
    },
    /// Send redacted live pictures of a stream.
    Show {
        /// The stream.
        stream: StreamId,
        /// Pictures a second; 0 stops.
        rate: f32,
    },
    /// End in order: open tags are given out as state.
    Stop,
}

/// How an eye gave up its rights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxReport {
    /// Files, and from Linux 6.7 on TCP, are closed by Landlock.
    pub landlock: bool,
    /// System calls are filtered by seccomp.
    pub seccomp: bool,
    /// No core dumps, not traceable, no new privileges.
    pub undumpable: bool,
    /// What is missing and why; empty when all is in place.
    pub missing: String,
}

/// One box of the live feed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrackBox {
    /// Its tag.
    pub tag: Tag,
    /// What it is.
    pub label: Label,
    /// Where it is.
    pub bbox: BBox,
    /// Confidence, 0..1.
    pub score: f32,
    /// Whether the last look saw it.
    pub seen: bool,
    /// Whether it stands still.
    pub stationary: bool,
}

/// What a model turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedModel {
    /// Labels that it finds.
    pub labels: Vec<Label>,
    /// Its classes that are not on the list of labels and were dropped.
    pub dropped_classes: Vec<String>,
    /// What runs it, e.g. `CPUExecutionProvider`.
    pub provider: String,
}

/// What became of the packets of one stream since the last report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamCounts {
    /// Packets by what became of them.
    pub settled: Settled,
    /// Pictures that came out of the decoder.
    pub pictures: u64,
    /// Looks taken.
    pub looks_taken: u64,
    /// Looks wanted.
    pub looks_wanted: u64,
    /// Pictures that were redacted and encoded.
    pub redactions: u64,
    /// Pictures that redaction refused.
    pub redactions_refused: u64,
    /// CPU time spent on it, in microseconds.
    pub cpu_micros: u64,
    /// Sum over looks of the time from a packet's arrival to the end of its look, microseconds.
    pub lag_micros: u64,
}

/// How an eye is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EyeHealth {
    /// The `now` of the tick that this answers.
    pub tick: MonoTime,
    /// CPU time of the process so far, in microseconds.
    pub cpu_micros: u64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// Packets that wait inside the eye.
    pub inbox_packets: u32,
    /// System calls that the sandbox refused so far.
    pub refused_syscalls: u64,
    /// CPU time spent decoding so far, in microseconds.
    pub decode_micros: u64,
    /// CPU time spent detecting so far, in microseconds.
    pub detect_micros: u64,
    /// What was measured so far.
    pub timings: EyeTimings,
}

/// What a still is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StillPurpose {
    /// Live view.
    Live,
    /// The picture of a tag.
    Tag(Tag),
    /// The empty scene.
    Plate,
}

/// From an eye to the parent.
///
/// There is no variant that could carry a picture or a packet:
///
/// ```compile_fail
/// fn leak(packet: ocelli_core::Packet) -> ocelli_core::wire::FromEye {
///     ocelli_core::wire::FromEye::Packet(packet)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromEye {
    /// Warmed up, rights given up.
    Ready {
        /// [`VERSION`].
        version: u16,
        /// How.
        sandbox: SandboxReport,
    },
    /// Answer to [`ToEye::Model`]: what it is, or why it is refused.
    ModelLoaded {
        /// What streams call it.
        id: String,
        /// The result.
        result: Result<LoadedModel, String>,
    },
    /// What the eye needs of a stream.
    Want {
        /// The stream.
        stream: StreamId,
        /// The need.
        want: Want,
    },
    /// How much the eye looks at a stream from now on.
    Attention {
        /// The stream.
        stream: StreamId,
        /// How much.
        attention: Attention,
    },
    /// Things happened.
    Events {
        /// The stream.
        stream: StreamId,
        /// In order.
        events: Vec<Event>,
        /// Where a replacement would go on after these events: in one message with them, so that
        /// no death of an eye lets an event happen twice or be lost alone.
        state: Option<SceneState>,
    },
    /// What is where, after a look.
    Boxes {
        /// The stream.
        stream: StreamId,
        /// Media time of the look.
        at: MediaTime,
        /// Wall time of the look.
        wall: WallTime,
        /// The confirmed tracks.
        boxes: Vec<TrackBox>,
    },
    /// What a look found, where [`StreamSettings::tell_detections`] asks for it.
    Detections {
        /// The stream.
        stream: StreamId,
        /// Media time of the look.
        at: MediaTime,
        /// All that the detector gave, of every label.
        items: Vec<Detection>,
    },
    /// A redacted, encoded picture.
    Still {
        /// The stream.
        stream: StreamId,
        /// Media time of the picture.
        at: MediaTime,
        /// Wall time of the picture.
        wall: WallTime,
        /// What it is for.
        purpose: StillPurpose,
        /// JPEG, at most [`STILL_BYTES_MAX`].
        jpeg: Vec<u8>,
    },
    /// What became of packets, by stream.
    Counts {
        /// Only streams with something to report.
        counts: Vec<(StreamId, StreamCounts)>,
    },
    /// Where a replacement would go on.
    SceneState {
        /// The stream.
        stream: StreamId,
        /// The numbers.
        state: SceneState,
    },
    /// The stream was given up; all its packets are settled.
    Released {
        /// The stream.
        stream: StreamId,
        /// Where another eye goes on.
        state: Option<SceneState>,
    },
    /// A recording was looked at to its end.
    Ended {
        /// The stream.
        stream: StreamId,
    },
    /// Answer to a tick.
    Health(Box<EyeHealth>),
    /// A stream cannot be decoded or looked at as it is; a person has to change something.
    Unfit {
        /// The stream.
        stream: StreamId,
        /// Why.
        reason: String,
        /// Whether the eye's own work for it panicked: the stream rests until a person acts.
        bug: bool,
    },
}
