//! The clocks of this process: the monotone clock that all processes share, and CPU time.

use ocelli_core::MonoTime;
use rustix::time::{ClockId, clock_gettime};

/// The machine's monotone time.
pub fn now() -> MonoTime {
    MonoTime {
        micros: micros_of(ClockId::Monotonic),
    }
}

/// CPU time of the whole process, in microseconds.
pub fn process_cpu_micros() -> u64 {
    micros_of(ClockId::ProcessCPUTime)
}

/// CPU time of the calling thread, in microseconds.
pub fn thread_cpu_micros() -> u64 {
    micros_of(ClockId::ThreadCPUTime)
}

fn micros_of(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}
