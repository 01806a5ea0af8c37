//! What somebody would try who has taken an eye over.

use std::{
    io,
    net::{TcpListener, UdpSocket},
    os::unix::{fs::symlink, net::UnixDatagram, process::CommandExt as _},
    process::Command,
    str::FromStr,
};

use rustix::{
    fs::{MemfdFlags, memfd_create},
    process::{
        DumpableBehavior, Resource, Rlimit, getpid, set_dumpable_behavior, setrlimit,
        test_kill_process,
    },
};

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It worked.
    Done,
    /// The answer was `EPERM`.
    Refused,
    /// Something else went wrong.
    Failed,
}

impl FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "Done" => Ok(Self::Done),
            "Refused" => Ok(Self::Refused),
            "Failed" => Ok(Self::Failed),
            other => Err(other.to_owned()),
        }
    }
}

type Attempt = fn() -> io::Result<()>;

/// All of them.
pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("open", || std::fs::File::open("/etc/passwd").map(drop)),
    ("create", || std::fs::File::create("created").map(drop)),
    ("list", || std::fs::read_dir("/proc").map(drop)),
    ("unlink", || std::fs::remove_file("there")),
    ("mkdir", || std::fs::create_dir("made")),
    ("symlink", || symlink("/etc/passwd", "linked")),
    ("memory-file", || {
        Ok(memfd_create("more", MemfdFlags::CLOEXEC).map(drop)?)
    }),
    ("tcp", || TcpListener::bind("127.0.0.1:0").map(drop)),
    ("udp", || UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("unix", || UnixDatagram::unbound().map(drop)),
    ("fork", || {
        Command::new("/bin/true").spawn()?.wait().map(drop)
    }),
    ("thread", || {
        let thread = std::thread::Builder::new().name("more".to_owned());
        thread.spawn(|| {}).map(drop)
    }),
    ("signal", || Ok(test_kill_process(getpid())?)),
    ("dumpable", || {
        Ok(set_dumpable_behavior(DumpableBehavior::Dumpable)?)
    }),
    ("limits", || {
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        Ok(setrlimit(Resource::Core, none)?)
    }),
    ("executable-memory", executable_memory),
    ("trace", trace),
    ("exec", || Err(Command::new("/bin/true").exec())),
];

/// Tries what is called so, or everything, and prints what came of it and how many refusals were
/// counted meanwhile.
pub(crate) fn run(only: Option<&str>, refusals: fn() -> u64) {
    for (name, attempt) in ATTEMPTS {
        if only.is_some_and(|only| only != *name) {
            continue;
        }
        if only == Some("exec") {
            // Where it works there is nobody left to say so.
            println!("attempt exec Done 0");
        }
        let before = refusals();
        let outcome = match attempt() {
            Ok(()) => Outcome::Done,
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => Outcome::Refused,
            Err(error) => {
                println!("error {name} {error}");
                Outcome::Failed
            }
        };
        println!("attempt {name} {outcome:?} {}", refusals() - before);
    }
}

/// What an eye does all day: memory, time, waiting for another thread's lock.
pub(crate) fn work() -> bool {
    let large = vec![1_u8; 64 << 20];
    let sum: u64 = large.iter().map(|&byte| u64::from(byte)).sum();
    std::thread::sleep(std::time::Duration::from_millis(1));
    let caught = std::panic::catch_unwind(|| panic!("as planned"));
    sum == 64 << 20 && caught.is_err() && ocelli_eye::clock::now().micros > 0
}

#[expect(
    unsafe_code,
    reason = "no safe form of mapping executable memory exists"
)]
fn executable_memory() -> io::Result<()> {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    let protection = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
    // SAFETY: a new mapping at an address of the kernel's choice touches no other memory, and it
    // is unmapped with its own length.
    unsafe {
        let memory = mmap_anonymous(std::ptr::null_mut(), 4096, protection, MapFlags::PRIVATE)?;
        munmap(memory, 4096)?;
    }
    Ok(())
}

#[expect(unsafe_code, reason = "tracing has no safe form")]
fn trace() -> io::Result<()> {
    // SAFETY: PTRACE_TRACEME takes no pointer.
    let result = unsafe {
        libc::ptrace(
            libc::PTRACE_TRACEME,
            0,
            std::ptr::null_mut::<libc::c_void>(),
            std::ptr::null_mut::<libc::c_void>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
