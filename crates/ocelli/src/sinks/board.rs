//! How the sinks do, for the API and the metrics.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use ocelli_sinks::health::SinkHealth;
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::SinkConfig;

/// Whether a sink does what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SinkState {
    /// It takes what comes.
    Working,
    /// It does not, and is tried again.
    Failing,
}

/// How one sink does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SinkStatus {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Whether it does what it should.
    pub state: SinkState,
    /// What keeps it from that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Events that it took.
    pub delivered: u64,
    /// Events that it will never get: it was away for too long, or refused them for good.
    pub dropped: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Messages that wait in a queue of its own.
    pub waiting: u64,
}

/// What is known of each sink.
#[derive(Debug, Clone, Default)]
pub struct SinkBoard(Arc<Mutex<BTreeMap<String, Arc<Entry>>>>);

/// What is known of one sink, while it runs.
#[derive(Debug, Default)]
pub(super) struct Entry {
    kind: String,
    pub(super) health: Arc<SinkHealth>,
    delivered: AtomicU64,
    dropped: AtomicU64,
    failures: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl SinkBoard {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, config: &SinkConfig) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            kind: config.kind.clone(),
            ..Entry::default()
        });
        self.entries()
            .insert(config.name.clone(), Arc::clone(&entry));
        entry
    }

    pub(super) fn remove(&self, name: &str) {
        self.entries().remove(name);
    }

    /// How all of them do, by name.
    pub fn statuses(&self) -> Vec<SinkStatus> {
        self.entries()
            .iter()
            .map(|(name, entry)| entry.status(name))
            .collect()
    }
}

impl Entry {
    fn status(&self, name: &str) -> SinkStatus {
        let own = self
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let reason = own.or_else(|| self.health.trouble());
        SinkStatus {
            name: name.to_owned(),
            kind: self.kind.clone(),
            state: match reason {
                None => SinkState::Working,
                Some(_) => SinkState::Failing,
            },
            reason,
            delivered: self.delivered.load(Relaxed),
            dropped: self.dropped.load(Relaxed) + self.health.dropped(),
            failures: self.failures.load(Relaxed) + self.health.failures(),
            waiting: self.health.waiting(),
        }
    }

    pub(super) fn delivered(&self, events: u64) {
        self.delivered.fetch_add(events, Relaxed);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn dropped(&self, events: u64) {
        self.dropped.fetch_add(events, Relaxed);
    }

    /// Whether it worked until now.
    pub(super) fn failed(&self, reason: &impl std::fmt::Display) -> bool {
        self.failures.fetch_add(1, Relaxed);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.replace(reason.to_string()).is_none()
    }
}
