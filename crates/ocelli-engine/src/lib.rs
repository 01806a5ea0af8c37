//! The parent's engine: an ingest task for each stream, the supervision of the eyes that see, and
//! an account of every packet.
//!
//! Nothing here decodes a picture. Packets go to eyes over [`ocelli_core::wire`], and only events,
//! boxes, redacted stills and numbers come back.

mod backoff;
mod cell;
pub mod clock;
mod engine;
mod eye;
mod hold;
mod ingest;
mod keys;
mod outbox;
mod output;
mod pacer;
mod placement;
pub mod plan;
mod pulse;
mod rates;
mod shared;
pub mod status;
mod timeline;

pub use engine::{Applied, Engine, EngineError};
pub use output::{BoxUpdate, DetectionUpdate, Output};
pub use plan::{EngineOptions, ModelPlan, SandboxMode, StreamPlan};
pub use status::{EngineStatus, EyeStatus, StreamState, StreamStatus};
