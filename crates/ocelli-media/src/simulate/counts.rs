//! What was sent, counted by the one thread that sends and read by any.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One number.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Only the server's thread writes.
    pub(super) fn add(&self, more: u64) {
        self.0.store(self.get().wrapping_add(more), Relaxed);
    }

    pub(super) fn take_one(&self) {
        self.0.store(self.get().saturating_sub(1), Relaxed);
    }

    pub(super) fn raise_to(&self, value: u64) {
        if value > self.get() {
            self.0.store(value, Relaxed);
        }
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident: $merge:ident,)+) => {
        /// What simulated cameras did, of one stream or of all.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counts { $($(#[$doc])* pub $name: u64,)+ }

        /// The live form of [`Counts`].
        #[derive(Debug, Default)]
        pub(super) struct StreamCounts { $(pub(super) $name: Counter,)+ }

        impl StreamCounts {
            pub(super) fn read(&self) -> Counts {
                Counts { $($name: self.$name.get(),)+ }
            }
        }

        impl Counts {
            /// Both together; of [`Counts::late_micros_max`] the larger.
            #[must_use]
            pub fn plus(self, other: Self) -> Self {
                Self { $($name: counts!(@$merge self.$name, other.$name),)+ }
            }
        }
    };
    (@sum $a:expr, $b:expr) => { $a.wrapping_add($b) };
    (@max $a:expr, $b:expr) => { $a.max($b) };
}

counts! {
    /// Viewers that are playing now.
    viewers: sum,
    /// Requests that were answered with an error.
    refused: sum,
    /// Pictures sent, once for each viewer.
    pictures: sum,
    /// RTP packets sent, once for each viewer.
    packets: sum,
    /// Bytes of those packets, with their RTP headers.
    bytes: sum,
    /// Pictures not sent because a viewer took too few bytes.
    dropped: sum,
    /// Pictures skipped because the machine had no time for the server for seconds.
    skipped: sum,
    /// Datagrams that the network did not take.
    unsent: sum,
    /// RTCP sender reports sent.
    reports: sum,
    /// Times that a requested fault struck.
    faults: sum,
    /// The longest time between a picture's due time and its sending, in microseconds.
    late_micros_max: max,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_maxima() {
        let (one, two) = (StreamCounts::default(), StreamCounts::default());
        one.packets.add(3);
        two.packets.add(4);
        one.late_micros_max.raise_to(9);
        two.late_micros_max.raise_to(5);
        two.late_micros_max.raise_to(2);
        two.viewers.take_one();
        let both = one.read().plus(two.read());
        assert_eq!(
            both,
            Counts {
                packets: 7,
                late_micros_max: 9,
                ..Counts::default()
            }
        );
    }
}
