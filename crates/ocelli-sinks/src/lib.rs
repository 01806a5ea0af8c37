//! Where events go: the store and sinks.

pub mod health;
mod mqtt;
mod outgoing;
mod post;
mod queue;
pub mod sink;
pub mod store;
