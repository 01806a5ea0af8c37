//! Faults that simulated cameras commit on request.

use std::{fmt, num::NonZeroU32, time::Duration};

use super::fault_text::{self, needed, nothing};

/// One thing that goes wrong. Everything that is drawn by chance comes from the simulation's seed:
/// the same seed and the same viewer give the same faults.
///
/// Written as `name` or `name=value`, see [`Fault::KINDS`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A share of the RTP packets is not sent.
    Loss {
        /// 0 to 1.
        ratio: f64,
    },
    /// A share of the RTP packets is sent after its successor. Only by UDP: TCP keeps the order.
    Reorder {
        /// 0 to 1.
        ratio: f64,
    },
    /// A share of the RTP packets carries some wrong bytes in its payload.
    Corrupt {
        /// 0 to 1.
        ratio: f64,
    },
    /// A share of the RTP packets is followed by one of another session: foreign source
    /// identifier, foreign sequence numbers and time.
    ForeignSsrc {
        /// 0 to 1.
        ratio: f64,
    },
    /// Again and again nothing is sent for a while; then the next key picture, at the present.
    /// Counts from the viewer's first picture.
    Stall {
        /// From the start of one stall to the start of the next; the first comes this late.
        every: Duration,
        /// How long one lasts.
        lasting: Duration,
    },
    /// All is answered, but nothing is sent. Counts from the viewer's first picture.
    Silence {
        /// When it begins.
        after: Duration,
    },
    /// Random bytes instead of packets. By TCP they are not framed, so the connection is lost.
    /// Counts from the viewer's first picture.
    Garbage {
        /// When it begins.
        after: Duration,
    },
    /// The RTP time jumps, once. Counts from the viewer's first picture.
    TimestampJump {
        /// When.
        after: Duration,
        /// How far, in microseconds; negative is backwards.
        by_micros: i64,
    },
    /// The stream goes on with another clip of the same codec, its parameter sets in the stream.
    /// Counts from the viewer's first picture.
    SpsChange {
        /// When.
        after: Duration,
    },
    /// RTP time and sequence numbers wrap around soon after a viewer joins.
    Wrap {
        /// When the time wraps, after the viewer's first picture. The numbers wrap after 16
        /// packets.
        after: Duration,
    },
    /// The parameter sets, in the description and in the stream, claim 65,536 by 65,536 pixels.
    HugePicture,
    /// Sender reports tell the time since 1970 that the server has run.
    Clock1970,
    /// The connection stays, but nothing is answered or sent on it. Counts from the connection.
    Mute {
        /// When it begins.
        after: Duration,
    },
    /// The connection is reset. Counts from the connection, at the earliest at its first request
    /// for the stream.
    Reset {
        /// When.
        after: Duration,
    },
    /// The camera is gone again and again, for all its viewers at a time: connections are reset, and
    /// so are new ones at their first request for the stream. Counts from when the fault is set.
    Away {
        /// From one going to the next; the first comes this late.
        every: Duration,
        /// How long the camera is gone.
        lasting: Duration,
    },
    /// No password is right (401).
    Unauthorized,
    /// Answers and packets in the connection trickle.
    Slow {
        /// How fast.
        bytes_per_sec: NonZeroU32,
    },
    /// The server sends its clients elsewhere (302).
    Redirect {
        /// Where to.
        url: String,
    },
    /// The description of the stream names this URL for the track, where clients are to set up.
    ControlUrl {
        /// Where to.
        url: String,
    },
    /// The description of the stream comes with a header of this size.
    HeaderBomb {
        /// Bytes.
        bytes: usize,
    },
    /// A picture begins and does not end: fragments of one NAL unit, 2 MB a second. Counts from the
    /// viewer's first picture.
    EndlessPicture {
        /// When it begins.
        after: Duration,
    },
    /// The description of the stream has this size.
    SdpBomb {
        /// Bytes.
        bytes: usize,
    },
}

/// How a fault is written, for help pages.
pub struct FaultKind {
    /// Its name.
    pub name: &'static str,
    /// What may follow the name, e.g. `=RATIO`; brackets where it may be left out.
    pub form: &'static str,
    /// An example that parses.
    pub example: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    pub(super) parse: fn(Option<&str>) -> Result<Fault, String>,
}

impl fmt::Debug for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.form)
    }
}

impl Fault {
    /// All kinds, in the order of a help page.
    pub const KINDS: &[FaultKind] = &[
        FaultKind {
            name: "loss",
            form: "=RATIO",
            example: "loss=1%",
            summary: "leave out a share of the RTP packets",
            parse: |value| {
                Ok(Self::Loss {
                    ratio: fault_text::ratio(value)?,
                })
            },
        },
        FaultKind {
            name: "reorder",
            form: "=RATIO",
            example: "reorder=0.02",
            summary: "swap a share of the RTP packets with the next one (UDP only)",
            parse: |value| {
                Ok(Self::Reorder {
                    ratio: fault_text::ratio(value)?,
                })
            },
        },
        FaultKind {
            name: "corrupt",
            form: "=RATIO",
            example: "corrupt=0.5%",
            summary: "damage the payload of a share of the RTP packets",
            parse: |value| {
                Ok(Self::Corrupt {
                    ratio: fault_text::ratio(value)?,
                })
            },
        },
        FaultKind {
            name: "ssrc",
            form: "=RATIO",
            example: "ssrc=1%",
            summary: "mix in RTP packets of another session",
            parse: |value| {
                Ok(Self::ForeignSsrc {
                    ratio: fault_text::ratio(value)?,
                })
            },
        },
        FaultKind {
            name: "stall",
            form: "=EVERY/FOR",
            example: "stall=10s/3s",
            summary: "send nothing for a while, again and again",
            parse: fault_text::stall,
        },
        FaultKind {
            name: "silence",
            form: "[=AFTER]",
            example: "silence",
            summary: "answer all requests, but send nothing",
            parse: |value| {
                Ok(Self::Silence {
                    after: fault_text::after(value)?,
                })
            },
        },
        FaultKind {
            name: "garbage",
            form: "[=AFTER]",
            example: "garbage=5s",
            summary: "send random bytes instead of packets",
            parse: |value| {
                Ok(Self::Garbage {
                    after: fault_text::after(value)?,
                })
            },
        },
        FaultKind {
            name: "timestamp-jump",
            form: "=AFTER/BY",
            example: "timestamp-jump=10s/-1h",
            summary: "let the RTP time jump once, forwards or backwards",
            parse: fault_text::timestamp_jump,
        },
        FaultKind {
            name: "sps-change",
            form: "=AFTER",
            example: "sps-change=10s",
            summary: "go on with the next clip of the same codec",
            parse: |value| {
                Ok(Self::SpsChange {
                    after: fault_text::duration(needed(value, "10s")?)?,
                })
            },
        },
        FaultKind {
            name: "wrap",
            form: "[=AFTER]",
            example: "wrap=5s",
            summary: "let RTP time and sequence numbers wrap around soon",
            parse: |value| {
                Ok(Self::Wrap {
                    after: fault_text::after(value)?,
                })
            },
        },
        FaultKind {
            name: "huge-picture",
            form: "",
            example: "huge-picture",
            summary: "claim pictures of 65536x65536 in the parameter sets",
            parse: |value| nothing(value, Self::HugePicture),
        },
        FaultKind {
            name: "clock-1970",
            form: "",
            example: "clock-1970",
            summary: "tell a time in 1970 in sender reports",
            parse: |value| nothing(value, Self::Clock1970),
        },
        FaultKind {
            name: "mute",
            form: "[=AFTER]",
            example: "mute",
            summary: "accept connections, but answer nothing",
            parse: |value| {
                Ok(Self::Mute {
                    after: fault_text::after(value)?,
                })
            },
        },
        FaultKind {
            name: "reset",
            form: "[=AFTER]",
            example: "reset=30s",
            summary: "reset the connection (RST)",
            parse: |value| {
                Ok(Self::Reset {
                    after: fault_text::after(value)?,
                })
            },
        },
        FaultKind {
            name: "away",
            form: "=EVERY/FOR",
            example: "away=1m/20s",
            summary: "be gone for a while, again and again: connections are reset",
            parse: fault_text::away,
        },
        FaultKind {
            name: "unauthorized",
            form: "",
            example: "unauthorized",
            summary: "find every password wrong (401)",
            parse: |value| nothing(value, Self::Unauthorized),
        },
        FaultKind {
            name: "slow",
            form: "[=BYTES_PER_SEC]",
            example: "slow",
            summary: "let all that is sent by TCP trickle, 1 byte a second",
            parse: fault_text::slow,
        },
        FaultKind {
            name: "redirect",
            form: "=URL",
            example: "redirect=rtsp://169.254.0.1/",
            summary: "send clients to another address",
            parse: |value| {
                Ok(Self::Redirect {
                    url: fault_text::url(value)?,
                })
            },
        },
        FaultKind {
            name: "control-url",
            form: "=URL",
            example: "control-url=rtsp://169.254.0.1/",
            summary: "name another address for the track in the description",
            parse: |value| {
                Ok(Self::ControlUrl {
                    url: fault_text::url(value)?,
                })
            },
        },
        FaultKind {
            name: "header-bomb",
            form: "[=BYTES]",
            example: "header-bomb=20000",
            summary: "describe the stream below a header of 8 MiB",
            parse: |value| {
                Ok(Self::HeaderBomb {
                    bytes: fault_text::bomb(value)?,
                })
            },
        },
        FaultKind {
            name: "endless-picture",
            form: "[=AFTER]",
            example: "endless-picture=5s",
            summary: "begin a picture and never end it",
            parse: |value| {
                Ok(Self::EndlessPicture {
                    after: fault_text::after(value)?,
                })
            },
        },
        FaultKind {
            name: "sdp-bomb",
            form: "[=BYTES]",
            example: "sdp-bomb=1000000",
            summary: "describe the stream in a description of 8 MiB",
            parse: |value| {
                Ok(Self::SdpBomb {
                    bytes: fault_text::bomb(value)?,
                })
            },
        },
    ];
}
