//! Three clocks that are never mixed: the stream's media time, the machine's monotone time, and
//! wall time with its source.

use serde::{Deserialize, Serialize};
use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

/// Microseconds on one stream's own timeline. Monotone for as long as the parent lives: across
/// reconnects, wraps of the camera's counter and restarts of an eye.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct MediaTime {
    /// Microseconds since the stream's first packet.
    pub micros: i64,
}

impl MediaTime {
    /// The time `secs` seconds after the stream's first packet.
    pub fn from_secs(secs: f64) -> Self {
        Self {
            micros: (secs * 1e6).round() as i64,
        }
    }

    /// Seconds since the stream's first packet.
    pub fn as_secs(self) -> f64 {
        self.micros as f64 / 1e6
    }

    /// Seconds from `earlier` to `self`; negative if `earlier` is later.
    pub fn secs_since(self, earlier: Self) -> f64 {
        self.micros.saturating_sub(earlier.micros) as f64 / 1e6
    }

    /// This time, `micros` microseconds later.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self {
            micros: self.micros.saturating_add(micros),
        }
    }
}

/// Microseconds of the machine's monotone clock. All processes of one machine share it, so a
/// latency may be taken across the wire.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct MonoTime {
    /// Microseconds since some fixed time before the processes started.
    pub micros: u64,
}

impl MonoTime {
    /// Microseconds from `earlier` to `self`, or 0 if `earlier` is later.
    pub fn micros_since(self, earlier: Self) -> u64 {
        self.micros.saturating_sub(earlier.micros)
    }
}

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct WallTime {
    /// Microseconds since the Unix epoch.
    pub micros: i64,
}

impl WallTime {
    /// RFC 3339 in UTC with milliseconds. Times beyond the years 0 to 9999 print as the nearest
    /// of them.
    pub fn to_rfc3339(self) -> String {
        const FIRST_MICROS: i64 = -62_167_219_200_000_000;
        const LAST_MICROS: i64 = 253_402_300_799_999_000;
        // Always three digits, so that texts sort as times do.
        const FORM: &[BorrowedFormatItem<'_>] = format_description!(
            version = 2,
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        let micros = self.micros.clamp(FIRST_MICROS, LAST_MICROS);
        let millis = micros.div_euclid(1000);
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
            .ok()
            .and_then(|at| at.format(FORM).ok())
            .unwrap_or_default()
    }

    /// Reads RFC 3339.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos() / 1000)
            .ok()
            .map(|micros| Self { micros })
    }
}

/// Where a [`WallTime`] came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WallSource {
    /// The machine's clock when the packet arrived.
    #[default]
    Receive,
    /// The camera's clock, from its RTCP sender reports.
    Camera,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_reads_what_it_prints() {
        let at = WallTime {
            micros: 1_795_509_000_123_000,
        };
        assert_eq!(at.to_rfc3339(), "2026-11-24T08:30:00.123Z");
        assert_eq!(WallTime::from_rfc3339(&at.to_rfc3339()), Some(at));
        assert_eq!(
            WallTime::from_rfc3339("2026-11-24T09:30:00.123+01:00"),
            Some(at)
        );
        assert_eq!(WallTime::from_rfc3339("yesterday"), None);
        let round = WallTime {
            micros: 1_795_509_000_500_000,
        };
        assert_eq!(round.to_rfc3339(), "2026-11-24T08:30:00.500Z");
    }

    #[test]
    fn absurd_wall_times_print() {
        for micros in [i64::MIN, i64::MAX, 0] {
            assert!(!WallTime { micros }.to_rfc3339().is_empty());
        }
    }
}
