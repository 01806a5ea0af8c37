//! The web API over real connections: who may do what, what it answers, and what it bears.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod accounts;
mod boxes;
mod doors;
mod edits;
mod erased;
mod events;
mod exports;
mod launched;
mod limits;
mod live;
mod notices;
mod reads;
mod recorded;
mod secrets;
mod site;
mod stills;
