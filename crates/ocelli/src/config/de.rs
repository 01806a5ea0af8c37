//! From the tree to typed shapes, with the place of every error.
//!
//! A deserialiser stops at its first error. [`read_all`] notes it, takes the part that it is about
//! out of the tree, and starts anew, until nothing is wrong any more.

use std::{cell::Cell, fmt};

use serde::de::{self, DeserializeOwned, Deserializer, Error as _, Visitor};

use super::{
    Fault,
    nearest::nearest,
    reader::Reader,
    tree::{Key, Node, Place, Value},
};

/// The most errors that are looked for in one part of a file.
const FAULTS_MAX: usize = 200;

/// Reads a `T`, and notes every error on the way. None: what is left is not a `T`.
///
/// What was wrong is missing in `node` afterwards.
pub(super) fn read_all<T: DeserializeOwned>(node: &mut Node, faults: &mut Vec<Fault>) -> Option<T> {
    for _ in 0..FAULTS_MAX {
        let mut trouble = match T::deserialize(Reader(node)) {
            Ok(shape) => return Some(shape),
            Err(trouble) => trouble,
        };
        trouble.path.reverse();
        let cut = remove(node, &trouble.path);
        faults.push(Fault {
            place: trouble.place.unwrap_or(node.place),
            message: trouble.message,
            hint: trouble.hint,
        });
        if !cut {
            return None;
        }
    }
    None
}

/// Reads two shapes out of one map whose keys they share.
pub(super) fn read_both<A: DeserializeOwned, B: DeserializeOwned>(
    node: &mut Node,
    faults: &mut Vec<Fault>,
) -> Option<(A, B)> {
    let (of_a, of_b) = (fields_of::<A>(), fields_of::<B>());
    let place = node.place;
    let Value::Map(entries) = &mut node.value else {
        let message = format!("expected a map, found {}", node.what());
        faults.push(Fault::new(place, message));
        return None;
    };
    entries.retain(|(key, _)| {
        let known = [of_a, of_b]
            .iter()
            .any(|fields| fields.contains(&key.text.as_str()));
        if !known {
            let all: Vec<&str> = of_a.iter().chain(of_b).copied().collect();
            faults.push(unknown_key(key, &all));
        }
        known
    });
    let (a, b): (Vec<_>, Vec<_>) = std::mem::take(entries)
        .into_iter()
        .partition(|(key, _)| of_a.contains(&key.text.as_str()));
    let mut parts = [a, b].map(|entries| Node {
        place,
        value: Value::Map(entries),
    });
    let [part_a, part_b] = &mut parts;
    let a = read_all(part_a, faults);
    let b = read_all(part_b, faults);
    for part in parts {
        if let (Value::Map(all), Value::Map(entries)) = (&mut node.value, part.value) {
            all.extend(entries);
        }
    }
    a.zip(b)
}

fn unknown_key(key: &Key, known: &[&str]) -> Fault {
    Fault::new(key.place, format!("unknown key `{}`", key.text)).hint(suggestion(&key.text, known))
}

/// What somebody may have meant.
pub(super) fn suggestion(text: &str, known: &[&str]) -> String {
    match nearest(text, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "nothing is expected here".to_owned(),
        None => format!("expected one of: {}", known.join(", ")),
    }
}

/// Takes out what stands at `path`. False: it is the whole.
fn remove(node: &mut Node, path: &[usize]) -> bool {
    let Some((&last, way)) = path.split_last() else {
        return false;
    };
    let mut parent = node;
    for &index in way {
        let child = match &mut parent.value {
            Value::List(items) => items.get_mut(index),
            Value::Map(entries) => entries.get_mut(index).map(|(_, node)| node),
            _ => None,
        };
        match child {
            Some(child) => parent = child,
            None => return false,
        }
    }
    match &mut parent.value {
        Value::List(items) if last < items.len() => {
            items.remove(last);
            true
        }
        Value::Map(entries) if last < entries.len() => {
            entries.remove(last);
            true
        }
        _ => false,
    }
}

/// Names of the fields of a struct, as serde knows them.
pub(super) fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Probe<'a>(&'a Cell<&'static [&'static str]>);
    impl<'de> Deserializer<'de> for Probe<'_> {
        type Error = Trouble;
        fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Trouble> {
            Err(Trouble::custom("not a struct"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Trouble> {
            self.0.set(fields);
            Err(Trouble::custom("only asked"))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
            ignored_any
        }
    }
    let fields = Cell::new([].as_slice());
    drop(T::deserialize(Probe(&fields)));
    fields.get()
}

/// What a deserialiser reports.
#[derive(Debug)]
pub(super) struct Trouble {
    message: String,
    hint: Option<String>,
    place: Option<Place>,
    /// Which entries lead to it, innermost first.
    pub(super) path: Vec<usize>,
}

impl Trouble {
    pub(super) fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    pub(super) fn inside(mut self, index: usize) -> Self {
        self.path.push(index);
        self
    }

    pub(super) fn expected(what: impl fmt::Display, found: &Node) -> Self {
        Self::custom(format_args!("expected {what}, found {}", found.what())).at(found.place)
    }
}

impl std::error::Error for Trouble {}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl de::Error for Trouble {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            place: None,
            path: Vec::new(),
        }
    }

    /// The value itself is not shown: it may be a secret that stands in the wrong place.
    fn invalid_type(_found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn invalid_value(_found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self {
            hint: Some(suggestion(field, expected)),
            ..Self::custom(format_args!("unknown key `{field}`"))
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self {
            hint: Some(suggestion(variant, expected)),
            ..Self::custom(format_args!("unknown value `{variant}`"))
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing"))
    }
}
