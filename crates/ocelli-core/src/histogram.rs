//! How often something was how large: counts by bucket, for metrics.

use serde::{Deserialize, Serialize};

/// Buckets of a histogram; the last one has no upper limit.
pub const BUCKETS: usize = 16;

/// Upper limits of the buckets of durations, in microseconds.
pub const LIMITS_MICROS: [u64; BUCKETS - 1] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// Upper limits of the buckets of batches, in pictures.
pub const LIMITS_PICTURES: [u64; BUCKETS - 1] = [
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384,
];

/// Counts by bucket, and the sum of all values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// Values in each bucket: over the limit of the one before, up to its own.
    pub counts: [u64; BUCKETS],
    /// Sum of the values, in their unit.
    pub sum: u64,
}

impl Histogram {
    /// Counts one value.
    pub fn observe(&mut self, value: u64, limits: &[u64; BUCKETS - 1]) {
        let bucket = limits.partition_point(|&limit| limit < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(value);
    }

    /// Adds what another counted under the same limits.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, &count| sum.saturating_add(count))
    }
}

/// What an eye measures of its own work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EyeTimings {
    /// CPU time of decoding a packet, in microseconds.
    pub decode: Histogram,
    /// CPU time of a look, from the picture to the tracks, in microseconds.
    pub look: Histogram,
    /// From the arrival of a packet to the event that its picture led to, in microseconds.
    pub picture_to_event: Histogram,
    /// Pictures that a detector was given at once.
    pub batch: Histogram,
}

impl EyeTimings {
    /// Adds what another process measured.
    pub fn add(&mut self, other: &Self) {
        self.decode.add(&other.decode);
        self.look.add(&other.look);
        self.picture_to_event.add(&other.picture_to_event);
        self.batch.add(&other.batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_belongs_to_its_bucket() {
        let mut histogram = Histogram::default();
        for value in [0, 250, 251, 10_000_000, 10_000_001, u64::MAX] {
            histogram.observe(value, &LIMITS_MICROS);
        }
        assert_eq!(histogram.counts[..2], [2, 1]);
        assert_eq!(histogram.counts[BUCKETS - 2..], [1, 2]);
        assert_eq!((histogram.count(), histogram.sum), (6, u64::MAX));
        let mut twice = histogram;
        twice.add(&histogram);
        assert_eq!(twice.count(), 12);
        assert!(LIMITS_MICROS.is_sorted() && LIMITS_PICTURES.is_sorted());
    }
}
