//! The ocelli program as a library: command line, configuration, API, and the wiring between the
//! engine, the store and whoever listens.

pub mod access;
pub mod api;
pub mod command;
pub mod config;
pub mod edit;
pub mod export;
pub mod keep;
pub mod limits;
pub mod live;
pub mod log;
pub mod models;
pub mod mot;
pub mod notice;
pub mod plan;
pub mod pull;
pub mod record;
pub mod reload;
pub mod run;
pub mod sinks;
pub mod token;

pub use config::Configuration;
pub use live::Hub;
