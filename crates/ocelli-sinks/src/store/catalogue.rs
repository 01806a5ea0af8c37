//! The catalogue: which files there are, until when, and how much time has passed.
//!
//! It is read once, when the store opens; from then on it only follows what the writer does. What
//! it says can be found again from the files themselves, so a damaged one is made anew.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    StoreError,
    elapsed::{Jump, Saved},
    schema::CATALOGUE,
};

/// Its name in the store's folder.
pub(crate) const NAME: &str = "catalogue.db";

/// What the bytes of a closed file have to add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) sum: u32,
    pub(crate) bytes: u64,
}

/// One row about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// Elapsed time at which it was made.
    pub(crate) created: i64,
    /// Elapsed time at which it goes.
    pub(crate) expires: i64,
    pub(crate) seal: Option<Seal>,
    /// Whether it is being removed.
    pub(crate) going: bool,
    pub(crate) damage: Option<String>,
}

/// An erasure that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Erasure {
    pub(crate) stream: String,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

pub(crate) struct Catalogue {
    connection: Connection,
}

/// All that it says.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) files: Vec<Listed>,
    pub(crate) clock: Option<Saved>,
    /// (epoch, name of the file)
    pub(crate) clamped: Vec<(u64, String)>,
    pub(crate) erasures: Vec<Erasure>,
}

fn sqlite(error: &rusqlite::Error) -> StoreError {
    StoreError::sqlite(NAME, error)
}

impl Catalogue {
    /// Opens the catalogue of a folder, or makes one.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        let connection = if path.exists() {
            CATALOGUE.open(&path, NAME)?
        } else {
            // Made aside and renamed: there is never half a catalogue.
            let made = folder.join(format!("{NAME}.new"));
            remove_database(&made).map_err(|error| StoreError::io(NAME, &error))?;
            drop(CATALOGUE.create(&made, NAME)?);
            std::fs::rename(&made, &path).map_err(|error| StoreError::io(NAME, &error))?;
            CATALOGUE.open(&path, NAME)?
        };
        // It is written a few times a minute, and what it says must outlive a power cut.
        connection
            .pragma_update(None, "synchronous", "full")
            .map_err(|error| sqlite(&error))?;
        // The note of an erasure names a stream that may be gone afterwards.
        connection
            .pragma_update(None, "secure_delete", true)
            .map_err(|error| sqlite(&error))?;
        Ok(Self { connection })
    }

    /// Removes a damaged catalogue and makes an empty one.
    pub(crate) fn replace(folder: &Path) -> Result<Self, StoreError> {
        remove_database(&folder.join(NAME)).map_err(|error| StoreError::io(NAME, &error))?;
        Self::open(folder)
    }

    /// Reads it whole. Err: [`StoreError::Damaged`] where anything was changed.
    pub(crate) fn contents(&self) -> Result<Contents, StoreError> {
        let verdict: String = self
            .connection
            .pragma_query_value(None, "quick_check", |row| row.get(0))
            .map_err(|error| sqlite(&error))?;
        if verdict != "ok" {
            return Err(StoreError::damaged(NAME, verdict));
        }
        self.read().map_err(|error| match error {
            ReadError::Sqlite(error) => sqlite(&error),
            ReadError::Changed(what) => StoreError::damaged(NAME, format!("{what} was changed")),
        })
    }

    fn read(&self) -> Result<Contents, ReadError> {
        let mut contents = Contents::default();
        let mut statement = self.connection.prepare(
            "SELECT name, created, expires, seal_sum, seal_bytes, going, damage, sum FROM file",
        )?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let (seal_sum, seal_bytes): (Option<u32>, Option<i64>) = (row.get(3)?, row.get(4)?);
            let seal = seal_sum.zip(seal_bytes).map(|(sum, bytes)| Seal {
                sum,
                bytes: bytes as u64,
            });
            let listed = Listed {
                name: row.get(0)?,
                created: row.get(1)?,
                expires: row.get(2)?,
                seal,
                going: row.get(5)?,
                damage: row.get(6)?,
            };
            if row.get::<_, i64>(7)? != listed.checksum() {
                return Err(ReadError::Changed(format!("the row of {}", listed.name)));
            }
            contents.files.push(listed);
        }
        contents.clock = self.read_clock()?;
        let mut statement = self.connection.prepare("SELECT epoch, file FROM clamped")?;
        for row in statement.query_map((), |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))? {
            contents.clamped.push(row?);
        }
        let mut statement = self
            .connection
            .prepare("SELECT stream, from_ms, to_ms FROM erasure")?;
        let rows = statement.query_map((), |row| {
            Ok(Erasure {
                stream: row.get(0)?,
                from_ms: row.get(1)?,
                to_ms: row.get(2)?,
            })
        })?;
        for row in rows {
            contents.erasures.push(row?);
        }
        Ok(contents)
    }

    fn read_clock(&self) -> Result<Option<Saved>, ReadError> {
        let row = self
            .connection
            .query_row(
                "SELECT elapsed, wall, jumps, sum FROM clock",
                (),
                |row| -> rusqlite::Result<(i64, i64, String, i64)> {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                },
            )
            .optional()?;
        let Some((elapsed, wall, jumps, sum)) = row else {
            return Ok(None);
        };
        let changed = || ReadError::Changed("the clock".to_owned());
        if sum != clock_checksum(elapsed, wall, &jumps) {
            return Err(changed());
        }
        let jumps: Vec<(i64, i64)> = serde_json::from_str(&jumps).map_err(|_text| changed())?;
        let jump = |(micros, since)| Jump { micros, since };
        Ok(Some(Saved {
            elapsed,
            wall,
            jumps: jumps.into_iter().map(jump).collect(),
        }))
    }

    /// Writes rows of files in place of those they have, and the clock: all or none.
    pub(crate) fn put(&self, files: &[Listed], clock: Option<&Saved>) -> Result<(), StoreError> {
        let write = || {
            let transaction = self.connection.unchecked_transaction()?;
            for listed in files {
                transaction.execute(
                    "INSERT OR REPLACE INTO file VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    (
                        &listed.name,
                        listed.created,
                        listed.expires,
                        listed.seal.map(|seal| seal.sum),
                        listed.seal.map(|seal| seal.bytes as i64),
                        listed.going,
                        &listed.damage,
                        listed.checksum(),
                    ),
                )?;
            }
            if let Some(saved) = clock {
                let jump = |jump: &Jump| vec![jump.micros, jump.since];
                let jumps: serde_json::Value = saved.jumps.iter().map(jump).collect();
                let jumps = jumps.to_string();
                let sum = clock_checksum(saved.elapsed, saved.wall, &jumps);
                transaction.execute(
                    "INSERT OR REPLACE INTO clock VALUES (1, ?1, ?2, ?3, ?4)",
                    (saved.elapsed, saved.wall, jumps, sum),
                )?;
            }
            transaction.commit()
        };
        write().map_err(|error| sqlite(&error))
    }

    /// Forgets a file that is no more.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let write = || {
            let transaction = self.connection.unchecked_transaction()?;
            transaction.execute("DELETE FROM file WHERE name = ?1", [name])?;
            transaction.execute("DELETE FROM clamped WHERE file = ?1", [name])?;
            transaction.commit()
        };
        write().map_err(|error| sqlite(&error))
    }

    /// Remembers that a file holds events of an epoch under another time than their own.
    pub(crate) fn add_clamped(&self, epoch: u64, file: &str) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT OR IGNORE INTO clamped VALUES (?1, ?2)",
                (epoch as i64, file),
            )
            .map(drop)
            .map_err(|error| sqlite(&error))
    }

    pub(crate) fn begin_erasure(&self, erasure: &Erasure) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT INTO erasure VALUES (?1, ?2, ?3)",
                (&erasure.stream, erasure.from_ms, erasure.to_ms),
            )
            .map(drop)
            .map_err(|error| sqlite(&error))
    }

    pub(crate) fn end_erasure(&self, erasure: &Erasure) -> Result<(), StoreError> {
        self.connection
            .execute(
                "DELETE FROM erasure WHERE stream = ?1 AND from_ms = ?2 AND to_ms = ?3",
                (&erasure.stream, erasure.from_ms, erasure.to_ms),
            )
            .map(drop)
            .map_err(|error| sqlite(&error))
    }

    /// Moves the log into the file, so that nothing removed stays in it.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_row| Ok(()))
            .map_err(|error| sqlite(&error))
    }
}

enum ReadError {
    Sqlite(rusqlite::Error),
    Changed(String),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Listed {
    fn checksum(&self) -> i64 {
        let Self {
            name,
            created,
            expires,
            seal,
            going,
            damage,
        } = self;
        let seal = seal.map(|seal| (seal.sum, seal.bytes));
        let text = format!("{name} {created} {expires} {seal:?} {going} {damage:?}");
        i64::from(crc32fast::hash(text.as_bytes()))
    }
}

fn clock_checksum(elapsed: i64, wall: i64, jumps: &str) -> i64 {
    let text = format!("{elapsed} {wall} {jumps}");
    i64::from(crc32fast::hash(text.as_bytes()))
}

/// A database and the two files that SQLite keeps beside it.
pub(crate) fn database_files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Removes a database, if it is there.
pub(crate) fn remove_database(path: &Path) -> std::io::Result<()> {
    for file in database_files(path) {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str) -> Listed {
        Listed {
            name: name.to_owned(),
            created: 5,
            expires: 70,
            seal: Some(Seal { sum: 9, bytes: 10 }),
            going: false,
            damage: None,
        }
    }

    #[test]
    fn it_says_after_a_restart_what_it_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path()).unwrap();
        let saved = Saved {
            elapsed: 1,
            wall: -2,
            jumps: vec![Jump {
                micros: 3,
                since: 4,
            }],
        };
        let erasure = Erasure {
            stream: "lobby".to_owned(),
            from_ms: 1,
            to_ms: 2,
        };
        catalogue
            .put(&[listed("a"), listed("b")], Some(&saved))
            .unwrap();
        catalogue.remove("a").unwrap();
        catalogue.add_clamped(u64::MAX, "b").unwrap();
        catalogue.begin_erasure(&erasure).unwrap();
        drop(catalogue);
        let contents = Catalogue::open(folder.path()).unwrap().contents().unwrap();
        assert_eq!(contents.files, [listed("b")]);
        assert_eq!(contents.clock, Some(saved));
        assert_eq!(contents.clamped, [(u64::MAX, "b".to_owned())]);
        assert_eq!(contents.erasures, [erasure]);
    }

    #[test]
    fn a_changed_row_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path()).unwrap();
        catalogue.put(&[listed("a")], None).unwrap();
        assert!(catalogue.contents().is_ok(), "the twin");
        catalogue
            .connection
            .execute("UPDATE file SET expires = expires + 1", ())
            .unwrap();
        assert!(matches!(
            catalogue.contents(),
            Err(StoreError::Damaged { .. })
        ));
    }
}
