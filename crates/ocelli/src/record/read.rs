//! Reads entries.

use std::path::Path;

use ocelli_core::WallTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    RecordError, Who,
    chain::{self, Link},
    verify::Walk,
};

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Entry {
    /// Its number, from 1.
    pub n: u64,
    /// When, RFC 3339.
    #[schema(format = DateTime)]
    pub time: String,
    /// Name of the user; left out: ocelli itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// The public id of the token that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub token: Option<String>,
    /// What was done: `kind`, and what belongs to it.
    #[schema(value_type = Object)]
    pub deed: serde_json::Value,
    /// Its hash.
    pub hash: String,
}

impl Entry {
    /// The kind of what was done.
    pub fn kind(&self) -> &str {
        self.deed["kind"].as_str().unwrap_or_default()
    }

    /// What belongs to it, in one line.
    pub fn told(&self) -> String {
        let fields = self.deed.as_object().into_iter().flatten();
        let told: Vec<String> = fields
            .filter(|(key, _value)| *key != "kind")
            .map(|(key, value)| match value {
                serde_json::Value::String(text) => format!("{key}={text}"),
                value => format!("{key}={value}"),
            })
            .collect();
        told.join(" ")
    }
}

/// Which entries; the newest of them.
#[derive(Debug, Clone, Default)]
pub struct ReadQuery {
    /// Only of these kinds; empty: all.
    pub kinds: Vec<String>,
    /// Only of this user.
    pub user: Option<String>,
    /// From this time on.
    pub from: Option<WallTime>,
    /// Before this time.
    pub to: Option<WallTime>,
    /// Only entries with a smaller number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl ReadQuery {
    fn wants(&self, link: &Link) -> bool {
        let kind = link.deed["kind"].as_str().unwrap_or_default();
        let time = WallTime::from_rfc3339(&link.time);
        let user = link.who.as_ref().map(|who| &who.user);
        (self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind))
            && (self.user.is_none() || self.user.as_ref() == user)
            && self.from.is_none_or(|from| time >= Some(from))
            && self.to.is_none_or(|to| time < Some(to))
            && self.before.is_none_or(|before| link.n < before)
    }
}

/// The newest entries that a query wants, in the order in which they were written. They are read
/// file by file from the newest on, and the chain within each file is checked.
pub fn read(folder: &Path, query: &ReadQuery) -> Result<Vec<Entry>, RecordError> {
    let files = chain::files(folder)?;
    if files.is_empty() {
        return Err(RecordError::None(folder.display().to_string()));
    }
    let mut found: Vec<Entry> = Vec::new();
    for file in files.iter().rev() {
        if found.len() >= query.limit {
            break;
        }
        let missing = query.limit - found.len();
        let mut here = std::collections::VecDeque::new();
        let walk = Walk::over(std::slice::from_ref(file), |link| {
            if query.wants(link) {
                if here.len() >= missing {
                    here.pop_front();
                }
                here.push_back(entry(link));
            }
        })?;
        walk.map_err(RecordError::Damaged)?;
        here.extend(found);
        found = here.into();
    }
    Ok(found)
}

fn entry(link: &Link) -> Entry {
    let Who { user, token } = link.who.clone().unwrap_or(Who {
        user: String::new(),
        token: None,
    });
    Entry {
        n: link.n,
        time: link.time.clone(),
        user: Some(user).filter(|user| !user.is_empty()),
        token,
        deed: link.deed.clone(),
        hash: link.hash.clone(),
    }
}
