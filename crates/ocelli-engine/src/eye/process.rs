//! Starting an eye, and its end.
//!
//! All eyes are started by one thread that lives as long as the engine: the kernel ends an eye
//! together with the thread that started it, which is how an eye ends with its parent even while
//! it is stopped or hangs.

use std::{
    fs::File,
    io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream as StdUnixStream, process::ExitStatusExt as _},
    },
    path::{Path, PathBuf, absolute},
    process::{ExitStatus, Stdio},
    sync::mpsc::{SyncSender, sync_channel},
    time::Duration,
};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create},
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::Signal,
};
use tokio::{
    net::UnixStream,
    process::{Child, ChildStderr, Command},
    runtime,
    sync::oneshot,
    time::timeout,
};

/// Bytes of the memory file: see `ocelli_eye::blackbox`.
const BLACKBOX_BYTES: u64 = 16;

/// What an eye inherits of the environment: nothing that may hold a secret.
const ENVIRONMENT: &[&str] = &[
    "LD_LIBRARY_PATH",
    "OCELLI_ONNXRUNTIME",
    "RUST_BACKTRACE",
    "TZ",
];

/// A process that was started.
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) handle: Handle,
    pub(super) socket: UnixStream,
    pub(super) blackbox: File,
    pub(super) log: ChildStderr,
}

type Started = (Child, OwnedFd, File);

/// The thread that starts eyes.
pub(crate) struct Spawner {
    requests: SyncSender<oneshot::Sender<io::Result<Started>>>,
}

impl Spawner {
    /// Starts the thread. It ends, and all eyes with it, when this is dropped.
    pub(crate) fn start(executable: PathBuf) -> io::Result<Self> {
        let (requests, queue) = sync_channel::<oneshot::Sender<io::Result<Started>>>(64);
        let runtime = runtime::Handle::current();
        std::thread::Builder::new()
            .name("ocelli-eyes".to_owned())
            .spawn(move || {
                let _entered = runtime.enter();
                for answer in queue {
                    // Nobody waits any more when the engine stops meanwhile: the eye is dropped.
                    drop(answer.send(start(&executable)));
                }
            })?;
        Ok(Self { requests })
    }

    /// Starts an eye.
    pub(super) async fn spawn(&self) -> io::Result<Process> {
        let gone = || io::Error::other("the thread that starts eyes is gone");
        let (answer, started) = oneshot::channel();
        self.requests.try_send(answer).map_err(|_full| gone())?;
        let (mut child, socket, blackbox) = started.await.map_err(|_dropped| gone())??;
        let socket = StdUnixStream::from(socket);
        socket.set_nonblocking(true)?;
        let (Some(pid), Some(log)) = (child.id(), child.stderr.take()) else {
            return Err(io::Error::other("it ended at once"));
        };
        Ok(Process {
            pid,
            handle: Handle { child },
            socket: UnixStream::from_std(socket)?,
            blackbox,
            log,
        })
    }
}

/// Starts the process: standard input is the socket, standard output the memory file.
fn start(executable: &Path) -> io::Result<Started> {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let blackbox = memfd_create(
        "ocelli-blackbox",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )?;
    ftruncate(&blackbox, BLACKBOX_BYTES)?;
    // An eye that was taken over must not use it as memory without limit.
    fcntl_add_seals(
        &blackbox,
        SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    let blackbox = File::from(blackbox);
    let child = Command::new(executable)
        .env_clear()
        // ONNX Runtime as its makers publish it reports over the network, from a thread of its
        // own, unless it is told not to before it starts.
        .env("ORT_DISABLE_TELEMETRY", "1")
        .envs(ENVIRONMENT.iter().filter_map(|&name| {
            let value = std::env::var_os(name)?;
            // An eye works in no folder of anybody: a path must not depend on ours.
            let absolute = name.starts_with("OCELLI_").then(|| absolute(&value));
            Some((
                name,
                absolute.and_then(Result::ok).map_or(value, PathBuf::into),
            ))
        }))
        .current_dir("/")
        // Ctrl-C is for the parent: it ends its eyes in order.
        .process_group(0)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::from(blackbox.try_clone()?))
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    Ok((child, ours, blackbox))
}

/// A process until it is reaped. Dropping it ends the process.
pub(super) struct Handle {
    child: Child,
}

impl Handle {
    /// Waits for the end.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends the process.
    pub(super) fn kill(&mut self) {
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, "an eye is gone already");
        }
    }

    /// Waits for the end and takes its status; kills after `patience`.
    pub(super) async fn reap(mut self, patience: Duration) -> io::Result<ExitStatus> {
        if let Ok(ended) = timeout(patience, self.ended()).await {
            return ended;
        }
        self.kill();
        loop {
            // A killed process that waits in the kernel, for a disk, may take long.
            match timeout(Duration::from_secs(10), self.ended()).await {
                Ok(ended) => return ended,
                Err(_late) => tracing::warn!(pid = self.child.id(), "an eye does not end"),
            }
        }
    }
}

/// Whether the process ended by its own fault. A signal that only others send says nothing about
/// what it was working on.
pub(super) fn is_own_fault(status: ExitStatus) -> bool {
    match status.signal() {
        Some(signal) => {
            let others = [
                Signal::KILL,
                Signal::TERM,
                Signal::INT,
                Signal::HUP,
                Signal::QUIT,
            ];
            !others.iter().any(|other| other.as_raw() == signal)
        }
        None => !status.success(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_from_outside_blame_nobody() {
        for (raw, own) in [(9, false), (15, false), (11, true), (6, true), (7, true)] {
            assert_eq!(is_own_fault(ExitStatus::from_raw(raw)), own, "{raw}");
        }
        assert!(is_own_fault(ExitStatus::from_raw(1 << 8)));
        assert!(!is_own_fault(ExitStatus::from_raw(0)));
    }
}
