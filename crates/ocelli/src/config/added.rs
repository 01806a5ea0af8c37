//! Streams, and parts of streams, that were added through the API. They stand in a file of the data
//! directory that only the program writes, and are read like the configuration's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    sync::Arc,
};

use super::{
    ConfigError, Fault,
    load::{Written, read_text},
    tree::{self, Key, Node, Place, Value},
};

/// Name of the file in the data directory: JSON, which is YAML.
pub const ADDED_FILE: &str = "streams.json";

/// What may be said through the API about a stream of the configuration file. Where it comes from,
/// why it is watched and how long its events are kept stays the file's.
pub const OVERLAY_KEYS: [&str; 7] = [
    "enabled",
    "labels",
    "look_rate",
    "masks",
    "rules",
    "threshold",
    "zones",
];

/// What was added.
#[derive(Default)]
pub(super) struct Added {
    /// Streams of its own.
    pub(super) streams: Vec<Written>,
    /// What is laid over streams of the configuration.
    pub(super) overlays: BTreeMap<String, Written>,
}

impl Added {
    /// Reads the file in `data_dir`, or `text` in its place. `own` are the streams of the
    /// configuration.
    pub(super) fn read(
        data_dir: &Path,
        text: Option<&str>,
        own: &BTreeSet<String>,
        errors: &mut BTreeSet<ConfigError>,
    ) -> Self {
        let file = Arc::new(data_dir.join(ADDED_FILE));
        let whole = |message| Fault::new(Place::default(), message).in_file(&file);
        let tree = match (text, fs::metadata(file.as_ref())) {
            (Some(text), _) => tree::read(text).map_err(|fault| fault.in_file(&file)),
            (None, Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Self::default();
            }
            (None, _) => read_text(&file)
                .map_err(whole)
                .and_then(|text| tree::read(&text).map_err(|fault| fault.in_file(&file))),
        };
        let mut tree = match tree {
            Ok(tree) => tree,
            Err(error) => {
                errors.insert(error);
                return Self::default();
            }
        };
        let Some((
            _,
            Node {
                value: Value::Map(entries),
                ..
            },
        )) = tree.take("streams")
        else {
            errors.insert(whole("holds no `streams`".to_owned()));
            return Self::default();
        };
        let mut added = Self::default();
        for (key, node) in entries {
            let written = (Arc::clone(&file), key, node);
            if own.contains(&written.1.text) {
                let name = written.1.text.clone();
                added.overlays.insert(name, written);
            } else {
                added.streams.push(written);
            }
        }
        added
    }
}

/// Notes the keys of an overlay that only the configuration may say.
pub(super) fn find_foreign(key: &Key, node: &Node, faults: &mut Vec<Fault>) {
    if let Value::Map(entries) = &node.value {
        for (part, _) in entries {
            if !OVERLAY_KEYS.contains(&part.text.as_str()) {
                let message = format!(
                    "`{}` stands in the configuration file: `{}` is changed there",
                    key.text, part.text
                );
                faults.push(Fault::new(part.place, message));
            }
        }
    }
}
