//! Sources as the engine sees them.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod camera_faults;
mod cameras;
mod contract;
mod damage;
mod media;
mod mjpeg;
mod probes;
mod recordings;
mod tls;
