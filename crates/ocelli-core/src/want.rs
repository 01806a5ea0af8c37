//! What an eye needs of a stream.

use serde::{Deserialize, Serialize};

/// What ingest sends of a stream from now on. A stream starts with nothing wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// Nothing: the stream is switched off, or quarantined.
    Nothing,
    /// A key picture, at most one in each `every_micros` of media time.
    Keys {
        /// Least distance of two key pictures that are sent.
        every_micros: i64,
        /// Whether ingest holds the running group, so that [`Want::FromGopStart`] finds it.
        hold: bool,
    },
    /// Every packet, from the next key picture on.
    All,
    /// Every packet, starting with the key picture of the group that is running: the part that
    /// ingest held is sent first.
    FromGopStart,
}
