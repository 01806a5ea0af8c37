//! Sinks: where events go beside the store.

use std::{fmt, path::PathBuf, sync::Arc};

use ocelli_core::StageError;
use ocelli_sinks::sink::{self, Reach, SINKS, SinkRequest};
use serde_json::{Map, Value as Json};

use super::{
    Fault,
    de::{read_all, suggestion},
    entry_place::place_of_key,
    secrets::{SECRET_KEYS, Variables, secret},
    shape::SinkShape,
    tree::{Key, Node, Place, Value},
};

/// One sink.
#[derive(Clone, PartialEq)]
pub struct SinkConfig {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What stands under its kind, with the secrets in it.
    options: Map<String, Json>,
}

/// Without its options: secrets are among them.
impl fmt::Debug for SinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SinkConfig({} {})", self.kind, self.name)
    }
}

impl SinkConfig {
    /// What the sink is made from; what it has to remember is kept in `folder`.
    pub fn request(&self, folder: PathBuf) -> SinkRequest {
        SinkRequest {
            name: self.name.clone(),
            options: self.options.clone(),
            folder,
            reach: Reach::Operator,
            health: Arc::default(),
        }
    }
}

/// The sink that `node` describes, with everything noted that is wrong with it.
pub(super) fn resolve(
    key: Key,
    mut node: Node,
    variables: Variables<'_>,
    faults: &mut Vec<Fault>,
) -> Option<SinkConfig> {
    let shape = read_all::<SinkShape>(&mut node, faults)?;
    let kinds: Vec<&str> = SINKS.iter().map(|kind| kind.name).collect();
    if !kinds.contains(&shape.kind.as_str()) {
        let message = format!("unknown kind of sink `{}`", shape.kind);
        let place = place_of_key(&node, &shape.kind).unwrap_or(node.place);
        faults.push(Fault::new(place, message).hint(suggestion(&shape.kind, &kinds)));
        return None;
    }
    let content = node.get(&shape.kind).unwrap_or(&node);
    let mut options = match shape.configuration {
        Json::Object(options) => options,
        Json::Null => Map::new(),
        _ => {
            let message = format!("expected a map, found {}", content.what());
            faults.push(Fault::new(content.place, message));
            return None;
        }
    };
    let before = faults.len();
    for name in SECRET_KEYS {
        let Some(Node {
            value: Value::Scalar { text, .. },
            place,
        }) = content.get(name)
        else {
            continue;
        };
        // As it is written: `0123` is a password, not a number.
        match secret(text, *place, variables) {
            Ok(secret) => drop(options.insert(name.to_owned(), secret.expose().into())),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.len() > before {
        return None;
    }
    let config = SinkConfig {
        name: key.text,
        kind: shape.kind,
        options,
    };
    match sink::check(&config.kind, &config.request(PathBuf::new())) {
        Ok(()) => Some(config),
        Err(error) => {
            let place = place_of(&error, content).unwrap_or(key.place);
            faults.push(Fault::new(place, error.to_string()));
            None
        }
    }
}

/// Where the key stands that an error names.
fn place_of(error: &StageError, content: &Node) -> Option<Place> {
    let text = error.to_string();
    text.split('`')
        .skip(1)
        .step_by(2)
        .find_map(|word| place_of_key(content, word))
}
