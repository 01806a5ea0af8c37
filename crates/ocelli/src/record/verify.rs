//! Checks the chain, its key and its head.

use std::{
    fmt, fs,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use super::{
    Checkpoint, RecordError,
    chain::{self, GENESIS, LINE_BYTES_MAX, Link},
    key::{self, SigningKey},
};

/// Where the record is not what was written, and why that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the file.
    pub file: String,
    /// Its line, from 1; `None`: the file as a whole.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Finding {
    /// A finding about a file as a whole.
    pub(super) fn of(file: &str, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            what: what.into(),
        }
    }

    fn new(path: &Path, line: Option<u64>, what: impl Into<String>) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            file: name.to_string_lossy().into_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// A record that is what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Number of its first entry; more than 1 where older ones went with time.
    pub first: u64,
    /// Number of its last entry.
    pub last: u64,
    /// Hash of its last entry.
    pub hash: String,
    /// The key that signs it, hexadecimal.
    pub key: String,
    /// Bytes of an entry that is being written, or that a crash cut off.
    pub torn_bytes: u64,
    /// Checkpoints from elsewhere that it fits.
    pub checkpoints: usize,
}

/// A walk over the chain.
pub(super) struct Walk {
    /// Number and hash of the first entry's predecessor.
    pub(super) before: Option<(u64, String)>,
    pub(super) n: u64,
    pub(super) hash: String,
    /// Whether the last entry about it says that ocelli started.
    pub(super) running: bool,
    /// The key that the first entry names.
    begun: Option<String>,
    /// What the newest entry about entries that went says: first number, hash before it.
    trimmed: Option<(u64, String)>,
    pub(super) torn_bytes: u64,
}

impl Walk {
    /// Walks over `files`; the first entry is taken as it is. `see` gets every entry.
    pub(super) fn over(
        files: &[(u64, PathBuf)],
        mut see: impl FnMut(&Link),
    ) -> Result<Result<Self, Finding>, RecordError> {
        let mut walk = Self {
            before: None,
            n: 0,
            hash: GENESIS.to_owned(),
            running: false,
            begun: None,
            trimmed: None,
            torn_bytes: 0,
        };
        for (at, (first, path)) in files.iter().enumerate() {
            let is_last = at + 1 == files.len();
            if let Err(finding) = walk.file(*first, path, is_last, &mut see)? {
                return Ok(Err(finding));
            }
        }
        Ok(Ok(walk))
    }

    fn file(
        &mut self,
        first: u64,
        path: &Path,
        is_last: bool,
        see: &mut impl FnMut(&Link),
    ) -> Result<Result<(), Finding>, RecordError> {
        let failed = |error: io::Error| RecordError::io(path, error);
        let mut reader = BufReader::new(fs::File::open(path).map_err(failed)?);
        let mut bytes = Vec::new();
        let mut line = 0;
        loop {
            bytes.clear();
            let mut part = io::Read::take(&mut reader, LINE_BYTES_MAX as u64 + 1);
            let read = part.read_until(b'\n', &mut bytes).map_err(failed)?;
            if read == 0 {
                break;
            }
            line += 1;
            let wrong = |what: &str| Ok(Err(Finding::new(path, Some(line), what)));
            if bytes.pop_if(|byte| *byte == b'\n').is_none() {
                if is_last && bytes.len() <= LINE_BYTES_MAX {
                    self.torn_bytes = bytes.len() as u64;
                    break;
                }
                return wrong("the line has no end");
            }
            let Ok(text) = std::str::from_utf8(&bytes) else {
                return wrong("this is not text");
            };
            let link = match chain::link(text) {
                Ok(link) => link,
                Err(what) => return wrong(what),
            };
            if line == 1 && link.n != first {
                return wrong("the file's name is that of another entry");
            }
            if let Err(what) = self.follow(&link) {
                return wrong(&what);
            }
            see(&link);
        }
        if line == 0 && !is_last {
            return Ok(Err(Finding::new(path, None, "there is no entry")));
        }
        Ok(Ok(()))
    }

    fn follow(&mut self, link: &Link) -> Result<(), String> {
        if self.before.is_none() {
            let before = link.n.checked_sub(1).ok_or("there is no entry 0")?;
            if before == 0 && link.prev != GENESIS {
                return Err("it follows another entry, and is the first".to_owned());
            }
            self.before = Some((before, link.prev.clone()));
        } else if link.n != self.n + 1 {
            return Err(format!("entry {} follows entry {}", link.n, self.n));
        } else if link.prev != self.hash {
            return Err("it follows another entry than the one before it".to_owned());
        }
        let text = |key: &str| link.deed[key].as_str().unwrap_or_default().to_owned();
        let kind = text("kind");
        match kind.as_str() {
            "started" => self.running = true,
            "stopped" => self.running = false,
            "begun" if link.n == 1 => self.begun = Some(text("key")),
            "trimmed" => {
                let first = link.deed["first"].as_u64().unwrap_or_default();
                self.trimmed = Some((first, text("prev")));
            }
            _ => {}
        }
        self.n = link.n;
        self.hash.clone_from(&link.hash);
        Ok(())
    }
}

/// Checks the whole record in a folder, also while it is being written, and that it fits
/// `checkpoints` from elsewhere.
///
/// Err: [`RecordError::Damaged`] with the first thing that is wrong, [`RecordError::None`],
/// [`RecordError::Io`].
pub fn verify(folder: &Path, checkpoints: &[Checkpoint]) -> Result<Verified, RecordError> {
    // The head first: what is written meanwhile lies beyond it.
    let head = Checkpoint::read_head(folder)?;
    let files = chain::files(folder)?;
    if files.is_empty() && head.is_none() && checkpoints.is_empty() {
        return Err(RecordError::None(folder.display().to_string()));
    }
    let mut hashes: Vec<(u64, String)> = Vec::new();
    let wanted = |n: u64| {
        checkpoints.iter().any(|checkpoint| checkpoint.n == n)
            || matches!(&head, Some(Ok(head)) if head.n == n)
    };
    let walk = Walk::over(&files, |link| {
        if wanted(link.n) {
            hashes.push((link.n, link.hash.clone()));
        }
    })?;
    let walk = walk.map_err(RecordError::Damaged)?;
    let damaged =
        |file: &str, what: String| RecordError::Damaged(Finding::new(Path::new(file), None, what));
    begins_rightly(&walk).map_err(RecordError::Damaged)?;
    let head = head
        .ok_or_else(|| damaged("head.json", "it is missing".to_owned()))?
        .map_err(|what| damaged("head.json", what))?;
    let key = key::read_public(folder)
        .ok_or_else(|| damaged(key::PUBLIC, "it is missing, or is not a key".to_owned()))?;
    let private = SigningKey::read(folder)?;
    if private.is_some_and(|private| private.public() != key)
        || walk.begun.as_ref().is_some_and(|begun| *begun != key)
    {
        let what = "it is not the key that this record began with";
        return Err(damaged(key::PUBLIC, what.to_owned()));
    }
    let all = std::iter::once((&head, "head.json"))
        .chain(checkpoints.iter().map(|each| (each, "a checkpoint")));
    let first = walk.before.as_ref().map_or(0, |(before, _hash)| before + 1);
    for (checkpoint, name) in all {
        fits(checkpoint, &key, first, &walk, &hashes).map_err(|what| damaged(name, what))?;
    }
    Ok(Verified {
        first,
        last: walk.n,
        hash: walk.hash,
        key,
        torn_bytes: walk.torn_bytes,
        checkpoints: checkpoints.len(),
    })
}

/// Whether the first entry may be the first.
fn begins_rightly(walk: &Walk) -> Result<(), Finding> {
    let wrong = |what: &str| Err(Finding::new(Path::new("the chain"), None, what));
    match (&walk.before, &walk.trimmed) {
        (None, _) => wrong("there is no entry"),
        (Some((0, _)), _) if walk.begun.is_none() => wrong("entry 1 does not begin the record"),
        (Some((0, _)), _) => Ok(()),
        (Some((before, prev)), Some((first, said))) if before + 1 == *first && prev == said => {
            Ok(())
        }
        (Some(_), _) => wrong("its beginning is missing, and no entry says that it went"),
    }
}

fn fits(
    checkpoint: &Checkpoint,
    key: &str,
    first: u64,
    walk: &Walk,
    hashes: &[(u64, String)],
) -> Result<(), String> {
    let n = checkpoint.n;
    if checkpoint.key != key {
        return Err("another key signed it".to_owned());
    }
    if !checkpoint.is_signed() {
        return Err("its signature is wrong".to_owned());
    }
    if n > walk.n {
        return Err(format!(
            "it signs entry {n}, and the chain ends at {}: entries are missing",
            walk.n
        ));
    }
    if n < first {
        return Err(format!("it signs entry {n}, which went with time"));
    }
    match hashes.iter().find(|(number, _hash)| *number == n) {
        Some((_n, hash)) if *hash == checkpoint.hash => Ok(()),
        _ => Err(format!(
            "it signs another entry {n}: the chain was rewritten"
        )),
    }
}
