//! The name of a stream inside one process.

use serde::{Deserialize, Serialize};

/// A dense index for one configured stream, valid as long as the parent process lives.
///
/// The name that a person gave the stream stays in the parent: an eye has no use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId(pub u32);
