//! Who looked at what lately: the same look is one entry, and many streams are a sweep.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use ocelli_core::WallTime;

use super::{Deed, Who};

/// Looking at more different streams than this within [`SWEEP_SECS`] is a sweep.
pub const SWEEP_STREAMS: usize = 10;
/// How far back is looked for a sweep; and for so long the same look is not recorded again.
pub const SWEEP_SECS: i64 = 600;
/// Looks that are remembered; beyond it all are forgotten, so that looks are recorded twice.
const REMEMBERED_MAX: usize = 10_000;
/// Streams that an entry names.
const NAMED_MAX: usize = 20;

/// Remembers looks.
#[derive(Default)]
pub struct Sight(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    looks: HashMap<(String, String, Vec<String>), i64>,
    watchers: HashMap<String, Watcher>,
}

/// What one user looked at, by the last time; and the sweep that was said last.
#[derive(Default)]
struct Watcher {
    streams: BTreeMap<String, i64>,
    swept: Option<(i64, usize)>,
}

impl Sight {
    /// Forgets what was looked at, so that it is recorded again.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Remembered::default();
    }

    /// Whether the refused log-in from an address is to be recorded: once in the time.
    pub fn refused(&self, address: &str, now: WallTime) -> bool {
        let nobody = Who {
            user: String::new(),
            token: None,
        };
        !self
            .look(&nobody, address, Vec::new(), true, now)
            .is_empty()
    }

    /// Somebody looks at `streams`: by name where `named`, else at all within reach. What there is
    /// to record of it.
    pub fn look(
        &self,
        who: &Who,
        what: &str,
        mut streams: Vec<String>,
        named: bool,
        now: WallTime,
    ) -> Vec<Deed> {
        let secs = now.micros.div_euclid(1_000_000);
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        streams.sort_unstable();
        streams.dedup();
        let mut deeds = Vec::new();
        let key = if named { streams.clone() } else { Vec::new() };
        if remembered.looks.len() >= REMEMBERED_MAX {
            remembered.looks.clear();
        }
        let key = (who.user.clone(), what.to_owned(), key);
        let last = remembered.looks.get(&key).copied();
        if last.is_none_or(|last| !(0..SWEEP_SECS).contains(&(secs - last))) {
            remembered.looks.insert(key, secs);
            deeds.push(Deed::Viewed {
                what: what.to_owned(),
                number: streams.len() as u64,
                streams: if named {
                    streams.iter().take(NAMED_MAX).cloned().collect()
                } else {
                    Vec::new()
                },
            });
        }
        if remembered.watchers.len() >= REMEMBERED_MAX {
            remembered.watchers.clear();
        }
        let watcher = remembered.watchers.entry(who.user.clone()).or_default();
        watcher.streams.retain(|_name, at| secs - *at < SWEEP_SECS);
        watcher
            .streams
            .extend(streams.into_iter().map(|name| (name, secs)));
        let number = watcher.streams.len();
        // Said once in the time; and again when it has become twice as much.
        let said = watcher.swept.filter(|(at, _number)| secs - at < SWEEP_SECS);
        if number > SWEEP_STREAMS && said.is_none_or(|(_at, before)| number >= 2 * before) {
            watcher.swept = Some((secs, number));
            deeds.push(Deed::Swept {
                streams: number as u64,
                within_secs: SWEEP_SECS as u64,
            });
        }
        deeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(user: &str) -> Who {
        Who {
            user: user.to_owned(),
            token: None,
        }
    }

    fn at(secs: i64) -> WallTime {
        WallTime {
            micros: secs * 1_000_000,
        }
    }

    fn look(sight: &Sight, user: &str, stream: usize, secs: i64) -> Vec<Deed> {
        let streams = vec![format!("cam-{stream}")];
        sight.look(&who(user), "/events", streams, true, at(secs))
    }

    fn swept(deeds: &[Deed]) -> Option<u64> {
        deeds.iter().find_map(|deed| match deed {
            Deed::Swept { streams, .. } => Some(*streams),
            _ => None,
        })
    }

    #[test]
    fn the_same_look_is_recorded_once_in_ten_minutes() {
        let sight = Sight::default();
        assert_eq!(look(&sight, "anna", 1, 0).len(), 1);
        assert!(look(&sight, "anna", 1, 599).is_empty());
        assert_eq!(look(&sight, "ben", 1, 599).len(), 1, "another user");
        assert_eq!(look(&sight, "anna", 2, 599).len(), 1, "another stream");
        assert_eq!(look(&sight, "anna", 1, 600).len(), 1, "later");
        assert_eq!(look(&sight, "anna", 1, 100).len(), 1, "the clock went back");
    }

    #[test]
    fn the_eleventh_stream_within_ten_minutes_is_a_sweep_and_the_tenth_is_none() {
        let sight = Sight::default();
        for stream in 0..10 {
            assert_eq!(swept(&look(&sight, "anna", stream, stream as i64)), None);
        }
        assert_eq!(swept(&look(&sight, "ben", 10, 10)), None, "somebody else");
        assert_eq!(swept(&look(&sight, "anna", 10, 10)), Some(11));
        assert_eq!(swept(&look(&sight, "anna", 11, 11)), None, "said already");
        let said: Vec<_> = (12..40)
            .filter_map(|stream| swept(&look(&sight, "anna", stream, 12)))
            .collect();
        assert_eq!(said, [22], "twice as many are said again");
        let slow = Sight::default();
        for stream in 0..50 {
            let found = swept(&look(&slow, "anna", stream, 60 * stream as i64));
            assert_eq!(found, None, "ten in ten minutes are none");
        }
        let all = (0..11).map(|stream| format!("cam-{stream}")).collect();
        let deeds = Sight::default().look(&who("anna"), "/events", all, false, at(0));
        assert_eq!(swept(&deeds), Some(11), "all at once");
    }
}
