//! The crate as its users see it: looks in, events out.

mod rules;
mod stage;
mod visits;
