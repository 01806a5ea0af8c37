//! What an eye may say in a second.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes that an eye may send in a second, and messages; more is read later.
const BYTES_PER_SEC: f64 = 64e6;
const MESSAGES_PER_SEC: f64 = 40_000.0;

/// How much an eye may say: a bucket of two seconds' worth.
pub(super) struct Budget {
    bytes: f64,
    messages: f64,
    at: Instant,
}

impl Budget {
    const SECS: f64 = 2.0;

    /// Full.
    pub(super) fn new() -> Self {
        Self {
            bytes: BYTES_PER_SEC * Self::SECS,
            messages: MESSAGES_PER_SEC * Self::SECS,
            at: Instant::now(),
        }
    }

    /// Takes what was said; how long to wait before more is read.
    pub(super) fn spend(&mut self, bytes: usize, messages: u32, now: Instant) -> Option<Duration> {
        let secs = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        let filled = |left: f64, rate: f64| (left + secs * rate).min(rate * Self::SECS);
        self.bytes = filled(self.bytes, BYTES_PER_SEC) - bytes as f64;
        self.messages = filled(self.messages, MESSAGES_PER_SEC) - f64::from(messages);
        let owed = (-self.bytes / BYTES_PER_SEC).max(-self.messages / MESSAGES_PER_SEC);
        (owed > 0.0).then(|| Duration::from_secs_f64(owed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eye_that_says_too_much_is_read_later() {
        let mut budget = Budget::new();
        let start = Instant::now();
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            assert_eq!(budget.spend(1_000_000, 1_000, now), None);
        }
        let now = start + Duration::from_mins(1);
        assert!(budget.spend(0, 200_000, now).is_some());
        let later = now + Duration::from_secs(5);
        assert_eq!(budget.spend(0, 1, later), None);
        assert!(budget.spend(300_000_000, 1, later).is_some());
    }
}
