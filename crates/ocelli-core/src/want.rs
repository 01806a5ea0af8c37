//! What an eye needs of a stream.

use serde::{Deserialize, Serialize};

/// How much an eye looks at a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Attention {
    /// Everything that its gate lets through, always: a gate without states.
    #[default]
    Steady,
    /// Nothing changes: key pictures are compared with the background.
    Quiet,
    /// Something changed: a detector looks whether it is an object.
    Curious,
    /// There are objects: everything is decoded.
    Attentive,
}

impl Attention {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Steady, Self::Quiet, Self::Curious, Self::Attentive];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Quiet => "quiet",
            Self::Curious => "curious",
            Self::Attentive => "attentive",
        }
    }
}

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
