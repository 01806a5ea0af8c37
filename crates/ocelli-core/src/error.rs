//! Errors, classed by what to do about them.

/// What a stage can report. The engine acts on the variant alone; the text is for people: a
/// lowercase fragment, cause first, never a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// The other side failed: back off with jitter and try again for ever.
    #[error("{0}")]
    Unavailable(String),
    /// The other side refused, or asks for something that a person must change: retry rarely.
    #[error("{0}")]
    Rejected(String),
    /// The bytes are damaged: skip to the next key picture.
    #[error("{0}")]
    Corrupt(String),
    /// A limit was reached: shed.
    #[error("{0}")]
    Exhausted(String),
}

/// The class of a [`StageError`], without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorClass {
    /// See [`StageError::Unavailable`].
    Unavailable,
    /// See [`StageError::Rejected`].
    Rejected,
    /// See [`StageError::Corrupt`].
    Corrupt,
    /// See [`StageError::Exhausted`].
    Exhausted,
}

impl StageError {
    /// What to do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable(_) => ErrorClass::Unavailable,
            Self::Rejected(_) => ErrorClass::Rejected,
            Self::Corrupt(_) => ErrorClass::Corrupt,
            Self::Exhausted(_) => ErrorClass::Exhausted,
        }
    }
}
