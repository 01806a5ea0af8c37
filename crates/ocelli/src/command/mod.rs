//! The command line: one file for each subcommand.

mod add;
mod audit;
mod check;
mod client;
mod erase;
mod eval;
mod events;
mod kinds;
mod models;
mod output;
mod run;
mod schema;
mod simulate;
mod top;

use std::{ffi::OsString, io, process::ExitCode};

use clap::{Parser, Subcommand, error::ErrorKind};

use crate::config::ConfigErrors;

/// The command did what it should.
const SUCCESS: u8 = 0;
/// It did not.
const FAILURE: u8 = 1;
/// The command line or the configuration is wrong.
const WRONG_INPUT: u8 = 2;

/// What `--version` adds to the number.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\n\
     Source: MIT OR Apache-2.0.\n\
     The eye (`ocelli-eye`) as built against a GPL build of FFmpeg, such as Debian's, is under the GPL;\n\
     against an LGPL build it is under that library's terms. This program links neither FFmpeg nor\n\
     ONNX Runtime."
);

const AFTER_HELP: &str = "\
Examples:
  ocelli run rtsp://viewer:secret@camera.local/main   watch a camera, nothing to set up
  ocelli run clip.mp4 --exit-at-end                   look at a recording
  ocelli run ocelli.yaml                              run a configuration; a change is applied live
  ocelli add 10.0.0.9                                 look at a camera before adding it
  ocelli check ocelli.yaml                            every error with its line
  ocelli top                                          see how the streams are
  ocelli events --kind crossed --follow               see what happens

Exit codes:
  0  done
  1  it did not work; the reason is on stderr
  2  the command line or the configuration is wrong; every error is on stderr

Environment:
  OCELLI_LOG          what is logged, such as `debug` or `ocelli_engine=trace,info` (--log)
  OCELLI_ONNXRUNTIME  where libonnxruntime.so is; without it: beside the program";

/// Watches live cameras: anonymous, short-lived tags for persons and vehicles, events out, faces
/// never leave the eye process.
#[derive(Debug, Parser)]
#[command(
    name = "ocelli",
    version,
    long_version = LONG_VERSION,
    after_help = AFTER_HELP,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Line {
    #[command(subcommand)]
    command: Command,

    /// What is logged to stderr: `error`, `warn`, `info`, `debug` or `trace`, also by part, such
    /// as `ocelli_engine=debug,info`.
    #[arg(
        long,
        global = true,
        // Behind a command's own, however many commands there are.
        display_order = 900,
        env = "OCELLI_LOG",
        hide_env = true,
        value_name = "FILTER"
    )]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Arguments>),
    Add(add::Arguments),
    Audit(audit::Arguments),
    Check(check::Arguments),
    Events(Box<events::Arguments>),
    Erase(Box<erase::Arguments>),
    Eval(Box<eval::Arguments>),
    Kinds(kinds::Arguments),
    Models(models::Arguments),
    Schema(schema::Arguments),
    Simulate(simulate::Arguments),
    Top(top::Arguments),
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    /// The configuration is wrong.
    #[error("{0}")]
    Configuration(#[from] ConfigErrors),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// It did not work.
    #[error("{0}")]
    Failed(String),
    /// Writing the result did not work.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Configuration(_) | Self::Usage(_) => WRONG_INPUT,
            // Whoever read the result has seen enough: `ocelli events | head`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => SUCCESS,
            Self::Failed(_) | Self::Output(_) => FAILURE,
        }
    }
}

/// Runs the program with the given command line, its own name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // What cannot be shown cannot be told either.
            drop(error.print());
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::from(SUCCESS),
                _ => ExitCode::from(WRONG_INPUT),
            };
        }
    };
    match dispatch(line) {
        Ok(()) => ExitCode::from(SUCCESS),
        Err(error) => {
            let code = error.exit_code();
            match &error {
                _ if code == SUCCESS => {}
                CommandError::Configuration(errors) => {
                    let number = errors.count();
                    let s = if number == 1 { "" } else { "s" };
                    output::complain(&format_args!("{error}\n{number} error{s}"));
                }
                _ => output::complain(&format_args!("ocelli: {error}")),
            }
            ExitCode::from(code)
        }
    }
}

fn dispatch(line: Line) -> Result<(), CommandError> {
    let log = line.log.as_deref();
    match line.command {
        Command::Run(arguments) => run::run(&arguments, log),
        Command::Simulate(arguments) => simulate::run(&arguments, log),
        Command::Add(arguments) => add::run(&arguments, log),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Events(arguments) => events::run(&arguments),
        Command::Erase(arguments) => erase::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Kinds(arguments) => kinds::run(&arguments),
        Command::Models(arguments) => models::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
    }
}

/// The environment, for configurations.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
