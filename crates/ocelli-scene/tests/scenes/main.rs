//! The crate as its users see it: looks in, events out.

mod properties;
mod rules;
mod stage;
mod traffic;
mod visits;
