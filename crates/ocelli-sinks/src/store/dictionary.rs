//! The names that a file's rows stand for: streams, rules and places, epochs.

use std::{collections::HashMap, sync::Arc};

use rusqlite::Connection;

use super::StoreError;

/// Numbers for texts, counted from 1.
pub(crate) struct Names {
    table: &'static str,
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Names {
    fn new(table: &'static str) -> Self {
        Self {
            table,
            texts: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// Reads what was added since the last time.
    fn refresh(&mut self, connection: &Connection, file: &str) -> Result<(), StoreError> {
        let sqlite = |error: rusqlite::Error| StoreError::sqlite(file, &error);
        let sql = format!(
            "SELECT id, text, sum FROM {} WHERE id > ?1 ORDER BY id",
            self.table
        );
        let mut statement = connection.prepare_cached(&sql).map_err(sqlite)?;
        let mut rows = statement.query([self.texts.len() as i64]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let id: i64 = row.get(0).map_err(sqlite)?;
            let text: String = row.get(1).map_err(sqlite)?;
            let sum: i64 = row.get(2).map_err(sqlite)?;
            let number = self.texts.len() as u32 + 1;
            if id != i64::from(number) || sum != checksum(number, &text) {
                return Err(StoreError::damaged(
                    file,
                    format!("name {number} of table {} was changed", self.table),
                ));
            }
            self.push(text.into());
        }
        Ok(())
    }

    fn push(&mut self, text: Arc<str>) -> u32 {
        self.texts.push(Arc::clone(&text));
        let number = self.texts.len() as u32;
        self.numbers.insert(text, number);
        number
    }

    pub(crate) fn number(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    pub(crate) fn text(&self, number: u32) -> Option<&Arc<str>> {
        self.texts.get((number as usize).checked_sub(1)?)
    }

    pub(crate) fn count(&self) -> u32 {
        self.texts.len() as u32
    }

    /// The number of a text, a new one where it has none. Runs in the caller's transaction.
    pub(crate) fn number_or_add(
        &mut self,
        connection: &Connection,
        text: &str,
    ) -> rusqlite::Result<u32> {
        if let Some(number) = self.number(text) {
            return Ok(number);
        }
        let number = self.push(text.into());
        let sql = format!(
            "INSERT INTO {} (id, text, sum) VALUES (?1, ?2, ?3)",
            self.table
        );
        connection
            .prepare_cached(&sql)?
            .execute((number, text, checksum(number, text)))?;
        Ok(number)
    }
}

fn checksum(number: u32, text: &str) -> i64 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&number.to_le_bytes());
    sum.update(text.as_bytes());
    i64::from(sum.finalize())
}

/// All names of a file.
pub(crate) struct Dictionary {
    pub(crate) streams: Names,
    pub(crate) words: Names,
    epochs: Names,
    epoch_values: Vec<u64>,
    epoch_numbers: HashMap<u64, u32>,
}

impl Dictionary {
    pub(crate) fn new() -> Self {
        Self {
            streams: Names::new("stream"),
            words: Names::new("word"),
            epochs: Names::new("epoch"),
            epoch_values: Vec::new(),
            epoch_numbers: HashMap::new(),
        }
    }

    /// Reads what was added since the last time.
    pub(crate) fn refresh(
        &mut self,
        connection: &Connection,
        file: &str,
    ) -> Result<(), StoreError> {
        self.streams.refresh(connection, file)?;
        self.words.refresh(connection, file)?;
        self.epochs.refresh(connection, file)?;
        while let Some(text) = self.epochs.texts.get(self.epoch_values.len()) {
            let epoch = u64::from_str_radix(text, 16)
                .map_err(|error| StoreError::damaged(file, error.to_string()))?;
            self.epoch_values.push(epoch);
            let number = self.epoch_values.len() as u32;
            self.epoch_numbers.insert(epoch, number);
        }
        Ok(())
    }

    pub(crate) fn epoch_number(&self, epoch: u64) -> Option<u32> {
        self.epoch_numbers.get(&epoch).copied()
    }

    pub(crate) fn epoch(&self, number: u32) -> Option<u64> {
        let at = (number as usize).checked_sub(1)?;
        self.epoch_values.get(at).copied()
    }

    pub(crate) fn epoch_number_or_add(
        &mut self,
        connection: &Connection,
        epoch: u64,
    ) -> rusqlite::Result<u32> {
        if let Some(number) = self.epoch_number(epoch) {
            return Ok(number);
        }
        let number = self
            .epochs
            .number_or_add(connection, &format!("{epoch:x}"))?;
        self.epoch_values.push(epoch);
        self.epoch_numbers.insert(epoch, number);
        Ok(number)
    }
}
