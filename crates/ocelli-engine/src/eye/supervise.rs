//! The life of an eye, and of the next one in its place.

use std::{fs::File, sync::Arc, time::Duration};

use bytes::BytesMut;
use ocelli_core::{
    MonoTime,
    wire::{Frame, FrameReader, FromEye, SandboxReport, ToEye, VERSION},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::watch as channel,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    log,
    process::{Handle, Process, Spawner, is_own_fault},
    receive::Receiver,
    watch::{self, Watch},
};
use crate::{SandboxMode, clock, outbox::Outbox, shared::Shared};

/// Time between two ticks.
const TICK: Duration = Duration::from_millis(250);
/// An eye that is not ready by then is replaced.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// An eye that worked for so long did not fail to come up.
const SOUND_AFTER: Duration = Duration::from_secs(30);
/// Longest wait before an eye that fails again and again is started once more.
const RESTART_AFTER_MAX: Duration = Duration::from_secs(10);
/// Bytes that are encoded and written at once.
const WRITE_BYTES: usize = 256 * 1024;
/// Bytes that an eye may send in a second, and messages; more is read later.
const BYTES_PER_SEC: f64 = 64e6;
const MESSAGES_PER_SEC: f64 = 40_000.0;
/// How long what a dead eye has sent is read.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
/// How long a process may take to end after it closed its socket.
const EXIT_WITHIN: Duration = Duration::from_secs(1);

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
    let mut session = Session {
        receiver,
        eye,
        pid,
        reading,
        frames: FrameReader::from_eye(),
        budget: Budget::new(),
        outbox: &outbox,
        blackbox: &blackbox,
        watch: Watch::new(shared.options.hang_after, clock::mono()),
        last_tick: MonoTime::default(),
        models: 0,
        ready: false,
    };
    let cause = session.run(&mut handle, stop).await;
    if !matches!(cause, Cause::Stop) {
        shared.slots[eye].closed();
    }
    // What it was working on, before anything else changes.
    let noted = watch::read(&blackbox);
    let own_fault = session.bury(&mut handle, &cause).await;
    let was_ready = session.ready;
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

/// Why a session ended.
enum Cause {
    /// The process ended, or closed its socket.
    Over,
    /// It is asked to, and given time.
    Stop,
    /// It is killed, because.
    Kill {
        why: String,
        /// Whether what it was working on is to blame.
        blame: bool,
        /// Whether what it said before is still believed.
        believed: bool,
    },
}

impl Cause {
    fn why(&self, status: &str) -> String {
        match self {
            Self::Over => status.to_owned(),
            Self::Stop => "stopped".to_owned(),
            Self::Kill { why, .. } => why.clone(),
        }
    }

    fn kill(why: impl Into<String>) -> Self {
        Self::Kill {
            why: why.into(),
            blame: false,
            believed: true,
        }
    }

    /// It said what no eye in order says.
    fn mistrust(why: &impl ToString) -> Self {
        Self::Kill {
            why: why.to_string(),
            blame: true,
            believed: false,
        }
    }
}

struct Session<'a> {
    receiver: Receiver<'a>,
    eye: usize,
    pid: u32,
    reading: OwnedReadHalf,
    frames: FrameReader,
    budget: Budget,
    outbox: &'a Outbox,
    blackbox: &'a File,
    watch: Watch,
    last_tick: MonoTime,
    /// Answers about models so far.
    models: usize,
    ready: bool,
}

impl Session<'_> {
    async fn run(&mut self, handle: &mut Handle, stop: &mut channel::Receiver<bool>) -> Cause {
        let born = Instant::now();
        let mut beat = interval(TICK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                read = self.reading.read_buf(self.frames.buffer()) => match read {
                    Ok(0) | Err(_) => return Cause::Over,
                    Ok(bytes) => {
                        if let Err(cause) = self.take(bytes).await {
                            return cause;
                        }
                    }
                },
                _ = handle.ended() => return Cause::Over,
                _ = stop.changed() => return Cause::Stop,
                _ = beat.tick() => {
                    if !self.ready && born.elapsed() > READY_WITHIN {
                        return Cause::kill("was not ready in time");
                    }
                    if let Some(cause) = self.beat() {
                        return cause;
                    }
                }
            }
        }
    }

    /// Acts on all whole messages.
    async fn take(&mut self, bytes: usize) -> Result<(), Cause> {
        let mut messages = 0_u32;
        loop {
            let frame = self.frames.next_frame();
            let message = match frame.and_then(|frame| frame.map(Frame::into_from_eye).transpose())
            {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(error) => return Err(Cause::mistrust(&error)),
            };
            messages += 1;
            self.message(message).await?;
        }
        if let Some(wait) = self.budget.spend(bytes, messages, Instant::now()) {
            sleep(wait).await;
        }
        Ok(())
    }

    async fn message(&mut self, message: FromEye) -> Result<(), Cause> {
        match message {
            FromEye::Ready { version, sandbox } if !self.ready => self.greeted(version, sandbox)?,
            _ if !self.ready => return Err(Cause::kill("spoke before it was ready")),
            message => {
                match &message {
                    FromEye::Health(health) => self.watch.answered(health.tick),
                    FromEye::ModelLoaded { .. } => self.models += 1,
                    _ => {}
                }
                self.receiver
                    .take(message)
                    .await
                    .map_err(|violation| Cause::mistrust(&violation))?;
            }
        }
        Ok(())
    }

    fn greeted(&mut self, version: u16, sandbox: SandboxReport) -> Result<(), Cause> {
        let shared = self.receiver.shared;
        if version != VERSION {
            return Err(Cause::kill(format!(
                "speaks version {version} of the wire, not {VERSION}"
            )));
        }
        if !sandbox.missing.is_empty() {
            tracing::warn!(
                eye = self.eye,
                missing = sandbox.missing,
                "incomplete sandbox"
            );
            if shared.options.sandbox == SandboxMode::Strict {
                let missing = &sandbox.missing;
                return Err(Cause::kill(format!("the sandbox is incomplete: {missing}")));
            }
        }
        self.ready = true;
        self.receiver.slot.greeted(sandbox);
        shared.move_in(self.eye);
        shared.progress.notify_waiters();
        Ok(())
    }

    /// Sends the time, and judges whether the eye gets on.
    fn beat(&mut self) -> Option<Cause> {
        let now = clock::mono();
        if !self.ready {
            return None;
        }
        if now.micros_since(self.last_tick) > 2 * TICK.as_micros() as u64 {
            self.watch.excuse(now);
        }
        self.watch
            .set_loading(self.models < self.receiver.slot.models_sent());
        let noted = watch::read(self.blackbox);
        let pid = self.pid;
        let hang = self
            .watch
            .judge(noted, self.last_tick, now, || watch::process(pid));
        if let Some(hang) = hang {
            return Some(Cause::Kill {
                why: format!("hung ({})", hang.as_str()),
                blame: hang.is_own_fault(),
                believed: true,
            });
        }
        self.last_tick = now;
        self.outbox.push(ToEye::Tick {
            now,
            wall: clock::wall(),
        });
        None
    }

    /// Ends the process, and takes what it had sent before. Returns whether what it was working on
    /// is to blame; `None` where its status tells.
    async fn bury(&mut self, handle: &mut Handle, cause: &Cause) -> Option<bool> {
        match cause {
            Cause::Over => {
                // A socket without a process behind it is of no use, nor the other way round.
                if timeout(EXIT_WITHIN, handle.ended()).await.is_err() {
                    handle.kill();
                }
            }
            Cause::Stop => {}
            Cause::Kill { believed, .. } => {
                handle.kill();
                if !believed {
                    return Some(true);
                }
            }
        }
        if timeout(DRAIN_WITHIN, self.drain()).await.is_err() {
            tracing::warn!(
                eye = self.eye,
                "what an eye had sent was not read to its end"
            );
        }
        match cause {
            Cause::Over => None,
            Cause::Stop => Some(false),
            Cause::Kill { blame, .. } => Some(*blame),
        }
    }

    async fn drain(&mut self) {
        loop {
            match self.reading.read_buf(self.frames.buffer()).await {
                Ok(0) | Err(_) => return,
                Ok(bytes) => {
                    if self.take(bytes).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// How much an eye may say: a bucket of two seconds' worth.
struct Budget {
    bytes: f64,
    messages: f64,
    at: Instant,
}

impl Budget {
    const SECS: f64 = 2.0;

    fn new() -> Self {
        Self {
            bytes: BYTES_PER_SEC * Self::SECS,
            messages: MESSAGES_PER_SEC * Self::SECS,
            at: Instant::now(),
        }
    }

    /// Takes what was said; how long to wait before more is read.
    fn spend(&mut self, bytes: usize, messages: u32, now: Instant) -> Option<Duration> {
        let secs = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        let filled = |left: f64, rate: f64| (left + secs * rate).min(rate * Self::SECS);
        self.bytes = filled(self.bytes, BYTES_PER_SEC) - bytes as f64;
        self.messages = filled(self.messages, MESSAGES_PER_SEC) - f64::from(messages);
        let owed = (-self.bytes / BYTES_PER_SEC).max(-self.messages / MESSAGES_PER_SEC);
        (owed > 0.0).then(|| Duration::from_secs_f64(owed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eye_that_says_too_much_is_read_later() {
        let mut budget = Budget::new();
        let start = Instant::now();
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            assert_eq!(budget.spend(1_000_000, 1_000, now), None);
        }
        let now = start + Duration::from_mins(1);
        assert!(budget.spend(0, 200_000, now).is_some());
        let later = now + Duration::from_secs(5);
        assert_eq!(budget.spend(0, 1, later), None);
        assert!(budget.spend(300_000_000, 1, later).is_some());
    }
}
