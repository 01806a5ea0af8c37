//! Simulated cameras as clients see them.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod bounds;
mod client;
mod clips;
mod connection_faults;
mod decode;
mod open;
mod packet_faults;
mod password;
mod play;
mod raw;
mod time_faults;
