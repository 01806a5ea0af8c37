//! Simulated cameras as clients see them.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod client;
mod clips;
mod play;
