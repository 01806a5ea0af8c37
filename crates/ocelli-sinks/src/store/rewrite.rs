//! Writes a file anew with some of its rows.

use std::{
    collections::{BTreeSet, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use ocelli_core::EventRecord;

use super::{
    StoreError,
    catalogue::{Seal, remove_database},
    cursor::Place,
    file::measure,
    incoming::identify,
    period::{FileName, Filed},
    query::record,
    read::{Reader, Row},
    write::{FileWriter, Incoming},
};

/// The new file, under a name of its own until it is whole.
pub(crate) struct Rewriter<'a> {
    name: FileName,
    path: PathBuf,
    from: &'a Reader,
    /// Rows of the old file that are filed under another time than their own.
    clamped: HashSet<(u32, u64)>,
    clamped_epochs: BTreeSet<u64>,
    writer: FileWriter,
    rows: u64,
}

/// A file that is whole but has not got its name.
pub(crate) struct Rewritten {
    pub(crate) path: PathBuf,
    pub(crate) seal: Seal,
    /// Epochs with events that are filed under another time than their own.
    pub(crate) clamped: BTreeSet<u64>,
}

/// Where a file is written anew before it gets its name.
pub(crate) fn rewrite_path(folder: &Path, name: FileName) -> PathBuf {
    folder.join(format!("{name}.rewrite"))
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(folder: &Path, name: FileName, from: &'a Reader) -> Result<Self, StoreError> {
        let path = rewrite_path(folder, name);
        remove_database(&path).map_err(|error| StoreError::io(&name.to_string(), &error))?;
        FileWriter::create(&path, name)?;
        Ok(Self {
            name,
            writer: FileWriter::open(&path, name)?,
            path,
            from,
            clamped: from.clamped()?.into_iter().collect(),
            clamped_epochs: BTreeSet::new(),
            rows: 0,
        })
    }

    /// Writes rows of the old file.
    pub(crate) fn keep(&mut self, rows: Vec<Row>) -> Result<(), StoreError> {
        let mut kept: Vec<(EventRecord, i64, bool)> = Vec::with_capacity(rows.len());
        for row in rows {
            let names = &self.from.dictionary;
            let (Some(stream), Some(epoch)) = (
                names.streams.text(row.key.stream),
                names.epoch(row.key.epoch),
            ) else {
                continue;
            };
            let word = |number: Option<u32>| {
                let text = number.and_then(|number| names.words.text(number));
                text.map(|text| text.as_ref().to_owned())
            };
            let place = Place {
                at_ms: self.name.start_ms + i64::from(row.key.at),
                stream: Arc::clone(stream),
                epoch,
                number: row.key.number,
            };
            let clamped = self.clamped.contains(&(row.key.epoch, row.key.number));
            if clamped {
                self.clamped_epochs.insert(epoch);
            }
            let (rule, zone) = (word(row.body.rule), word(row.body.place));
            let record = record(&place, row.tag, row.body, rule, zone);
            kept.push((record, place.at_ms, clamped));
        }
        let mut events = Vec::with_capacity(kept.len());
        for (record, at_ms, clamped) in &kept {
            let identity = identify(record).map_err(|reason| {
                StoreError::damaged(&self.name.to_string(), format!("a row is odd: {reason}"))
            })?;
            events.push(Incoming {
                record,
                epoch: identity.epoch,
                number: identity.number,
                own_ms: identity.own_ms,
                filed: Filed {
                    at_ms: *at_ms,
                    clamped: *clamped,
                },
            });
        }
        if !events.is_empty() {
            self.rows += events.len() as u64;
            self.writer.insert(&events)?;
        }
        Ok(())
    }

    /// Leaves no trace of it.
    pub(crate) fn abandon(self) -> Result<(), StoreError> {
        let Self {
            path, name, writer, ..
        } = self;
        drop(writer);
        remove_database(&path).map_err(|error| StoreError::io(&name.to_string(), &error))
    }

    /// Closes the new file. Ok(None): no row is left.
    pub(crate) fn finish(mut self) -> Result<Option<Rewritten>, StoreError> {
        if self.rows == 0 {
            return self.abandon().map(|()| None);
        }
        self.writer.checkpoint()?;
        let Self {
            name,
            path,
            writer,
            clamped_epochs,
            ..
        } = self;
        drop(writer);
        let io = |error: std::io::Error| StoreError::io(&name.to_string(), &error);
        std::fs::File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(io)?;
        Ok(Some(Rewritten {
            seal: measure(&path).map_err(io)?,
            path,
            clamped: clamped_epochs,
        }))
    }
}
