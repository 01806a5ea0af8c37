//! The event store: one SQLite file for each retention class and day, or hour.
//!
//! - **Acknowledged means committed.** When [`Store::append`] returns, the events survive a
//!   `kill -9` of this process; a power cut may cost the last second.
//! - **Each event once.** An event's id is the same after a replay, and a replay is a duplicate,
//!   also when the event is filed under another time, class or part of a period.
//! - **Where an event is filed.** Under its own wall time, if that is not older than its
//!   retention and at most an hour ahead of the store's clock; else under the time at which it
//!   was received. Ranges, order and expiry go by the time that it is filed under; the record
//!   keeps its own.
//! - **Expiry.** A file covers an hour where events are kept for less than two days, else a day of
//!   UTC. It is unlinked when its youngest event is as old as its class allows, so bytes stay on
//!   the disk for at most one such period longer; no answer shows an event beyond its time. Age
//!   is elapsed time, not wall time: see `elapsed`.
//! - **Damage** is found by a checksum in each row, tallies that know how many rows there are, and
//!   the sum of a closed file's bytes. It is named in every answer that it may concern, and
//!   new events go into another file.
//! - **Positions** are kept on a grid of 32 x 18 cells unless [`StoreOptions`] say otherwise.

mod append;
mod catalogue;
mod clock;
mod code;
mod count;
mod cursor;
mod dictionary;
mod elapsed;
mod erase;
mod error;
mod file;
mod filter;
mod find;
mod incoming;
mod open;
pub(crate) mod period;
mod position;
mod proof;
mod query;
mod read;
mod retain;
mod rewrite;
mod row;
mod schema;
mod shared;
mod tally;
mod varint;
mod verify;
mod wal;
mod walk;
mod write;
mod writer;

use std::{
    path::Path,
    sync::{Arc, Mutex, mpsc},
};

use ocelli_core::{EventRecord, WallTime};
use tokio::sync::{Semaphore, oneshot};

pub use clock::{Clock, SystemClock};
pub use count::{BUCKETS_MAX, CountBucket, CountQuery, Counts, ROWS_MAX, SplitBy};
pub use cursor::Cursor;
pub use error::{Damage, StoreError};
pub use period::RetentionClass;
pub use position::Positions;
pub use query::{EventPage, EventQuery, NAMES_MAX, Order, PAGE_MAX};

pub(crate) use catalogue::remove_database;

use catalogue::Erasure;
use shared::Shared;
use writer::{AppendJob, Command, Queued};

/// Most events in one [`Store::append`].
pub const APPEND_MAX: usize = 10_000;
/// Commands that wait for the writer; whoever comes later waits with its own.
const QUEUE_MAX: usize = 64;
/// Questions that are answered at the same time.
const READERS_MAX: usize = 4;
/// The smallest quota: a few files.
const QUOTA_BYTES_MIN: u64 = 1 << 20;

/// How a store is kept.
#[derive(Clone)]
pub struct StoreOptions {
    /// Most bytes on disk: beyond it the oldest files go. `None`: as much as there is.
    pub bytes_max: Option<u64>,
    /// How boxes are kept.
    pub positions: Positions,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            bytes_max: None,
            positions: Positions::Grid,
            clock: Arc::new(SystemClock),
        }
    }
}

/// What became of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// New ones: they are committed.
    pub stored: usize,
    /// Those that the store held already.
    pub duplicates: usize,
    /// Those that make no sense: appending them again is of no use.
    pub refused: Vec<Refused>,
}

/// An event that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its id, as far as it has one.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// What [`Store::retain`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retained {
    /// Names of the files whose time had passed: unlinked.
    pub expired: Vec<String>,
    /// Names of the files that were beyond the quota: unlinked.
    pub over_quota: Vec<String>,
    /// Names of the files that could not be removed yet; they are tried again.
    pub failed: Vec<String>,
    /// Bytes that were given back.
    pub bytes: u64,
    /// Files that were closed for good: what their bytes add up to is remembered.
    pub sealed: usize,
}

/// What [`Store::erase`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Erased {
    /// Events that were taken out.
    pub events: u64,
    /// The files that were written anew.
    pub files: Vec<ErasedFile>,
    /// Different byte strings of the erased rows that were looked for afterwards.
    pub searched_for: u64,
    /// Bytes of the store that were searched.
    pub searched_bytes: u64,
    /// How often one of them was found: 0 is the proof.
    pub found: u64,
}

/// What an erasure did to one file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ErasedFile {
    /// Its name.
    pub file: String,
    /// The file that holds the rest; `None` where nothing was left.
    pub became: Option<String>,
    /// Events that were taken out.
    pub events: u64,
    /// Rows that could not be read, and went as well.
    pub lost: u64,
    /// Whether nothing in it could be read: all of it went.
    pub unreadable: bool,
}

/// How the store does.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct StoreStatus {
    /// Number of files.
    pub files: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// Events kept since the store was opened.
    pub stored: u64,
    /// Events that came again since then.
    pub duplicates: u64,
    /// Events that could not be kept since then: no space, or a failing disk.
    pub dropped: u64,
    /// Events that made no sense since then.
    pub refused: u64,
    /// Events that were erased on request since then.
    pub erased: u64,
    /// Files that were removed since then: their time had passed, or there was no more room.
    pub removed_files: u64,
    /// Whether the last attempt to keep events found no space.
    pub full: bool,
    /// Damaged files.
    pub damage: Vec<Damage>,
}

/// The event store. Clones share one writer; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    /// `None`: open for reading only.
    commands: Option<mpsc::SyncSender<Queued>>,
    queue: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Store {
    /// Opens the store in a folder, and makes it where there is none. Returns the damage that is
    /// known.
    ///
    /// Err: [`StoreError::Busy`] while another process has it open, [`StoreError::Newer`],
    /// [`StoreError::Io`], [`StoreError::Full`], [`StoreError::Invalid`].
    pub fn open(folder: &Path, options: StoreOptions) -> Result<(Self, Vec<Damage>), StoreError> {
        if options.bytes_max.is_some_and(|max| max < QUOTA_BYTES_MIN) {
            return Err(StoreError::Invalid(format!(
                "a quota under {QUOTA_BYTES_MIN} bytes"
            )));
        }
        let clock = Arc::clone(&options.clock);
        let (writer, damage) = open::for_writing(folder, options)?;
        let shared = Arc::clone(&writer.shared);
        // Each command holds a permit, so there is always room for it.
        let (commands, queued) = mpsc::sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&queued))
            .map_err(|error| StoreError::io("the store", &error))?;
        Ok((
            Self::new(shared, Some(commands), clock, Some(thread)),
            damage,
        ))
    }

    /// Opens a store that another process may have open, for questions only. Files that come later
    /// are not seen.
    pub fn open_to_read(folder: &Path) -> Result<Self, StoreError> {
        let shared = Arc::new(open::for_reading(folder)?);
        Ok(Self::new(shared, None, Arc::new(SystemClock), None))
    }

    fn new(
        shared: Arc<Shared>,
        commands: Option<mpsc::SyncSender<Queued>>,
        clock: Arc<dyn Clock>,
        writer: Option<std::thread::JoinHandle<()>>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                shared,
                commands,
                queue: Arc::new(Semaphore::new(QUEUE_MAX)),
                readers: Arc::new(Semaphore::new(READERS_MAX)),
                clock,
                writer: Mutex::new(writer),
            }),
        }
    }

    /// Keeps events, each once. Ok: they are committed. Waits while the writer is busy.
    ///
    /// Err: [`StoreError::Full`] and [`StoreError::Io`] count the events as dropped; some of them
    /// may be kept all the same, and appending them again keeps each once.
    pub async fn append(
        &self,
        class: RetentionClass,
        events: Vec<EventRecord>,
    ) -> Result<Appended, StoreError> {
        class.check()?;
        if events.len() > APPEND_MAX {
            return Err(StoreError::Invalid(format!(
                "{} events at once: expected at most {APPEND_MAX}",
                events.len()
            )));
        }
        if events.is_empty() {
            return Ok(Appended::default());
        }
        self.ask(|reply| {
            Command::Append(AppendJob {
                class,
                events,
                reply,
            })
        })
        .await?
    }

    /// One page of events. Err: [`StoreError::Invalid`].
    pub async fn query(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        self.read(move |shared| query::run(shared, &query)).await
    }

    /// Numbers of events in buckets of time. Err: [`StoreError::Invalid`].
    pub async fn counts(&self, query: CountQuery) -> Result<Counts, StoreError> {
        self.read(move |shared| count::run(shared, &query)).await
    }

    /// The event of this id, if it is kept. All that is kept may have to be read.
    pub async fn find(&self, id: &str) -> Result<Option<EventRecord>, StoreError> {
        let Some(id) = find::Id::read(id) else {
            return Ok(None);
        };
        self.read(move |shared| find::run(shared, id)).await
    }

    /// Class and begin (milliseconds since 1970) of every period of which there are events.
    pub(crate) fn periods(&self) -> std::collections::HashSet<(RetentionClass, i64)> {
        let files = self.inner.shared.files();
        let names = files.keys().map(|name| (name.class, name.start_ms));
        names.collect()
    }

    /// To be called once a minute: notes that time passed, removes what expired or is beyond the
    /// quota, closes files that are over.
    pub async fn retain(&self, now: WallTime) -> Result<Retained, StoreError> {
        self.ask(|reply| Command::Retain { now, reply }).await?
    }

    /// How many events [`Self::erase`] would take: ask before.
    pub async fn erasable(
        &self,
        stream: &str,
        from: WallTime,
        to: WallTime,
    ) -> Result<u64, StoreError> {
        let erasure = self.erasure(stream, from, to)?;
        self.read(move |shared| erase::count(shared, &erasure))
            .await
    }

    /// Takes out what a stream did from a time to before another, and proves it. What was begun
    /// and interrupted by the end of the process goes on when the store opens again.
    ///
    /// Err: [`StoreError::Invalid`] for a range that is empty or in the future; nothing is lost
    /// then.
    pub async fn erase(
        &self,
        stream: &str,
        from: WallTime,
        to: WallTime,
    ) -> Result<Erased, StoreError> {
        let erasure = self.erasure(stream, from, to)?;
        self.ask(|reply| Command::Erase { erasure, reply }).await?
    }

    fn erasure(&self, stream: &str, from: WallTime, to: WallTime) -> Result<Erasure, StoreError> {
        let erasure = Erasure {
            stream: stream.to_owned(),
            from_ms: query::millis_up(from),
            to_ms: query::millis_up(to),
        };
        erasure.check(self.inner.clock.wall().micros.div_euclid(1000))?;
        Ok(erasure)
    }

    /// How the store does.
    pub fn status(&self) -> StoreStatus {
        self.inner.shared.status()
    }

    /// Closes the store: everything before is done, everything after is refused. Dropping the last
    /// clone does the same without waiting.
    pub async fn close(&self) {
        if self.ask(|reply| Command::Close { reply }).await.is_err() {
            return;
        }
        let thread = file::locked(&self.inner.writer).take();
        if let Some(thread) = thread {
            // It has answered, so it is at its end.
            tokio::task::spawn_blocking(move || thread.join().ok())
                .await
                .ok();
        }
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, StoreError> {
        let inner = &self.inner;
        let commands = inner.commands.as_ref().ok_or(StoreError::Closed)?;
        let permit = Arc::clone(&inner.queue)
            .acquire_owned()
            .await
            .map_err(|_closed| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        commands
            .try_send((command(reply), permit))
            .map_err(|_gone| StoreError::Closed)?;
        answer.await.map_err(|_gone| StoreError::Closed)
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.inner.readers)
            .acquire_owned()
            .await
            .map_err(|_closed| StoreError::Closed)?;
        let shared = Arc::clone(&self.inner.shared);
        tokio::task::spawn_blocking(move || {
            let answer = question(&shared);
            drop(permit);
            answer
        })
        .await
        .map_err(|_panicked| StoreError::Closed)?
    }
}
