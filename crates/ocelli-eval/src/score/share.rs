//! A share of a number of trials, with its interval.

use serde::{Deserialize, Serialize};

use crate::thresholds::INTERVAL_Z;

/// How many of how many, and between which bounds the true share is with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many.
    pub hits: u64,
    /// Of how many.
    pub of: u64,
    /// `hits / of`; absent where there was nothing.
    pub value: Option<f64>,
    /// Lower bound of the interval, 0..1.
    pub low: f64,
    /// Upper bound of the interval, 0..1.
    pub high: f64,
}

impl Share {
    /// The share with Wilson's interval (Wilson 1927, equation 1).
    pub fn new(hits: u64, of: u64) -> Self {
        let (low, high) = wilson(hits, of);
        let value = (of > 0).then(|| hits as f64 / of as f64);
        Self {
            hits,
            of,
            value,
            low,
            high,
        }
    }
}

fn wilson(hits: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, p, z2) = (of as f64, hits as f64 / of as f64, INTERVAL_Z.powi(2));
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = INTERVAL_Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // Exact at the ends, where rounding would leave a trace.
    let low = if hits == 0 { 0.0 } else { middle - half };
    let high = if hits == of { 1.0 } else { middle + half };
    (low.max(0.0), high.min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_intervals() {
        // Newcombe 1998, table I, method 3 (score method without continuity correction).
        for (hits, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let share = Share::new(hits, of);
            assert!((share.low - low).abs() < 5e-5, "{share:?}");
            assert!((share.high - high).abs() < 5e-5, "{share:?}");
        }
        let none = Share::new(0, 0);
        assert_eq!((none.value, none.low, none.high), (None, 0.0, 1.0));
    }
}
