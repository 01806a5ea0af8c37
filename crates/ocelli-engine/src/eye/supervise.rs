//! The life of an eye, and of the next one in its place.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use ocelli_core::wire::{ToEye, VERSION};
use tokio::{
    io::AsyncWriteExt as _,
    net::unix::OwnedWriteHalf,
    sync::watch as channel,
    time::{Instant, sleep, timeout},
};

use super::{
    log,
    process::{Process, Spawner, is_own_fault},
    receive::Receiver,
    session::{Cause, DRAIN_WITHIN, EXIT_WITHIN, Session},
    watch,
};
use crate::{SandboxMode, clock, outbox::Outbox, shared::Shared};

/// An eye that worked for so long did not fail to come up.
const SOUND_AFTER: Duration = Duration::from_secs(30);
/// Longest wait before an eye that fails again and again is started once more.
const RESTART_AFTER_MAX: Duration = Duration::from_secs(10);
/// Bytes that are encoded and written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// Keeps one eye alive until `stop` says otherwise.
pub(crate) async fn supervise(
    shared: Arc<Shared>,
    spawner: Arc<Spawner>,
    eye: usize,
    mut stop: channel::Receiver<bool>,
) {
    let mut failures = 0_u32;
    loop {
        let born = Instant::now();
        let end = live(&shared, &spawner, eye, &mut stop).await;
        if *stop.borrow() {
            return;
        }
        let failed = !end.was_ready || born.elapsed() < SOUND_AFTER;
        failures = if failed { failures + 1 } else { 0 };
        tracing::warn!(eye, reason = end.why, "an eye ended");
        shared.slots[eye].died(end.why, !end.was_ready);
        shared.progress.notify_waiters();
        if shared.slots[eye].is_failing() {
            shared.evacuate(eye);
        }
        // The first replacement comes at once: a second without eyes is a second without events.
        let wait = match failures {
            0..=2 => Duration::ZERO,
            more => Duration::from_millis(100)
                .saturating_mul(1 << more.min(10))
                .min(RESTART_AFTER_MAX),
        };
        tokio::select! {
            () = sleep(wait) => {}
            _ = stop.changed() => return,
        }
    }
}

/// How a life ended.
struct End {
    why: String,
    was_ready: bool,
}

impl End {
    fn unborn(why: String) -> Self {
        Self {
            why,
            was_ready: false,
        }
    }
}

async fn live(
    shared: &Shared,
    spawner: &Spawner,
    eye: usize,
    stop: &mut channel::Receiver<bool>,
) -> End {
    let process = match spawner.spawn().await {
        Ok(process) => process,
        Err(error) => return End::unborn(format!("cannot be started: {error}")),
    };
    let life = shared.next_life();
    let pid = process.pid;
    let outbox = Arc::new(Outbox::default());
    greet(shared, eye, (life, pid), &outbox);
    let Process {
        pid: _,
        mut handle,
        socket,
        blackbox,
        log,
    } = process;
    let (reading, writing) = socket.into_split();
    let writer = tokio::spawn(write(writing, Arc::clone(&outbox)));
    let logger = tokio::spawn(log::forward(log, eye));

    let receiver = Receiver {
        shared,
        slot: &shared.slots[eye],
        life,
    };
    let mut session = Session::new(receiver, (eye, pid), reading, &outbox, &blackbox);
    let cause = session.run(&mut handle, stop).await;
    if !matches!(cause, Cause::Stop) {
        shared.slots[eye].closed();
    }
    // What it was working on, before anything else changes.
    let noted = watch::read(&blackbox);
    let own_fault = session.bury(&mut handle, &cause).await;
    let was_ready = session.is_ready();
    shared.slots[eye].closed();
    writer.abort();
    let (status_fault, status) = match handle.reap(EXIT_WITHIN).await {
        Ok(status) => (is_own_fault(status), status.to_string()),
        Err(error) => (false, error.to_string()),
    };
    // The rest of its log is in the pipe; nobody writes there any more.
    if timeout(DRAIN_WITHIN, logger).await.is_err() {
        tracing::warn!(eye, "an eye's log does not end");
    }
    shared.move_out(life);
    let at_fault = own_fault.unwrap_or(status_fault);
    if was_ready && at_fault && !*stop.borrow() {
        blame(shared, noted.stream);
    }
    End {
        why: cause.why(&status),
        was_ready,
    }
}

/// Sends what every eye gets first.
fn greet(shared: &Shared, eye: usize, (life, pid): (u64, u32), outbox: &Arc<Outbox>) {
    let options = &shared.options;
    outbox.push(ToEye::Hello {
        version: VERSION,
        best_effort_sandbox: options.sandbox == SandboxMode::BestEffort,
        memory_bytes_max: options.eye_memory_bytes_max,
    });
    // Under the lock of the models, so that a change comes after or is among them.
    let models = shared.models();
    for model in models.iter() {
        outbox.push(model.message());
    }
    shared.slots[eye].born((life, pid), Arc::clone(outbox), models.len());
}

/// A stream stood first when its eye died by its own fault.
fn blame(shared: &Shared, stream: Option<ocelli_core::StreamId>) {
    let Some(cell) = stream.and_then(|stream| shared.stream(stream)) else {
        return;
    };
    let deaths = cell.lock().blame(clock::mono());
    if deaths >= 2 {
        cell.quarantine("its eye died twice while working for it");
        shared.progress.notify_waiters();
    } else {
        tracing::warn!(stream = %cell.name, "an eye died while working for it");
    }
}

/// Encodes and writes what waits.
async fn write(mut socket: OwnedWriteHalf, outbox: Arc<Outbox>) {
    let mut buffer = BytesMut::with_capacity(WRITE_BYTES);
    while outbox.drain(&mut buffer, WRITE_BYTES).await {
        if socket.write_all(&buffer).await.is_err() {
            // The end of the process is seen elsewhere.
            return;
        }
        buffer.clear();
    }
}
