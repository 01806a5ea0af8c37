//! The crate as its users see it: looks in, events out.

mod bad_input;
mod campus;
mod composed;
mod contract;
mod golden;
mod long_run;
mod properties;
mod restarts;
mod rules;
mod stage;
mod traffic;
mod visits;
