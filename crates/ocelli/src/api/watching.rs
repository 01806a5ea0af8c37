//! What the API sees of the engine.

use ocelli_engine::{Engine, EngineStatus, EyeStatus, StreamStatus};

/// Something that runs streams and says how they are.
pub trait Watching: Send + Sync + 'static {
    /// Every stream, by name.
    fn streams(&self) -> Vec<StreamStatus>;
    /// One stream.
    fn stream(&self, name: &str) -> Option<StreamStatus>;
    /// Every eye.
    fn eyes(&self) -> Vec<EyeStatus>;
    /// The whole.
    fn status(&self) -> EngineStatus;
}

impl Watching for Engine {
    fn streams(&self) -> Vec<StreamStatus> {
        Self::streams(self)
    }

    fn stream(&self, name: &str) -> Option<StreamStatus> {
        Self::stream(self, name)
    }

    fn eyes(&self) -> Vec<EyeStatus> {
        Self::eyes(self)
    }

    fn status(&self) -> EngineStatus {
        Self::status(self)
    }
}
