//! Simulated cameras as clients see them.

mod client;
mod clips;
mod play;
