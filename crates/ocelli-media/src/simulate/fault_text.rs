//! How faults are written: `name` or `name=value`.

use std::{num::NonZeroU32, str::FromStr, time::Duration};

use super::fault::Fault;

/// The largest [`Fault::SdpBomb`] and [`Fault::HeaderBomb`].
const BOMB_BYTES_MAX: usize = 64 * 1024 * 1024;

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

pub(super) fn needed<'a>(value: Option<&'a str>, example: &str) -> Result<&'a str, String> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("a value is missing, e.g. `={example}`"))
}

pub(super) fn nothing(value: Option<&str>, fault: Fault) -> Result<Fault, String> {
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

pub(super) fn after(value: Option<&str>) -> Result<Duration, String> {
    value.map_or(Ok(Duration::ZERO), duration)
}

/// `10`, `10s`, `500ms`, `2m`, `1.5h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
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

/// A time from one beginning to the next, and a shorter one that each lasts.
fn every_lasting(value: Option<&str>, example: &str) -> Result<(Duration, Duration), String> {
    let (every, lasting) = two(value, example)?;
    let (every, lasting) = (duration(every)?, duration(lasting)?);
    if lasting.is_zero() || lasting >= every {
        return Err("it lasts shorter than from one to the next, and longer than 0".to_owned());
    }
    Ok((every, lasting))
}

pub(super) fn stall(value: Option<&str>) -> Result<Fault, String> {
    let (every, lasting) = every_lasting(value, "10s/3s")?;
    Ok(Fault::Stall { every, lasting })
}

pub(super) fn away(value: Option<&str>) -> Result<Fault, String> {
    let (every, lasting) = every_lasting(value, "1m/20s")?;
    Ok(Fault::Away { every, lasting })
}

pub(super) fn timestamp_jump(value: Option<&str>) -> Result<Fault, String> {
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

pub(super) fn slow(value: Option<&str>) -> Result<Fault, String> {
    let bytes_per_sec = value.unwrap_or("1").parse::<NonZeroU32>();
    Ok(Fault::Slow {
        bytes_per_sec: bytes_per_sec
            .map_err(|_not_one| "a rate is a whole number of bytes per second".to_owned())?,
    })
}

/// The URL is not looked at further: a camera may send anything.
pub(super) fn url(value: Option<&str>) -> Result<String, String> {
    let url = needed(value, "rtsp://169.254.0.1/")?;
    if url.contains(|character: char| character.is_control() || character.is_whitespace()) {
        return Err("a URL has no spaces".to_owned());
    }
    Ok(url.to_owned())
}

pub(super) fn bomb(value: Option<&str>) -> Result<usize, String> {
    let bytes = value.map_or(Ok(8 * 1024 * 1024), str::parse::<usize>);
    match bytes {
        Ok(bytes) if bytes <= BOMB_BYTES_MAX => Ok(bytes),
        _ => Err(format!(
            "a size is a whole number of bytes up to {BOMB_BYTES_MAX}"
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
                "it lasts shorter than from one to the next, and longer than 0: `stall=3s/10s`",
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
