//! The whole program: a clip goes in, events come out.
//!
//! These need the eye's executable beside the program and the test clips.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
#![expect(clippy::print_stderr, reason = "says which test has no data")]

mod attention;
mod cameras;
mod clip;
mod counts;
mod disk;
mod faulty;
mod hog;
mod kill;
mod live;
mod pets;
mod running;
mod sinks;
mod walls;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ocelli");

/// The test clip, if it and the eye are there; else says which test needs them.
fn clip(test: &str) -> Option<PathBuf> {
    let folder = std::env::var("OCELLI_TEST_CLIPS").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.deps/clips"),
        PathBuf::from,
    );
    let clip = folder.join("vtest-640x360-25.mp4");
    let eye = Path::new(PROGRAM).with_file_name("ocelli-eye");
    let runtime =
        std::env::var_os("OCELLI_ONNXRUNTIME").is_some_and(|file| Path::new(&file).is_file());
    if clip.is_file() && eye.is_file() && runtime {
        return Some(clip);
    }
    eprintln!("needs test data: {test}");
    None
}

/// The program, with one eye and everything it keeps in `data`.
fn ocelli(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--data").arg(data);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What came out of a program that should have worked.
fn worked(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Every stored event as JSON lines, the earliest first.
fn stored(data: &Path) -> Vec<String> {
    let mut command = Command::new(PROGRAM);
    command
        .args([
            "events",
            "--json",
            "--oldest-first",
            "--limit",
            "100000",
            "--store",
        ])
        .arg(data);
    worked(&command.output().unwrap())
        .lines()
        .map(str::to_owned)
        .collect()
}
