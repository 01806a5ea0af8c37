//! Who asks.

use std::fmt;

use super::{Reach, Right, Rights, Role, credential::Digest};

/// How a principal proved who it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalId {
    /// A token, by its public id.
    Token(String),
    /// A user in a browser, by name.
    User(String),
}

/// What a principal showed, as far as it is needed to ask again whether it still holds.
#[derive(Clone)]
pub(crate) enum Evidence {
    /// A token.
    Token(String, Digest),
    /// A session.
    Session(Digest),
    /// The token in the configuration: it holds until that changes, with a new start.
    Configuration,
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Evidence(..)")
    }
}

/// Somebody who asks, and what they may do.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The token or user.
    pub id: PrincipalId,
    /// The user that it acts for.
    pub user: String,
    /// The user's role.
    pub role: Role,
    /// What it may do: never more than the role.
    pub rights: Rights,
    /// Which streams it may see.
    pub reach: Reach,
    /// Whether the browser sent the proof by itself (a cookie), so that the request's origin has
    /// to be checked.
    pub ambient: bool,
    /// What it showed.
    pub(crate) evidence: Evidence,
}

impl Principal {
    /// Whether it may do this at all.
    pub fn may(&self, right: Right) -> bool {
        self.rights.has(right)
    }

    /// Whether the stream of this name is within its reach.
    pub fn sees(&self, stream: &str) -> bool {
        self.reach.covers(stream)
    }
}
