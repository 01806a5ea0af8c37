//! The eye, started by `ocelli`; of no use by hand.

mod vision_kit;

use std::process::ExitCode;

use ocelli_eye::process;

fn main() -> ExitCode {
    process::log_to_parent();
    match process::run(vision_kit::VisionKit::warmed_up) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
