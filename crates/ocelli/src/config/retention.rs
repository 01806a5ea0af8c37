//! How long events are kept: `7d`, `24h`.

use std::{fmt, str::FromStr};

/// A time for which events are kept, in whole hours. There is no "for ever", and no "not at all":
/// what must not be kept is not computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Retention {
    hours: u32,
}

impl Retention {
    /// The longest: a leap year.
    pub const HOURS_MAX: u32 = 366 * 24;
    /// What the profile `trial` keeps.
    pub const HOUR: Self = Self { hours: 1 };

    /// How many hours.
    pub fn hours(self) -> u32 {
        self.hours
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.hours / 24, self.hours % 24) {
            (days, 0) => write!(f, "{days}d"),
            _ => write!(f, "{}h", self.hours),
        }
    }
}

/// Text that is not a retention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARetention {
    /// Neither hours nor days.
    #[error("expected a number of hours or days such as `24h` or `7d`")]
    Shape,
    /// Nothing would be kept.
    #[error("a retention of zero keeps nothing: `1h` is the least")]
    Zero,
    /// Longer than is allowed.
    #[error("longer than {}d: there is no retention for ever", Retention::HOURS_MAX / 24)]
    TooLong,
}

impl FromStr for Retention {
    type Err = NotARetention;

    fn from_str(text: &str) -> Result<Self, NotARetention> {
        let (digits, hours_each) = match text.strip_suffix('d') {
            Some(days) => (days, 24),
            None => (text.strip_suffix('h').ok_or(NotARetention::Shape)?, 1),
        };
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(NotARetention::Shape);
        }
        let hours = digits
            .parse::<u32>()
            .ok()
            .and_then(|number| number.checked_mul(hours_each))
            .filter(|hours| *hours <= Self::HOURS_MAX)
            .ok_or(NotARetention::TooLong)?;
        match hours {
            0 => Err(NotARetention::Zero),
            hours => Ok(Self { hours }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retentions_read_what_they_print() {
        for text in ["1h", "24h", "7d", "366d", "47h"] {
            let retention: Retention = text.parse().unwrap();
            assert_eq!(retention.to_string().parse(), Ok(retention), "{text}");
        }
        assert_eq!("2d".parse::<Retention>().unwrap().hours(), 48);
    }

    #[test]
    fn none_and_for_ever_are_refused() {
        for (text, error) in [
            ("0h", NotARetention::Zero),
            ("0d", NotARetention::Zero),
            ("", NotARetention::Shape),
            ("d", NotARetention::Shape),
            ("7", NotARetention::Shape),
            ("-1d", NotARetention::Shape),
            ("+1d", NotARetention::Shape),
            ("1.5d", NotARetention::Shape),
            ("forever", NotARetention::Shape),
            ("367d", NotARetention::TooLong),
            ("99999999999999d", NotARetention::TooLong),
        ] {
            assert_eq!(text.parse::<Retention>(), Err(error), "{text}");
        }
    }
}
