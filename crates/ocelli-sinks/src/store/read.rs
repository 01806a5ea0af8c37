//! Reads one file, and notices what is not as it was written.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    StoreError,
    dictionary::Dictionary,
    file::StoreFile,
    row::{Body, Key},
    schema::EVENTS,
    tally::Tally,
};

/// A connection that only reads.
pub(crate) struct Reader {
    connection: Connection,
    text: String,
    pub(crate) dictionary: Dictionary,
}

/// One row.
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) tag: Option<u64>,
    pub(crate) body: Body,
}

/// The tallies of an hour: stream -> tally.
pub(crate) type Cells = BTreeMap<u32, Tally>;

impl Reader {
    pub(crate) fn open(file: &StoreFile) -> Result<Self, StoreError> {
        let connection = EVENTS.open(&file.path, &file.text)?;
        connection
            .pragma_update(None, "query_only", true)
            .map_err(|error| StoreError::sqlite(&file.text, &error))?;
        Ok(Self {
            connection,
            text: file.text.clone(),
            dictionary: Dictionary::new(),
        })
    }

    fn sqlite(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.text, error)
    }

    fn damaged(&self, reason: impl Into<String>) -> StoreError {
        StoreError::damaged(&self.text, reason)
    }

    /// From here to [`Self::end`] all that is read is of one moment.
    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        self.connection
            .execute_batch("BEGIN")
            .map_err(|error| self.sqlite(&error))?;
        self.dictionary.refresh(&self.connection, &self.text)
    }

    pub(crate) fn end(&self) -> Result<(), StoreError> {
        self.connection
            .execute_batch("ROLLBACK")
            .map_err(|error| self.sqlite(&error))
    }

    /// The tallies of an hour: of some streams, or of all. The latter also tells whether one is
    /// missing.
    pub(crate) fn cells(&self, hour: u32, streams: Option<&[u32]>) -> Result<Cells, StoreError> {
        let mut cells = Cells::new();
        if let Some(streams) = streams {
            for &stream in streams {
                let bytes: Option<Vec<u8>> = self
                    .connection
                    .prepare_cached("SELECT tally FROM cell WHERE hour = ?1 AND stream = ?2")
                    .and_then(|mut find| {
                        find.query_row((hour, stream), |row| row.get(0)).optional()
                    })
                    .map_err(|error| self.sqlite(&error))?;
                if let Some(bytes) = bytes {
                    cells.insert(stream, self.tally(hour, stream, &bytes)?.0);
                }
            }
            return Ok(cells);
        }
        let mut total = (0_i64, 0_u32);
        let mut read = || -> Result<(i64, u32), ReadError> {
            let mut find = self
                .connection
                .prepare_cached("SELECT stream, tally FROM cell WHERE hour = ?1")?;
            let mut rows = find.query([hour])?;
            while let Some(row) = rows.next()? {
                let stream = row.get(0)?;
                let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                let (tally, sum) = self.tally(hour, stream, bytes)?;
                total.0 += 1;
                total.1 ^= sum;
                cells.insert(stream, tally);
            }
            let expected = self
                .connection
                .prepare_cached("SELECT cells, digest FROM hour WHERE hour = ?1")?
                .query_row([hour], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            Ok(expected.unwrap_or((0, 0)))
        };
        match read() {
            Ok(expected) if expected == total => Ok(cells),
            Ok(_) => Err(self.damaged(format!("a tally of hour {hour} is missing"))),
            Err(ReadError::Store(error)) => Err(error),
            Err(ReadError::Sqlite(error)) => Err(self.sqlite(&error)),
        }
    }

    fn tally(&self, hour: u32, stream: u32, bytes: &[u8]) -> Result<(Tally, u32), StoreError> {
        Tally::read(hour, stream, bytes)
            .ok_or_else(|| self.damaged(format!("a tally of hour {hour} was changed")))
    }

    /// Visits a stream's rows from `from` to before `to` (milliseconds since the file began),
    /// oldest first. Rows that are not as they were written are left out; Ok says how many were
    /// whole and how many were not.
    pub(crate) fn rows(
        &self,
        stream: u32,
        (from, to): (i64, i64),
        mut visit: impl FnMut(Row),
    ) -> Result<(u32, u32), StoreError> {
        let (mut whole, mut broken) = (0, 0);
        let mut read = || -> rusqlite::Result<()> {
            let mut find = self.connection.prepare_cached(
                "SELECT at, epoch, number, tag, body FROM event
                 WHERE stream = ?1 AND at >= ?2 AND at < ?3",
            )?;
            let mut rows = find.query((stream, from, to))?;
            while let Some(row) = rows.next()? {
                let key = Key {
                    stream,
                    at: row.get(0)?,
                    epoch: row.get(1)?,
                    number: row.get::<_, i64>(2)? as u64,
                };
                let tag = row.get::<_, Option<i64>>(3)?.map(|tag| tag as u64);
                match Body::read(&key, tag, row.get_ref(4)?.as_blob()?) {
                    Some(body) => {
                        whole += 1;
                        visit(Row { key, tag, body });
                    }
                    None => broken += 1,
                }
            }
            Ok(())
        };
        read().map_err(|error| self.sqlite(&error))?;
        Ok((whole, broken))
    }

    /// Stream and time (milliseconds since the file began) of the event with this number. There is
    /// no index for it: all rows are read.
    pub(crate) fn place_of(
        &self,
        epoch: u32,
        number: u64,
    ) -> Result<Option<(u32, i64)>, StoreError> {
        self.connection
            .prepare_cached("SELECT stream, at FROM event WHERE epoch = ?1 AND number = ?2 LIMIT 1")
            .and_then(|mut find| {
                find.query_row((epoch, number as i64), |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(|error| self.sqlite(&error))
    }

    /// The streams on which a tag was seen.
    pub(crate) fn streams_of_tag(&self, tag: u64) -> Result<Vec<u32>, StoreError> {
        let find = || -> rusqlite::Result<Vec<u32>> {
            let mut find = self
                .connection
                .prepare_cached("SELECT stream FROM tag WHERE tag = ?1")?;
            let rows = find.query_map([tag as i64], |row| row.get(0))?;
            rows.collect()
        };
        find().map_err(|error| self.sqlite(&error))
    }

    /// Epochs of the events that are filed under another time than their own, with their numbers.
    pub(crate) fn clamped(&self) -> Result<Vec<(u32, u64)>, StoreError> {
        let find = || -> rusqlite::Result<Vec<(u32, u64)>> {
            let mut find = self
                .connection
                .prepare("SELECT epoch, number FROM clamped")?;
            let rows = find.query_map((), |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
            rows.collect()
        };
        find().map_err(|error| self.sqlite(&error))
    }

    /// Numbers of tags and streams together, for verification.
    pub(crate) fn tags(&self) -> Result<Vec<(u64, u32)>, StoreError> {
        let find = || -> rusqlite::Result<Vec<(u64, u32)>> {
            let mut find = self.connection.prepare("SELECT tag, stream FROM tag")?;
            let rows = find.query_map((), |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
            rows.collect()
        };
        find().map_err(|error| self.sqlite(&error))
    }

    /// Whether SQLite finds its own structures whole.
    pub(crate) fn quick_check(&self) -> Result<(), StoreError> {
        let verdict: String = self
            .connection
            .pragma_query_value(None, "quick_check", |row| row.get(0))
            .map_err(|error| self.sqlite(&error))?;
        if verdict == "ok" {
            return Ok(());
        }
        Err(self.damaged(verdict))
    }
}

enum ReadError {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
