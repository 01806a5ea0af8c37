//! Users.

use ocelli_core::{Secret, WallTime};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Access, AccessError, Role, check_name,
    group::{self, from_json, time_text, to_json},
    link, password,
};

/// A user as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserEntry {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The groups whose streams it sees; left out: every stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub groups: Option<Vec<String>>,
    /// Whether it has set a password.
    pub has_password: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created: String,
}

/// A user to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Its name.
    #[schema(min_length = 1, max_length = 64, example = "anna")]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The groups whose streams it sees; left out: every stream.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub groups: Option<Vec<String>>,
}

/// What is to change of a user.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// What it may do.
    pub role: Role,
    /// The groups whose streams it sees; left out: every stream.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub groups: Option<Vec<String>>,
}

impl Access {
    /// Every user, by name.
    pub async fn users(&self) -> Result<Vec<UserEntry>, AccessError> {
        self.read(|db| {
            let mut statement = db.prepare(
                "SELECT name, role, groups, password IS NOT NULL, created FROM users ORDER BY name",
            )?;
            let rows = statement.query_map([], columns)?;
            rows.map(|row| entry(row?)).collect()
        })
        .await
    }

    /// One user.
    pub async fn user(&self, name: String) -> Result<UserEntry, AccessError> {
        self.read(move |db| find(db, &name)).await
    }

    /// Makes a user. Returns what it logs in with for the first time.
    pub async fn add_user(&self, user: NewUser, now: WallTime) -> Result<Secret, AccessError> {
        self.write(move |db| {
            add(db, &user, now)?;
            link::add(db, &user.name, now)
        })
        .await
    }

    /// Changes what a user may do. The last owner stays one.
    pub async fn change_user(
        &self,
        name: String,
        change: UserChange,
    ) -> Result<UserEntry, AccessError> {
        self.write(move |db| {
            group::check(db, change.groups.as_deref())?;
            let before = find(db, &name)?;
            if change.role != Role::Owner || change.groups.is_some() {
                keep_an_owner(db, &before)?;
            }
            let groups = change.groups.as_ref().map(to_json).transpose()?;
            db.execute(
                "UPDATE users SET role = ?2, groups = ?3 WHERE name = ?1",
                params![name, change.role.as_str(), groups],
            )?;
            find(db, &name)
        })
        .await
    }

    /// Removes a user with its sessions, links and tokens. The last owner stays.
    pub async fn remove_user(&self, name: String) -> Result<(), AccessError> {
        self.write(move |db| {
            keep_an_owner(db, &find(db, &name)?)?;
            db.execute("DELETE FROM users WHERE name = ?1", params![name])?;
            Ok(())
        })
        .await
    }

    /// Makes a link with which a user logs in once: for one that has lost its password.
    pub async fn new_link(&self, name: String, now: WallTime) -> Result<Secret, AccessError> {
        self.write(move |db| {
            find(db, &name)?;
            link::add(db, &name, now)
        })
        .await
    }

    /// Sets a user's password. Every session but `keep` ends. Where the user has a password, it
    /// must be `old`.
    pub async fn set_password(
        &self,
        name: String,
        old: Option<Secret>,
        new: Secret,
        keep: Option<Secret>,
    ) -> Result<(), AccessError> {
        let stored = self.stored_password(name.clone()).await?;
        let hash = self
            .hashing(move || {
                if let Some(stored) = stored {
                    let fits = old.is_some_and(|old| password::verify(&old, Some(&stored)));
                    if !fits {
                        return Err(AccessError::Refused("the old password is wrong".to_owned()));
                    }
                }
                password::hash(&new)
            })
            .await?;
        self.write(move |db| {
            db.execute(
                "UPDATE users SET password = ?2 WHERE name = ?1",
                params![name, hash],
            )?;
            super::session::end_others(db, &name, keep.as_ref())
        })
        .await
    }

    /// Whether this is the user's password. Takes as long for a user that does not exist.
    pub async fn check_password(
        &self,
        name: String,
        password: Secret,
    ) -> Result<bool, AccessError> {
        let stored = self.stored_password(name).await?;
        self.hashing(move || Ok(password::verify(&password, stored.as_deref())))
            .await
    }

    async fn stored_password(&self, name: String) -> Result<Option<String>, AccessError> {
        self.read(move |db| {
            let stored: Option<Option<String>> = db
                .query_row(
                    "SELECT password FROM users WHERE name = ?1",
                    params![name],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(stored.flatten())
        })
        .await
    }
}

pub(super) fn any(db: &Connection) -> Result<bool, AccessError> {
    Ok(db.prepare("SELECT 1 FROM users")?.exists([])?)
}

pub(super) fn add(db: &Connection, user: &NewUser, now: WallTime) -> Result<(), AccessError> {
    check_name("user", &user.name)?;
    group::check(db, user.groups.as_deref())?;
    let groups = user.groups.as_ref().map(to_json).transpose()?;
    let added = db.execute(
        "INSERT INTO users (name, role, groups, created) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO NOTHING",
        params![user.name, user.role.as_str(), groups, now.micros],
    )?;
    if added == 0 {
        return Err(AccessError::Taken {
            what: "user",
            name: user.name.clone(),
        });
    }
    Ok(())
}

fn find(db: &Connection, name: &str) -> Result<UserEntry, AccessError> {
    let row = db
        .query_row(
            "SELECT name, role, groups, password IS NOT NULL, created FROM users WHERE name = ?1",
            params![name],
            columns,
        )
        .optional()?;
    row.map_or_else(
        || {
            Err(AccessError::Unknown {
                what: "user",
                name: name.to_owned(),
            })
        },
        entry,
    )
}

type Columns = (String, String, Option<String>, bool, i64);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
    ))
}

fn entry((name, role, groups, has_password, created): Columns) -> Result<UserEntry, AccessError> {
    Ok(UserEntry {
        name,
        role: role_of(&role)?,
        groups: groups.as_deref().map(from_json).transpose()?,
        has_password,
        created: time_text(created),
    })
}

pub(super) fn role_of(text: &str) -> Result<Role, AccessError> {
    Role::from_name(text)
        .ok_or_else(|| AccessError::Storage(format!("access.sqlite: unknown role `{text}`")))
}

/// Refuses to take `user` away from the owners of the whole site if it is the last.
fn keep_an_owner(db: &Connection, user: &UserEntry) -> Result<(), AccessError> {
    let others: u32 = db.query_row(
        "SELECT COUNT(*) FROM users WHERE role = ?1 AND groups IS NULL AND name <> ?2",
        params![Role::Owner.as_str(), user.name],
        |row| row.get(0),
    )?;
    if user.role == Role::Owner && others == 0 {
        return Err(AccessError::Refused(
            "the last owner of every stream stays one".to_owned(),
        ));
    }
    Ok(())
}
