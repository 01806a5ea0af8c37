//! Adds to the chain.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use ocelli_core::WallTime;
use rustix::fs::{FlockOperation, flock};

use super::{
    Checkpoint, Deed, Finding, KEPT_DAYS, RecordError, Who,
    chain::{self, Body, GENESIS},
    key::{self, SigningKey},
    verify::Walk,
};

/// A file of the chain takes so many bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;
const DAY_MICROS: i64 = 86_400_000_000;
/// Or the entries of so long.
const FILE_MICROS_MAX: i64 = 30 * DAY_MICROS;

/// The end of the chain.
pub(super) struct Writer {
    folder: PathBuf,
    /// Held for as long as this writes.
    _lock: File,
    key: SigningKey,
    file: Option<File>,
    /// Bytes of `file`.
    bytes: u64,
    /// Time of the first entry in `file`.
    begun: WallTime,
    head: Checkpoint,
    /// Whether the last entry about it says that ocelli started.
    running: bool,
}

impl Writer {
    pub(super) fn open(folder: &Path, now: WallTime) -> Result<Self, RecordError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| RecordError::io(folder, error))?;
        let lock = lock(folder)?;
        let files = chain::files(folder)?;
        let head = Checkpoint::read_head(folder)?;
        match (files.last().cloned(), head) {
            (None, None) => Self::begin(folder, lock, now, None),
            (None, Some(_)) => Err(damaged("head.json", "it signs entries that are gone")),
            (Some(last), head) => Self::resume(folder, lock, last, head, now),
        }
    }

    /// Begins a record in an empty folder that the caller has locked.
    pub(super) fn begin(
        folder: &Path,
        lock: File,
        now: WallTime,
        because: Option<String>,
    ) -> Result<Self, RecordError> {
        let key = SigningKey::make(folder)?;
        let public = key.public();
        let mut writer = Self {
            folder: folder.to_owned(),
            _lock: lock,
            head: Checkpoint::sign(&key, 0, GENESIS, &now.to_rfc3339()),
            key,
            file: None,
            bytes: 0,
            begun: now,
            running: false,
        };
        let begun = Deed::Begun {
            key: public,
            because,
        };
        writer.append(now, None, &begun)?;
        Ok(writer)
    }

    /// Goes on after the last entry of the last file.
    fn resume(
        folder: &Path,
        lock: File,
        (first, path): (u64, PathBuf),
        head: Option<Result<Checkpoint, String>>,
        now: WallTime,
    ) -> Result<Self, RecordError> {
        let key = SigningKey::read(folder)?.ok_or_else(|| {
            RecordError::KeyMissing(folder.join(key::PRIVATE).display().to_string())
        })?;
        let mut begun = None;
        let mut signed = None;
        let head_n = match &head {
            Some(Ok(head)) => head.n,
            _ => 0,
        };
        let walk = Walk::over(&[(first, path.clone())], |link| {
            begun = begun.or_else(|| WallTime::from_rfc3339(&link.time));
            if link.n == head_n {
                signed = Some(link.hash.clone());
            }
        })?;
        let walk = walk.map_err(RecordError::Damaged)?;
        check_head(head, &key, &walk, signed.as_deref(), first)?;
        let io = |error| RecordError::io(&path, error);
        let file = fs::OpenOptions::new()
            .read(true)
            .append(true)
            .open(&path)
            .map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len() - walk.torn_bytes;
        let (n, hash) = match walk.before {
            Some(_) => (walk.n, walk.hash.clone()),
            None => last_of_others(folder, first)?,
        };
        let mut writer = Self {
            folder: folder.to_owned(),
            _lock: lock,
            head: Checkpoint::sign(&key, n, &hash, &now.to_rfc3339()),
            key,
            file: Some(file),
            bytes,
            begun: begun.unwrap_or(now),
            running: walk.running,
        };
        let torn = match walk.torn_bytes {
            0 => None,
            _ => Some(writer.put_torn_aside(&path)?),
        };
        if n == 0 {
            // A crash came before the first entry was whole.
            let begun = Deed::Begun {
                key: writer.key.public(),
                because: None,
            };
            writer.append(now, None, &begun)?;
        }
        if let Some(torn) = torn {
            writer.append(now, None, &torn)?;
        }
        Ok(writer)
    }

    /// Keeps what a crash left of an entry in a file of its own; what there is to say of it.
    fn put_torn_aside(&mut self, path: &Path) -> Result<Deed, RecordError> {
        let io = |error| RecordError::io(path, error);
        let file = self.file.as_mut().ok_or(RecordError::Closed)?;
        let mut torn = Vec::new();
        file.seek(SeekFrom::Start(self.bytes)).map_err(io)?;
        std::io::Read::read_to_end(file, &mut torn).map_err(io)?;
        let aside = self.folder.join(format!("torn-after-{:012}", self.head.n));
        let mut kept = File::create(&aside).map_err(|error| RecordError::io(&aside, error))?;
        kept.write_all(&torn)
            .and_then(|()| kept.sync_all())
            .map_err(|error| RecordError::io(&aside, error))?;
        file.set_len(self.bytes).map_err(io)?;
        Ok(Deed::Torn {
            bytes: torn.len() as u64,
            sha256: chain::sha256(&torn),
        })
    }

    /// Adds an entry and signs it. Ok: both are on the disk.
    pub(super) fn append(
        &mut self,
        now: WallTime,
        who: Option<&Who>,
        deed: &Deed,
    ) -> Result<u64, RecordError> {
        if self.is_full(now) {
            self.file = None;
            self.add(now, who, deed)?;
            self.trim(now)?;
        } else {
            self.add(now, who, deed)?;
        }
        Ok(self.head.n)
    }

    fn is_full(&self, now: WallTime) -> bool {
        self.file.is_some()
            && self.bytes > 0
            && self.bytes != u64::MAX
            && (self.bytes >= FILE_BYTES_MAX
                || now.micros.saturating_sub(self.begun.micros) >= FILE_MICROS_MAX)
    }

    fn add(&mut self, now: WallTime, who: Option<&Who>, deed: &Deed) -> Result<(), RecordError> {
        let n = self.head.n + 1;
        let time = now.to_rfc3339();
        let (line, hash) = chain::line(&Body {
            n,
            time: &time,
            who,
            deed,
            prev: &self.head.hash,
        });
        if self.bytes == u64::MAX {
            return Err(RecordError::Closed);
        }
        if self.file.is_none() {
            self.file = Some(self.new_file(n)?);
            self.bytes = 0;
            self.begun = now;
        }
        let path = self.folder.clone();
        let Some(file) = &mut self.file else {
            return Err(RecordError::Closed);
        };
        let written = file
            .write_all(line.as_bytes())
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            // What was written of it goes again; else nothing more may follow it.
            if file.set_len(self.bytes).is_err() {
                self.bytes = u64::MAX;
            }
            return Err(RecordError::io(&path, error));
        }
        self.bytes += line.len() as u64;
        match deed {
            Deed::Started { .. } => self.running = true,
            Deed::Stopped => self.running = false,
            _ => {}
        }
        self.head = Checkpoint::sign(&self.key, n, &hash, &time);
        self.head.write_head(&self.folder)
    }

    fn new_file(&self, first: u64) -> Result<File, RecordError> {
        let path = chain::path(&self.folder, first);
        fs::OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| RecordError::io(&path, error))
    }

    /// Removes files whose newest entry is too old, once an entry says so.
    fn trim(&mut self, now: WallTime) -> Result<(), RecordError> {
        let files = chain::files(&self.folder)?;
        let oldest = now.micros.saturating_sub(KEPT_DAYS * DAY_MICROS);
        let mut gone = Vec::new();
        // The first entry of the next file is younger than all of a file.
        for pair in files.windows(2) {
            let mut next = None;
            let walk = Walk::over(&pair[1..], |link| {
                next = next
                    .take()
                    .or_else(|| Some((link.time.clone(), link.prev.clone())));
            })?;
            walk.map_err(RecordError::Damaged)?;
            match next.and_then(|(time, prev)| Some((WallTime::from_rfc3339(&time)?, prev))) {
                Some((time, prev)) if time.micros < oldest => {
                    gone.push((pair[0].1.clone(), pair[1].0, prev));
                }
                _ => break,
            }
        }
        if let Some((_path, first, prev)) = gone.last() {
            let trimmed = Deed::Trimmed {
                first: *first,
                prev: prev.clone(),
            };
            self.add(now, None, &trimmed)?;
            for (path, _first, _prev) in &gone {
                fs::remove_file(path).map_err(|error| RecordError::io(path, error))?;
            }
        }
        Ok(())
    }

    pub(super) fn head(&self) -> &Checkpoint {
        &self.head
    }

    pub(super) fn is_running(&self) -> bool {
        self.running
    }
}

/// The end of the chain where its last file is still empty, as a crash may leave it.
fn last_of_others(folder: &Path, empty: u64) -> Result<(u64, String), RecordError> {
    let files = chain::files(folder)?;
    let others: Vec<_> = files
        .into_iter()
        .filter(|(first, _path)| *first < empty)
        .collect();
    let from = others.len().saturating_sub(1);
    let walk = Walk::over(&others[from..], |_link| {})?.map_err(RecordError::Damaged)?;
    Ok((walk.n, walk.hash))
}

/// Checks that the head is signed, and that the chain reaches it.
fn check_head(
    head: Option<Result<Checkpoint, String>>,
    key: &SigningKey,
    walk: &Walk,
    signed: Option<&str>,
    first: u64,
) -> Result<(), RecordError> {
    let head = match head {
        // The very first entry was written, and a crash came before its signature.
        None if walk.n <= 1 && first == 1 => return Ok(()),
        None => return Err(damaged("head.json", "it is missing")),
        Some(head) => head.map_err(|what| damaged("head.json", &what))?,
    };
    if head.key != key.public() || !head.is_signed() {
        return Err(damaged("head.json", "the record's key did not sign it"));
    }
    match signed {
        Some(hash) if *hash == head.hash => Ok(()),
        // A crash came between the first entry of a file and its signature.
        None if head.n + 1 == first => Ok(()),
        _ if head.n > walk.n => Err(damaged("head.json", "it signs entries that are missing")),
        _ => Err(damaged("head.json", "it signs another chain")),
    }
}

/// Locks a folder for writing.
pub(super) fn lock(folder: &Path) -> Result<File, RecordError> {
    let path = folder.join("lock");
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| RecordError::io(&path, error))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_locked| RecordError::Busy(folder.display().to_string()))?;
    Ok(file)
}

fn damaged(file: &str, what: &str) -> RecordError {
    RecordError::Damaged(Finding::of(file, what))
}
