//! Where the store takes the time from.

use ocelli_core::{MonoTime, WallTime};

/// A wall clock, which may jump, and a clock that only runs.
pub trait Clock: Send + Sync {
    /// Wall time now.
    fn wall(&self) -> WallTime;

    /// Time since some fixed moment: never goes back, counts suspended time.
    fn running(&self) -> MonoTime;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> WallTime {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the seam through which the store reads the clock"
        )]
        let now = std::time::SystemTime::now();
        let micros = match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        WallTime { micros }
    }

    fn running(&self) -> MonoTime {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let micros = now.tv_sec.saturating_mul(1_000_000) + now.tv_nsec / 1000;
        MonoTime {
            micros: u64::try_from(micros).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_clock_does_not_go_back() {
        let first = SystemClock.running();
        assert!(SystemClock.running() >= first);
        assert!(SystemClock.wall().micros > 1_700_000_000_000_000);
    }
}
