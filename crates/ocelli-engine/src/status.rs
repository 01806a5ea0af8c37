//! What the engine tells about itself.

use std::sync::Arc;

use ocelli_core::{
    Attention, Codec, EventKind, Label,
    accounting::Ledger,
    histogram::EyeTimings,
    seam::PacketSight,
    wire::{LoadedModel, SandboxReport},
};

/// How a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamState {
    /// Switched off by configuration.
    Disabled,
    /// Being connected.
    Connecting,
    /// Packets arrive.
    Live,
    /// The camera does not answer; tried again with back-off.
    Unavailable,
    /// The camera or the configuration needs a person; tried again rarely.
    Rejected,
    /// It stood first when its eye died, twice; it rests until its configuration changes.
    Quarantined,
    /// A recording came to its end.
    Ended,
}

impl StreamState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Disabled,
        Self::Connecting,
        Self::Live,
        Self::Unavailable,
        Self::Rejected,
        Self::Quarantined,
        Self::Ended,
    ];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
            Self::Quarantined => "quarantined",
            Self::Ended => "ended",
        }
    }
}

/// One stream at one instant.
#[derive(Debug, Clone)]
pub struct StreamStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its address without credentials.
    pub address: String,
    /// Whether it is a recording: it ends.
    pub recording: bool,
    /// How it is.
    pub state: StreamState,
    /// Why, where there is more to say.
    pub reason: String,
    /// Index of the eye that has it.
    pub eye: Option<usize>,
    /// Compression, and size in pixels, as far as known.
    pub codec: Option<(Codec, u32, u32)>,
    /// What became of its packets.
    pub ledger: Ledger,
    /// Packets on their way: held, queued, or in the eye.
    pub held: u64,
    /// Bytes that arrived.
    pub bytes: u64,
    /// Packets of the network that did not arrive.
    pub lost: u64,
    /// Damaged units that the source could not read.
    pub source_corrupt: u64,
    /// Jumps of the camera's clock.
    pub time_jumps: u64,
    /// Connections that were lost or refused, by class: unavailable, rejected, other.
    pub reconnects: [u64; 3],
    /// Pictures decoded.
    pub pictures: u64,
    /// Looks taken.
    pub looks_taken: u64,
    /// Looks wanted.
    pub looks_wanted: u64,
    /// Pictures that were redacted and encoded.
    pub redactions: u64,
    /// Pictures that redaction refused.
    pub redactions_refused: u64,
    /// Stills that the eye sent against its settings, its rate or their form: not taken.
    pub stills_refused: u64,
    /// Looks taken over looks wanted, lately.
    pub coverage: f32,
    /// Looks a second, lately.
    pub looks_per_sec: f32,
    /// Mean time from a packet's arrival to the end of its look, lately, in milliseconds.
    pub lag_millis: f32,
    /// CPU time in its eye, in microseconds.
    pub eye_cpu_micros: u64,
    /// CPU milliseconds in its eye a second, lately.
    pub eye_cpu_millis_per_sec: f32,
    /// How much its eye looks at it.
    pub attention: Attention,
    /// What its packet gate knows of it, if it has one.
    pub sight: Option<PacketSight>,
    /// Groups of pictures that its packet gate had decoded.
    pub opened: u64,
    /// Those of them in which the eye saw nothing.
    pub refuted: u64,
    /// The running group was too long to hold.
    pub long_gop: bool,
    /// Tags that are open now.
    pub tags: usize,
    /// Events so far.
    pub events: u64,
}

/// One eye at one instant.
#[derive(Debug, Clone, Default)]
pub struct EyeStatus {
    /// Whether it works.
    pub ready: bool,
    /// Its process.
    pub pid: Option<u32>,
    /// How often it was started.
    pub starts: u64,
    /// Why it ended last.
    pub last_end: String,
    /// How it gave up its rights.
    pub sandbox: SandboxReport,
    /// CPU time of its processes so far, in microseconds.
    pub cpu_micros: u64,
    /// CPU seconds a second, lately.
    pub cpu_load: f32,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// System calls that its sandbox refused.
    pub refused_syscalls: u64,
    /// CPU time spent decoding, in microseconds.
    pub decode_micros: u64,
    /// CPU time spent detecting, in microseconds.
    pub detect_micros: u64,
    /// What it measured of its work, all its processes together.
    pub timings: EyeTimings,
    /// Packets that wait inside it.
    pub inbox_packets: u32,
    /// Bytes that wait on the way to it.
    pub outbox_bytes: usize,
    /// Streams that it has.
    pub streams: usize,
    /// Models: what they are, or why they were refused.
    pub models: Vec<(String, Result<LoadedModel, String>)>,
}

/// Counters of the whole engine.
#[derive(Debug, Clone, Default)]
pub struct EngineStatus {
    /// Events by kind and label.
    pub events: Vec<((EventKind, Option<Label>), u64)>,
    /// Events that found the way out full and were dropped.
    pub events_dropped: u64,
    /// Box updates that found the way out full and were dropped.
    pub boxes_dropped: u64,
    /// Stills that found the way out full and were dropped.
    pub stills_dropped: u64,
    /// Bytes held of running groups.
    pub hold_bytes: usize,
    /// Streams moved from one eye to another, for balance.
    pub moves: u64,
    /// CPU time of this process so far, in microseconds.
    pub cpu_micros: u64,
}
