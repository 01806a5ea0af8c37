//! The sinks as their users see them.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap fails the test that asked, as in a test function"
)]

mod contract;
mod stage;
mod webhook;
