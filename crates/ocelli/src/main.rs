//! The ocelli program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ocelli::command::main(std::env::args_os())
}
