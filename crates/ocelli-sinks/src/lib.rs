//! Where events go: the store and sinks.
