//! How a sink does that goes on working after it has taken events: what waits in its own queue, and
//! what keeps it from sending.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// What a sink says of itself.
#[derive(Debug, Default)]
pub struct SinkHealth {
    waiting: AtomicU64,
    dropped: AtomicU64,
    failures: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl SinkHealth {
    /// Messages that wait in its own queue.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Relaxed)
    }

    /// Messages of its own queue that were given up.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Attempts to send that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// What keeps it from sending now; none: nothing. Never a credential.
    pub fn trouble(&self) -> Option<String> {
        self.trouble_cell().clone()
    }

    fn trouble_cell(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_waiting(&self, messages: u64) {
        self.waiting.store(messages, Relaxed);
    }

    pub(crate) fn gave_up(&self, messages: u64) {
        self.dropped.fetch_add(messages, Relaxed);
    }

    pub(crate) fn failed(&self, reason: &impl std::fmt::Display) {
        self.failures.fetch_add(1, Relaxed);
        *self.trouble_cell() = Some(reason.to_string());
    }

    pub(crate) fn sent(&self) {
        *self.trouble_cell() = None;
    }
}
