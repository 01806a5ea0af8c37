//! The process around a shard: its start, its threads, its end.

use std::{
    fs::File,
    os::fd::{AsFd as _, OwnedFd},
    os::unix::fs::FileExt as _,
    rc::Rc,
    sync::{Arc, Barrier},
};

use ocelli_core::wire::{FrameReader, FromEye, SandboxReport, ToEye, VERSION};

use crate::{
    Kit, Shard, blackbox::BlackBox, clock, inbox::Inbox, link, link::Outlet, sandbox, shard::Turn,
};

/// Sends the log to standard error, from where the parent takes it.
pub fn log_to_parent() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_max_level(tracing::Level::INFO)
        .init();
}

/// Lives the life of an eye: greets the parent, warms up with `kit`, gives up its rights, works
/// until the parent says stop or is gone.
///
/// Standard input is the socket to the parent, standard output the memory file of
/// [`crate::blackbox`], standard error the log.
pub fn run<K: Kit>(kit: impl FnOnce() -> Result<K, String>) -> Result<(), String> {
    end_with_parent()?;
    let socket = Arc::new(duplicate(std::io::stdin().as_fd())?);
    let blackbox = File::from(duplicate(std::io::stdout().as_fd())?);
    // Opened now: afterwards no file can be.
    let memory = Memory::open();
    let kit = kit()?;

    let inbox = Arc::new(Inbox::default());
    let (best_effort, mut report) = greet(&socket)?;
    start_reader(&socket, &inbox)?;
    sandbox::close_syscalls(&mut report);
    let missing = report.missing.clone();
    let mut outlet = Outlet::new(socket);
    let mut out = vec![FromEye::Ready {
        version: VERSION,
        sandbox: report,
    }];
    outlet.put(&mut out);
    outlet.flush().map_err(|error| error.to_string())?;
    if !missing.is_empty() && !best_effort {
        return Err(format!("the sandbox is incomplete: {missing}"));
    }
    work(kit, blackbox, &inbox, &mut outlet, &memory)
}

/// Reads the first message, and gives up files and limits before any other thread exists.
fn greet(socket: &OwnedFd) -> Result<(bool, SandboxReport), String> {
    // Read by hand, byte for byte, so that nothing behind it is taken from the reader thread.
    let mut frames = FrameReader::to_eye();
    let mut byte = [0];
    loop {
        if let Some(frame) = frames.next_frame().map_err(|error| error.to_string())? {
            return match frame.into_to_eye() {
                Ok(ToEye::Hello {
                    version: VERSION,
                    best_effort_sandbox,
                    memory_bytes_max,
                }) => Ok((best_effort_sandbox, sandbox::close_files(memory_bytes_max))),
                Ok(_) => Err("the parent speaks another version of the wire".to_owned()),
                Err(error) => Err(error.to_string()),
            };
        }
        match rustix::io::read(socket, byte.as_mut_slice()) {
            Ok(0) => return Err("the parent is gone".to_owned()),
            Ok(_) => frames.buffer().extend_from_slice(&byte),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Reads the socket in a thread of its own, so that the end of the parent ends this process even
/// while it is busy.
fn start_reader(socket: &Arc<OwnedFd>, inbox: &Arc<Inbox>) -> Result<(), String> {
    let socket = Arc::clone(socket);
    let inbox = Arc::clone(inbox);
    let runs = Arc::new(Barrier::new(2));
    let begun = Arc::clone(&runs);
    std::thread::Builder::new()
        .name("wire".to_owned())
        .spawn(move || {
            begun.wait();
            match link::read_all(&socket, &inbox) {
                // After `Stop` the shard still has to give its streams up.
                Ok(link::End::Stop) => inbox.close(),
                Ok(link::End::ParentGone) => exit(0),
                Err(error) => {
                    tracing::error!("{error}");
                    exit(1);
                }
            }
        })
        .map_err(|error| error.to_string())?;
    // A thread begins with all signals blocked; a system call that is refused then ends the
    // process.
    runs.wait();
    Ok(())
}

#[expect(
    clippy::exit,
    reason = "the shard may be inside C code that never returns; nobody is left to answer"
)]
fn exit(code: i32) {
    std::process::exit(code);
}

fn work<K: Kit>(
    kit: K,
    blackbox: File,
    inbox: &Inbox,
    outlet: &mut Outlet,
    memory: &Memory,
) -> Result<(), String> {
    let mut shard = Shard::new(kit, BlackBox::new(Some(blackbox)), Rc::new(clock::now));
    let mut out = Vec::new();
    while let Some((message, waiting)) = inbox.pop() {
        let turn = shard.turn(message, &mut out);
        for message in &mut out {
            if let FromEye::Health(health) = message {
                health.cpu_micros = clock::process_cpu_micros();
                health.memory_bytes = memory.resident_bytes();
                health.inbox_packets = waiting as u32;
                health.refused_syscalls = sandbox::refused_syscalls();
            }
        }
        outlet.put(&mut out);
        outlet.flush().map_err(|error| error.to_string())?;
        if turn == Turn::Stop {
            break;
        }
    }
    outlet.close();
    Ok(())
}

/// Where resident memory is read.
struct Memory {
    statm: Option<File>,
    page_bytes: u64,
}

impl Memory {
    /// Both need a file that cannot be opened later.
    fn open() -> Self {
        Self {
            statm: File::open("/proc/self/statm").ok(),
            page_bytes: rustix::param::page_size() as u64,
        }
    }

    /// The second number of `/proc/self/statm` is in pages.
    fn resident_bytes(&self) -> u64 {
        let mut text = [0; 128];
        let Some(statm) = &self.statm else { return 0 };
        let Ok(length) = statm.read_at(&mut text, 0) else {
            return 0;
        };
        let pages: Option<u64> = std::str::from_utf8(&text[..length])
            .ok()
            .and_then(|text| text.split(' ').nth(1))
            .and_then(|pages| pages.parse().ok());
        pages.unwrap_or(0) * self.page_bytes
    }
}

fn end_with_parent() -> Result<(), String> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| error.to_string())
}

fn duplicate(fd: std::os::fd::BorrowedFd<'_>) -> Result<OwnedFd, String> {
    fd.try_clone_to_owned().map_err(|error| error.to_string())
}
