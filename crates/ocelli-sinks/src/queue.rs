//! Messages that wait to be sent, over restarts: an SQLite file with one table.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _};

/// What can go wrong with a queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueError {
    /// There is no room: the limit, or the disk.
    #[error("{0}")]
    Full(String),
    /// The file does not work.
    #[error("{0}")]
    Failed(String),
}

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: i64,
    /// When it was put in, in milliseconds since 1970.
    pub(crate) made_ms: i64,
    /// How often it was refused.
    pub(crate) tries: u32,
    pub(crate) body: Vec<u8>,
}

/// A queue in a file. Whatever was put in is there after a kill.
pub(crate) struct Queue {
    connection: Connection,
    messages_max: u64,
}

impl Queue {
    /// Opens a queue. A damaged one is begun anew: the second value says what was wrong.
    pub(crate) fn open(
        path: &Path,
        messages_max: u64,
    ) -> Result<(Self, Option<String>), QueueError> {
        let (connection, damage) = match connect(path) {
            Ok(connection) => (connection, None),
            Err(error) if is_damage(&error) => {
                crate::store::remove_database(path)
                    .map_err(|error| QueueError::Failed(error.to_string()))?;
                (connect(path)?, Some(error.to_string()))
            }
            Err(error) => return Err(error.into()),
        };
        let queue = Self {
            connection,
            messages_max,
        };
        Ok((queue, damage))
    }

    /// Puts messages in, all or none.
    pub(crate) fn push(&self, bodies: &[Vec<u8>], now_ms: i64) -> Result<(), QueueError> {
        let there = self.count()?;
        if there + bodies.len() as u64 > self.messages_max {
            return Err(QueueError::Full(format!("{there} messages wait already")));
        }
        let transaction = self.connection.unchecked_transaction()?;
        for body in bodies {
            transaction.execute(
                "INSERT INTO message (made, due, tries, body) VALUES (?1, ?1, 0, ?2)",
                (now_ms, body),
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    pub(crate) fn count(&self) -> Result<u64, QueueError> {
        let count: i64 = self
            .connection
            .query_row("SELECT count(*) FROM message", (), |row| row.get(0))?;
        Ok(count as u64)
    }

    /// The first message that is due.
    pub(crate) fn next(&self, now_ms: i64) -> Result<Option<Waiting>, QueueError> {
        let found = self
            .connection
            .query_row(
                "SELECT id, made, tries, body FROM message WHERE due <= ?1 ORDER BY id LIMIT 1",
                [now_ms],
                |row| {
                    Ok(Waiting {
                        id: row.get(0)?,
                        made_ms: row.get(1)?,
                        tries: row.get(2)?,
                        body: row.get(3)?,
                    })
                },
            )
            .optional()?;
        Ok(found)
    }

    /// A message arrived.
    pub(crate) fn remove(&self, id: i64) -> Result<(), QueueError> {
        self.connection
            .execute("DELETE FROM message WHERE id = ?1", [id])?;
        Ok(())
    }

    /// A message was refused, and is to be tried again.
    pub(crate) fn postpone(&self, id: i64, due_ms: i64) -> Result<(), QueueError> {
        self.connection.execute(
            "UPDATE message SET tries = tries + 1, due = ?2 WHERE id = ?1",
            (id, due_ms),
        )?;
        Ok(())
    }

    /// Drops the messages that were put in before. How many there were.
    pub(crate) fn drop_before(&self, ms: i64) -> Result<usize, QueueError> {
        let dropped = self
            .connection
            .execute("DELETE FROM message WHERE made < ?1", [ms])?;
        Ok(dropped)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    // What was sent or dropped is not to be found afterwards.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS message (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            made INTEGER NOT NULL,
            due INTEGER NOT NULL,
            tries INTEGER NOT NULL,
            body BLOB NOT NULL
        ) STRICT",
    )?;
    let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        return Err(rusqlite::Error::InvalidColumnName(verdict));
    }
    Ok(connection)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::InvalidColumnName(_) => true,
        error => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_over_restarts_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        let (queue, _) = Queue::open(&path, 3).unwrap();
        let bodies = [b"first message".to_vec(), b"second message".to_vec()];
        queue.push(&bodies, 10).unwrap();
        assert!(matches!(queue.push(&bodies, 10), Err(QueueError::Full(_))));
        drop(queue);
        let (queue, damage) = Queue::open(&path, 3).unwrap();
        assert_eq!(damage, None);
        assert_eq!(queue.next(9).unwrap(), None);
        let first = queue.next(10).unwrap().unwrap();
        assert_eq!(first.body, bodies[0]);
        queue.postpone(first.id, 50).unwrap();
        let second = queue.next(20).unwrap().unwrap();
        assert_eq!(second.body, bodies[1]);
        queue.remove(second.id).unwrap();
        assert_eq!(queue.next(20).unwrap(), None);
        assert_eq!(queue.next(50).unwrap().unwrap().tries, 1);
        assert_eq!(queue.drop_before(11).unwrap(), 1);
        drop(queue);
        let bytes = std::fs::read(&path).unwrap();
        let found = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
        assert!(!found(b"first message") && !found(b"second message"));
        assert!(found(b"CREATE TABLE"), "the twin");
    }

    #[test]
    fn a_damaged_queue_is_begun_anew_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        std::fs::write(&path, vec![7; 9000]).unwrap();
        let (queue, damage) = Queue::open(&path, 3).unwrap();
        assert!(damage.is_some());
        queue.push(&[b"a".to_vec()], 1).unwrap();
        assert_eq!(queue.count().unwrap(), 1);
    }
}
