//! The store as a whole: against a model, over kills, faults, expiry and erasure.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap fails the test that asked, as in a test function"
)]

mod damage;
mod erasure;
mod full;
mod kill;
mod model;
mod retention;
mod stage;
