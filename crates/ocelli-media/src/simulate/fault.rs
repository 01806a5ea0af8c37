//! Faults that simulated cameras commit on request, and how they are written.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

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
    /// The description of the stream has this size.
    SdpBomb {
        /// Bytes.
        bytes: usize,
    },
}

/// The largest [`Fault::SdpBomb`].
const SDP_BOMB_BYTES_MAX: usize = 64 * 1024 * 1024;

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
    parse: fn(Option<&str>) -> Result<Fault, String>,
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
                    ratio: ratio(value)?,
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
                    ratio: ratio(value)?,
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
                    ratio: ratio(value)?,
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
                    ratio: ratio(value)?,
                })
            },
        },
        FaultKind {
            name: "stall",
            form: "=EVERY/FOR",
            example: "stall=10s/3s",
            summary: "send nothing for a while, again and again",
            parse: stall,
        },
        FaultKind {
            name: "silence",
            form: "[=AFTER]",
            example: "silence",
            summary: "answer all requests, but send nothing",
            parse: |value| {
                Ok(Self::Silence {
                    after: after(value)?,
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
                    after: after(value)?,
                })
            },
        },
        FaultKind {
            name: "timestamp-jump",
            form: "=AFTER/BY",
            example: "timestamp-jump=10s/-1h",
            summary: "let the RTP time jump once, forwards or backwards",
            parse: timestamp_jump,
        },
        FaultKind {
            name: "sps-change",
            form: "=AFTER",
            example: "sps-change=10s",
            summary: "go on with the next clip of the same codec",
            parse: |value| {
                Ok(Self::SpsChange {
                    after: duration(needed(value, "10s")?)?,
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
                    after: after(value)?,
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
                    after: after(value)?,
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
                    after: after(value)?,
                })
            },
        },
        FaultKind {
            name: "slow",
            form: "[=BYTES_PER_SEC]",
            example: "slow",
            summary: "let all that is sent by TCP trickle, 1 byte a second",
            parse: slow,
        },
        FaultKind {
            name: "redirect",
            form: "=URL",
            example: "redirect=rtsp://169.254.0.1/",
            summary: "send clients to another address",
            parse: redirect,
        },
        FaultKind {
            name: "sdp-bomb",
            form: "[=BYTES]",
            example: "sdp-bomb=1000000",
            summary: "describe the stream in a description of 8 MiB",
            parse: sdp_bomb,
        },
    ];
}

/// What is wrong with a fault as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: `{text}`")]
pub struct FaultError {
    pub(super) problem: String,
    pub(super) text: String,
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.trim())),
            None => (text, None),
        };
        let name = name.trim().to_ascii_lowercase().replace('_', "-");
        let problem = |problem| FaultError {
            problem,
            text: text.to_owned(),
        };
        let Some(kind) = Self::KINDS.iter().find(|kind| kind.name == name) else {
            let names: Vec<_> = Self::KINDS.iter().map(|kind| kind.name).collect();
            return Err(problem(format!(
                "unknown fault, expected one of: {}",
                names.join(", ")
            )));
        };
        (kind.parse)(value).map_err(problem)
    }
}

fn needed<'a>(value: Option<&'a str>, example: &str) -> Result<&'a str, String> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("a value is missing, e.g. `={example}`"))
}

fn nothing(value: Option<&str>, fault: Fault) -> Result<Fault, String> {
    match value {
        None => Ok(fault),
        Some(_) => Err("it takes no value".to_owned()),
    }
}

/// `0.01` or `1%`.
pub(super) fn ratio(value: Option<&str>) -> Result<f64, String> {
    let value = needed(value, "1%")?;
    let (number, scale) = match value.strip_suffix('%') {
        Some(percent) => (percent, 100.0),
        None => (value, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&(number / scale)) => Ok(number / scale),
        Ok(_) => Err("a ratio is between 0 and 1, or 0% and 100%".to_owned()),
        Err(_not_a_number) => Err("a ratio is written `0.01` or `1%`".to_owned()),
    }
}

fn after(value: Option<&str>) -> Result<Duration, String> {
    value.map_or(Ok(Duration::ZERO), duration)
}

/// `10`, `10s`, `500ms`, `2m`, `1.5h`.
fn duration(text: &str) -> Result<Duration, String> {
    /// A fault later than this is a slip of the pen.
    const SECS_MAX: f64 = 1e7;
    let text = text.trim();
    let unit_at = text
        .find(|character: char| character.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let secs_each = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time is written `500ms`, `10s`, `2m` or `1h`".to_owned()),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if (0.0..=SECS_MAX).contains(&(number * secs_each)) => {
            Ok(Duration::from_secs_f64(number * secs_each))
        }
        Ok(_) => Err("a time is between 0 and 2,700 hours".to_owned()),
        Err(_not_a_number) => Err("a time is written `500ms`, `10s`, `2m` or `1h`".to_owned()),
    }
}

fn two<'a>(value: Option<&'a str>, example: &str) -> Result<(&'a str, &'a str), String> {
    needed(value, example)?
        .split_once('/')
        .ok_or_else(|| format!("two values are needed, e.g. `={example}`"))
}

fn stall(value: Option<&str>) -> Result<Fault, String> {
    let (every, lasting) = two(value, "10s/3s")?;
    let (every, lasting) = (duration(every)?, duration(lasting)?);
    if lasting.is_zero() || lasting >= every {
        return Err("a stall is shorter than the time from one to the next".to_owned());
    }
    Ok(Fault::Stall { every, lasting })
}

fn timestamp_jump(value: Option<&str>) -> Result<Fault, String> {
    let (after, by) = two(value, "10s/-1h")?;
    let by = by.trim();
    let (sign, by) = match by.strip_prefix('-') {
        Some(by) => (-1, by),
        None => (1, by.strip_prefix('+').unwrap_or(by)),
    };
    Ok(Fault::TimestampJump {
        after: duration(after)?,
        by_micros: sign * duration(by)?.as_micros() as i64,
    })
}

fn slow(value: Option<&str>) -> Result<Fault, String> {
    let bytes_per_sec = value.unwrap_or("1").parse::<NonZeroU32>();
    Ok(Fault::Slow {
        bytes_per_sec: bytes_per_sec
            .map_err(|_not_one| "a rate is a whole number of bytes per second".to_owned())?,
    })
}

fn redirect(value: Option<&str>) -> Result<Fault, String> {
    let url = needed(value, "rtsp://169.254.0.1/")?;
    if url.contains(|character: char| character.is_control() || character.is_whitespace()) {
        return Err("a URL has no spaces".to_owned());
    }
    Ok(Fault::Redirect {
        url: url.to_owned(),
    })
}

fn sdp_bomb(value: Option<&str>) -> Result<Fault, String> {
    let bytes = value.map_or(Ok(8 * 1024 * 1024), str::parse::<usize>);
    match bytes {
        Ok(bytes) if bytes <= SDP_BOMB_BYTES_MAX => Ok(Fault::SdpBomb { bytes }),
        _ => Err(format!(
            "a size is a whole number of bytes up to {SDP_BOMB_BYTES_MAX}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_written_as_its_example() {
        for kind in Fault::KINDS {
            let fault: Fault = kind.example.parse().unwrap();
            assert!(kind.example.starts_with(kind.name), "{kind:?}");
            assert_eq!(
                kind.form.is_empty(),
                !kind.example.contains('=') && kind.form.is_empty()
            );
            // A value where none is taken, or none where one is needed.
            let wrong = match kind.form.chars().next() {
                None => format!("{}=1", kind.name),
                Some('[') => format!("{}=?", kind.name),
                _ => kind.name.to_owned(),
            };
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
            assert_eq!(kind.example.replace('-', "_").parse::<Fault>().is_ok(), {
                // Underscores may stand for hyphens in names, not in values.
                !matches!(fault, Fault::TimestampJump { .. })
            });
        }
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("loss=1%", Fault::Loss { ratio: 0.01 }),
            ("LOSS = 0.5", Fault::Loss { ratio: 0.5 }),
            (
                "stall=10s/3s",
                Fault::Stall {
                    every: Duration::from_secs(10),
                    lasting: Duration::from_secs(3),
                },
            ),
            (
                "timestamp_jump=1.5/-2m",
                Fault::TimestampJump {
                    after: Duration::from_millis(1500),
                    by_micros: -120_000_000,
                },
            ),
            (
                "timestamp-jump=500ms/+1h",
                Fault::TimestampJump {
                    after: Duration::from_millis(500),
                    by_micros: 3_600_000_000,
                },
            ),
            (
                "mute",
                Fault::Mute {
                    after: Duration::ZERO,
                },
            ),
            (
                "slow=20",
                Fault::Slow {
                    bytes_per_sec: NonZeroU32::new(20).unwrap(),
                },
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_name_the_cause_first() {
        for (text, message) in [
            (
                "loss=2",
                "a ratio is between 0 and 1, or 0% and 100%: `loss=2`",
            ),
            (
                "loss=NaN",
                "a ratio is between 0 and 1, or 0% and 100%: `loss=NaN`",
            ),
            ("loss=x", "a ratio is written `0.01` or `1%`: `loss=x`"),
            ("loss", "a value is missing, e.g. `=1%`: `loss`"),
            (
                "stall=3s",
                "two values are needed, e.g. `=10s/3s`: `stall=3s`",
            ),
            (
                "stall=3s/10s",
                "a stall is shorter than the time from one to the next: `stall=3s/10s`",
            ),
            (
                "reset=soon",
                "a time is written `500ms`, `10s`, `2m` or `1h`: `reset=soon`",
            ),
            (
                "reset=-1",
                "a time is between 0 and 2,700 hours: `reset=-1`",
            ),
            (
                "reset=1e300",
                "a time is written `500ms`, `10s`, `2m` or `1h`: `reset=1e300`",
            ),
            (
                "slow=0",
                "a rate is a whole number of bytes per second: `slow=0`",
            ),
            ("clock-1970=1", "it takes no value: `clock-1970=1`"),
            (
                "sdp-bomb=99999999999",
                "a size is a whole number of bytes up to 67108864: `sdp-bomb=99999999999`",
            ),
        ] {
            assert_eq!(text.parse::<Fault>().unwrap_err().to_string(), message);
        }
        let unknown = "los=1%".parse::<Fault>().unwrap_err().to_string();
        assert!(unknown.starts_with("unknown fault, expected one of: loss, reorder,"));
    }
}
