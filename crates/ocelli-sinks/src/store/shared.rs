//! What the writer's thread and the readers share.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    Damage, StoreError, StoreStatus,
    file::{StoreFile, locked},
    period::FileName,
    read::Reader,
    verify,
};

/// Connections that wait for the next query.
const IDLE_READERS_MAX: usize = 32;

/// The files in order of class and time.
pub(crate) type Files = BTreeMap<FileName, Arc<StoreFile>>;

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) stored: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) erased: AtomicU64,
    pub(crate) removed_files: AtomicU64,
    pub(crate) full: AtomicBool,
}

pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    files: RwLock<Files>,
    pub(crate) elapsed: AtomicI64,
    pub(crate) counters: Counters,
    idle: Mutex<VecDeque<(FileName, Reader)>>,
    /// Files whose damage is not in the catalogue yet.
    reported: Mutex<Vec<Arc<StoreFile>>>,
}

impl Shared {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            files: RwLock::default(),
            elapsed: AtomicI64::new(0),
            counters: Counters::default(),
            idle: Mutex::default(),
            reported: Mutex::default(),
        }
    }

    /// The files as they are now.
    pub(crate) fn files(&self) -> Files {
        self.files
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn change_files<T>(&self, change: impl FnOnce(&mut Files) -> T) -> T {
        change(&mut self.files.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers damage, and tells the writer of it.
    pub(crate) fn report(&self, file: &Arc<StoreFile>, reason: &str) {
        if file.set_damage(reason) {
            tracing::warn!(file = file.text, reason, "a store file is damaged");
            locked(&self.reported).push(Arc::clone(file));
        }
    }

    /// Takes what was reported since the last time.
    pub(crate) fn take_reported(&self) -> Vec<Arc<StoreFile>> {
        std::mem::take(&mut *locked(&self.reported))
    }

    /// Closes the connections to a file that wait for the next query.
    pub(crate) fn close_idle(&self, name: FileName) {
        locked(&self.idle).retain(|(idle, _)| *idle != name);
    }

    /// Opens a file to read one moment of it. Ok(None): it is no more.
    pub(crate) fn open<'a>(
        &'a self,
        file: &'a Arc<StoreFile>,
    ) -> Result<Option<Opened<'a>>, StoreError> {
        let Some(held) = file.hold() else {
            return Ok(None);
        };
        if let Err(error) = verify::once(file) {
            match error {
                // Its rows say themselves whether they are whole.
                StoreError::Damaged { reason, .. } => self.report(file, &reason),
                other => return Err(other),
            }
        }
        let mut idle = locked(&self.idle);
        let at = idle.iter().position(|(name, _)| *name == file.name);
        let waiting = at.and_then(|at| idle.remove(at));
        drop(idle);
        let opened = waiting
            .map_or_else(|| Reader::open(file), |(_, reader)| Ok(reader))
            .and_then(|mut reader| reader.begin().map(|()| reader));
        match opened {
            Ok(reader) => Ok(Some(Opened {
                shared: self,
                file,
                reader: Some(reader),
                _held: held,
            })),
            Err(error) => {
                if let StoreError::Damaged { reason, .. } = &error {
                    self.report(file, reason);
                }
                Err(error)
            }
        }
    }

    pub(crate) fn status(&self) -> StoreStatus {
        let files = self.files();
        let counters = &self.counters;
        StoreStatus {
            files: files.len(),
            bytes: files.values().map(|file| file.bytes()).sum(),
            stored: counters.stored.load(Relaxed),
            duplicates: counters.duplicates.load(Relaxed),
            dropped: counters.dropped.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            erased: counters.erased.load(Relaxed),
            removed_files: counters.removed_files.load(Relaxed),
            full: counters.full.load(Relaxed),
            damage: files
                .values()
                .filter_map(|file| {
                    Some(Damage {
                        file: file.text.clone(),
                        reason: file.damage()?,
                    })
                })
                .collect(),
        }
    }
}

/// A file that is being read.
pub(crate) struct Opened<'a> {
    shared: &'a Shared,
    pub(crate) file: &'a Arc<StoreFile>,
    reader: Option<Reader>,
    _held: RwLockReadGuard<'a, bool>,
}

impl Opened<'_> {
    /// The reader: there until this is dropped.
    pub(crate) fn reader(&self) -> Result<&Reader, StoreError> {
        self.reader.as_ref().ok_or(StoreError::Closed)
    }

    /// Remembers damage of this file.
    pub(crate) fn report(&self, reason: &str) {
        self.shared.report(self.file, reason);
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take() else {
            return;
        };
        // A connection that cannot end its transaction is closed instead.
        if reader.end().is_ok() {
            let mut idle = locked(&self.shared.idle);
            idle.push_back((self.file.name, reader));
            if idle.len() > IDLE_READERS_MAX {
                idle.pop_front();
            }
        }
    }
}
