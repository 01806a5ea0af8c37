//! Sees when a configuration's files change.
//!
//! Files are asked every two seconds, which works on every file system and with every editor. A
//! change counts when it has settled: two looks in a row see the same.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// Between two looks.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What tells two versions of a file apart, without reading it.
type Stamp = Option<(u64, u64, i64, i64)>;

fn stamp(file: &Path) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    ))
}

/// Watches some files.
#[derive(Debug)]
pub struct Watch {
    files: Vec<PathBuf>,
    /// What was read.
    read: Vec<Stamp>,
    /// What the last look saw.
    last: Vec<Stamp>,
}

impl Watch {
    /// Watches `files`, which were just read.
    pub fn new(files: Vec<PathBuf>) -> Self {
        let stamps: Vec<Stamp> = files.iter().map(|file| stamp(file)).collect();
        Self {
            files,
            read: stamps.clone(),
            last: stamps,
        }
    }

    /// Whether anything is otherwise than it was when it was read, and has settled. It counts as
    /// read then.
    pub fn changed(&mut self) -> bool {
        let now: Vec<Stamp> = self.files.iter().map(|file| stamp(file)).collect();
        let settled = now == self.last;
        self.last = now;
        if settled && self.last != self.read {
            self.read.clone_from(&self.last);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_and_when_it_has_settled() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        fs::write(&file, "1").unwrap();
        let mut watch = Watch::new(vec![file.clone(), dir.path().join("later.csv")]);
        assert!(!watch.changed());
        fs::write(&file, "22").unwrap();
        assert!(!watch.changed(), "it may still be written");
        assert!(watch.changed());
        assert!(!watch.changed());
        // An editor that writes beside it and renames.
        fs::write(dir.path().join("b"), "33").unwrap();
        fs::rename(dir.path().join("b"), &file).unwrap();
        assert!(!watch.changed());
        assert!(watch.changed());
        fs::write(dir.path().join("later.csv"), "").unwrap();
        assert!(!watch.changed());
        assert!(watch.changed());
    }
}
