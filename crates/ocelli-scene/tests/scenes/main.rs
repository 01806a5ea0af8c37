//! The crate as its users see it: looks in, events out.

mod campus;
mod contract;
mod golden;
mod long_run;
mod properties;
mod rules;
mod stage;
mod traffic;
mod visits;
