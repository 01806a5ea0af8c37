//! What can go wrong with the store, and damage that was found.

use ocelli_core::StageError;
use rusqlite::ErrorCode;

/// Why the store did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The question makes no sense: a person or a program must change it.
    #[error("{0}")]
    Invalid(String),
    /// There is no space: nothing was kept, and the next attempt may succeed.
    #[error("no space for events: {0}")]
    Full(String),
    /// The disk failed.
    #[error("the disk failed under {file}: {reason}")]
    Io {
        /// Name of the file.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// A file holds something that the store did not write.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// Name of the file.
        file: String,
        /// What was found.
        reason: String,
    },
    /// A file was written by a newer version.
    #[error("{file} has schema version {version}, newer than this program knows")]
    Newer {
        /// Name of the file.
        file: String,
        /// Its version.
        version: i64,
    },
    /// Another process writes to this folder.
    #[error("another process writes to this store")]
    Busy,
    /// The store was closed, or was opened for reading only.
    #[error("the store does not take this: it is closed or open for reading only")]
    Closed,
}

impl StoreError {
    pub(crate) fn damaged(file: &str, reason: impl Into<String>) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn io(file: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if matches!(error.kind(), StorageFull | QuotaExceeded) {
            return Self::Full(error.to_string());
        }
        Self::Io {
            file: file.to_owned(),
            reason: error.to_string(),
        }
    }

    /// What SQLite said about `file`.
    pub(crate) fn sqlite(file: &str, error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error.to_string()),
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::PermissionDenied,
            ) => Self::Io {
                file: file.to_owned(),
                reason: error.to_string(),
            },
            // What is left is a file that is no database, a page that does not fit, a missing
            // table, or a value of another type: all of them mean that the bytes changed.
            _ => Self::damaged(file, error.to_string()),
        }
    }
}

impl From<StoreError> for StageError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::Full(_) => Self::Exhausted(text),
            StoreError::Io { .. } | StoreError::Busy => Self::Unavailable(text),
            StoreError::Damaged { .. } => Self::Corrupt(text),
            StoreError::Invalid(_) | StoreError::Newer { .. } | StoreError::Closed => {
                Self::Rejected(text)
            }
        }
    }
}

/// Damage that was found: never silently served.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Damage {
    /// Name of the file in the store's folder.
    pub file: String,
    /// What was found.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_failing_one() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert!(matches!(StoreError::io("a", &full), StoreError::Full(_)));
        let other = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert!(matches!(StoreError::io("a", &other), StoreError::Io { .. }));
    }
}
