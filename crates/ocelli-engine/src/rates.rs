//! Figures "lately": rates that forget.

use ocelli_core::MonoTime;

/// Time constant of forgetting, in seconds.
const MEMORY_SECS: f64 = 5.0;

/// The rate of a counter that only grows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rate {
    seen: u64,
    per_sec: f64,
    /// How much of the memory is filled, 0..1: the first seconds count fully.
    weight: f64,
}

impl Rate {
    /// Takes the counter's value, `secs` seconds after the last one.
    pub(crate) fn take(&mut self, value: u64, secs: f64) {
        if secs <= 0.0 {
            return;
        }
        // A counter that fell began anew.
        let grown = value.checked_sub(self.seen).unwrap_or(value);
        self.seen = value;
        let kept = (-secs / MEMORY_SECS).exp();
        self.per_sec = self.per_sec * kept + grown as f64 / secs * (1.0 - kept);
        self.weight = self.weight * kept + (1.0 - kept);
    }

    /// Units a second.
    pub(crate) fn per_sec(&self) -> f64 {
        if self.weight > 0.0 {
            self.per_sec / self.weight
        } else {
            0.0
        }
    }
}

/// Seconds between takes.
#[derive(Debug, Default)]
pub(crate) struct Lap {
    last: Option<MonoTime>,
}

impl Lap {
    /// Seconds since the last call; 0 at the first.
    pub(crate) fn take(&mut self, now: MonoTime) -> f64 {
        let secs = self
            .last
            .map_or(0.0, |last| now.micros_since(last) as f64 / 1e6);
        self.last = Some(now);
        secs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_counter_has_its_rate_from_the_start_and_forgets() {
        let mut rate = Rate::default();
        rate.take(5, 1.0);
        assert!((rate.per_sec() - 5.0).abs() < 1e-9);
        for second in 2..20 {
            rate.take(5 * second, 1.0);
        }
        assert!((rate.per_sec() - 5.0).abs() < 1e-9);
        for _ in 0..60 {
            rate.take(95, 1.0);
        }
        assert!(rate.per_sec() < 0.01);
        rate.take(3, 1.0);
        assert!(rate.per_sec() > 0.1, "a counter that began anew");
    }
}
