//! What the record says.

use serde::{Deserialize, Serialize};

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Who {
    /// Name of the user.
    pub user: String,
    /// The public id of the token; none: in a browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What was done. No variant has a place for a tag, a box or a picture: the record is about those
/// who watch, not about those who are watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Deed {
    /// The record begins.
    Begun {
        /// The public key that signs it, hexadecimal.
        key: String,
        /// Why the record before it was put aside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// A crash cut an entry in two; what was there of it stands in a file of its own.
    Torn {
        /// Bytes of it.
        bytes: u64,
        /// Their SHA-256.
        sha256: String,
    },
    /// Entries went because they were older than [`super::KEPT_DAYS`].
    Trimmed {
        /// Number of the first entry that is still here.
        first: u64,
        /// Hash of the entry before it.
        prev: String,
    },
    /// ocelli started.
    Started {
        /// Its version.
        version: String,
        /// How eyes give up their rights: `strict`, or why not.
        sandbox: String,
        /// SHA-256 of the configuration's file; none: the command line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        configuration: Option<String>,
        /// Streams.
        streams: u64,
        /// Whether the run before it ended without saying so.
        after_crash: bool,
    },
    /// ocelli stopped.
    Stopped,
    /// A changed configuration came into force.
    Configured {
        /// SHA-256 of its file.
        configuration: String,
        /// Streams that are new.
        added: u64,
        /// Streams that are treated otherwise.
        changed: u64,
        /// Streams that are gone.
        removed: u64,
    },
    /// An eye started, and gave up its rights.
    Sandboxed {
        /// Its number.
        eye: u64,
        /// How often it has started in this run.
        starts: u64,
        /// What of its sandbox is missing and why; left out: nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missing: Option<String>,
    },
    /// A model is used.
    Model {
        /// Name of the detector.
        detector: String,
        /// SHA-256 of the model's file.
        sha256: String,
    },
    /// Somebody logged in.
    LoggedIn {
        /// `password` or `link`.
        with: String,
        /// The address that it came from.
        address: String,
    },
    /// A log-in was refused; at most one entry for an address in ten minutes.
    LogInRefused {
        /// The address that it came from.
        address: String,
    },
    /// Something of some streams was looked at; at most one entry for the same in ten minutes.
    Viewed {
        /// What: the route's path.
        what: String,
        /// The streams, as far as the list goes; empty: every one within reach.
        streams: Vec<String>,
        /// How many there are.
        number: u64,
    },
    /// Many different streams were looked at in a short time.
    Swept {
        /// How many.
        streams: u64,
        /// Within how many seconds.
        within_secs: u64,
    },
    /// Counts were exported.
    Exported {
        /// What: the route's path.
        what: String,
        /// The streams; empty: every one within reach.
        streams: Vec<String>,
        /// From this time on.
        from: String,
        /// Before this time.
        to: String,
        /// How small counts were guarded.
        guard: String,
    },
    /// Something was changed through the API: users, tokens, groups, streams.
    Changed {
        /// The method, such as `PUT`.
        method: String,
        /// The path.
        path: String,
    },
    /// Events were asked to be erased; what became of it is the next entry of this kind of erasure.
    ErasureAsked {
        /// The stream.
        stream: String,
        /// From this time on.
        from: String,
        /// Before this time.
        to: String,
    },
    /// Events were erased.
    Erased {
        /// The stream.
        stream: String,
        /// From this time on.
        from: String,
        /// Before this time.
        to: String,
        /// How many.
        events: u64,
        /// Bytes that were searched for what was erased.
        searched_bytes: u64,
        /// How often any of it was found afterwards.
        found: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_read_what_they_write() {
        let deed = Deed::Viewed {
            what: "/api/v1/events".to_owned(),
            streams: vec!["lobby".to_owned()],
            number: 1,
        };
        let text = serde_json::to_string(&deed).unwrap();
        assert_eq!(
            text,
            r#"{"kind":"viewed","what":"/api/v1/events","streams":["lobby"],"number":1}"#
        );
        assert_eq!(serde_json::from_str::<Deed>(&text).unwrap(), deed);
    }
}
