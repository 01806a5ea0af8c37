//! The sinks as their users see them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failed unwrap fails the test that asked, and what is missing is said"
)]

mod contract;
mod mqtt;
mod stage;
mod webhook;
