//! What is wrong with settings, and where.

use std::fmt;

/// The part of the settings that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A number of the scene itself, by its name.
    Setting(&'static str),
    /// A zone, by its name.
    Zone(String),
    /// A mask, by its place in the list, from 0.
    Mask(usize),
    /// A rule.
    Rule {
        /// Its place in the list, from 0.
        index: usize,
        /// Its kind as written.
        kind: String,
        /// Its name, where it could be read.
        name: Option<String>,
    },
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(name) => write!(f, "`{name}`"),
            Self::Zone(name) => write!(f, "zone `{name}`"),
            Self::Mask(index) => write!(f, "mask {}", index + 1),
            Self::Rule {
                index,
                kind,
                name: None,
            } => write!(f, "rule {} (`{kind}`)", index + 1),
            Self::Rule {
                kind,
                name: Some(name),
                ..
            } => write!(f, "rule `{name}` (`{kind}`)"),
        }
    }
}

/// Settings that do not fit, with a text for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{about}: {reason}")]
pub struct SceneError {
    /// What it is about.
    pub about: About,
    /// What is wrong: a lowercase fragment.
    pub reason: String,
}

impl SceneError {
    pub(crate) fn new(about: About, reason: impl Into<String>) -> Self {
        Self {
            about,
            reason: reason.into(),
        }
    }
}
