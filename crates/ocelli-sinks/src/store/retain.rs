//! Expiry: a file goes when its time has passed, whatever the wall clock says; and a quota, oldest
//! first.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use ocelli_core::WallTime;

use super::{
    Retained, StoreError,
    catalogue::{database_files, remove_database},
    file::StoreFile,
    writer::Writer,
};

/// A file is sealed when its period ended this long ago.
const SEAL_AFTER_MS: i64 = 600_000;

impl Writer {
    /// Once a minute: notes the time, removes what expired and what is over the quota, seals what
    /// is over.
    pub(crate) fn retain(&mut self, now: WallTime) -> Result<Retained, StoreError> {
        self.note_reported();
        let noted = self.tick(now, true);
        let mut retained = Retained::default();
        for file in std::mem::take(&mut self.going) {
            self.remove(file, &mut retained);
        }
        for file in self.shared.files().into_values() {
            if file.expires() <= self.elapsed.micros() {
                retained.expired.push(file.text.clone());
                self.remove(file, &mut retained);
            }
        }
        self.keep_quota(&mut retained);
        self.seal_past(now.micros.div_euclid(1000), &mut retained);
        noted.map(|()| retained)
    }

    /// Removes a file: closes it, unlinks it with what SQLite keeps beside it, and looks that it
    /// is gone. What cannot be removed now is tried again the next time.
    pub(crate) fn remove(&mut self, file: Arc<StoreFile>, retained: &mut Retained) {
        let bytes = file.bytes();
        match self.unlink(&file, false) {
            Ok(()) => {
                retained.bytes += bytes;
                let removed = &self.shared.counters.removed_files;
                removed.fetch_add(1, Relaxed);
            }
            Err(error) => {
                tracing::warn!(%error, "a store file could not be removed yet");
                retained.failed.push(file.text.clone());
                self.going.push(file);
            }
        }
    }

    /// Closes and unlinks a file; first overwrites it with zeros, if told to.
    pub(crate) fn unlink(
        &mut self,
        file: &Arc<StoreFile>,
        overwrite: bool,
    ) -> Result<(), StoreError> {
        let going = super::catalogue::Listed {
            going: true,
            ..file.listed()
        };
        // A full disk must not keep a file from being removed.
        if let Err(error) = self.catalogue.put(&[going], None) {
            tracing::debug!(%error, "a removal is not noted");
        }
        self.shared.change_files(|files| {
            if files
                .get(&file.name)
                .is_some_and(|listed| Arc::ptr_eq(listed, file))
            {
                files.remove(&file.name);
            }
        });
        file.retire();
        self.drop_open(file.name);
        self.shared.close_idle(file.name);
        let io = |error: std::io::Error| StoreError::io(&file.text, &error);
        if overwrite {
            for path in database_files(&file.path) {
                fill_with_zeros(&path).map_err(io)?;
            }
        }
        remove_database(&file.path).map_err(io)?;
        std::fs::File::open(&self.shared.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(io)?;
        if database_files(&file.path).iter().any(|path| path.exists()) {
            return Err(StoreError::Io {
                file: file.text.clone(),
                reason: "it is still there after it was removed".to_owned(),
            });
        }
        self.clamped.retain(|_, files| {
            files.remove(&file.name);
            !files.is_empty()
        });
        self.catalogue.remove(&file.text)
    }

    fn keep_quota(&mut self, retained: &mut Retained) {
        let Some(quota) = self.options.bytes_max else {
            return;
        };
        let files = self.shared.files();
        let mut sizes: Vec<(i64, u32, u64, Arc<StoreFile>)> = files
            .values()
            .map(|file| {
                let name = file.name;
                (name.start_ms, name.part, file.bytes(), Arc::clone(file))
            })
            .collect();
        sizes.sort_by_key(|(start_ms, part, ..)| (*start_ms, *part));
        let mut total: u64 = sizes.iter().map(|(_, _, bytes, _)| bytes).sum();
        // The youngest file stays: it is being written.
        sizes.pop();
        for (_, _, bytes, file) in sizes {
            if total <= quota {
                return;
            }
            total -= bytes;
            retained.over_quota.push(file.text.clone());
            self.remove(file, retained);
        }
    }

    fn seal_past(&mut self, now_ms: i64, retained: &mut Retained) {
        for file in self.shared.files().into_values() {
            if file.seal().is_some()
                || file.damage().is_some()
                || file.is_frozen()
                || file.name.end_ms() + SEAL_AFTER_MS > now_ms
            {
                continue;
            }
            match self.seal(&file) {
                Ok(true) => retained.sealed += 1,
                Ok(false) => {}
                Err(error) => {
                    if let StoreError::Damaged { reason, .. } = &error {
                        self.shared.report(&file, reason);
                    }
                    tracing::debug!(%error, "a store file is not sealed yet");
                }
            }
        }
    }
}

fn fill_with_zeros(path: &Path) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = match std::fs::OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let zeros = vec![0; 1 << 16];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.get(..part).unwrap_or(&zeros))?;
        left -= part as u64;
    }
    file.sync_all()
}
