//! Connections are opened one after another, not all at once.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ocelli_core::MonoTime;

/// Least distance of two openings: 600 streams take five seconds, and a thousand dead addresses
/// that all come back wait eight.
const DISTANCE_MICROS: u64 = 8_000;

/// Gives every opening its turn. It does not wait for an opening to succeed: a camera that accepts
/// and says nothing delays nobody.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    next: Mutex<MonoTime>,
}

impl Pacer {
    /// How long to wait for the next free turn, which is taken by asking.
    pub(crate) fn turn(&self, now: MonoTime) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = now.max(*next);
        *next = MonoTime {
            micros: turn.micros + DISTANCE_MICROS,
        };
        Duration::from_micros(turn.micros_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_and_one_alone_does_not_wait() {
        let pacer = Pacer::default();
        let start = MonoTime { micros: 1_000_000 };
        let waits: Vec<u128> = (0..600).map(|_| pacer.turn(start).as_millis()).collect();
        assert_eq!(waits[..3], [0, 8, 16]);
        assert!(waits[599] < 5_000);
        let later = MonoTime { micros: 60_000_000 };
        assert_eq!(pacer.turn(later), Duration::ZERO);
    }
}
