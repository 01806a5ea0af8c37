//! The eyes: started, fed, watched, replaced.

mod budget;
mod log;
mod process;
mod receive;
mod session;
mod supervise;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocelli_core::{
    histogram::EyeTimings,
    wire::{EyeHealth, SandboxReport, ToEye},
};

pub(crate) use process::Spawner;
pub(crate) use supervise::supervise;

use crate::{outbox::Outbox, placement::Load, rates::Rate, status::EyeStatus};

/// Starts in a row that failed, after which an eye counts as failing.
const FAILURES_MAX: u32 = 3;

/// One place for an eye: its process changes, its number stays.
#[derive(Default)]
pub(crate) struct Slot {
    inner: Mutex<SlotInner>,
}

#[derive(Default)]
struct SlotInner {
    /// The process that runs, whether ready or not.
    life: Option<(u64, Arc<Outbox>)>,
    status: EyeStatus,
    /// CPU time of former processes, in microseconds.
    cpu_before_micros: u64,
    decode_before_micros: u64,
    detect_before_micros: u64,
    refused_before: u64,
    timings_before: EyeTimings,
    failures: u32,
    cpu_rate: Rate,
    /// Models that were sent to the process that runs.
    models_sent: usize,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that streams can be sent to.
    pub(crate) fn ready_life(&self) -> Option<(u64, Arc<Outbox>)> {
        let inner = self.lock();
        if inner.status.ready {
            inner.life.clone()
        } else {
            None
        }
    }

    /// Sends a message to the process that runs, if any.
    pub(crate) fn push(&self, message: ToEye) {
        let mut inner = self.lock();
        inner.models_sent += usize::from(matches!(message, ToEye::Model { .. }));
        if let Some((_, outbox)) = &inner.life {
            outbox.push(message);
        }
    }

    /// Models that were sent to the process that runs: each is answered.
    fn models_sent(&self) -> usize {
        self.lock().models_sent
    }

    /// Whether it failed to come up several times in a row.
    pub(crate) fn is_failing(&self) -> bool {
        self.lock().failures >= FAILURES_MAX
    }

    /// Why its last process ended, if none came up since.
    pub(crate) fn failure(&self) -> Option<String> {
        let inner = self.lock();
        (!inner.status.ready && inner.failures > 0).then(|| inner.status.last_end.clone())
    }

    /// What it carries.
    pub(crate) fn load(&self, eye: usize, streams: usize) -> Load {
        Load {
            eye,
            cpu: self.lock().status.cpu_load,
            streams,
        }
    }

    /// How it is; `streams` is filled by the caller.
    pub(crate) fn status(&self) -> EyeStatus {
        let inner = self.lock();
        let mut status = inner.status.clone();
        if let Some((_, outbox)) = &inner.life {
            status.outbox_bytes = outbox.bytes();
        }
        status
    }

    /// Brings the rates up to now.
    pub(crate) fn beat(&self, secs: f64) {
        let mut inner = self.lock();
        let cpu_micros = inner.status.cpu_micros;
        inner.cpu_rate.take(cpu_micros, secs);
        inner.status.cpu_load = (inner.cpu_rate.per_sec() / 1e6) as f32;
    }

    fn health(&self, health: &EyeHealth) {
        let mut inner = self.lock();
        let before = (
            inner.cpu_before_micros,
            inner.decode_before_micros,
            inner.detect_before_micros,
            inner.refused_before,
        );
        let mut timings = inner.timings_before;
        timings.add(&health.timings);
        let status = &mut inner.status;
        status.timings = timings;
        status.cpu_micros = before.0.saturating_add(health.cpu_micros);
        status.decode_micros = before.1.saturating_add(health.decode_micros);
        status.detect_micros = before.2.saturating_add(health.detect_micros);
        status.refused_syscalls = before.3.saturating_add(health.refused_syscalls);
        status.memory_bytes = health.memory_bytes;
        status.inbox_packets = health.inbox_packets;
    }

    /// A process was started.
    fn born(&self, (life, pid): (u64, u32), outbox: Arc<Outbox>, models: usize) {
        let mut inner = self.lock();
        inner.models_sent = models;
        inner.life = Some((life, outbox));
        inner.status.pid = Some(pid);
        inner.status.starts += 1;
        inner.status.ready = false;
        inner.status.models.clear();
    }

    /// It gave up its rights and takes streams.
    fn greeted(&self, sandbox: SandboxReport) {
        let mut inner = self.lock();
        inner.status.ready = true;
        inner.status.sandbox = sandbox;
        inner.failures = 0;
    }

    /// No stream is sent there any more.
    fn closed(&self) {
        let mut inner = self.lock();
        inner.status.ready = false;
        if let Some((_, outbox)) = inner.life.take() {
            outbox.close();
        }
    }

    /// The process ended.
    fn died(&self, why: String, failed: bool) {
        let mut inner = self.lock();
        inner.cpu_before_micros = inner.status.cpu_micros;
        inner.decode_before_micros = inner.status.decode_micros;
        inner.detect_before_micros = inner.status.detect_micros;
        inner.refused_before = inner.status.refused_syscalls;
        inner.timings_before = inner.status.timings;
        inner.status.pid = None;
        inner.status.memory_bytes = 0;
        inner.status.inbox_packets = 0;
        inner.status.last_end = why;
        inner.failures = if failed { inner.failures + 1 } else { 0 };
    }
}
