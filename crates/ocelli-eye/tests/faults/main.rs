//! The whole engine with real eye processes: what happens to them, and what must hold.
//!
//! The eyes are this program under another name. They live the whole life of an eye, sandbox and
//! all, with the scripted stages: a camera's packets say what is to be seen and what is to be
//! suffered.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test, though the lints do not know: it has a harness of its own"
)]

#[path = "../scripted/mod.rs"]
mod scripted;

mod bench;
mod camera;
mod deaths;
mod parent;
mod plans;
mod recordings;

use std::{path::Path, process::ExitCode};

use libtest_mimic::{Arguments, Trial};
use ocelli_eye::process;

/// The name under which this program is an eye.
const EYE: &str = "scripted-eye";
/// The name under which this program is a parent that is going to be killed.
const PARENT: &str = "doomed-parent";

fn main() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    if name == EYE {
        return be_an_eye();
    }
    if name == PARENT {
        return parent::be_doomed();
    }
    // The parent's log, and with it that of the eyes, explains a failure.
    process::log_to_parent();
    let tests = [
        deaths::tests(),
        parent::tests(),
        plans::tests(),
        recordings::tests(),
    ];
    libtest_mimic::run(
        &Arguments::from_args(),
        tests.into_iter().flatten().collect(),
    )
    .exit_code()
}

fn be_an_eye() -> ExitCode {
    process::log_to_parent();
    match process::run(|| Ok(scripted::ScriptedKit)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a test of an async function.
fn test<F>(name: &'static str, body: fn() -> F) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("engine")
            .enable_all()
            .build()?;
        runtime.block_on(body());
        Ok(())
    })
}
