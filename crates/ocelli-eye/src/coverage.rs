//! How much of what was wanted was looked at.

use ocelli_core::MediaTime;

/// Coverage forgets with this time constant, in seconds: long enough to be a figure, short enough
/// that an event is told the state of its own minute.
const MEMORY_SECS: f64 = 10.0;

/// Looks taken over looks wanted, recent ones weighing most.
#[derive(Debug, Clone, Copy, Default)]
pub struct Coverage {
    taken: f64,
    wanted: f64,
    at: MediaTime,
}

impl Coverage {
    /// Counts looks at media time `at`.
    pub fn count(&mut self, at: MediaTime, wanted: f64, taken: f64) {
        let passed_secs = at.secs_since(self.at).max(0.0);
        let kept = (-passed_secs / MEMORY_SECS).exp();
        self.at = self.at.max(at);
        self.wanted = self.wanted * kept + wanted;
        self.taken = self.taken * kept + taken;
    }

    /// The ratio, 0..1; 1 before anything was wanted.
    pub fn ratio(&self) -> f32 {
        if self.wanted > 0.0 {
            (self.taken / self.wanted).clamp(0.0, 1.0) as f32
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_when_looks_are_missed_and_recovers() {
        let mut coverage = Coverage::default();
        assert!((coverage.ratio() - 1.0).abs() < 1e-6);
        for look in 0..50 {
            coverage.count(MediaTime::from_secs(f64::from(look) * 0.2), 1.0, 1.0);
        }
        assert!(coverage.ratio() > 0.99);
        for look in 50..100 {
            coverage.count(MediaTime::from_secs(f64::from(look) * 0.2), 1.0, 0.0);
        }
        assert!(coverage.ratio() < 0.5, "{}", coverage.ratio());
        for look in 100..600 {
            coverage.count(MediaTime::from_secs(f64::from(look) * 0.2), 1.0, 1.0);
        }
        assert!(coverage.ratio() > 0.99);
    }
}
