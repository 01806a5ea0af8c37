//! The real eye, started by the engine, with simulated cameras over RTSP.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what helps a test may fail as one, and says what it lacks"
)]

mod bench;
mod cameras;
mod codings;
mod deaths;
