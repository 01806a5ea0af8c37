//! How events get into their files, each once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    Appended, Refused, StoreError,
    file::StoreFile,
    incoming::identify,
    period::{FileName, RetentionClass, file_under},
    write::{FileWriter, Incoming},
    writer::{AppendJob, Writer},
};

/// So many failures of the disk under one file in a row, and another file is begun.
const FAILURES_MAX: u32 = 3;
/// So many files are tried for one batch.
const FILES_MAX: usize = 3;

/// An event of a batch, and whose it is.
struct Item<'a> {
    job: usize,
    event: Incoming<'a>,
}

impl Writer {
    /// Keeps what it is given, and answers each job when its events are committed.
    pub(crate) fn append(&mut self, mut jobs: Vec<(AppendJob, OwnedSemaphorePermit)>) {
        let wall = self.options.clock.wall();
        if let Err(error) = self.tick(wall, false) {
            tracing::warn!(%error, "the catalogue could not be written");
        }
        for (job, _) in &mut jobs {
            for event in &mut job.events {
                self.options.positions.limit(event);
            }
        }
        let mut results: Vec<Result<Appended, StoreError>> =
            jobs.iter().map(|_| Ok(Appended::default())).collect();
        let groups = self.group(&jobs, &mut results);
        for ((class, start_ms), items) in groups {
            self.append_group(class, start_ms, &items, &mut results);
        }
        for ((job, _permit), result) in jobs.into_iter().zip(results) {
            self.count(&result, job.events.len());
            // Whoever asked may have gone; the events are kept all the same.
            job.reply.send(result).ok();
        }
    }

    /// Sorts events by the file that they belong into.
    fn group<'a>(
        &self,
        jobs: &'a [(AppendJob, OwnedSemaphorePermit)],
        results: &mut [Result<Appended, StoreError>],
    ) -> BTreeMap<(RetentionClass, i64), Vec<Item<'a>>> {
        let now_ms = self.now_ms();
        let mut groups: BTreeMap<_, Vec<Item<'a>>> = BTreeMap::new();
        for (at, ((job, _), result)) in jobs.iter().zip(results).enumerate() {
            for record in &job.events {
                let identity = match identify(record) {
                    Ok(identity) => identity,
                    Err(reason) => {
                        if let Ok(appended) = result {
                            appended.refused.push(Refused {
                                id: record.id.chars().take(64).collect(),
                                reason,
                            });
                        }
                        continue;
                    }
                };
                let filed = file_under(job.class, identity.own_ms, now_ms);
                let start_ms = FileName::of(job.class, filed.at_ms, 0).start_ms;
                groups.entry((job.class, start_ms)).or_default().push(Item {
                    job: at,
                    event: Incoming {
                        record,
                        epoch: identity.epoch,
                        number: identity.number,
                        own_ms: identity.own_ms,
                        filed,
                    },
                });
            }
        }
        groups
    }

    fn append_group(
        &mut self,
        class: RetentionClass,
        start_ms: i64,
        items: &[Item<'_>],
        results: &mut [Result<Appended, StoreError>],
    ) {
        match self.insert(class, start_ms, items) {
            Ok(new) => {
                for (item, new) in items.iter().zip(new) {
                    if let Some(Ok(appended)) = results.get_mut(item.job) {
                        appended.stored += usize::from(new);
                        appended.duplicates += usize::from(!new);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, events = items.len(), "events could not be kept");
                for item in items {
                    if let Some(result) = results.get_mut(item.job) {
                        *result = Err(error.clone());
                    }
                }
            }
        }
    }

    /// Commits events of one period. Says of each whether it is new.
    fn insert(
        &mut self,
        class: RetentionClass,
        start_ms: i64,
        items: &[Item<'_>],
    ) -> Result<Vec<bool>, StoreError> {
        let mut last = StoreError::Closed;
        for _ in 0..FILES_MAX {
            let file = self.target(class, start_ms)?;
            match self.insert_into(&file, items) {
                Ok(new) => {
                    self.failures = 0;
                    return Ok(new);
                }
                Err(error) => {
                    self.drop_open(file.name);
                    self.shared.close_idle(file.name);
                    match &error {
                        StoreError::Damaged { reason, .. } => self.shared.report(&file, reason),
                        StoreError::Io { reason, .. } => {
                            self.failures += 1;
                            if self.failures < FAILURES_MAX {
                                return Err(error);
                            }
                            self.failures = 0;
                            self.shared.report(&file, reason);
                        }
                        _ => return Err(error),
                    }
                    last = error;
                }
            }
        }
        Err(last)
    }

    fn insert_into(
        &mut self,
        file: &Arc<StoreFile>,
        items: &[Item<'_>],
    ) -> Result<Vec<bool>, StoreError> {
        let elsewhere = self.elsewhere(file, items)?;
        let epochs: BTreeSet<u64> = items
            .iter()
            .filter(|item| item.event.filed.clamped)
            .map(|item| item.event.epoch)
            .collect();
        for epoch in epochs {
            // Before the event itself: a replay has to know where to look.
            let known = self.clamped.get(&epoch);
            if !known.is_some_and(|files| files.contains(&file.name)) {
                self.catalogue.add_clamped(epoch, &file.text)?;
                self.clamped.entry(epoch).or_default().insert(file.name);
            }
        }
        let events: Vec<Incoming<'_>> = items
            .iter()
            .zip(&elsewhere)
            .filter(|(_, elsewhere)| !**elsewhere)
            .map(|(item, _)| item.event)
            .collect();
        let mut new = if events.is_empty() {
            Vec::new()
        } else {
            self.writer(file)?.insert(&events)?
        }
        .into_iter();
        Ok(elsewhere
            .into_iter()
            .map(|elsewhere| !elsewhere && new.next().unwrap_or(false))
            .collect())
    }

    /// Says of each event whether another file than `target` holds it: one of the same period of
    /// another class or part, or one in which it is filed under another time.
    fn elsewhere(
        &mut self,
        target: &Arc<StoreFile>,
        items: &[Item<'_>],
    ) -> Result<Vec<bool>, StoreError> {
        let files = self.shared.files();
        let near: Vec<Arc<StoreFile>> = files
            .values()
            .filter(|file| {
                file.name != target.name
                    && file.name.start_ms < target.name.end_ms()
                    && file.name.end_ms() > target.name.start_ms
            })
            .cloned()
            .collect();
        let mut found = Vec::with_capacity(items.len());
        let mut mute = BTreeSet::new();
        for item in items {
            let event = &item.event;
            let mut held = false;
            let own: Vec<Arc<StoreFile>>;
            let covering = if event.filed.clamped {
                own = files.values().cloned().collect();
                &own
            } else {
                &near
            };
            for file in covering
                .iter()
                .filter(|file| file.name.covers(event.own_ms))
            {
                held = held
                    || self.ask(file, &mut mute, |writer| writer.holds(event, event.own_ms))?;
            }
            for name in self.clamped.get(&event.epoch).cloned().unwrap_or_default() {
                if let Some(file) = files.get(&name) {
                    held =
                        held || self.ask(file, &mut mute, |writer| writer.holds_clamped(event))?;
                }
            }
            found.push(held);
        }
        Ok(found)
    }

    /// Asks a file something. A damaged one that cannot answer holds nothing, as far as anybody
    /// can know; it is not asked again for this batch.
    fn ask(
        &mut self,
        file: &Arc<StoreFile>,
        mute: &mut BTreeSet<FileName>,
        question: impl FnOnce(&FileWriter) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        if mute.contains(&file.name) {
            return Ok(false);
        }
        let answer = self.writer(file).and_then(|writer| question(writer));
        answer.or_else(|error| {
            self.drop_open(file.name);
            if let StoreError::Damaged { reason, .. } = &error {
                self.shared.report(file, reason);
            }
            if file.damage().is_none() {
                return Err(error);
            }
            mute.insert(file.name);
            Ok(false)
        })
    }

    fn count(&self, result: &Result<Appended, StoreError>, events: usize) {
        let counters = &self.shared.counters;
        match result {
            Ok(appended) => {
                counters.stored.fetch_add(appended.stored as u64, Relaxed);
                counters
                    .duplicates
                    .fetch_add(appended.duplicates as u64, Relaxed);
                counters
                    .refused
                    .fetch_add(appended.refused.len() as u64, Relaxed);
                counters.full.store(false, Relaxed);
            }
            Err(error) => {
                counters.dropped.fetch_add(events as u64, Relaxed);
                let full = matches!(error, StoreError::Full(_));
                counters.full.store(full, Relaxed);
            }
        }
    }
}
