//! The file in which changes through the API stand.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::{Change, Keys, Made, Refused, Seen};
use crate::Configuration;

/// Tells two versions of what was said about a stream apart. Numbers are not used twice: 0 is what
/// a stream of the configuration file has before anything is laid over it.
pub type Revision = u64;

/// Keys that are never given out.
pub(super) const SECRETS: [&str; 2] = ["user", "password"];
/// Where a stream comes from: who may set it may not send an old password elsewhere.
const ADDRESSES: [&str; 2] = ["url", "detect_url"];

/// What stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Changes so far.
    changes: Revision,
    /// The change that made each stream what it is.
    revisions: BTreeMap<String, Revision>,
    /// The streams.
    streams: BTreeMap<String, Keys>,
}

impl Stored {
    /// Reads the file. One that is not there holds nothing.
    pub fn read(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// What was said about a stream, without credentials; its revision; and whether there are
    /// credentials.
    pub fn of(&self, name: &str) -> (Keys, Revision, bool) {
        let mut keys = self.streams.get(name).cloned().unwrap_or_default();
        let had = SECRETS.map(|key| keys.remove(key).is_some());
        let in_address = ADDRESSES.iter().any(|key| take_userinfo(&mut keys, key));
        let revision = self.revisions.get(name).copied().unwrap_or_default();
        (keys, revision, had.contains(&true) || in_address)
    }

    fn text(&self) -> String {
        // Maps with text as keys always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// Cuts user and password out of an address. Whether there were any.
fn take_userinfo(keys: &mut Keys, key: &str) -> bool {
    let Some(Value::String(text)) = keys.get_mut(key) else {
        return false;
    };
    let Ok(mut url) = Url::parse(text) else {
        return false;
    };
    if url.username().is_empty() && url.password().is_none() {
        return false;
    }
    let cut = url.set_username("").and_then(|()| url.set_password(None));
    *text = cut.map_or_else(|()| String::new(), |()| url.into());
    true
}

/// The file before and after a change.
pub(super) struct Draft {
    before: Stored,
    after: Stored,
    name: String,
}

impl Draft {
    /// Begins with what stands in the file.
    pub(super) fn read(path: &Path) -> Result<Self, Refused> {
        let before = Stored::read(path).map_err(|error| {
            tracing::error!("{} cannot be read: {error}", path.display());
            Refused::Failed("the streams that were added cannot be read now".to_owned())
        })?;
        Ok(Self {
            after: before.clone(),
            before,
            name: String::new(),
        })
    }

    /// Changes it.
    pub(super) fn change(
        &mut self,
        change: Change,
        current: &Configuration,
    ) -> Result<Made, Refused> {
        let Change { name, seen, keys } = change;
        let of_file = current
            .streams
            .get(name.as_str())
            .is_some_and(|stream| !stream.from_api);
        let own = self.before.streams.get(&name);
        let is_there = of_file || own.is_some();
        let revision = self
            .before
            .revisions
            .get(&name)
            .copied()
            .unwrap_or_default();
        match seen {
            Seen::Nothing if is_there => return Err(Refused::Changed),
            Seen::Anything | Seen::One(_) if !is_there => return Err(Refused::Unknown),
            Seen::One(seen) if !seen.contains(&revision) => return Err(Refused::Changed),
            Seen::Nothing | Seen::Anything | Seen::One(_) => {}
        }
        let made = match keys {
            Some(mut keys) => {
                if let Some(own) = own {
                    keep_secrets(&mut keys, own)?;
                }
                keys.retain(|key, value| !SECRETS.contains(&key.as_str()) || value != "");
                self.after.changes += 1;
                let revision = self.after.changes;
                self.after.revisions.insert(name.clone(), revision);
                self.after.streams.insert(name.clone(), keys);
                if is_there {
                    Made::Changed(revision)
                } else {
                    Made::New(revision)
                }
            }
            None if own.is_none() => {
                let reason = format!("`{name}` stands in the configuration file: remove it there");
                return Err(Refused::Elsewhere(reason));
            }
            None => {
                self.after.changes += 1;
                self.after.revisions.remove(&name);
                self.after.streams.remove(&name);
                Made::Removed
            }
        };
        self.name = name;
        Ok(made)
    }

    /// The file's text afterwards.
    pub(super) fn text(&self) -> String {
        self.after.text()
    }

    /// Where in the changed stream a line of the text stands, as a JSON pointer; none: elsewhere.
    pub(super) fn pointer(&self, line: u32) -> Option<String> {
        let value = serde_json::to_value(&self.after).ok()?;
        let mut lines = Vec::new();
        walk(&value, "", &mut lines);
        let at = lines.get((line as usize).checked_sub(1)?)?;
        let stream = format!("/streams/{}", escaped(&self.name));
        let rest = at.strip_prefix(&stream)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    }

    /// Writes the file: whole, or not at all, and for nobody else to read.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        write(path, &self.after)
    }

    /// Writes the file as it was before.
    pub(super) fn take_back(&self, path: &Path) -> io::Result<()> {
        write(path, &self.before)
    }
}

fn write(path: &Path, stored: &Stored) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(stored.text().as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Credentials that are not sent stay what they were. They do not follow a stream to another host:
/// whoever changes the address may not know them.
fn keep_secrets(keys: &mut Keys, before: &Keys) -> Result<(), Refused> {
    let mut kept = false;
    for key in SECRETS {
        if let Some(old) = before.get(key)
            && !keys.contains_key(key)
        {
            keys.insert(key.to_owned(), old.clone());
            kept = true;
        }
    }
    let moved = ADDRESSES
        .iter()
        .find(|key| host(keys, key) != host(before, key));
    match moved {
        Some(key) if kept && keys.contains_key(*key) => {
            let reason = "the camera is another one: send its user and password as well, or both \
                          empty where it has none";
            Err(Refused::Invalid(vec![(
                format!("/{key}"),
                reason.to_owned(),
            )]))
        }
        _ => Ok(()),
    }
}

/// Scheme, host and port of an address.
fn host(keys: &Keys, key: &str) -> Option<(String, Option<String>, Option<u16>)> {
    let url = Url::parse(keys.get(key)?.as_str()?).ok()?;
    let host = url.host_str().map(str::to_lowercase);
    Some((url.scheme().to_owned(), host, url.port()))
}

/// What stands on each line of pretty JSON.
fn walk(value: &Value, at: &str, lines: &mut Vec<String>) {
    lines.push(at.to_owned());
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => children_of(map),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        _ => Vec::new(),
    };
    for (key, child) in &children {
        walk(child, &format!("{at}/{key}"), lines);
    }
    if !children.is_empty() {
        lines.push(at.to_owned());
    }
}

fn children_of(map: &Map<String, Value>) -> Vec<(String, &Value)> {
    map.iter()
        .map(|(key, value)| (escaped(key), value))
        .collect()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(value: Value) -> Keys {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn lines_of_the_text_are_places() {
        let mut stored = Stored::default();
        stored.streams.insert(
            "a".to_owned(),
            keys(json!({ "url": "rtsp://x/", "zones": {}, "rules": [{ "line": { "points": [[0, 1]] } }] })),
        );
        let draft = Draft {
            before: Stored::default(),
            after: stored,
            name: "a".to_owned(),
        };
        let text = draft.text();
        let at = |part: &str| {
            let line = text.lines().position(|line| line.contains(part)).unwrap();
            draft.pointer(line as u32 + 1)
        };
        assert_eq!(at("\"url\"").as_deref(), Some("/url"));
        assert_eq!(at("\"points\"").as_deref(), Some("/rules/0/line/points"));
        assert_eq!(at("\"zones\"").as_deref(), Some("/zones"));
        assert_eq!(at("\"changes\""), None);
        assert_eq!(draft.pointer(0), None);
    }

    #[test]
    fn a_password_does_not_follow_to_another_host() {
        let before = keys(json!({ "url": "rtsp://cam/a", "user": "u", "password": "p" }));
        let mut same = keys(json!({ "url": "rtsp://cam/b" }));
        keep_secrets(&mut same, &before).unwrap();
        assert_eq!(same["password"], "p");
        for other in ["rtsp://evil/a", "rtsp://cam:8554/a", "http://cam/a"] {
            let mut moved = keys(json!({ "url": other }));
            assert!(keep_secrets(&mut moved, &before).is_err(), "{other}");
            let mut told = keys(json!({ "url": other, "user": "v", "password": "q" }));
            keep_secrets(&mut told, &before).unwrap();
            assert_eq!(told["password"], "q");
        }
        let mut detected = keys(json!({ "url": "rtsp://cam/a", "detect_url": "rtsp://evil/" }));
        assert!(keep_secrets(&mut detected, &before).is_err());
    }

    #[test]
    fn credentials_are_not_given_out() {
        let mut stored = Stored::default();
        for (name, value) in [
            ("a", json!({ "url": "rtsp://u:canary@cam/a" })),
            (
                "b",
                json!({ "url": "rtsp://cam/a", "user": "u", "password": "canary" }),
            ),
            ("c", json!({ "url": "rtsp://cam/a" })),
        ] {
            stored.streams.insert(name.to_owned(), keys(value));
        }
        for (name, has) in [("a", true), ("b", true), ("c", false)] {
            let (keys, _revision, had) = stored.of(name);
            assert_eq!(keys["url"], "rtsp://cam/a");
            assert_eq!(had, has);
            assert!(!format!("{keys:?}").contains("canary"));
        }
    }
}
