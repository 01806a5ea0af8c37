//! The tables of the store's files, and their forward migrations.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// What a kind of file is made of. Its schema version is the number of its migrations.
pub(crate) struct Schema {
    /// SQLite's `application_id`: tells our files from others.
    pub(crate) application_id: i32,
    /// Each takes a file from one version to the next. Only ever appended to.
    pub(crate) migrations: &'static [&'static str],
}

/// Files of events.
///
/// `at` counts milliseconds since the file's period began. `cell` holds a tally for each stream
/// and hour; `hour` tells how many cells there are and the exclusive or of their checksums.
/// `tag` tells on which streams a tag was seen. `clamped` lists the ids of events that are filed
/// under another time than their own.
pub(crate) const EVENTS: Schema = Schema {
    application_id: 0x6f63_6576,
    migrations: &[r"
        CREATE TABLE event (
            stream INTEGER NOT NULL,
            at INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            number INTEGER NOT NULL,
            tag INTEGER,
            body BLOB NOT NULL,
            PRIMARY KEY (stream, at, epoch, number)
        ) WITHOUT ROWID, STRICT;
        CREATE TABLE cell (
            hour INTEGER NOT NULL,
            stream INTEGER NOT NULL,
            tally BLOB NOT NULL,
            PRIMARY KEY (hour, stream)
        ) WITHOUT ROWID, STRICT;
        CREATE TABLE hour (
            hour INTEGER PRIMARY KEY,
            cells INTEGER NOT NULL,
            digest INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE tag (
            tag INTEGER NOT NULL,
            stream INTEGER NOT NULL,
            PRIMARY KEY (tag, stream)
        ) WITHOUT ROWID, STRICT;
        CREATE TABLE clamped (
            epoch INTEGER NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (epoch, number)
        ) WITHOUT ROWID, STRICT;
        CREATE TABLE stream (id INTEGER PRIMARY KEY, text TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
        CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
        CREATE TABLE epoch (id INTEGER PRIMARY KEY, text TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
    "],
};

/// The catalogue. Times are the store's elapsed microseconds.
pub(crate) const CATALOGUE: Schema = Schema {
    application_id: 0x6f63_6361,
    migrations: &[r"
        CREATE TABLE file (
            name TEXT PRIMARY KEY,
            created INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            seal_sum INTEGER,
            seal_bytes INTEGER,
            going INTEGER NOT NULL,
            damage TEXT,
            sum INTEGER NOT NULL
        ) WITHOUT ROWID, STRICT;
        CREATE TABLE clock (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            elapsed INTEGER NOT NULL,
            wall INTEGER NOT NULL,
            jumps TEXT NOT NULL,
            sum INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE clamped (
            epoch INTEGER NOT NULL,
            file TEXT NOT NULL,
            PRIMARY KEY (epoch, file)
        ) WITHOUT ROWID, STRICT;
        CREATE TABLE erasure (
            stream TEXT NOT NULL,
            from_ms INTEGER NOT NULL,
            to_ms INTEGER NOT NULL
        ) STRICT;
    "],
};

impl Schema {
    /// Opens a file that must be there, and brings it to this version.
    pub(crate) fn open(&self, path: &Path, name: &str) -> Result<Connection, StoreError> {
        let connection = connect(path, name, OpenFlags::empty())?;
        self.migrate(&connection, name)?;
        Ok(connection)
    }

    /// Makes a file that must not be there.
    pub(crate) fn create(&self, path: &Path, name: &str) -> Result<Connection, StoreError> {
        let connection = connect(path, name, OpenFlags::SQLITE_OPEN_CREATE)?;
        let make = || {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "application_id", self.application_id)
        };
        make().map_err(|error| StoreError::sqlite(name, &error))?;
        self.migrate(&connection, name)?;
        Ok(connection)
    }

    fn migrate(&self, connection: &Connection, name: &str) -> Result<(), StoreError> {
        let sqlite = |error: rusqlite::Error| StoreError::sqlite(name, &error);
        let number = |pragma| -> Result<i64, StoreError> {
            connection
                .pragma_query_value(None, pragma, |row| row.get(0))
                .map_err(sqlite)
        };
        if number("application_id")? != i64::from(self.application_id) {
            return Err(StoreError::damaged(name, "this is no file of the store"));
        }
        let version = number("user_version")?;
        let newest = self.migrations.len();
        let done = usize::try_from(version)
            .ok()
            .filter(|&done| done <= newest)
            .ok_or_else(|| StoreError::Newer {
                file: name.to_owned(),
                version,
            })?;
        for (at, step) in self.migrations.iter().enumerate().skip(done) {
            let next = at + 1;
            connection
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE; {step}; PRAGMA user_version = {next}; COMMIT;"
                ))
                .map_err(sqlite)?;
        }
        Ok(())
    }
}

fn connect(path: &Path, name: &str, more: OpenFlags) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        // Committed is written to the system: a killed process loses nothing. What a power cut
        // may take is bounded by the writer, which syncs once a second.
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    };
    open().map_err(|error| StoreError::sqlite(name, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Schema = Schema {
        application_id: 5,
        migrations: &["CREATE TABLE a (x INTEGER)"],
    };
    const SECOND: Schema = Schema {
        application_id: 5,
        migrations: &[
            "CREATE TABLE a (x INTEGER)",
            "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7",
        ],
    };

    #[test]
    fn an_older_file_is_brought_forward_and_a_newer_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let old = FIRST.create(&path, "a.db").unwrap();
        old.execute("INSERT INTO a VALUES (1)", ()).unwrap();
        drop(old);
        let new = SECOND.open(&path, "a.db").unwrap();
        let row: (i64, i64) = new
            .query_row("SELECT x, y FROM a", (), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(row, (1, 7));
        drop(new);
        assert_eq!(
            FIRST.open(&path, "a.db").err(),
            Some(StoreError::Newer {
                file: "a.db".to_owned(),
                version: 2
            })
        );
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        assert!(matches!(
            EVENTS.open(&path, "a.db"),
            Err(StoreError::Io { .. })
        ));
        for bytes in [&b""[..], &[0x5a; 8192][..]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(
                EVENTS.open(&path, "a.db"),
                Err(StoreError::Damaged { .. })
            ));
        }
        FIRST.create(&folder.path().join("b.db"), "b.db").unwrap();
        let other = EVENTS.open(&folder.path().join("b.db"), "b.db");
        assert!(matches!(other, Err(StoreError::Damaged { .. })));
    }
}
