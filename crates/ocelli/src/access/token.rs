//! API tokens.

use std::sync::Arc;

use ocelli_core::{Secret, WallTime};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Access, AccessError, Evidence, Principal, PrincipalId, Right, Rights, Role, check_name,
    credential::{Digest, new_token, token_id},
    group::{self, from_json, time_text, to_json},
    user::role_of,
};

/// Most tokens of one user.
const TOKENS_MAX: u32 = 100;

/// A token as the API shows it: never its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenEntry {
    /// Its public id: the middle part of its text.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// The user that it acts for.
    pub user: String,
    /// What it may do, as far as the user may.
    pub scopes: Vec<Right>,
    /// The groups whose streams it sees, as far as the user does; left out: as the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub groups: Option<Vec<String>>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created: String,
    /// When it ends; left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    pub expires: Option<String>,
}

/// A token to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What to call it.
    #[schema(min_length = 1, max_length = 64, example = "dashboard")]
    pub name: String,
    /// What it may do: never more than its user.
    #[schema(min_items = 1)]
    pub scopes: Vec<Right>,
    /// The groups whose streams it sees; left out: as its user.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub groups: Option<Vec<String>>,
    /// When it ends, RFC 3339; left out: never.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub expires: Option<String>,
}

impl Access {
    /// Every token, or those of one user, by their id.
    pub async fn tokens(&self, user: Option<String>) -> Result<Vec<TokenEntry>, AccessError> {
        self.read(move |db| {
            let mut statement = db.prepare(
                "SELECT id, name, user, scopes, groups, created, expires FROM tokens
                 WHERE ?1 IS NULL OR user = ?1 ORDER BY id",
            )?;
            let mut rows = statement.query(params![user])?;
            let mut tokens = Vec::new();
            while let Some(row) = rows.next()? {
                let groups: Option<String> = row.get(4)?;
                let expires: Option<i64> = row.get(6)?;
                tokens.push(TokenEntry {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    user: row.get(2)?,
                    scopes: from_json(&row.get::<_, String>(3)?)?,
                    groups: groups.as_deref().map(from_json).transpose()?,
                    created: time_text(row.get(5)?),
                    expires: expires.map(time_text),
                });
            }
            Ok(tokens)
        })
        .await
    }

    /// Makes a token that acts for `user`. Its text is given once and not kept.
    pub async fn add_token(
        &self,
        user: String,
        token: NewToken,
        now: WallTime,
    ) -> Result<(TokenEntry, Secret), AccessError> {
        self.write(move |db| add(db, &user, &token, now)).await
    }

    /// Ends a token; with `user` only if it is that user's.
    pub async fn remove_token(&self, id: String, user: Option<String>) -> Result<(), AccessError> {
        self.write(move |db| {
            let removed = db.execute(
                "DELETE FROM tokens WHERE id = ?1 AND (?2 IS NULL OR user = ?2)",
                params![id, user],
            )?;
            match removed {
                0 => Err(AccessError::Unknown {
                    what: "token",
                    name: id,
                }),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Who has this token, if it is one and has not ended.
    pub async fn by_token(
        &self,
        text: &str,
        now: WallTime,
    ) -> Result<Option<Arc<Principal>>, AccessError> {
        let Some(id) = token_id(text) else {
            return Ok(None);
        };
        let digest = Digest::of(text);
        if let Some(principal) = self.recall(&digest) {
            return Ok(Some(principal));
        }
        let (id, wanted) = (id.to_owned(), digest.clone());
        let found = self.read(move |db| find(db, id, &wanted, now)).await?;
        let principal = found.map(Arc::new);
        if let Some(principal) = &principal {
            self.remember(digest, principal);
        }
        Ok(principal)
    }
}

pub(super) fn add(
    db: &Connection,
    user: &str,
    token: &NewToken,
    now: WallTime,
) -> Result<(TokenEntry, Secret), AccessError> {
    check_name("token", &token.name)?;
    group::check(db, token.groups.as_deref())?;
    if token.scopes.is_empty() {
        return Err(AccessError::Refused("a token has a scope".to_owned()));
    }
    let expires = token.expires.as_deref().map(WallTime::from_rfc3339);
    if expires.is_some_and(|at| at.is_none_or(|at| at.micros <= now.micros)) {
        return Err(AccessError::Refused(
            "`expires` is not a time to come, e.g. 2027-01-31T00:00:00Z".to_owned(),
        ));
    }
    let role: Option<String> = db
        .query_row("SELECT role FROM users WHERE name = ?1", [user], |row| {
            row.get(0)
        })
        .optional()?;
    let role = role_of(&role.ok_or_else(|| AccessError::Unknown {
        what: "user",
        name: user.to_owned(),
    })?)?;
    let scopes = Rights::of(&token.scopes);
    if !scopes.within(role.rights()) {
        return Err(AccessError::Refused(format!(
            "the role {} does not have all of these scopes",
            role.as_str()
        )));
    }
    let have: u32 = db.query_row(
        "SELECT COUNT(*) FROM tokens WHERE user = ?1",
        [user],
        |row| row.get(0),
    )?;
    if have >= TOKENS_MAX {
        return Err(AccessError::Refused(format!(
            "a user has at most {TOKENS_MAX} tokens: remove one"
        )));
    }
    let (id, text) = new_token()?;
    let expires = expires.flatten().map(|at| at.micros);
    db.execute(
        "INSERT INTO tokens (id, hash, name, user, scopes, groups, created, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            id,
            Digest::of(text.expose()).bytes(),
            token.name,
            user,
            to_json(&scopes.list())?,
            token.groups.as_ref().map(to_json).transpose()?,
            now.micros,
            expires,
        ],
    )?;
    let entry = TokenEntry {
        id,
        name: token.name.clone(),
        user: user.to_owned(),
        scopes: scopes.list(),
        groups: token.groups.clone(),
        created: now.to_rfc3339(),
        expires: expires.map(time_text),
    };
    Ok((entry, text))
}

/// Makes a token that only looks, of the first owner of the whole site; see
/// [`Access::local_token`]. Those that have ended go.
pub(super) fn add_local(
    db: &Connection,
    rights: &[Right],
    now: WallTime,
) -> Result<Option<Secret>, AccessError> {
    const NAME: &str = "a command on this machine";
    const LIFE_MICROS: i64 = 3_600_000_000;
    db.execute(
        "DELETE FROM tokens WHERE name = ?1 AND expires <= ?2",
        params![NAME, now.micros],
    )?;
    let owner: Option<String> = db
        .query_row(
            "SELECT name FROM users WHERE role = ?1 AND groups IS NULL ORDER BY created, name",
            params![Role::Owner.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    let Some(owner) = owner else {
        return Ok(None);
    };
    let (id, text) = new_token()?;
    db.execute(
        "INSERT INTO tokens (id, hash, name, user, scopes, created, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            id,
            Digest::of(text.expose()).bytes(),
            NAME,
            owner,
            to_json(rights)?,
            now.micros,
            now.micros + LIFE_MICROS,
        ],
    )?;
    Ok(Some(text))
}

pub(super) fn find(
    db: &Connection,
    id: String,
    digest: &Digest,
    now: WallTime,
) -> Result<Option<Principal>, AccessError> {
    let mut statement = db.prepare_cached(
        "SELECT hash, users.name, role, scopes, tokens.groups, users.groups, expires
         FROM tokens JOIN users ON users.name = tokens.user WHERE id = ?1",
    )?;
    let mut rows = statement.query(params![id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let hash: Vec<u8> = row.get(0)?;
    let expires: Option<i64> = row.get(6)?;
    if !digest.is(&hash) || expires.is_some_and(|at| at <= now.micros) {
        return Ok(None);
    }
    let role = role_of(&row.get::<_, String>(2)?)?;
    let scopes: Vec<Right> = from_json(&row.get::<_, String>(3)?)?;
    let list = |text: Option<String>| text.as_deref().map(from_json).transpose();
    let groups = group::both(list(row.get(4)?)?, list(row.get(5)?)?);
    Ok(Some(Principal {
        evidence: Evidence::Token(id.clone(), digest.clone()),
        id: PrincipalId::Token(id),
        user: row.get(1)?,
        role,
        rights: Rights::of(&scopes).and(role.rights()),
        reach: group::reach(db, groups.as_deref())?,
        ambient: false,
    }))
}
