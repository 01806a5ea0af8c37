//! The one thread that writes: it owns the catalogue and the open files.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use ocelli_core::{EventRecord, MonoTime, WallTime};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    Appended, Retained, StoreError, StoreOptions,
    catalogue::{Catalogue, Erasure},
    elapsed::Elapsed,
    erase::Erasures,
    file::StoreFile,
    period::{FileName, RetentionClass},
    shared::Shared,
    write::FileWriter,
};

/// Files that stay open for writing.
const OPEN_MAX: usize = 16;
/// Commits wait at most this long to be safe from a power cut.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// While something is erased, the writer looks so often whether it is to help.
const ERASE_EVERY: Duration = Duration::from_millis(20);
/// Events that are put into one transaction, about.
const BATCH_EVENTS: usize = 4096;

/// What the thread is asked to do.
pub(crate) enum Command {
    Append(AppendJob),
    Retain {
        now: WallTime,
        reply: oneshot::Sender<Result<Retained, StoreError>>,
    },
    Erase {
        erasure: Erasure,
        reply: super::erase::Reply,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// Events to be kept.
pub(crate) struct AppendJob {
    pub(crate) class: RetentionClass,
    pub(crate) events: Vec<EventRecord>,
    pub(crate) reply: oneshot::Sender<Result<Appended, StoreError>>,
}

/// A command, and its place in the queue.
pub(crate) type Queued = (Command, OwnedSemaphorePermit);

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: StoreOptions,
    pub(crate) catalogue: Catalogue,
    pub(crate) elapsed: Elapsed,
    /// Least recently used first.
    open: VecDeque<(Arc<StoreFile>, FileWriter)>,
    /// Epoch -> files that hold events of it under another time than their own.
    pub(crate) clamped: BTreeMap<u64, BTreeSet<FileName>>,
    /// Files that are to be removed and could not be yet.
    pub(crate) going: Vec<Arc<StoreFile>>,
    pub(crate) erasures: Erasures,
    /// Failures in a row of the file that was written last.
    pub(crate) failures: u32,
    synced: MonoTime,
    /// Held as long as this process may write.
    _lock: std::fs::File,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        options: StoreOptions,
        catalogue: Catalogue,
        elapsed: Elapsed,
        lock: std::fs::File,
    ) -> Self {
        let synced = options.clock.running();
        Self {
            shared,
            options,
            catalogue,
            elapsed,
            open: VecDeque::new(),
            clamped: BTreeMap::new(),
            going: Vec::new(),
            erasures: Erasures::default(),
            failures: 0,
            synced,
            _lock: lock,
        }
    }

    /// Works until everybody who could ask for something is gone.
    pub(crate) fn run(mut self, commands: &Receiver<Queued>) {
        let mut next: Option<Queued> = None;
        loop {
            let command = match next.take() {
                Some(command) => Ok(command),
                None if self.is_erasing() => commands.recv_timeout(ERASE_EVERY),
                None => commands.recv_timeout(SYNC_EVERY),
            };
            match command {
                Ok((Command::Append(job), permit)) => {
                    let mut events = job.events.len();
                    let mut jobs = vec![(job, permit)];
                    while events < BATCH_EVENTS {
                        match commands.try_recv() {
                            Ok((Command::Append(job), permit)) => {
                                events += job.events.len();
                                jobs.push((job, permit));
                            }
                            Ok(other) => {
                                next = Some(other);
                                break;
                            }
                            Err(_none) => break,
                        }
                    }
                    self.append(jobs);
                }
                Ok((Command::Retain { now, reply }, _permit)) => {
                    reply.send(self.retain(now)).ok();
                }
                Ok((Command::Erase { erasure, reply }, _permit)) => {
                    self.ask_to_erase(erasure, reply);
                }
                Ok((Command::Close { reply }, _permit)) => {
                    self.close();
                    drop(self);
                    reply.send(()).ok();
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.close();
                    return;
                }
            }
            self.sync_if_due();
            self.note_reported();
            self.go_on_erasing();
        }
    }

    /// Makes commits of the last second safe from a power cut.
    fn sync_if_due(&mut self) {
        let now = self.options.clock.running();
        if u128::from(now.micros_since(self.synced)) < SYNC_EVERY.as_micros() {
            return;
        }
        self.synced = now;
        for (file, writer) in &mut self.open {
            if writer.unsynced
                && let Err(error) = writer.sync(&file.path)
            {
                tracing::warn!(%error, "commits may not survive a power cut");
            }
        }
    }

    /// Writes damage that was found by readers into the catalogue, and leaves the file alone.
    pub(crate) fn note_reported(&mut self) {
        for file in self.shared.take_reported() {
            self.drop_open(file.name);
            if let Err(error) = self.catalogue.put(&[file.listed()], None) {
                tracing::warn!(%error, "damage could not be noted in the catalogue");
            }
        }
    }

    /// Time passed. Err: the catalogue could not be written; the time passed all the same.
    pub(crate) fn tick(&mut self, wall: WallTime, save: bool) -> Result<(), StoreError> {
        let ticked = self.elapsed.tick(wall, self.options.clock.running());
        self.shared.elapsed.store(self.elapsed.micros(), Relaxed);
        let mut spared = BTreeMap::new();
        for jump in &ticked.believed {
            for (name, file) in self.shared.files() {
                if file.spare(jump.since, jump.micros) {
                    spared.insert(name, file.listed());
                }
            }
        }
        if save || ticked.changed {
            let spared: Vec<_> = spared.into_values().collect();
            self.catalogue.put(&spared, Some(self.elapsed.saved()))?;
        }
        Ok(())
    }

    /// Wall time now, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.options.clock.wall().micros.div_euclid(1000)
    }

    /// The writer of a file.
    pub(crate) fn writer(&mut self, file: &Arc<StoreFile>) -> Result<&mut FileWriter, StoreError> {
        let at = self
            .open
            .iter()
            .position(|(open, _)| open.name == file.name);
        let entry = match at.and_then(|at| self.open.remove(at)) {
            Some(entry) => entry,
            None => (Arc::clone(file), FileWriter::open(&file.path, file.name)?),
        };
        if self.open.len() >= OPEN_MAX
            && let Some((old, mut writer)) = self.open.pop_front()
            && writer.unsynced
            && let Err(error) = writer.sync(&old.path)
        {
            tracing::warn!(%error, "commits may not survive a power cut");
        }
        self.open.push_back(entry);
        self.open
            .back_mut()
            .map(|(_, writer)| writer)
            .ok_or(StoreError::Closed)
    }

    /// Closes the writer of a file, if it is open.
    pub(crate) fn drop_open(&mut self, name: FileName) {
        self.open.retain(|(file, _)| file.name != name);
    }

    /// Where events of a class and time go: the last file of their period, or a new one where that
    /// is damaged or big.
    pub(crate) fn target(
        &mut self,
        class: RetentionClass,
        at_ms: i64,
    ) -> Result<Arc<StoreFile>, StoreError> {
        let first = FileName::of(class, at_ms, 0);
        let last = FileName::of(class, at_ms, u32::MAX);
        let files = self.shared.files();
        let newest = files.range(first..=last).next_back();
        let part = match newest {
            None => 0,
            Some((_, file)) if self.takes_more(file) => {
                let file = Arc::clone(file);
                self.unseal(&file)?;
                return Ok(file);
            }
            Some((name, _)) => name.part + 1,
        };
        let name = FileName { part, ..first };
        let created = self.elapsed.micros();
        let left_ms = name.end_ms() - self.now_ms() + class.millis();
        let file = StoreFile::new(&self.shared.folder, name, created, created + left_ms * 1000);
        *file.checked() = true;
        FileWriter::create(&file.path, name)?;
        self.catalogue.put(&[file.listed()], None)?;
        let file = Arc::new(file);
        self.shared
            .change_files(|files| files.insert(name, Arc::clone(&file)));
        Ok(file)
    }

    fn takes_more(&self, file: &StoreFile) -> bool {
        file.damage().is_none() && !file.is_frozen() && file.bytes() < self.file_bytes_max()
    }

    fn file_bytes_max(&self) -> u64 {
        const FILE_BYTES_MAX: u64 = 1 << 30;
        // A quota removes whole files, so none may be a big part of it.
        self.options
            .bytes_max
            .map_or(FILE_BYTES_MAX, |quota| (quota / 8).min(FILE_BYTES_MAX))
    }

    fn unseal(&self, file: &StoreFile) -> Result<(), StoreError> {
        if let Some(seal) = file.seal() {
            file.set_seal(None);
            if let Err(error) = self.catalogue.put(&[file.listed()], None) {
                file.set_seal(Some(seal));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Closes a file that will hardly be written again, and remembers what its bytes add up to.
    /// Whether it could.
    pub(crate) fn seal(&mut self, file: &Arc<StoreFile>) -> Result<bool, StoreError> {
        let whole = self.writer(file)?.checkpoint()?;
        self.drop_open(file.name);
        if !whole {
            return Ok(false);
        }
        self.shared.close_idle(file.name);
        file.set_seal(Some(file.measure()?));
        self.catalogue.put(&[file.listed()], None)?;
        Ok(true)
    }

    /// Leaves everything in order.
    fn close(&mut self) {
        self.note_reported();
        for file in self.shared.files().into_values() {
            if file.seal().is_none()
                && file.damage().is_none()
                && !file.is_frozen()
                && let Err(error) = self.seal(&file)
            {
                tracing::warn!(%error, "a store file could not be sealed");
            }
        }
        let wall = self.options.clock.wall();
        if let Err(error) = self.tick(wall, true) {
            tracing::warn!(%error, "the catalogue could not be written");
        }
    }
}
