//! Where events go: the store and sinks.

pub mod sink;
pub mod store;
