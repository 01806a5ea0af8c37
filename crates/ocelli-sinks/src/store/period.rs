//! Which file an event belongs to: one for each retention class and day, or hour.

use std::{fmt, str::FromStr};

use ocelli_core::WallTime;

use super::StoreError;

pub(crate) const HOUR_MS: i64 = 3_600_000;

/// An event up to this far ahead of the store's clock is filed under its own time.
pub(crate) const AHEAD_MS: i64 = HOUR_MS;

/// How long events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RetentionClass {
    /// Hours, 1 to [`Self::HOURS_MAX`]. There is no "for ever".
    pub hours: u32,
}

impl RetentionClass {
    /// Ten years.
    pub const HOURS_MAX: u32 = 87_660;

    pub(crate) fn check(self) -> Result<(), StoreError> {
        if (1..=Self::HOURS_MAX).contains(&self.hours) {
            return Ok(());
        }
        Err(StoreError::Invalid(format!(
            "a retention of {} hours: expected 1 to {}",
            self.hours,
            Self::HOURS_MAX
        )))
    }

    pub(crate) fn millis(self) -> i64 {
        i64::from(self.hours) * HOUR_MS
    }

    /// How much time one file covers: an hour where events are kept for less than two days.
    pub(crate) fn period_ms(self) -> i64 {
        if self.hours < 48 {
            HOUR_MS
        } else {
            24 * HOUR_MS
        }
    }
}

/// Where an event is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filed {
    /// The time that the store sorts and expires it by: its own, or `now` where its own is beyond
    /// reason.
    pub(crate) at_ms: i64,
    /// Whether that is not its own time.
    pub(crate) clamped: bool,
}

/// An event is filed under its own wall time if that is not older than its retention and at most
/// an hour ahead of the store's clock; else under the time at which it was received.
pub(crate) fn file_under(class: RetentionClass, own_ms: i64, now_ms: i64) -> Filed {
    let clamped = own_ms <= now_ms - class.millis() || own_ms > now_ms + AHEAD_MS;
    Filed {
        at_ms: if clamped { now_ms } else { own_ms },
        clamped,
    }
}

/// Names one store file. Sorts by class, then time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileName {
    pub(crate) class: RetentionClass,
    /// Begin of the period, in milliseconds since 1970.
    pub(crate) start_ms: i64,
    /// Counts the files of one class and period: a new one begins when the last is damaged, big
    /// or rewritten.
    pub(crate) part: u32,
}

impl FileName {
    pub(crate) fn of(class: RetentionClass, at_ms: i64, part: u32) -> Self {
        let period = class.period_ms();
        Self {
            class,
            start_ms: at_ms.div_euclid(period) * period,
            part,
        }
    }

    /// End of the period, exclusive.
    pub(crate) fn end_ms(self) -> i64 {
        self.start_ms + self.class.period_ms()
    }

    pub(crate) fn covers(self, at_ms: i64) -> bool {
        (self.start_ms..self.end_ms()).contains(&at_ms)
    }
}

/// `events-168h-2026-11-24-0.db`, `events-24h-2026-11-24T08-0.db`.
impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = WallTime {
            micros: self.start_ms.saturating_mul(1000),
        };
        let text = start.to_rfc3339();
        let shown = if self.class.period_ms() == HOUR_MS {
            13
        } else {
            10
        };
        let period = text.get(..shown).unwrap_or("0000-01-01");
        write!(f, "events-{}h-{period}-{}.db", self.class.hours, self.part)
    }
}

impl FromStr for FileName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let rest = text.strip_prefix("events-").ok_or(())?;
        let rest = rest.strip_suffix(".db").ok_or(())?;
        let (hours, rest) = rest.split_once("h-").ok_or(())?;
        let (period, part) = rest.rsplit_once('-').ok_or(())?;
        let full = match period.len() {
            13 => format!("{period}:00:00Z"),
            _ => format!("{period}T00:00:00Z"),
        };
        let start = WallTime::from_rfc3339(&full).ok_or(())?;
        let class = RetentionClass {
            hours: hours.parse().map_err(|_not_a_number| ())?,
        };
        class.check().map_err(|_out_of_range| ())?;
        let name = Self {
            class,
            start_ms: start.micros.div_euclid(1000),
            part: part.parse().map_err(|_not_a_number| ())?,
        };
        // Only the one way of writing it: two names never mean one file.
        if name.to_string() == text {
            Ok(name)
        } else {
            Err(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: RetentionClass = RetentionClass { hours: 24 };
    const WEEK: RetentionClass = RetentionClass { hours: 168 };

    fn at(text: &str) -> i64 {
        WallTime::from_rfc3339(text).unwrap().micros / 1000
    }

    #[test]
    fn names_read_what_they_print() {
        let now = at("2026-11-24T08:30:00Z");
        let name = FileName::of(WEEK, now, 0);
        assert_eq!(name.to_string(), "events-168h-2026-11-24-0.db");
        assert_eq!(name.to_string().parse(), Ok(name));
        let name = FileName::of(DAY, now, 3);
        assert_eq!(name.to_string(), "events-24h-2026-11-24T08-3.db");
        assert_eq!(name.to_string().parse(), Ok(name));
        assert_eq!(name.end_ms(), at("2026-11-24T09:00:00Z"));
        assert!(name.covers(now) && !name.covers(name.end_ms()));
        for wrong in [
            "events-24h-2026-11-24-0.db",
            "events-0h-2026-11-24T08-0.db",
            "events-024h-2026-11-24T08-0.db",
            "events-24h-2026-11-24T08-0.db-wal",
            "catalogue.db",
        ] {
            assert_eq!(wrong.parse::<FileName>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn absurd_times_are_filed_under_now() {
        let now = at("2026-11-24T08:30:00Z");
        for (own, clamped) in [
            ("2026-11-24T08:30:00Z", false),
            ("2026-11-23T08:30:01Z", false),
            ("2026-11-24T09:30:00Z", false),
            ("2026-11-23T08:30:00Z", true),
            ("1970-01-01T00:00:00Z", true),
            ("2026-11-24T09:30:01Z", true),
            ("2106-02-07T00:00:00Z", true),
        ] {
            let filed = file_under(DAY, at(own), now);
            assert_eq!(filed.clamped, clamped, "{own}");
            assert_eq!(filed.at_ms, if clamped { now } else { at(own) }, "{own}");
        }
    }

    #[test]
    fn a_retention_of_none_is_refused() {
        assert!(RetentionClass { hours: 0 }.check().is_err());
        assert!(RetentionClass { hours: u32::MAX }.check().is_err());
        assert_eq!(DAY.check(), Ok(()));
    }
}
