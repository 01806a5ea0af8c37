//! Stills of tags, for as long as the events of their stream are kept.
//!
//! Each still is closed under a key of its own. Keys of one retention class and period (an hour or
//! a day, as in the event store) stand in one file, in slots of one size; whatever ends a still
//! overwrites its key first. A period ends with the last file of events of the same class and
//! period, so stills age exactly as events do: see [`Stills::retain`]. Overwritten blocks may stay
//! on flash until they are reused.

mod period;
mod slot;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ocelli_core::{Tag, WallTime};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::store::{
    Clock, Erased, RetentionClass, Store, StoreError, SystemClock,
    period::{FileName, file_under},
};
use period::{Period, name_of};
use slot::Slot;

/// The largest still that is kept, in bytes.
pub const STILL_BYTES_MAX: usize = 512 * 1024;
/// A period without events goes when it ended this long ago, in milliseconds.
const EMPTY_AFTER_MS: i64 = 600_000;

/// How stills are kept.
#[derive(Clone)]
pub struct StillOptions {
    /// Most bytes on disk: beyond it the oldest periods go.
    pub bytes_max: u64,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for StillOptions {
    fn default() -> Self {
        Self {
            bytes_max: 4 << 30,
            clock: Arc::new(SystemClock),
        }
    }
}

/// What [`Stills::retain`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StillsRetained {
    /// Periods whose events are gone, or that were beyond the quota: destroyed.
    pub gone: Vec<String>,
    /// Periods that could not be removed yet; they are tried again.
    pub failed: Vec<String>,
}

/// What [`Stills::erase`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct StillsErased {
    /// Stills whose keys were destroyed.
    pub stills: u64,
    /// Bytes that were searched for those keys afterwards.
    pub searched_bytes: u64,
    /// How often one of them was found: 0 is the proof.
    pub found: u64,
}

impl StillsErased {
    /// One proof for both.
    pub fn add_to(&self, events: &mut Erased) {
        events.searched_for += self.stills;
        events.searched_bytes += self.searched_bytes;
        events.found += self.found;
    }
}

/// The stills. Clones share them.
#[derive(Clone)]
pub struct Stills {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    folder: PathBuf,
    options: StillOptions,
    periods: BTreeMap<FileName, Period>,
    index: BTreeMap<(String, Tag), (FileName, usize)>,
}

impl Stills {
    /// Opens the stills in a folder, and makes it where there is none. Returns what is damaged:
    /// it is never served.
    pub fn open(folder: &Path, options: StillOptions) -> Result<(Self, Vec<String>), StoreError> {
        let io = |error: std::io::Error| StoreError::io("stills", &error);
        fs::create_dir_all(folder).map_err(io)?;
        let mut inner = Inner {
            folder: folder.to_owned(),
            options,
            periods: BTreeMap::new(),
            index: BTreeMap::new(),
        };
        let mut damage = Vec::new();
        for entry in fs::read_dir(folder).map_err(io)? {
            let text = entry
                .map_err(io)?
                .file_name()
                .to_string_lossy()
                .into_owned();
            let Some(name) = name_of(&text) else {
                damage.push(format!("{text} is not of the stills"));
                continue;
            };
            let period = Period::open(folder, name)?;
            let (slots, damaged) = period.slots()?;
            if damaged > 0 {
                damage.push(format!(
                    "{damaged} keys of the stills of {text} are damaged"
                ));
            }
            for (number, slot) in slots {
                inner.index.insert((slot.stream, slot.tag), (name, number));
            }
            inner.periods.insert(name, period);
        }
        Ok((
            Self {
                inner: Arc::new(Mutex::new(inner)),
            },
            damage,
        ))
    }

    /// Keeps the still of a tag; `at` is the picture's wall time. Ok(false): there is one already.
    ///
    /// Err: [`StoreError::Full`], [`StoreError::Io`], [`StoreError::Invalid`].
    pub async fn put(
        &self,
        class: RetentionClass,
        stream: &str,
        tag: Tag,
        at: WallTime,
        jpeg: Vec<u8>,
    ) -> Result<bool, StoreError> {
        class.check()?;
        if jpeg.len() > STILL_BYTES_MAX {
            let message = format!("a still of {} bytes: expected fewer", jpeg.len());
            return Err(StoreError::Invalid(message));
        }
        let stream = stream.to_owned();
        self.with(move |inner| inner.put(class, stream, tag, at, jpeg))
            .await
    }

    /// The still of a tag. Err: [`StoreError::Damaged`], [`StoreError::Io`].
    pub async fn get(&self, stream: &str, tag: Tag) -> Result<Option<Vec<u8>>, StoreError> {
        let key = (stream.to_owned(), tag);
        self.with(move |inner| inner.get(&key)).await
    }

    /// To be called after [`Store::retain`]: destroys the stills of every period that the store
    /// has no events of any more, then the oldest ones beyond the quota.
    pub async fn retain(&self, store: &Store) -> Result<StillsRetained, StoreError> {
        let kept = store.periods();
        self.with(move |inner| Ok(inner.retain(&kept))).await
    }

    /// Destroys the stills of a stream whose pictures were taken from a time to before another, and
    /// proves it.
    pub async fn erase(
        &self,
        stream: &str,
        from: WallTime,
        to: WallTime,
    ) -> Result<StillsErased, StoreError> {
        let stream = stream.to_owned();
        self.with(move |inner| inner.erase(&stream, from, to)).await
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&mut locked(&inner)))
            .await
            .map_err(|_panicked| StoreError::Closed)?
    }
}

/// A panic while the lock was held leaves at worst a still that nobody finds.
fn locked(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn put(
        &mut self,
        class: RetentionClass,
        stream: String,
        tag: Tag,
        at: WallTime,
        jpeg: Vec<u8>,
    ) -> Result<bool, StoreError> {
        if self.index.contains_key(&(stream.clone(), tag)) {
            return Ok(false);
        }
        let mut key = [0; 32];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_unspecified| StoreError::Invalid("no randomness".to_owned()))?;
        let at_ms = at.micros.div_euclid(1000);
        let now_ms = self.options.clock.wall().micros.div_euclid(1000);
        let name = FileName::of(class, file_under(class, at_ms, now_ms).at_ms, 0);
        let slot = Slot {
            stream: stream.clone(),
            tag,
            at_ms,
            key,
        };
        if !self.periods.contains_key(&name) {
            let period = Period::open(&self.folder, name)?;
            self.periods.insert(name, period);
        }
        let Some(period) = self.periods.get_mut(&name) else {
            return Err(StoreError::Closed);
        };
        let number = period.put(&slot, jpeg)?;
        self.index.insert((stream, tag), (name, number));
        Ok(true)
    }

    fn get(&self, key: &(String, Tag)) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(&(name, number)) = self.index.get(key) else {
            return Ok(None);
        };
        let Some(period) = self.periods.get(&name) else {
            return Ok(None);
        };
        match period.slot(number)? {
            Some(slot) if (&slot.stream, slot.tag) == (&key.0, key.1) => {
                period.get(number, &slot).map(Some)
            }
            _ => Err(StoreError::damaged(
                "stills",
                "a key is not what was written",
            )),
        }
    }

    fn retain(&mut self, kept: &HashSet<(RetentionClass, i64)>) -> StillsRetained {
        let now_ms = self.options.clock.wall().micros.div_euclid(1000);
        let mut total: u64 = self.periods.values().map(|period| period.bytes).sum();
        let mut by_age: Vec<(FileName, u64)> = self
            .periods
            .iter()
            .map(|(name, period)| (*name, period.bytes))
            .collect();
        by_age.sort_by_key(|(name, _)| name.start_ms);
        let newest = by_age.last().map(|(name, _)| *name);
        let mut retained = StillsRetained::default();
        for (name, bytes) in by_age {
            let has_events = kept.contains(&(name.class, name.start_ms));
            let is_over = name.end_ms() + EMPTY_AFTER_MS < now_ms
                || name.start_ms > now_ms + EMPTY_AFTER_MS + name.class.period_ms();
            let expired = !has_events && is_over;
            let beyond = total > self.options.bytes_max && Some(name) != newest;
            if expired || beyond {
                total -= bytes;
                self.remove(name, &mut retained);
            }
        }
        retained
    }

    fn remove(&mut self, name: FileName, retained: &mut StillsRetained) {
        let text = period::folder_name(name);
        self.index.retain(|_, (period, _)| *period != name);
        let Some(period) = self.periods.remove(&name) else {
            return;
        };
        match period.remove() {
            Ok(_bytes) => retained.gone.push(text),
            Err(error) => {
                tracing::warn!(%error, "stills could not be removed yet");
                retained.failed.push(text);
                // It is tried again.
                if let Ok(period) = Period::open(&self.folder, name) {
                    self.periods.insert(name, period);
                }
            }
        }
    }

    fn erase(
        &mut self,
        stream: &str,
        from: WallTime,
        to: WallTime,
    ) -> Result<StillsErased, StoreError> {
        let range = from.micros.div_euclid(1000)..to.micros.div_euclid(1000);
        if range.is_empty() {
            return Err(StoreError::Invalid("an empty range of time".to_owned()));
        }
        let mut keys = HashSet::new();
        for period in self.periods.values_mut() {
            let (slots, _) = period.slots()?;
            let goes = |slot: &Slot| slot.stream == stream && range.contains(&slot.at_ms);
            let going: Vec<_> = slots.into_iter().filter(|(_, slot)| goes(slot)).collect();
            if going.is_empty() {
                continue;
            }
            let numbers: Vec<usize> = going.iter().map(|(number, _)| *number).collect();
            period.destroy(&numbers)?;
            for (_, slot) in going {
                self.index.remove(&(slot.stream, slot.tag));
                keys.insert(slot.key);
            }
        }
        let mut erased = StillsErased {
            stills: keys.len() as u64,
            ..StillsErased::default()
        };
        if !keys.is_empty() {
            search(&self.folder, &keys, &mut erased)
                .map_err(|error| StoreError::io("stills", &error))?;
        }
        Ok(erased)
    }
}

/// Looks for keys in every byte of a folder.
fn search(
    folder: &Path,
    keys: &HashSet<[u8; 32]>,
    erased: &mut StillsErased,
) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            search(&path, keys, erased)?;
            continue;
        }
        let bytes = fs::read(&path)?;
        erased.searched_bytes += bytes.len() as u64;
        let windows = bytes.windows(32);
        erased.found += windows.filter(|window| keys.contains(*window)).count() as u64;
    }
    Ok(())
}
