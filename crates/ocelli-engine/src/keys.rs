//! Keys of tags and epochs of events.
//!
//! A key is drawn for each stream and day and lives in memory only; it outlives an eye, so that a
//! replacement goes on with the same names. An epoch is drawn for each scene that begins.

use ocelli_core::{StreamId, TagKey, WallTime};

const DAY_MICROS: i64 = 86_400_000_000;

/// The day in UTC, counted from 1970.
pub(crate) fn day_of(wall: WallTime) -> u32 {
    u32::try_from(wall.micros.div_euclid(DAY_MICROS)).unwrap_or(0)
}

/// Draws keys and epochs: at random, or out of a seed.
#[derive(Debug)]
pub(crate) struct Keys {
    seed: Option<u64>,
}

impl Keys {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self { seed }
    }

    /// A key for one stream and day.
    pub(crate) fn key(&self, stream: StreamId, day: u32) -> Result<TagKey, getrandom::Error> {
        if let Some(seed) = self.seed {
            return Ok(TagKey::from_seed(seed, stream, day));
        }
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(TagKey::new(bits))
    }

    /// The epoch of the `number`th scene of a stream.
    pub(crate) fn epoch(&self, stream: StreamId, number: u64) -> Result<u64, getrandom::Error> {
        match self.seed {
            // A key of a day that never comes is a pseudo-random function of its own.
            Some(seed) => Ok(TagKey::from_seed(seed, stream, u32::MAX)
                .tag(stream, number)
                .0),
            None => getrandom::u64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn days_change_at_midnight_in_utc() {
        let midnight = WallTime::from_rfc3339("2026-11-25T00:00:00Z").unwrap();
        let before = WallTime {
            micros: midnight.micros - 1,
        };
        assert_eq!(day_of(midnight), day_of(before) + 1);
        assert_eq!(day_of(WallTime { micros: -5 }), 0);
    }

    #[test]
    fn a_seed_repeats_and_chance_does_not() {
        let seeded = Keys::new(Some(7));
        let random = Keys::new(None);
        let stream = StreamId(3);
        assert_eq!(seeded.key(stream, 1), Keys::new(Some(7)).key(stream, 1));
        assert_ne!(seeded.key(stream, 1), seeded.key(stream, 2));
        assert_ne!(random.key(stream, 1), random.key(stream, 1));
        let epochs: BTreeSet<u64> = (0..100)
            .map(|number| seeded.epoch(stream, number).unwrap())
            .chain((0..100).map(|number| random.epoch(stream, number).unwrap()))
            .collect();
        assert_eq!(epochs.len(), 200);
    }
}
