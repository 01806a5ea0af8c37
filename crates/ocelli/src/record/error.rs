//! What can go wrong with the record.

use std::{io, path::Path};

use super::Finding;

/// Why the record was not written or not read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// Another process writes it.
    #[error("another ocelli writes the record in {0}")]
    Busy(String),
    /// It is not what was written.
    #[error(
        "the record is damaged: {0}; nothing was changed. See `ocelli audit verify`, restore it from a copy, or \
         put it aside with `ocelli audit renew --because REASON`"
    )]
    Damaged(Finding),
    /// There are entries, and the key that signs is gone.
    #[error(
        "the key of the record is missing: {0}; nothing was changed. Restore it from a copy, or put the record \
         aside with `ocelli audit renew --because REASON`"
    )]
    KeyMissing(String),
    /// There is no record.
    #[error("there is no record in {0}")]
    None(String),
    /// The kernel gave no random bits.
    #[error("no random bits for a key")]
    Random,
    /// An earlier entry could not be written whole, or the task was ended.
    #[error("the record is closed after a failure")]
    Closed,
}

impl RecordError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io {
            path: path.display().to_string(),
            error,
        }
    }
}
