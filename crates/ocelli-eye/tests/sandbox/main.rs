//! What an eye cannot do any more, and that it could before.
//!
//! This program starts itself under two other names: once inside the sandbox, and once, the twin,
//! without it. Both try the same things and say what came of each.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, though the lints do not know: it has a harness of its own"
)]

mod attempts;

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use attempts::{ATTEMPTS, Outcome};
use libtest_mimic::{Arguments, Trial};
use ocelli_eye::sandbox;

/// The name under which this program enters the sandbox first.
const INSIDE: &str = "inside";
/// The name under which it does not.
const OUTSIDE: &str = "outside";
/// Address space of the one inside, in bytes.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

fn main() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    if name == INSIDE {
        return be_inside();
    }
    if name == OUTSIDE {
        attempts::run(std::env::args().nth(1).as_deref(), || 0);
        return ExitCode::SUCCESS;
    }
    let tests = vec![
        Trial::test("everything_is_refused_and_counted_inside", || {
            refused();
            Ok(())
        }),
        Trial::test("the_twin_outside_succeeds", || {
            succeeds();
            Ok(())
        }),
        Trial::test("work_goes_on_inside", || {
            works();
            Ok(())
        }),
        Trial::test("a_fault_inside_leaves_no_core", || {
            faults();
            Ok(())
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn be_inside() -> ExitCode {
    let mut report = sandbox::close_files(MEMORY_BYTES_MAX);
    sandbox::close_syscalls(&mut report);
    println!("report {report:?}");
    match std::env::args().nth(1).as_deref() {
        Some("work") => println!("worked {}", attempts::work()),
        Some("abort") => std::process::abort(),
        _ => attempts::run(None, sandbox::refused_syscalls),
    }
    ExitCode::SUCCESS
}

/// Runs this program under another name; what it printed, and how it ended.
fn start(name: &str, argument: &str) -> (String, std::process::ExitStatus) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &path).unwrap();
    std::fs::write(folder.path().join("there"), "").unwrap();
    let output = Command::new(path)
        .arg(argument)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let leftovers: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|entry| entry.to_string_lossy().starts_with("core"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
    (String::from_utf8(output.stdout).unwrap(), output.status)
}

/// Lines `attempt <name> <outcome> <refusals>`.
fn outcomes(text: &str) -> BTreeMap<String, (Outcome, u64)> {
    text.lines()
        .filter_map(|line| line.strip_prefix("attempt "))
        .map(|line| {
            let mut words = line.split(' ');
            let name = words.next().unwrap().to_owned();
            let outcome = words.next().unwrap().parse().unwrap();
            (name, (outcome, words.next().unwrap().parse().unwrap()))
        })
        .collect()
}

fn refused() {
    let (text, status) = start(INSIDE, "");
    assert!(status.success(), "{status}\n{text}");
    assert!(
        text.contains("landlock: true, seccomp: true, undumpable: true, missing: \"\""),
        "{text}"
    );
    let outcomes = outcomes(&text);
    assert_eq!(outcomes.len(), ATTEMPTS.len(), "{text}");
    for (name, (outcome, refusals)) in outcomes {
        assert_eq!(outcome, Outcome::Refused, "{name}");
        assert!(refusals >= 1, "{name} was not counted");
    }
}

fn succeeds() {
    for (name, _) in ATTEMPTS {
        let (text, _) = start(OUTSIDE, name);
        let outcomes = outcomes(&text);
        assert_eq!(outcomes.len(), 1, "{name}: {text}");
        assert_eq!(outcomes[*name].0, Outcome::Done, "{name}: {text}");
    }
}

fn works() {
    let (text, status) = start(INSIDE, "work");
    assert!(status.success(), "{status}\n{text}");
    assert!(text.contains("worked true"), "{text}");
}

fn faults() {
    use std::os::unix::process::ExitStatusExt as _;
    let (_, status) = start(INSIDE, "abort");
    assert!(status.signal().is_some(), "{status}");
    assert!(!status.core_dumped(), "{status}");
}
