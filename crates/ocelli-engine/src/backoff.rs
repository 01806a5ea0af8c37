//! How long to wait before trying again.

use std::time::Duration;

use ocelli_core::ErrorClass;

/// First wait after a failure.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait for a camera that may come back by itself.
const CAP: Duration = Duration::from_mins(1);
/// Wait for a camera that refused: a person has to change something first.
const REJECTED: Duration = Duration::from_mins(5);

/// Exponential back-off with jitter, so that a thousand cameras that died together do not come
/// back together ("equal jitter": half fixed, half random).
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The other side works again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure; `random` is uniform in 0..1.
    pub(crate) fn next(&mut self, class: ErrorClass, random: f64) -> Duration {
        let whole = match class {
            ErrorClass::Rejected => REJECTED,
            ErrorClass::Unavailable | ErrorClass::Corrupt | ErrorClass::Exhausted => {
                FIRST.saturating_mul(1 << self.failures.min(10)).min(CAP)
            }
        };
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_the_cap_and_starts_again() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..9)
            .map(|_| backoff.next(ErrorClass::Unavailable, 1.0).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.next(ErrorClass::Unavailable, 0.0).as_millis(), 500);
        assert!(backoff.next(ErrorClass::Rejected, 0.0) >= Duration::from_secs(150));
    }
}
