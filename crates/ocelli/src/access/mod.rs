//! Who may do what: users, their sessions, API tokens and groups of streams, in `access.sqlite`
//! in the data directory.
//!
//! Of every secret only a hash is kept. Authorisation itself is one table of route x right in
//! [`crate::api`]; here is only who somebody is.

mod credential;
mod database;
mod error;
mod group;
mod link;
mod password;
mod principal;
mod reach;
mod rights;
mod session;
mod token;
mod user;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ocelli_core::{Secret, WallTime};
use rusqlite::Connection;
use tokio::{sync::Semaphore, time::Instant};

use credential::Digest;
pub(crate) use credential::random_secret;
pub use error::AccessError;
pub use group::GroupEntry;
pub use password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
pub(crate) use principal::Evidence;
pub use principal::{Principal, PrincipalId};
pub use reach::{Pattern, Reach};
pub use rights::{Right, Rights, Role};
pub use session::{SESSION_IDLE_SECS, SESSION_LIFE_SECS};
pub use token::{NewToken, TokenEntry};
pub use user::{NewUser, UserChange, UserEntry};

/// Name of the user that the first start makes.
pub const FIRST_OWNER: &str = "owner";

/// Who somebody is may be this old: a token that another process revoked works no longer.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);
/// Principals that are remembered.
const REMEMBERED_MAX: usize = 4096;
/// Passwords that are hashed at a time: each takes 19 MiB.
const HASHING_MAX: usize = 2;

/// What the first start makes: shown once, kept nowhere.
#[derive(Debug)]
pub struct FirstStart {
    /// A token of the owner with every right.
    pub token: Secret,
    /// What the owner logs in with for the first time; good for a day.
    pub link: Secret,
}

/// The users, tokens and groups of one data directory. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Mutex<Connection>,
    remembered: Mutex<HashMap<Digest, (Arc<Principal>, Instant)>>,
    hashing: Semaphore,
}

impl Access {
    /// Opens `access.sqlite` in `dir`. Where there is no user yet, makes an owner, and says with
    /// what it can log in.
    pub fn open(dir: &Path, now: WallTime) -> Result<(Self, Option<FirstStart>), AccessError> {
        let mut connection = database::open(dir)?;
        let transaction = connection.transaction()?;
        let first = if user::any(&transaction)? {
            None
        } else {
            let owner = NewUser {
                name: FIRST_OWNER.to_owned(),
                role: Role::Owner,
                groups: None,
            };
            user::add(&transaction, &owner, now)?;
            let token = NewToken {
                name: "first start".to_owned(),
                scopes: Right::ALL.to_vec(),
                groups: None,
                expires: None,
            };
            let (_entry, token) = token::add(&transaction, FIRST_OWNER, &token, now)?;
            let link = link::add(&transaction, FIRST_OWNER, now)?;
            Some(FirstStart { token, link })
        };
        transaction.commit()?;
        let access = Self {
            inner: Arc::new(Inner {
                connection: Mutex::new(connection),
                remembered: Mutex::new(HashMap::new()),
                hashing: Semaphore::new(HASHING_MAX),
            }),
        };
        Ok((access, first))
    }

    /// A token for a command on this machine that may read and write the data directory anyway: it
    /// has these rights, and is good for an hour. `None`: ocelli was never started with this directory.
    pub fn local_token(
        dir: &Path,
        rights: &[Right],
        now: WallTime,
    ) -> Result<Option<Secret>, AccessError> {
        if !database::exists(dir) {
            return Ok(None);
        }
        let mut connection = database::open(dir)?;
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let token = token::add_local(&transaction, rights, now)?;
        transaction.commit()?;
        Ok(token)
    }

    /// Whether a principal is still who it was, with the same rights and reach.
    pub async fn still(&self, principal: &Principal, now: WallTime) -> Result<bool, AccessError> {
        let evidence = principal.evidence.clone();
        let found = self
            .read(move |db| match evidence {
                Evidence::Token(id, digest) => token::find(db, id, &digest, now),
                Evidence::Session(digest) => {
                    Ok(session::find(db, &digest, now)?.map(|(principal, _seen)| principal))
                }
                Evidence::Configuration => Ok(None),
            })
            .await?;
        Ok(match found {
            Some(found) => found.rights == principal.rights && found.reach == principal.reach,
            None => matches!(principal.evidence, Evidence::Configuration),
        })
    }

    /// Reads, on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, AccessError> {
        let inner = Arc::clone(&self.inner);
        on_disk(move || {
            work(
                &inner
                    .connection
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner),
            )
        })
        .await
    }

    /// Changes something in one transaction. Nobody is remembered afterwards.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, AccessError> {
        let inner = Arc::clone(&self.inner);
        let done = on_disk(move || {
            let mut connection = inner
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await;
        self.remembered().clear();
        done
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, (Arc<Principal>, Instant)>> {
        self.inner
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Who `digest` was found to be within the last second.
    fn recall(&self, digest: &Digest) -> Option<Arc<Principal>> {
        let remembered = self.remembered();
        let (principal, at) = remembered.get(digest)?;
        (at.elapsed() < REMEMBERED_FOR).then(|| Arc::clone(principal))
    }

    fn remember(&self, digest: Digest, principal: &Arc<Principal>) {
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(digest, (Arc::clone(principal), Instant::now()));
    }

    /// Runs `work` where it may take its time with a password.
    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, AccessError> {
        let _seat = self
            .inner
            .hashing
            .acquire()
            .await
            .map_err(|error| AccessError::Storage(error.to_string()))?;
        on_disk(work).await
    }
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
) -> Result<T, AccessError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| AccessError::Storage(error.to_string()))?
}

/// Checks a name that a person chose for a user, token or group.
fn check_name(what: &str, name: &str) -> Result<(), AccessError> {
    let fits = !name.is_empty()
        && name.len() <= 64
        && name.trim() == name
        && !name.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(AccessError::Refused(format!(
            "the name of a {what} has 1 to 64 bytes, and no space around it"
        )))
    }
}

#[cfg(test)]
mod tests;
