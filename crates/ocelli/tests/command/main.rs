//! The program as it is used: help, exit codes, what goes to stdout and what to stderr.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
#![expect(clippy::print_stderr, reason = "says which test has no data")]

mod add;
mod audit;
mod configuration;
mod eval;
mod help;

use std::process::{Command, Output};

/// Runs `ocelli` with a home of its own and nothing else of the environment.
fn ocelli(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ocelli"))
        .args(arguments)
        .env_clear()
        .env("HOME", "/nowhere")
        .env("DOOR_PASSWORD", "canary-7f3a")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
