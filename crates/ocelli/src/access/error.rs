//! What can go wrong with users and tokens.

/// Why something about users, tokens or groups was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The database failed.
    #[error("{0}")]
    Storage(String),
    /// There is no such user, token, group or link.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The name is taken.
    #[error("there is a {what} `{name}` already")]
    Taken {
        /// What was to be made.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The request asks for something that a rule forbids.
    #[error("{0}")]
    Refused(String),
}

impl AccessError {
    /// The kernel gave no random bits.
    pub(crate) fn random(error: getrandom::Error) -> Self {
        Self::Storage(format!("no random bits: {error}"))
    }
}

impl From<rusqlite::Error> for AccessError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(format!("access.sqlite: {error}"))
    }
}
