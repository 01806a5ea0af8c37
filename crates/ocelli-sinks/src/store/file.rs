//! One store file, as all threads see it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
};

use super::{
    StoreError,
    catalogue::{Listed, Seal, database_files},
    period::FileName,
};

/// One store file. Whoever reads it holds it; whoever removes it waits for them.
pub(crate) struct StoreFile {
    pub(crate) name: FileName,
    /// The name as text.
    pub(crate) text: String,
    pub(crate) path: PathBuf,
    created: AtomicI64,
    expires: AtomicI64,
    seal: Mutex<Option<Seal>>,
    damage: Mutex<Option<String>>,
    /// Whether its bytes were found whole since the store was opened.
    checked: Mutex<bool>,
    /// Whether it is being written anew: new events go elsewhere.
    frozen: AtomicBool,
    /// Whether it is removed.
    gone: RwLock<bool>,
}

impl StoreFile {
    pub(crate) fn new(folder: &Path, name: FileName, created: i64, expires: i64) -> Self {
        let text = name.to_string();
        Self {
            name,
            path: folder.join(&text),
            text,
            created: AtomicI64::new(created),
            expires: AtomicI64::new(expires),
            seal: Mutex::new(None),
            damage: Mutex::new(None),
            checked: Mutex::new(false),
            frozen: AtomicBool::new(false),
            gone: RwLock::new(false),
        }
    }

    pub(crate) fn from_listed(folder: &Path, name: FileName, listed: Listed) -> Self {
        let file = Self::new(folder, name, listed.created, listed.expires);
        file.set_seal(listed.seal);
        *locked(&file.damage) = listed.damage;
        file
    }

    /// The catalogue's row about it.
    pub(crate) fn listed(&self) -> Listed {
        Listed {
            name: self.text.clone(),
            created: self.created.load(Relaxed),
            expires: self.expires.load(Relaxed),
            seal: self.seal(),
            going: false,
            damage: self.damage(),
        }
    }

    /// Elapsed time at which it goes.
    pub(crate) fn expires(&self) -> i64 {
        self.expires.load(Relaxed)
    }

    /// Events filed up to this time (milliseconds since 1970) are too old to be shown.
    pub(crate) fn floor_ms(&self, elapsed: i64) -> i64 {
        let left_ms = self.expires().saturating_sub(elapsed).div_euclid(1000);
        self.name.end_ms().saturating_sub(left_ms)
    }

    /// It was made after a jump that is believed now, and did not age by it. Whether it was.
    pub(crate) fn spare(&self, since: i64, micros: i64) -> bool {
        if self.created.load(Relaxed) < since {
            return false;
        }
        self.created.fetch_add(micros, Relaxed);
        self.expires.fetch_add(micros, Relaxed);
        true
    }

    pub(crate) fn seal(&self) -> Option<Seal> {
        *locked(&self.seal)
    }

    pub(crate) fn set_seal(&self, seal: Option<Seal>) {
        *locked(&self.seal) = seal;
    }

    pub(crate) fn damage(&self) -> Option<String> {
        locked(&self.damage).clone()
    }

    /// Remembers damage. Whether it is the first.
    pub(crate) fn set_damage(&self, reason: &str) -> bool {
        let mut damage = locked(&self.damage);
        let first = damage.is_none();
        if first {
            *damage = Some(reason.to_owned());
        }
        first
    }

    pub(crate) fn checked(&self) -> MutexGuard<'_, bool> {
        locked(&self.checked)
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Relaxed);
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.load(Relaxed)
    }

    /// Holds the file while it is read. `None`: it is no more.
    pub(crate) fn hold(&self) -> Option<RwLockReadGuard<'_, bool>> {
        let gone = self.gone.read().unwrap_or_else(PoisonError::into_inner);
        (!*gone).then_some(gone)
    }

    /// Waits until nobody reads it, and keeps it from being read again.
    pub(crate) fn retire(&self) {
        *self.gone.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Bytes on disk, of the file and what SQLite keeps beside it.
    pub(crate) fn bytes(&self) -> u64 {
        database_files(&self.path)
            .iter()
            .filter_map(|path| std::fs::metadata(path).ok())
            .map(|found| found.len())
            .sum()
    }

    /// What its bytes add up to.
    pub(crate) fn measure(&self) -> Result<Seal, StoreError> {
        measure(&self.path).map_err(|error| StoreError::io(&self.text, &error))
    }
}

pub(crate) fn measure(path: &Path) -> std::io::Result<Seal> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
    let mut sum = crc32fast::Hasher::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            return Ok(Seal {
                sum: sum.finalize(),
                bytes,
            });
        };
        sum.update(part);
        bytes += read as u64;
    }
}

/// A lock whose holder may have panicked: what it guards is whole at any time.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
