//! Sessions of browsers.

use std::sync::Arc;

use ocelli_core::{Secret, WallTime};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Access, AccessError, Evidence, Principal, PrincipalId,
    credential::{Digest, random_secret},
    group::{self, from_json},
    user::role_of,
};

/// A session ends after this many seconds without a request.
pub const SESSION_IDLE_SECS: i64 = 12 * 3600;
/// A session ends after this many seconds in any case.
pub const SESSION_LIFE_SECS: i64 = 7 * 86_400;
/// Sessions of one user; the oldest ends when another begins.
const SESSIONS_MAX: u32 = 20;
/// How exactly the last request is known, in microseconds: each change is a write.
const SEEN_STEP_MICROS: i64 = 300_000_000;

impl Access {
    /// Begins a session of a user that has proved who it is.
    pub async fn begin_session(&self, user: String, now: WallTime) -> Result<Secret, AccessError> {
        self.write(move |db| add(db, &user, now)).await
    }

    /// Ends a session.
    pub async fn end_session(&self, session: Secret) -> Result<(), AccessError> {
        let digest = Digest::of(session.expose());
        self.write(move |db| {
            db.execute(
                "DELETE FROM sessions WHERE hash = ?1",
                params![digest.bytes()],
            )?;
            Ok(())
        })
        .await
    }

    /// Who has this session, if it runs.
    pub async fn by_session(
        &self,
        session: &str,
        now: WallTime,
    ) -> Result<Option<Arc<Principal>>, AccessError> {
        let digest = Digest::of(session);
        if let Some(principal) = self.recall(&digest) {
            return Ok(Some(principal));
        }
        let wanted = digest.clone();
        let found = self.read(move |db| find(db, &wanted, now)).await?;
        let Some((principal, seen)) = found else {
            return Ok(None);
        };
        if now.micros - seen > SEEN_STEP_MICROS {
            let wanted = digest.clone();
            self.write(move |db| {
                db.execute(
                    "UPDATE sessions SET seen = ?2 WHERE hash = ?1",
                    params![wanted.bytes(), now.micros],
                )?;
                Ok(())
            })
            .await?;
        }
        let principal = Arc::new(principal);
        self.remember(digest, &principal);
        Ok(Some(principal))
    }
}

pub(super) fn add(db: &Connection, user: &str, now: WallTime) -> Result<Secret, AccessError> {
    let secret = random_secret()?;
    db.execute(
        "DELETE FROM sessions WHERE seen < ?1 OR created < ?2",
        params![
            now.micros - SESSION_IDLE_SECS * 1_000_000,
            now.micros - SESSION_LIFE_SECS * 1_000_000
        ],
    )?;
    db.execute(
        "DELETE FROM sessions WHERE user = ?1 AND hash NOT IN
         (SELECT hash FROM sessions WHERE user = ?1 ORDER BY created DESC LIMIT ?2)",
        params![user, SESSIONS_MAX - 1],
    )?;
    db.execute(
        "INSERT INTO sessions (hash, user, created, seen) VALUES (?1, ?2, ?3, ?3)",
        params![Digest::of(secret.expose()).bytes(), user, now.micros],
    )?;
    Ok(secret)
}

/// Ends every session of `user` but `keep`.
pub(super) fn end_others(
    db: &Connection,
    user: &str,
    keep: Option<&Secret>,
) -> Result<(), AccessError> {
    let keep = keep.map(|session| Digest::of(session.expose()));
    db.execute(
        "DELETE FROM sessions WHERE user = ?1 AND hash IS NOT ?2",
        params![user, keep.as_ref().map(Digest::bytes)],
    )?;
    Ok(())
}

pub(super) fn find(
    db: &Connection,
    digest: &Digest,
    now: WallTime,
) -> Result<Option<(Principal, i64)>, AccessError> {
    let row: Option<(String, String, Option<String>, i64, i64)> = db
        .prepare_cached(
            "SELECT users.name, role, groups, sessions.created, seen
             FROM sessions JOIN users ON users.name = sessions.user WHERE hash = ?1",
        )?
        .query_row(params![digest.bytes()], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })
        .optional()?;
    let Some((user, role, groups, created, seen)) = row else {
        return Ok(None);
    };
    let runs = now.micros - seen < SESSION_IDLE_SECS * 1_000_000
        && now.micros - created < SESSION_LIFE_SECS * 1_000_000;
    if !runs {
        return Ok(None);
    }
    let role = role_of(&role)?;
    let groups: Option<Vec<String>> = groups.as_deref().map(from_json).transpose()?;
    let principal = Principal {
        evidence: Evidence::Session(digest.clone()),
        id: PrincipalId::User(user.clone()),
        user,
        role,
        rights: role.rights(),
        reach: group::reach(db, groups.as_deref())?,
        ambient: true,
    };
    Ok(Some((principal, seen)))
}
