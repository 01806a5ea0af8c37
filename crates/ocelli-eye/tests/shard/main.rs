//! The shard, turned by hand.

#[path = "../scripted/mod.rs"]
mod scripted;

mod account;
mod attention;
mod rig;
mod stills;
mod turns;
