//! Giving up rights.
//!
//! After warming up an eye opens no file, no socket and starts no process any more: Landlock takes
//! the file system and TCP away, seccomp all other system calls than a short list, and limits end
//! core dumps, tracing and endless memory. A refused call fails with `EPERM` and is counted.

mod landlock;
mod seccomp;
mod sigsys;

use ocelli_core::wire::SandboxReport;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// System calls that were refused so far.
pub fn refused_syscalls() -> u64 {
    sigsys::refused()
}

/// First half, before any thread is started: limits, and the file system and network.
pub fn close_files(memory_bytes_max: u64) -> SandboxReport {
    let mut report = SandboxReport::default();
    match close_limits(memory_bytes_max) {
        Ok(()) => report.undumpable = true,
        Err(error) => miss(&mut report, "limits", &error.to_string()),
    }
    match landlock::restrict() {
        Ok(()) => report.landlock = true,
        Err(error) => miss(&mut report, "landlock", &error),
    }
    report
}

/// Second half, once all threads run: system calls of all of them.
pub fn close_syscalls(report: &mut SandboxReport) {
    match seccomp::restrict() {
        Ok(()) => report.seccomp = true,
        Err(error) => miss(report, "seccomp", &error),
    }
}

fn miss(report: &mut SandboxReport, what: &str, why: &str) {
    if !report.missing.is_empty() {
        report.missing.push_str("; ");
    }
    report.missing.push_str(what);
    report.missing.push_str(": ");
    report.missing.push_str(why);
}

fn close_limits(memory_bytes_max: u64) -> rustix::io::Result<()> {
    let limit = |value| Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    setrlimit(Resource::Core, limit(0))?;
    setrlimit(Resource::As, limit(memory_bytes_max))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}
