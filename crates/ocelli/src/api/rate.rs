//! How often somebody may ask.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Keys that are counted at a time.
const KEYS_MAX: usize = 10_000;

/// So many at once, and then so many a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests at once.
    pub burst: f64,
    /// Requests a second after that.
    pub per_sec: f64,
}

/// Counts requests by key: a token bucket (Turner, 1986) for each.
pub(crate) struct RateLimit<K> {
    rate: Rate,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Requests that are still free at `at`.
    free: f64,
    at: Instant,
}

impl<K: Hash + Eq> RateLimit<K> {
    /// Gives every key the same rate.
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Mutex::new(HashMap::new()),
        }
    }

    /// Counts one request, or says how long to wait.
    pub(crate) fn take(&self, key: K) -> Result<(), Duration> {
        self.with(key, |bucket, rate| {
            if bucket.free >= 1.0 {
                bucket.free -= 1.0;
                return Ok(());
            }
            Err(Duration::from_secs_f64((1.0 - bucket.free) / rate.per_sec))
        })
    }

    fn with<T>(&self, key: K, use_bucket: impl FnOnce(&mut Bucket, Rate) -> T) -> T {
        let now = Instant::now();
        let rate = self.rate;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEYS_MAX && !buckets.contains_key(&key) {
            // A full bucket says nothing: forgetting it changes nothing.
            buckets.retain(|_key, bucket| bucket.filled(now, rate).free < rate.burst);
            if buckets.len() >= KEYS_MAX {
                buckets.clear();
            }
        }
        let full = Bucket {
            free: rate.burst,
            at: now,
        };
        let bucket = buckets.entry(key).or_insert(full);
        *bucket = bucket.filled(now, rate);
        use_bucket(bucket, rate)
    }
}

/// Counts attempts to log in.
pub(crate) struct Attempts {
    by_address: RateLimit<IpAddr>,
    by_user: RateLimit<String>,
}

impl Attempts {
    /// Ten at once from an address, then one in five seconds; for one user some more, from
    /// wherever they come.
    pub(crate) fn new() -> Self {
        Self {
            by_address: RateLimit::new(Rate {
                burst: 10.0,
                per_sec: 0.2,
            }),
            by_user: RateLimit::new(Rate {
                burst: 50.0,
                per_sec: 0.5,
            }),
        }
    }

    /// Counts one attempt, or says how long to wait.
    pub(crate) fn take(&self, address: &IpAddr, user: &str) -> Result<(), Duration> {
        self.by_address.take(*address)?;
        let user: String = user.chars().take(64).collect();
        self.by_user.take(user)
    }
}

impl Bucket {
    fn filled(self, now: Instant, rate: Rate) -> Self {
        let secs = now.saturating_duration_since(self.at).as_secs_f64();
        Self {
            free: (self.free + secs * rate.per_sec).min(rate.burst),
            at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_then_the_rate_holds() {
        let limit = RateLimit::new(Rate {
            burst: 3.0,
            per_sec: 2.0,
        });
        for _ in 0..3 {
            limit.take("a").unwrap();
        }
        let wait = limit.take("a").unwrap_err();
        limit.take("b").expect("another key has its own");
        tokio::time::advance(wait).await;
        limit.take("a").unwrap();
        limit.take("a").unwrap_err();
        tokio::time::advance(Duration::from_hours(1)).await;
        for _ in 0..3 {
            limit.take("a").unwrap();
        }
        limit.take("a").unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_bounded() {
        let limit = RateLimit::new(Rate {
            burst: 1.0,
            per_sec: 0.1,
        });
        for key in 0..3 * KEYS_MAX {
            limit.take(key).unwrap();
        }
        assert!(limit.buckets.lock().unwrap().len() <= KEYS_MAX);
    }
}
