//! Groups of streams, by patterns of their names.

use std::sync::Arc;

use ocelli_core::WallTime;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Access, AccessError, Pattern, Reach, check_name};

/// Most patterns in a group.
const PATTERNS_MAX: usize = 1000;
/// Most groups of a user or token.
const GROUPS_MAX: usize = 100;

/// A named set of streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Its name.
    #[schema(min_length = 1, max_length = 64, example = "north")]
    pub name: String,
    /// Names of streams; `*` stands for any run of characters.
    #[schema(max_items = 1000, example = json!(["north-*", "lobby"]))]
    pub streams: Vec<String>,
}

impl Access {
    /// Every group, by name.
    pub async fn groups(&self) -> Result<Vec<GroupEntry>, AccessError> {
        self.read(|db| {
            let mut statement = db.prepare("SELECT name, patterns FROM groups ORDER BY name")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut groups = Vec::new();
            for row in rows {
                let (name, patterns): (String, String) = row?;
                let streams = from_json(&patterns)?;
                groups.push(GroupEntry { name, streams });
            }
            Ok(groups)
        })
        .await
    }

    /// Makes a group, or gives it other streams.
    pub async fn put_group(&self, group: GroupEntry) -> Result<(), AccessError> {
        check_name("group", &group.name)?;
        if group.streams.len() > PATTERNS_MAX {
            return Err(AccessError::Refused(format!(
                "a group has at most {PATTERNS_MAX} patterns"
            )));
        }
        if group
            .streams
            .iter()
            .any(|text| Pattern::new(text).is_none())
        {
            return Err(AccessError::Refused(format!(
                "a pattern has 1 to {} bytes",
                Pattern::BYTES_MAX
            )));
        }
        self.write(move |db| {
            db.execute(
                "INSERT INTO groups (name, patterns) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET patterns = excluded.patterns",
                params![group.name, to_json(&group.streams)?],
            )?;
            Ok(())
        })
        .await
    }

    /// Removes a group. Users and tokens that had it see its streams no longer.
    pub async fn remove_group(&self, name: String) -> Result<(), AccessError> {
        self.write(move |db| {
            match db.execute("DELETE FROM groups WHERE name = ?1", params![name])? {
                0 => Err(AccessError::Unknown {
                    what: "group",
                    name,
                }),
                _ => Ok(()),
            }
        })
        .await
    }
}

/// What the streams of `groups` are: of a group that is gone, none.
pub(super) fn reach(db: &Connection, groups: Option<&[String]>) -> Result<Reach, AccessError> {
    let Some(groups) = groups else {
        return Ok(Reach::All);
    };
    let mut patterns = Vec::new();
    let mut statement = db.prepare_cached("SELECT patterns FROM groups WHERE name = ?1")?;
    for group in groups {
        let text: Option<String> = statement.query_row([group], |row| row.get(0)).optional()?;
        let texts: Vec<String> = text.as_deref().map_or(Ok(Vec::new()), from_json)?;
        patterns.extend(texts.iter().filter_map(|text| Pattern::new(text)));
    }
    Ok(Reach::Streams(Arc::from(patterns)))
}

/// Checks that each of the groups exists.
pub(super) fn check(db: &Connection, groups: Option<&[String]>) -> Result<(), AccessError> {
    let groups = groups.unwrap_or_default();
    if groups.len() > GROUPS_MAX {
        return Err(AccessError::Refused(format!(
            "at most {GROUPS_MAX} groups at a time"
        )));
    }
    let mut statement = db.prepare_cached("SELECT 1 FROM groups WHERE name = ?1")?;
    for group in groups {
        if !statement.exists([group])? {
            return Err(AccessError::Refused(format!("there is no group `{group}`")));
        }
    }
    Ok(())
}

/// Groups that are in both; `None` means every stream.
pub(super) fn both(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    match (one, other) {
        (None, groups) | (groups, None) => groups,
        (Some(mut one), Some(other)) => {
            one.retain(|group| other.contains(group));
            Some(one)
        }
    }
}

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, AccessError> {
    serde_json::to_string(value).map_err(|error| AccessError::Storage(error.to_string()))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, AccessError> {
    serde_json::from_str(text)
        .map_err(|error| AccessError::Storage(format!("access.sqlite: {error}")))
}

/// A time as it is stored.
pub(super) fn time_text(micros: i64) -> String {
    WallTime { micros }.to_rfc3339()
}
