//! The parent's clocks.

use ocelli_core::{MonoTime, WallTime};
use rustix::time::{ClockId, clock_gettime};

/// The machine's monotone time, which the eyes share.
pub fn mono() -> MonoTime {
    let time = clock_gettime(ClockId::Monotonic);
    MonoTime {
        micros: time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000,
    }
}

/// Wall time.
pub fn wall() -> WallTime {
    let time = clock_gettime(ClockId::Realtime);
    WallTime {
        micros: time.tv_sec * 1_000_000 + time.tv_nsec / 1000,
    }
}

/// CPU time of this process, in microseconds.
pub fn process_cpu_micros() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}
