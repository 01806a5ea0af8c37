//! `access.sqlite`: users, sessions, links, tokens and groups.

use std::{fs, io, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use rusqlite::Connection;

use super::AccessError;

/// Forward migrations: the schema of version N is made by the first N.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE groups (
        name TEXT PRIMARY KEY,
        patterns TEXT NOT NULL             -- JSON list of patterns of stream names
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE users (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL,
        groups TEXT,                       -- JSON list of groups; NULL: every stream
        password TEXT,                     -- argon2id; NULL: none set yet
        created INTEGER NOT NULL           -- microseconds since 1970, as all times here
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY,
        hash BLOB NOT NULL,
        name TEXT NOT NULL,
        user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE,
        scopes TEXT NOT NULL,              -- JSON list of rights
        groups TEXT,
        created INTEGER NOT NULL,
        expires INTEGER                    -- NULL: never
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sessions (
        hash BLOB PRIMARY KEY,
        user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE,
        created INTEGER NOT NULL,
        seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE links (
        hash BLOB PRIMARY KEY,
        user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
"];

/// Name of the file.
const FILE_NAME: &str = "access.sqlite";

/// Whether there is one in `dir`.
pub(super) fn exists(dir: &Path) -> bool {
    dir.join(FILE_NAME).is_file()
}

/// Opens the file in `dir`, makes it (readable by its owner alone) where it is missing, and
/// brings it to the newest schema.
pub(super) fn open(dir: &Path) -> Result<Connection, AccessError> {
    let path = dir.join(FILE_NAME);
    let storage = |error: io::Error| AccessError::Storage(format!("{}: {error}", path.display()));
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(storage)?;
    let mut connection = Connection::open(&path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), AccessError> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let have: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let have = have as usize;
    if have > MIGRATIONS.len() {
        return Err(AccessError::Storage(format!(
            "access.sqlite has schema {have}, newer than this program's {}",
            MIGRATIONS.len()
        )));
    }
    for migration in &MIGRATIONS[have..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_newer_schema_is_refused_and_the_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join("access.sqlite"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(connection);
        open(dir.path()).expect("the twin: the same schema opens again");
        open(dir.path())
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let refused = open(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("newer"), "{refused}");
    }
}
