//! Where events go: the store and sinks; and the stills of tags.

pub mod health;
mod mqtt;
mod outgoing;
mod post;
mod queue;
pub mod sink;
pub mod stills;
pub mod store;
