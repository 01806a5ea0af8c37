//! Where the parts of a stream stand, in its own file or in its profiles'.

use std::{path::PathBuf, sync::Arc};

use ocelli_scene::{About, SceneError};

use super::{
    profile::Layer,
    tree::{Key, Node, Place, Value},
};

/// One stream on the way.
pub(super) struct Entry<'a> {
    pub(super) key: &'a Key,
    /// The file that names its addresses.
    pub(super) own: &'a Arc<PathBuf>,
    /// The stream itself, then its profile and what that builds on.
    pub(super) layers: Vec<Layer<'a>>,
}

impl Entry<'_> {
    /// Where the innermost of `keys` stands, in the nearest layer that has all of them.
    pub(super) fn find(&self, keys: &[&str]) -> Option<(Arc<PathBuf>, Place)> {
        self.layers.iter().find_map(|layer| {
            let node = keys
                .iter()
                .try_fold(layer.node, |node, key| node.get(key))?;
            Some((Arc::clone(layer.file), node.place))
        })
    }

    /// The same, or the stream's name where nobody says it.
    pub(super) fn place(&self, keys: &[&str]) -> (Arc<PathBuf>, Place) {
        self.find(keys)
            .unwrap_or_else(|| (Arc::clone(self.layers[0].file), self.key.place))
    }
}

/// Where the part of the scene stands that an error is about.
pub(super) fn scene_place(entry: &Entry<'_>, error: &SceneError) -> (Arc<PathBuf>, Place) {
    match &error.about {
        About::Setting(key) => entry.place(&[key]),
        About::Zone(name) => entry.place(&["zones", name]),
        About::Mask(index) => {
            item_place(entry, "masks", *index).unwrap_or_else(|| entry.place(&["masks"]))
        }
        About::Rule { kind, name, .. } => rule_place(entry, kind, name.as_deref(), &error.reason)
            .unwrap_or_else(|| entry.place(&["rules"])),
    }
}

fn items<'a>(layer: &Layer<'a>, key: &str) -> &'a [Node] {
    match layer.node.get(key).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The item of a list whose layers are joined from the furthest on.
pub(super) fn item_place(
    entry: &Entry<'_>,
    key: &str,
    index: usize,
) -> Option<(Arc<PathBuf>, Place)> {
    entry
        .layers
        .iter()
        .rev()
        .flat_map(|layer| {
            items(layer, key)
                .iter()
                .map(|node| (layer.file, node.place))
        })
        .nth(index)
        .map(|(file, place)| (Arc::clone(file), place))
}

/// The key in the rule that the reason names, or the rule.
fn rule_place(
    entry: &Entry<'_>,
    kind: &str,
    name: Option<&str>,
    reason: &str,
) -> Option<(Arc<PathBuf>, Place)> {
    let (layer, rule) = entry
        .layers
        .iter()
        .flat_map(|layer| items(layer, "rules").iter().map(move |node| (layer, node)))
        .filter_map(|(layer, node)| Some((layer, node.get(kind)?, node)))
        .find(
            |(_, content, _)| match content.get("name").map(|node| &node.value) {
                Some(Value::Scalar { text, .. }) => Some(text.as_str()) == name,
                _ => name.is_none(),
            },
        )
        .map(|(layer, content, node)| {
            let named = reason
                .split('`')
                .skip(1)
                .step_by(2)
                .find_map(|word| place_of_key(content, word));
            (layer, named.unwrap_or(node.place))
        })?;
    Some((Arc::clone(layer.file), rule))
}

/// Where a key of a map stands.
pub(super) fn place_of_key(node: &Node, word: &str) -> Option<Place> {
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .find(|(key, _)| key.text == word)
            .map(|(key, _)| key.place),
        _ => None,
    }
}
