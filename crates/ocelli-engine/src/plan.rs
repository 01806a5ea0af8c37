//! What the engine is asked to run.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use ocelli_core::{
    CodecParameters, WallTime,
    seam::{PacketGate, Source},
    settings::{DetectorSettings, GateKind, StreamSettings},
    wire::ToEye,
};

/// How strictly eyes must give up their rights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SandboxMode {
    /// An eye that cannot give up all of them does not start.
    #[default]
    Strict,
    /// It starts all the same and says what is missing.
    BestEffort,
}

/// Makes the packet gate of a stream; `None` where its gate judges no packets.
pub type BuildPacketGate = fn(GateKind, &CodecParameters) -> Option<Box<dyn PacketGate>>;

/// How the engine runs.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The eye's executable.
    pub eye_executable: PathBuf,
    /// Number of eyes.
    pub eyes: usize,
    /// How strictly they give up their rights.
    pub sandbox: SandboxMode,
    /// Makes tags and event names the same in every run: for tests and evaluation.
    pub seed: Option<u64>,
    /// Wall time of the first picture of recordings that are read as fast as possible; without
    /// it, the time at which they are opened.
    pub recordings_begin: Option<WallTime>,
    /// An eye that is silent for longer is replaced.
    pub hang_after: Duration,
    /// Address space of one eye, in bytes.
    pub eye_memory_bytes_max: u64,
    /// Bytes that all streams together may hold of their running groups.
    pub hold_bytes_max: usize,
    /// Whether boxes are given out besides events.
    pub boxes: bool,
    /// Makes packet gates. Without one a quiet stream is seen at its key pictures only.
    pub packet_gate: BuildPacketGate,
}

impl EngineOptions {
    /// One eye on each core and everything else by default.
    pub fn new(eye_executable: PathBuf) -> Self {
        Self {
            eye_executable,
            eyes: std::thread::available_parallelism().map_or(1, usize::from),
            sandbox: SandboxMode::Strict,
            seed: None,
            recordings_begin: None,
            hang_after: Duration::from_secs(1),
            eye_memory_bytes_max: 4 << 30,
            hold_bytes_max: 256 << 20,
            boxes: true,
            packet_gate: |_kind, _parameters| None,
        }
    }
}

/// A model that eyes detect with.
#[derive(Debug, Clone)]
pub struct ModelPlan {
    /// What streams call it.
    pub id: String,
    /// How it is fed and read.
    pub settings: DetectorSettings,
    /// The ONNX file.
    pub bytes: Bytes,
}

impl ModelPlan {
    /// What an eye gets of it.
    pub(crate) fn message(&self) -> ToEye {
        ToEye::Model {
            id: self.id.clone(),
            settings: self.settings.clone(),
            bytes: self.bytes.clone(),
        }
    }
}

impl PartialEq for ModelPlan {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.settings == other.settings && self.bytes == other.bytes
    }
}

/// One stream.
#[derive(Clone)]
pub struct StreamPlan {
    /// What people call it; unique.
    pub name: Arc<str>,
    /// Where its packets come from.
    pub source: Arc<dyn Source>,
    /// Identifies the source: when it changes, the stream reconnects. It must not hold a secret.
    pub source_version: u64,
    /// How it is treated.
    pub settings: StreamSettings,
    /// Whether it runs.
    pub enabled: bool,
}
