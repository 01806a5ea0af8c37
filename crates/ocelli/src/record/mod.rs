//! The record: who looked, what was changed, erased and exported, and when ocelli ran.
//!
//! - **A chain.** Each entry is a line of JSON that ends with the SHA-256 of everything before it
//!   in the line, the hash of the entry before it included. Whatever is changed, taken out, put in
//!   or put elsewhere breaks the chain there.
//! - **A signed head.** The newest entry's number and hash are signed (Ed25519) after every entry,
//!   in `head.json`, so a shortened chain is found too. Who holds the key, or can put back an older
//!   head, can shorten or rewrite; that shows only against a [`Checkpoint`] that was kept elsewhere.
//! - **Written before it is done.** [`Record::note`] returns when the entry is on the disk. Who
//!   cannot be recorded is not shown anything; watching itself never waits for the record.
//! - **Bounded.** A file of the chain takes 16 MiB or a month; it goes when its newest entry is
//!   older than [`KEPT_DAYS`], and an entry says so.
//! - **Nothing about the people watched**: no tag, no box, no picture has a place in a [`Deed`].

mod chain;
mod checkpoint;
mod chronicle;
mod deed;
mod error;
mod key;
mod publish;
mod read;
mod renew;
mod sight;
mod verify;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use ocelli_core::WallTime;

pub use checkpoint::Checkpoint;
pub use chronicle::Chronicle;
pub use deed::{Deed, Who};
pub use error::RecordError;
pub use publish::{PUBLISH_EVERY, publish};
pub use read::{Entry, ReadQuery, read};
pub use renew::renew;
pub use sight::{SWEEP_SECS, SWEEP_STREAMS, Sight};
pub use verify::{Finding, Verified, verify};
use write::Writer;

/// Name of the record's folder in the data directory.
pub const FOLDER: &str = "record";
/// Entries are kept for so many days: more than the six months that are promised.
pub const KEPT_DAYS: i64 = 366;

/// The record of one data directory. Cheap to clone.
#[derive(Clone)]
pub struct Record {
    writer: Arc<Mutex<Writer>>,
    now: fn() -> WallTime,
}

impl Record {
    /// Opens the record in a data directory for writing, and begins one where there is none.
    ///
    /// Err: [`RecordError::Busy`] while another process writes it, [`RecordError::Damaged`],
    /// [`RecordError::KeyMissing`], [`RecordError::Io`]; nothing is changed then.
    pub fn open(data_dir: &Path, now: fn() -> WallTime) -> Result<Self, RecordError> {
        let writer = Writer::open(&folder(data_dir), now())?;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            now,
        })
    }

    /// Adds an entry. Ok: it is on the disk; its number.
    pub async fn note(&self, who: Option<Who>, deed: Deed) -> Result<u64, RecordError> {
        let record = self.clone();
        tokio::task::spawn_blocking(move || record.note_now(who.as_ref(), &deed))
            .await
            .map_err(|_panicked| RecordError::Closed)?
    }

    /// [`Self::note`] on this thread.
    pub fn note_now(&self, who: Option<&Who>, deed: &Deed) -> Result<u64, RecordError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.append((self.now)(), who, deed)
    }

    /// [`Self::note`] where nobody waits for it: a failure is logged.
    pub async fn note_or_log(&self, deed: Deed) {
        if let Err(error) = self.note(None, deed).await {
            tracing::error!("the record cannot be written: {error}");
        }
    }

    /// Whether the newest entry about it says that ocelli started: unless this process wrote it, a
    /// run ended without saying so.
    pub fn is_running(&self) -> bool {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.is_running()
    }

    /// The newest entry's number and hash, signed.
    pub fn checkpoint(&self) -> Checkpoint {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.head().clone()
    }
}

/// Where the record of a data directory is.
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

#[cfg(test)]
mod tests;
