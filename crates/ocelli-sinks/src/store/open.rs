//! What happens when a store opens: nothing is repaired, but leftovers of a killed process are
//! put away, and damage is named.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use super::{
    Damage, StoreError, StoreOptions,
    catalogue::{self, Catalogue, Contents, Listed, database_files, remove_database},
    elapsed::{BELIEVED_AFTER_MICROS, Elapsed},
    file::StoreFile,
    period::FileName,
    read::Reader,
    rewrite::rewrite_path,
    shared::{Files, Shared},
    wal,
    writer::Writer,
};

const LOCK: &str = "lock";

/// Opens a folder for writing.
pub(crate) fn for_writing(
    folder: &Path,
    options: StoreOptions,
) -> Result<(Writer, Vec<Damage>), StoreError> {
    make_folder(folder)?;
    let lock = take_lock(folder)?;
    let mut damage = Vec::new();
    let (catalogue, contents) = open_catalogue(folder, &mut damage)?;
    let anew = contents.is_none();
    let mut contents = contents.unwrap_or_default();
    let elapsed = Elapsed::begin(
        contents.clock.take(),
        options.clock.wall(),
        options.clock.running(),
    );
    let shared = Arc::new(Shared::new(folder.to_owned()));
    let mut writer = Writer::new(shared, options, catalogue, elapsed, lock);
    writer.take_over(contents, anew, &mut damage)?;
    Ok((writer, damage))
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| StoreError::io(&folder.display().to_string(), &error))
}

fn take_lock(folder: &Path) -> Result<std::fs::File, StoreError> {
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .map_err(|error| StoreError::io(LOCK, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Busy),
        Err(std::fs::TryLockError::Error(error)) => Err(StoreError::io(LOCK, &error)),
    }
}

/// The catalogue and what it says; `None` where it had to be made anew.
fn open_catalogue(
    folder: &Path,
    damage: &mut Vec<Damage>,
) -> Result<(Catalogue, Option<Contents>), StoreError> {
    let had = folder.join(catalogue::NAME).exists();
    let log = log_damage(folder, catalogue::NAME)?;
    let read = Catalogue::open(folder)
        .and_then(|catalogue| catalogue.contents().map(|contents| (catalogue, contents)));
    let reason = match (read, log) {
        (Ok((catalogue, contents)), None) => return Ok((catalogue, had.then_some(contents))),
        (Ok(_), Some(reason)) | (Err(StoreError::Damaged { reason, .. }), _) => reason,
        (Err(error), _) => return Err(error),
    };
    damage.push(Damage {
        file: catalogue::NAME.to_owned(),
        reason,
    });
    Ok((Catalogue::replace(folder)?, None))
}

fn log_damage(folder: &Path, name: &str) -> Result<Option<String>, StoreError> {
    let [_, log, _] = database_files(&folder.join(name));
    wal::damage(&log).map_err(|error| StoreError::io(name, &error))
}

impl Writer {
    /// Takes over what an earlier process left.
    fn take_over(
        &mut self,
        contents: Contents,
        anew: bool,
        damage: &mut Vec<Damage>,
    ) -> Result<(), StoreError> {
        let folder = self.shared.folder.clone();
        let mut files = Files::new();
        for listed in contents.files {
            let Ok(name) = listed.name.parse::<FileName>() else {
                continue;
            };
            let going = listed.going;
            let file = Arc::new(StoreFile::from_listed(&folder, name, listed));
            if going {
                self.going.push(file);
                continue;
            }
            self.find(&file)?;
            files.insert(name, file);
        }
        self.adopt(&folder, &mut files)?;
        for file in files.values() {
            if let Some(reason) = log_damage(&folder, &file.text)? {
                file.set_damage(&reason);
            }
            if let Some(reason) = file.damage() {
                let file = file.text.clone();
                damage.push(Damage { file, reason });
            }
        }
        self.clamped = if anew {
            clamped_in(&files)
        } else {
            let mut clamped: BTreeMap<u64, BTreeSet<FileName>> = BTreeMap::new();
            for (epoch, file) in contents.clamped {
                if let Ok(name) = file.parse() {
                    clamped.entry(epoch).or_default().insert(name);
                }
            }
            clamped
        };
        self.shared.change_files(|shared| *shared = files);
        let listed: Vec<Listed> = self
            .shared
            .files()
            .values()
            .map(|file| file.listed())
            .collect();
        if let Err(error) = self.catalogue.put(&listed, Some(self.elapsed.saved())) {
            // A full disk keeps nobody from looking; it is written again within a minute.
            tracing::warn!(%error, "the catalogue could not be written");
        }
        let elapsed = self.elapsed.micros();
        self.shared.elapsed.store(elapsed, Relaxed);
        for erasure in contents.erasures {
            self.resume_erasing(erasure);
        }
        Ok(())
    }

    /// Looks that a listed file is there.
    fn find(&self, file: &StoreFile) -> Result<(), StoreError> {
        let rewritten = rewrite_path(&self.shared.folder, file.name);
        if !file.path.exists() && rewritten.exists() {
            std::fs::rename(&rewritten, &file.path)
                .map_err(|error| StoreError::io(&file.text, &error))?;
        }
        if !file.path.exists() {
            file.set_damage("the file is missing");
        }
        Ok(())
    }

    /// Takes in files that no catalogue lists, and removes what was never whole.
    fn adopt(&self, folder: &Path, files: &mut Files) -> Result<(), StoreError> {
        let io = |error: std::io::Error| StoreError::io("the store", &error);
        let now_ms = self.now_ms();
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let Ok(text) = entry.file_name().into_string() else {
                continue;
            };
            if text.starts_with("events-") && (text.contains(".new") || text.contains(".rewrite")) {
                std::fs::remove_file(entry.path()).map_err(io)?;
                continue;
            }
            let Ok(name) = text.parse::<FileName>() else {
                continue;
            };
            if files.contains_key(&name) || self.going.iter().any(|file| file.name == name) {
                continue;
            }
            // Only the wall clock is left to tell how old it is, and it has to stand for an hour
            // before anything goes.
            let created = self.elapsed.micros();
            let left_ms = name.end_ms() - now_ms + name.class.millis();
            let left_max = name.class.millis() + name.class.period_ms();
            let left = left_ms.min(left_max).saturating_mul(1000);
            let expires = created + left.max(BELIEVED_AFTER_MICROS);
            let file = StoreFile::new(folder, name, created, expires);
            files.insert(name, Arc::new(file));
        }
        // Files that go are not there any more for whoever asks; what is left of them goes later.
        for file in &self.going {
            if !file.path.exists() {
                remove_database(&file.path).map_err(io)?;
            }
        }
        Ok(())
    }
}

/// Finds in the files which of them hold events under another time than their own.
fn clamped_in(files: &Files) -> BTreeMap<u64, BTreeSet<FileName>> {
    let mut clamped: BTreeMap<u64, BTreeSet<FileName>> = BTreeMap::new();
    for (name, file) in files {
        let find = || -> Result<Vec<u64>, StoreError> {
            let mut reader = Reader::open(file)?;
            reader.begin()?;
            let epochs = reader.clamped()?.into_iter();
            Ok(epochs
                .filter_map(|(epoch, _)| reader.dictionary.epoch(epoch))
                .collect())
        };
        for epoch in find().unwrap_or_default() {
            clamped.entry(epoch).or_default().insert(*name);
        }
    }
    clamped
}

/// Opens a folder for reading only: another process may be writing to it.
pub(crate) fn for_reading(folder: &Path) -> Result<Shared, StoreError> {
    let io = |error: std::io::Error| StoreError::io("the store", &error);
    let shared = Shared::new(folder.to_owned());
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let text = entry.map_err(io)?.file_name();
        if let Some(Ok(name)) = text.to_str().map(str::parse::<FileName>) {
            // Whoever writes expires them.
            files.insert(name, Arc::new(StoreFile::new(folder, name, 0, i64::MAX)));
        }
    }
    shared.change_files(|shared| *shared = files);
    Ok(shared)
}
