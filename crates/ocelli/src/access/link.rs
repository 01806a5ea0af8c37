//! One-time links to log in with.

use ocelli_core::{Secret, WallTime};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Access, AccessError,
    credential::{Digest, random_secret},
    session,
};

/// A link is good for a day.
const LINK_LIFE_SECS: i64 = 86_400;

impl Access {
    /// Logs in with a link, which is used up. `None` if it is none, is used, or is too old.
    pub async fn use_link(
        &self,
        link: Secret,
        now: WallTime,
    ) -> Result<Option<Secret>, AccessError> {
        let digest = Digest::of(link.expose());
        self.write(move |db| {
            let row: Option<(String, i64)> = db
                .query_row(
                    "DELETE FROM links WHERE hash = ?1 RETURNING user, expires",
                    params![digest.bytes()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            match row {
                Some((user, expires)) if now.micros < expires => {
                    session::add(db, &user, now).map(Some)
                }
                _ => Ok(None),
            }
        })
        .await
    }
}

/// Makes a link for a user and forgets its older ones.
pub(super) fn add(db: &Connection, user: &str, now: WallTime) -> Result<Secret, AccessError> {
    let secret = random_secret()?;
    db.execute(
        "DELETE FROM links WHERE user = ?1 OR expires <= ?2",
        params![user, now.micros],
    )?;
    db.execute(
        "INSERT INTO links (hash, user, expires) VALUES (?1, ?2, ?3)",
        params![
            Digest::of(secret.expose()).bytes(),
            user,
            now.micros + LINK_LIFE_SECS * 1_000_000
        ],
    )?;
    Ok(secret)
}
