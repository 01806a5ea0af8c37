//! The stills of one retention class and period: a folder with a file of keys, and a file of
//! ciphertext for each still.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::slot::{Content, SLOT_BYTES, Slot};
use crate::store::{StoreError, period::FileName};

/// The file of keys.
const KEYS: &str = "keys";
/// Slots of one period: what comes beyond is not kept.
const SLOTS_MAX: usize = 1_000_000;

/// An open period.
pub(super) struct Period {
    folder: PathBuf,
    text: String,
    keys: File,
    slots: usize,
    pub(super) bytes: u64,
}

/// `24h-2026-11-24T08`: the name of a store file of the same class and period, without its ends.
pub(super) fn folder_name(name: FileName) -> String {
    let text = FileName { part: 0, ..name }.to_string();
    let text = text.strip_prefix("events-").unwrap_or(&text);
    text.strip_suffix("-0.db").unwrap_or(text).to_owned()
}

pub(super) fn name_of(folder: &str) -> Option<FileName> {
    format!("events-{folder}-0.db").parse().ok()
}

impl Period {
    /// Opens a period, or makes it.
    pub(super) fn open(root: &Path, name: FileName) -> Result<Self, StoreError> {
        let text = folder_name(name);
        let folder = root.join(&text);
        let open = || -> io::Result<File> {
            fs::create_dir_all(&folder)?;
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(folder.join(KEYS))
        };
        let keys = open().map_err(|error| StoreError::io(&text, &error))?;
        let length = keys.metadata().map(|metadata| metadata.len());
        let length = length.map_err(|error| StoreError::io(&text, &error))?;
        let mut period = Self {
            folder,
            text,
            keys,
            // What a power cut left of a slot is skipped.
            slots: length.div_ceil(SLOT_BYTES as u64) as usize,
            bytes: length,
        };
        for number in 0..period.slots {
            let still = fs::metadata(period.still(number));
            period.bytes += still.map_or(0, |metadata| metadata.len());
        }
        Ok(period)
    }

    fn still(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number:06}.still"))
    }

    fn io(&self, error: &io::Error) -> StoreError {
        StoreError::io(&self.text, error)
    }

    /// Every slot that is in use, and the number of those that are damaged.
    pub(super) fn slots(&self) -> Result<(Vec<(usize, Slot)>, usize), StoreError> {
        let mut used = Vec::new();
        let mut damaged = 0;
        let mut bytes = [0; SLOT_BYTES];
        for number in 0..self.slots {
            let at = (number * SLOT_BYTES) as u64;
            match self.keys.read_exact_at(&mut bytes, at) {
                Ok(()) => match Slot::read(&bytes) {
                    Content::Used(slot) => used.push((number, slot)),
                    Content::Destroyed => {}
                    Content::Damaged => damaged += 1,
                },
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged += 1,
                Err(error) => return Err(self.io(&error)),
            }
        }
        Ok((used, damaged))
    }

    /// One slot, if it is in use.
    pub(super) fn slot(&self, number: usize) -> Result<Option<Slot>, StoreError> {
        let mut bytes = [0; SLOT_BYTES];
        let read = self
            .keys
            .read_exact_at(&mut bytes, (number * SLOT_BYTES) as u64);
        read.map_err(|error| self.io(&error))?;
        Ok(match Slot::read(&bytes) {
            Content::Used(slot) => Some(slot),
            Content::Destroyed | Content::Damaged => None,
        })
    }

    /// Keeps a still; its number.
    pub(super) fn put(&mut self, slot: &Slot, jpeg: Vec<u8>) -> Result<usize, StoreError> {
        if self.slots >= SLOTS_MAX {
            let message = format!("{} has {SLOTS_MAX} stills", self.text);
            return Err(StoreError::Full(message));
        }
        let bytes = slot.write()?;
        let closed = slot.close(jpeg)?;
        let number = self.slots;
        // The key first: a number is never used twice, whenever the process ends.
        self.slots += 1;
        let write = || -> io::Result<()> {
            self.keys
                .write_all_at(&bytes, (number * SLOT_BYTES) as u64)?;
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(self.still(number))?;
            file.write_all(&closed)
        };
        if let Err(error) = write() {
            let failed = self.io(&error);
            self.destroy(&[number])?;
            return Err(failed);
        }
        self.bytes += (SLOT_BYTES + closed.len()) as u64;
        Ok(number)
    }

    /// A still's bytes.
    pub(super) fn get(&self, number: usize, slot: &Slot) -> Result<Vec<u8>, StoreError> {
        let path = self.still(number);
        let closed = fs::read(&path).map_err(|error| self.io(&error))?;
        slot.open(closed).ok_or_else(|| {
            let file = format!("{}/{number:06}.still", self.text);
            StoreError::damaged(&file, "it is not what was written")
        })
    }

    /// Destroys keys first, then what they close.
    pub(super) fn destroy(&mut self, numbers: &[usize]) -> Result<(), StoreError> {
        let destroy = || -> io::Result<()> {
            for number in numbers {
                let at = (number * SLOT_BYTES) as u64;
                self.keys.write_all_at(&[0; SLOT_BYTES], at)?;
            }
            self.keys.sync_data()?;
            for &number in numbers {
                remove(&self.still(number))?;
            }
            File::open(&self.folder)?.sync_all()
        };
        destroy().map_err(|error| self.io(&error))
    }

    /// Destroys all of it.
    pub(super) fn remove(self) -> Result<u64, StoreError> {
        let run = || -> io::Result<()> {
            let length = self.keys.metadata()?.len() as usize;
            self.keys.write_all_at(&vec![0; length], 0)?;
            self.keys.sync_data()?;
            for entry in fs::read_dir(&self.folder)? {
                fs::remove_file(entry?.path())?;
            }
            fs::remove_dir(&self.folder)?;
            let root = self.folder.parent().unwrap_or(&self.folder);
            File::open(root)?.sync_all()
        };
        run().map_err(|error| self.io(&error))?;
        Ok(self.bytes)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
