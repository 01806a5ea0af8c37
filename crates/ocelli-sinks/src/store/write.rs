//! Writes events into one file. Owned by the writer's thread.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
};

use ocelli_core::EventRecord;
use rusqlite::Connection;

use super::{
    StoreError,
    catalogue::database_files,
    dictionary::Dictionary,
    period::{FileName, Filed, HOUR_MS},
    row::{Body, Key, plain_tag},
    schema::EVENTS,
    tally::{Sort, Tally},
};

/// Tags that are known to stand in the file; more are forgotten.
const TAGS_MAX: usize = 1 << 16;
/// Tallies that are held in memory; more are forgotten.
const CELLS_MAX: usize = 1 << 14;

/// An event on its way into a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) record: &'a EventRecord,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    /// Its own time in milliseconds since 1970.
    pub(crate) own_ms: i64,
    pub(crate) filed: Filed,
}

/// The tallies of an hour together.
#[derive(Debug, Clone, Copy, Default)]
struct Hour {
    cells: i64,
    digest: u32,
}

pub(crate) struct FileWriter {
    name: FileName,
    text: String,
    connection: Connection,
    dictionary: Dictionary,
    /// (hour, stream) -> tally, and the checksum that stands in the file, if one does.
    cells: HashMap<(u32, u32), (Tally, Option<u32>)>,
    hours: HashMap<u32, Hour>,
    tags: HashSet<(u64, u32)>,
    /// Whether the log was begun anew since the file was opened.
    clean: bool,
    /// Whether something was committed that was not synced.
    pub(crate) unsynced: bool,
}

impl FileWriter {
    /// Makes the file at `path`, whole before it gets its name.
    pub(crate) fn create(path: &Path, name: FileName) -> Result<(), StoreError> {
        let text = name.to_string();
        let made = new_path(path);
        super::catalogue::remove_database(&made).map_err(|error| StoreError::io(&text, &error))?;
        drop(EVENTS.create(&made, &text)?);
        std::fs::rename(&made, path).map_err(|error| StoreError::io(&text, &error))
    }

    /// Opens a file that is there.
    pub(crate) fn open(path: &Path, name: FileName) -> Result<Self, StoreError> {
        let text = name.to_string();
        let connection = EVENTS.open(path, &text)?;
        let mut writer = Self {
            name,
            connection,
            dictionary: Dictionary::new(),
            cells: HashMap::new(),
            hours: HashMap::new(),
            tags: HashSet::new(),
            clean: false,
            unsynced: false,
            text,
        };
        writer
            .dictionary
            .refresh(&writer.connection, &writer.text)?;
        Ok(writer)
    }

    fn sqlite(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.text, error)
    }

    /// Moves the log into the file as far as readers allow. Whether all of it is there.
    pub(crate) fn checkpoint(&mut self) -> Result<bool, StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| {
                row.get::<_, i64>(0)
            })
            .map(|busy| busy == 0)
            .map_err(|error| self.sqlite(&error))
    }

    /// Makes what was committed survive a power cut.
    pub(crate) fn sync(&mut self, path: &Path) -> Result<(), StoreError> {
        let [_, log, _] = database_files(path);
        match std::fs::File::open(log).and_then(|log| log.sync_data()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::io(&self.text, &error))
            }
            _ => {
                self.unsynced = false;
                Ok(())
            }
        }
    }

    /// Whether the file holds this event under `at_ms`.
    pub(crate) fn holds(&self, event: &Incoming<'_>, at_ms: i64) -> Result<bool, StoreError> {
        let names = &self.dictionary;
        let (Some(stream), Some(epoch)) = (
            names.streams.number(&event.record.stream),
            names.epoch_number(event.epoch),
        ) else {
            return Ok(false);
        };
        let at = at_ms - self.name.start_ms;
        let sql =
            "SELECT 1 FROM event WHERE stream = ?1 AND at = ?2 AND epoch = ?3 AND number = ?4";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut found| found.exists((stream, at, epoch, event.number as i64)))
            .map_err(|error| self.sqlite(&error))
    }

    /// Whether the file holds this event under another time than its own.
    pub(crate) fn holds_clamped(&self, event: &Incoming<'_>) -> Result<bool, StoreError> {
        let Some(epoch) = self.dictionary.epoch_number(event.epoch) else {
            return Ok(false);
        };
        self.connection
            .prepare_cached("SELECT 1 FROM clamped WHERE epoch = ?1 AND number = ?2")
            .and_then(|mut found| found.exists((epoch, event.number as i64)))
            .map_err(|error| self.sqlite(&error))
    }

    /// Commits events: all of them, or none. Says of each whether it is new.
    ///
    /// After an error the writer is to be dropped: what it holds in memory may be ahead of the
    /// file.
    pub(crate) fn insert(&mut self, events: &[Incoming<'_>]) -> Result<Vec<bool>, StoreError> {
        if self.cells.len() > CELLS_MAX {
            self.cells.clear();
        }
        if self.tags.len() > TAGS_MAX {
            self.tags.clear();
        }
        if !self.clean {
            // What a failed transaction left in the log is not to be taken for damage later.
            self.checkpoint()?;
            self.clean = true;
        }
        let mut new = Vec::with_capacity(events.len());
        self.run("BEGIN IMMEDIATE")?;
        let done = self.insert_rows(events, &mut new);
        let touched = match done {
            Ok(touched) => touched,
            Err(error) => {
                let error = self.sqlite(&error);
                // Where even that fails, dropping the connection rolls back.
                self.run("ROLLBACK").ok();
                return Err(error);
            }
        };
        self.write_cells(touched)?;
        self.run("COMMIT")?;
        self.unsynced = true;
        Ok(new)
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection
            .execute_batch(sql)
            .map_err(|error| self.sqlite(&error))
    }

    fn insert_rows(
        &mut self,
        events: &[Incoming<'_>],
        new: &mut Vec<bool>,
    ) -> rusqlite::Result<BTreeSet<(u32, u32)>> {
        let connection = &self.connection;
        let mut put_event = connection
            .prepare_cached("INSERT OR IGNORE INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        let mut put_tag = connection.prepare_cached("INSERT OR IGNORE INTO tag VALUES (?1, ?2)")?;
        let mut put_clamped =
            connection.prepare_cached("INSERT OR IGNORE INTO clamped VALUES (?1, ?2)")?;
        let mut touched = BTreeSet::new();
        let mut bytes = Vec::with_capacity(64);
        for event in events {
            let record = event.record;
            let names = &mut self.dictionary;
            let stream = names.streams.number_or_add(connection, &record.stream)?;
            let epoch = names.epoch_number_or_add(connection, event.epoch)?;
            let mut word = |text: &Option<String>| {
                text.as_deref()
                    .map(|text| names.words.number_or_add(connection, text))
                    .transpose()
            };
            let (rule, place) = (word(&record.rule)?, word(&record.place)?);
            let number = event.number as i64;
            if event.filed.clamped && put_clamped.execute((epoch, number))? == 0 {
                new.push(false);
                continue;
            }
            let at = u32::try_from(event.filed.at_ms - self.name.start_ms).unwrap_or(0);
            let key = Key {
                stream,
                at,
                epoch,
                number: event.number,
            };
            let tag = record.tag.as_deref().and_then(plain_tag);
            let body = Body::of(record, event.filed.at_ms, rule, place);
            body.write(&key, tag, &mut bytes);
            let tag_value = tag.map(|tag| tag as i64);
            let fresh = put_event.execute((stream, at, epoch, number, tag_value, &bytes[..]))? == 1;
            new.push(fresh);
            if !fresh {
                continue;
            }
            let place = (hour_of(at), stream);
            let (tally, _) = cell(connection, &mut self.cells, place)?;
            tally.add(Sort::of(&body, at));
            touched.insert(place);
            if let Some(tag) = tag
                && self.tags.insert((tag, stream))
            {
                put_tag.execute((tag as i64, stream))?;
            }
        }
        Ok(touched)
    }

    fn write_cells(&mut self, touched: BTreeSet<(u32, u32)>) -> Result<(), StoreError> {
        let mut hours = BTreeSet::new();
        let connection = &self.connection;
        let write = || {
            let mut put =
                connection.prepare_cached("INSERT OR REPLACE INTO cell VALUES (?1, ?2, ?3)")?;
            for (hour, stream) in touched {
                let Some((tally, old)) = self.cells.get_mut(&(hour, stream)) else {
                    continue;
                };
                let (bytes, sum) = tally.write(hour, stream);
                put.execute((hour, stream, &bytes[..]))?;
                let total = hour_total(connection, &mut self.hours, hour)?;
                total.digest ^= sum ^ old.unwrap_or(0);
                total.cells += i64::from(old.is_none());
                *old = Some(sum);
                hours.insert(hour);
            }
            let mut put =
                connection.prepare_cached("INSERT OR REPLACE INTO hour VALUES (?1, ?2, ?3)")?;
            for hour in hours {
                if let Some(total) = self.hours.get(&hour) {
                    put.execute((hour, total.cells, total.digest))?;
                }
            }
            Ok(())
        };
        write().map_err(|error: rusqlite::Error| StoreError::sqlite(&self.text, &error))
    }
}

/// Hour of its file, for milliseconds since the file began.
pub(crate) fn hour_of(at: u32) -> u32 {
    (i64::from(at) / HOUR_MS) as u32
}

/// Where a file is made before it gets its name.
pub(crate) fn new_path(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// The tally of a stream and hour, out of the file where it is not in memory.
fn cell<'a>(
    connection: &Connection,
    cells: &'a mut HashMap<(u32, u32), (Tally, Option<u32>)>,
    place: (u32, u32),
) -> rusqlite::Result<&'a mut (Tally, Option<u32>)> {
    use std::collections::hash_map::Entry;
    match cells.entry(place) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(entry) => {
            let mut find = connection
                .prepare_cached("SELECT tally FROM cell WHERE hour = ?1 AND stream = ?2")?;
            let mut rows = find.query(place)?;
            let Some(row) = rows.next()? else {
                return Ok(entry.insert((Tally::default(), None)));
            };
            let bytes: Vec<u8> = row.get(0)?;
            let (tally, sum) = Tally::read(place.0, place.1, &bytes).ok_or_else(changed)?;
            Ok(entry.insert((tally, Some(sum))))
        }
    }
}

fn hour_total<'a>(
    connection: &Connection,
    hours: &'a mut HashMap<u32, Hour>,
    hour: u32,
) -> rusqlite::Result<&'a mut Hour> {
    use std::collections::hash_map::Entry;
    match hours.entry(hour) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(entry) => {
            let mut find =
                connection.prepare_cached("SELECT cells, digest FROM hour WHERE hour = ?1")?;
            let mut rows = find.query([hour])?;
            let total = match rows.next()? {
                None => Hour::default(),
                Some(row) => Hour {
                    cells: row.get(0)?,
                    digest: row.get(1)?,
                },
            };
            Ok(entry.insert(total))
        }
    }
}

/// A tally that is not as it was written.
fn changed() -> rusqlite::Error {
    rusqlite::Error::InvalidColumnName("a tally was changed".to_owned())
}
