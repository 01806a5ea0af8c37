//! What is said between the parent and one process of an eye, until one of them ends it.

use std::{fs::File, time::Duration};

use ocelli_core::{
    MonoTime,
    wire::{Frame, FrameReader, FromEye, SandboxReport, ToEye, VERSION},
};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::OwnedReadHalf,
    sync::watch as channel,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    budget::Budget,
    process::Handle,
    receive::Receiver,
    watch::{self, Watch},
};
use crate::{SandboxMode, clock, outbox::Outbox};

/// Time between two ticks.
const TICK: Duration = Duration::from_millis(250);
/// An eye that is not ready by then is replaced.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long what a dead eye has sent is read.
pub(super) const DRAIN_WITHIN: Duration = Duration::from_secs(5);
/// How long a process may take to end after it closed its socket.
pub(super) const EXIT_WITHIN: Duration = Duration::from_secs(1);

/// Why a session ended.
pub(super) enum Cause {
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
    pub(super) fn why(&self, status: &str) -> String {
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

/// One conversation with one process.
pub(super) struct Session<'a> {
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

impl<'a> Session<'a> {
    /// Begins, with nothing said yet. `(eye, pid)`: its number and its process.
    pub(super) fn new(
        receiver: Receiver<'a>,
        (eye, pid): (usize, u32),
        reading: OwnedReadHalf,
        outbox: &'a Outbox,
        blackbox: &'a File,
    ) -> Self {
        let hang_after = receiver.shared.options.hang_after;
        Self {
            receiver,
            eye,
            pid,
            reading,
            frames: FrameReader::from_eye(),
            budget: Budget::new(),
            outbox,
            blackbox,
            watch: Watch::new(hang_after, clock::mono()),
            last_tick: MonoTime::default(),
            models: 0,
            ready: false,
        }
    }

    /// Whether it said that it is ready.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// Talks until one of them ends it.
    pub(super) async fn run(
        &mut self,
        handle: &mut Handle,
        stop: &mut channel::Receiver<bool>,
    ) -> Cause {
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
    pub(super) async fn bury(&mut self, handle: &mut Handle, cause: &Cause) -> Option<bool> {
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
