//! Who asks.

use super::{Reach, Right, Rights, Role};

/// How a principal proved who it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalId {
    /// A token, by its public id.
    Token(String),
    /// A user in a browser, by name.
    User(String),
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
