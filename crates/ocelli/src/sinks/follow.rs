//! One sink's task: builds it, brings it events, and waits where it fails.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ocelli_core::{EventRecord, StageError, seam::Sink};
use ocelli_sinks::sink;
use tokio_util::sync::CancellationToken;

use super::board::Entry;
use crate::{Hub, config::SinkConfig};

/// Events that are delivered at a time.
const BATCH: usize = 256;
/// The pause after a first failure; it doubles.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// An event that a sink refuses so often, alone, is dropped: others wait behind it.
const REFUSALS_MAX: u32 = 3;

pub(super) struct Follow {
    pub(super) config: SinkConfig,
    pub(super) folder: PathBuf,
    pub(super) hub: Hub,
    pub(super) entry: Arc<Entry>,
    /// Position of the next event.
    pub(super) next: u64,
    /// What there is when it is cancelled is still delivered, unless the sink fails.
    pub(super) ending: CancellationToken,
}

impl Follow {
    /// Runs until it is to end. Gives the position of the first event that was not delivered.
    pub(super) async fn run(mut self) -> u64 {
        let mut newest = self.hub.recent().newest();
        let mut sink: Option<Box<dyn Sink>> = None;
        // Failures in a row, and the size of the next batch.
        let (mut failures, mut size) = (0, BATCH);
        loop {
            newest.mark_unchanged();
            let events = self.events(size);
            if events.is_empty() && sink.is_some() {
                tokio::select! {
                    biased;
                    changed = newest.changed() => if changed.is_err() { return self.next },
                    () = self.ending.cancelled() => return self.next,
                }
                continue;
            }
            match self.bring(&mut sink, &events).await {
                Ok(()) => {
                    self.next += events.len() as u64;
                    self.entry.delivered(events.len() as u64);
                    failures = 0;
                    size = (size * 2).min(BATCH);
                }
                Err(error) => {
                    if self.entry.failed(&error) {
                        tracing::warn!(sink = self.config.name, %error, "a sink fails");
                    }
                    failures += 1;
                    if matches!(error, StageError::Rejected(_)) && sink.is_some() {
                        if events.len() == 1 && failures >= REFUSALS_MAX {
                            tracing::warn!(sink = self.config.name, %error, "an event is dropped");
                            self.entry.dropped(1);
                            self.next += 1;
                            failures = 0;
                        }
                        // One of them may be the reason: others need not wait for it.
                        size = 1;
                    }
                    tokio::select! {
                        () = self.ending.cancelled() => return self.next,
                        () = tokio::time::sleep(pause(failures)) => {}
                    }
                }
            }
        }
    }

    /// The next events. Those that are not remembered any more are dropped.
    fn events(&mut self, size: usize) -> Vec<Arc<EventRecord>> {
        loop {
            if let Some(events) = self.hub.recent().from(self.next, size) {
                return events;
            }
            let oldest = self.hub.recent().oldest();
            let lost = oldest.saturating_sub(self.next);
            tracing::warn!(
                sink = self.config.name,
                lost,
                "events are dropped: the sink was away for too long"
            );
            self.entry.dropped(lost);
            self.next = oldest.max(self.next);
        }
    }

    async fn bring(
        &self,
        sink: &mut Option<Box<dyn Sink>>,
        events: &[Arc<EventRecord>],
    ) -> Result<(), StageError> {
        let sink = if let Some(sink) = sink {
            sink
        } else {
            let mut request = self.config.request(self.folder.clone());
            request.health = Arc::clone(&self.entry.health);
            sink.insert(sink::build(&self.config.kind, request)?)
        };
        if events.is_empty() {
            return Ok(());
        }
        let events: Vec<EventRecord> = events.iter().map(|event| (**event).clone()).collect();
        sink.deliver(&events).await
    }
}

/// Doubled with each failure, between half and all of it by chance.
fn pause(failures: u32) -> Duration {
    let whole = PAUSE_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let whole = whole.min(PAUSE_MAX);
    let mut chance = [0; 2];
    // Without chance all sinks come at once, which they bear.
    let _drawn = getrandom::fill(&mut chance);
    let share = f64::from(u16::from_le_bytes(chance)) / f64::from(u16::MAX);
    whole.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        for (failures, least, most) in [(1, 500, 1000), (4, 4000, 8000), (u32::MAX, 30_000, 60_000)]
        {
            let millis = pause(failures).as_millis();
            assert!((least..=most).contains(&millis), "{failures}: {millis}");
        }
    }
}
