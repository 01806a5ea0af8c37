//! Which streams somebody may see.

use std::sync::Arc;

/// The streams that a principal may touch, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Every stream, also those that come later.
    All,
    /// Streams whose name fits one of the patterns.
    Streams(Arc<[Pattern]>),
}

impl Reach {
    /// Whether the stream of this name is within reach.
    pub fn covers(&self, stream: &str) -> bool {
        match self {
            Self::All => true,
            Self::Streams(patterns) => patterns.iter().any(|pattern| pattern.fits(stream)),
        }
    }

    /// Whether every stream is within reach.
    pub fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

/// A stream's name in which `*` stands for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Longest pattern, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Reads a pattern; `None` if it is empty or too long.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= Self::BYTES_MAX).then(|| Self(text.to_owned()))
    }

    /// Whether `name` fits.
    pub fn fits(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            // The earliest place leaves the most for what follows.
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_run() {
        let fits = |pattern: &str, name: &str| Pattern::new(pattern).unwrap().fits(name);
        for (pattern, name) in [
            ("lobby", "lobby"),
            ("*", "lobby"),
            ("lob*", "lobby"),
            ("*by", "lobby"),
            ("l*b*y", "lobby"),
            ("north-*-cam", "north-1-2-cam"),
            ("a*a", "aa"),
            ("**", "x"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("lobby", "lobby2"),
            ("lobby", "xlobby"),
            ("a*a", "a"),
            ("l*x*y", "lobby"),
            ("*bb", "lobby"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        assert_eq!(Pattern::new(""), None);
    }
}
