//! Where events go: the store and sinks.

pub mod store;
