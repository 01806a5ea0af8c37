//! YAML text as a tree that knows where everything stands.
//!
//! The tree comes first so that a file's errors can all be found: a deserialiser stops at the first
//! one. Everything that could grow beyond the file (aliases, merges) has a limit.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned, budget::BudgetBreach};

use super::Fault;

/// The largest file that is read, in bytes.
pub(super) const BYTES_MAX: usize = 32 << 20;
/// The most values and keys of one file, aliases expanded.
const NODES_MAX: usize = 1_500_000;
/// How deep lists and maps may be nested.
const DEPTH_MAX: usize = 32;
/// The most values that aliases may add.
const ALIASED_MAX: usize = 200_000;

/// Where something stands: line and column, from 1; 0 where nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self {
            line: location.line() as u32,
            column: location.column() as u32,
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    /// As it was written; a plain one may mean a number or a truth value.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) text: String,
}

impl Node {
    /// What it is, for people.
    pub(super) fn what(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar { plain: false, .. } => "a text",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The value of `key`, if it is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|(have, _)| have.text == key)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    /// Takes the value of `key` out, with its key.
    pub(super) fn take(&mut self, key: &str) -> Option<(Key, Self)> {
        match &mut self.value {
            Value::Map(entries) => {
                let index = entries.iter().position(|(have, _)| have.text == key)?;
                Some(entries.remove(index))
            }
            _ => None,
        }
    }
}

/// Reads `text`. Err: why it is not YAML, or which limit it passes.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    if text.len() > BYTES_MAX {
        let message = format!(
            "the file has {} bytes, {BYTES_MAX} are the most",
            text.len()
        );
        let hint = "name the cameras of a large site in CSV files under `streams_from`";
        return Err(Fault::new(Place { line: 1, column: 1 }, message).hint(hint));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 2 * NODES_MAX,
            max_nodes: NODES_MAX,
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_documents: 1,
            max_aliases: ALIASED_MAX,
            max_recorded_anchor_events: ALIASED_MAX,
            max_total_scalar_bytes: BYTES_MAX
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: ALIASED_MAX,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        emit_comments: false,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(settle(raw, text)),
        Err(error) => Err(syntax_fault(&error)),
    }
}

/// What the parser says, without the text around it: a password could stand there.
fn syntax_fault(error: &serde_saphyr::Error) -> Fault {
    let error = error.without_snippet();
    let place = error
        .location()
        .map_or(Place { line: 1, column: 1 }, Place::from);
    if let serde_saphyr::Error::Budget { breach, .. } = error {
        return match breach {
            BudgetBreach::Documents { .. } => Fault::new(place, "a second document begins here"),
            BudgetBreach::Depth { .. } => {
                Fault::new(place, format!("nested deeper than {DEPTH_MAX} levels"))
            }
            _ => Fault::new(place, "more values or aliases than any configuration needs")
                .hint("name the cameras of a large site in CSV files under `streams_from`"),
        };
    }
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    let fault = Fault::new(place, text.lines().next().unwrap_or("not YAML"));
    if text.contains("a tab") {
        fault.hint("YAML is indented with spaces")
    } else {
        fault
    }
}

/// A value as the parser gives it: scalars are not kept, their place in the text is.
enum Raw {
    Null,
    Scalar(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Scalar(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

/// Gives plain scalars back the form in which they were written: `0012` as a name or a password is
/// not 12.
fn settle(raw: Spanned<Raw>, source: &str) -> Node {
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Scalar(text) => match plain_text(raw.defined, source) {
            Some(written) => Value::Scalar {
                text: written.to_owned(),
                plain: true,
            },
            None => Value::Scalar { text, plain: false },
        },
        Raw::List(items) => {
            Value::List(items.into_iter().map(|item| settle(item, source)).collect())
        }
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, node)| {
                    let key = Key {
                        place: key.defined.into(),
                        text: key.value,
                    };
                    (key, settle(node, source))
                })
                .collect(),
        ),
    };
    Node {
        place: raw.defined.into(),
        value,
    }
}

/// The text of a plain scalar of one line; none for quoted, folded and tagged ones, which are
/// texts.
fn plain_text(location: Location, source: &str) -> Option<&str> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start + usize::try_from(span.byte_len()?).ok()?;
    let written = source.get(start..end)?;
    let quoted = written.starts_with(['"', '\'', '|', '>', '!', '&', '*']);
    (!quoted && !written.contains('\n')).then(|| written.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree on one line, with places.
    fn show(node: &Node) -> String {
        let Place { line, column } = node.place;
        match &node.value {
            Value::Null => format!("null@{line}:{column}"),
            Value::Scalar { text, plain } => {
                let mark = if *plain { "" } else { "\"" };
                format!("{mark}{text}{mark}@{line}:{column}")
            }
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(show).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, node)| {
                        let Place { line, column } = key.place;
                        format!("{}@{line}:{column}={}", key.text, show(node))
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    #[test]
    fn everything_knows_where_it_stands() {
        let text = "a: 0012\nb: [x, 'y', 1.50, yes, ~]\n# comment\nc:\n  d: \"5\"\n  0x1F: é # tail\n  e:\n  f: |\n    two\n    lines\n";
        let tree = read(text).unwrap();
        assert_eq!(
            show(&tree),
            "{a@1:1=0012@1:4, b@2:1=[x@2:5, \"y\"@2:8, 1.50@2:13, yes@2:19, null@2:24], \
             c@4:1={d@5:3=\"5\"@5:6, 0x1F@6:3=é@6:9, e@7:3=null@7:4, f@8:3=\"two\nlines\n\"@9:5}}"
        );
    }

    #[test]
    fn aliases_and_merges_are_read() {
        let text = "base: &base { x: 1, y: 2 }\nother: *base\nmerged:\n  <<: *base\n  y: 3\n";
        let tree = read(text).unwrap();
        assert_eq!(
            show(&tree),
            "{base@1:1={x@1:15=1@1:18, y@1:21=2@1:24}, other@2:1={x@1:15=1@1:18, y@1:21=2@1:24}, merged@3:1={y@5:3=3@5:6, x@1:15=1@1:18}}"
        );
    }

    #[test]
    fn bombs_and_giants_are_refused() {
        let levels = (1..12).map(|level| {
            let inner = format!("*a{}, ", level - 1).repeat(10);
            format!("a{level}: &a{level} [{inner}]\n")
        });
        let bomb =
            "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned() + &levels.collect::<String>();
        let deep = "[".repeat(10_000);
        let wide = "- a\n".repeat(NODES_MAX + 1);
        for text in [bomb, deep, wide, " ".repeat(BYTES_MAX + 1)] {
            let fault = read(&text).unwrap_err();
            assert!(fault.place.line > 0, "{}", fault.message);
        }
    }

    #[test]
    fn faults_of_syntax_have_a_place_and_no_text() {
        for (text, line) in [
            ("a: [1, 2\nb: s3cret", 2),
            ("a: 1\n\tb: s3cret\n", 1),
            ("a: 1\n---\nb: s3cret\n", 2),
            ("password: *s3cret\n", 1),
            ("a: !tool s3cret\n", 1),
            ("a: 'open\n s3cret\n", 1),
        ] {
            let fault = read(text).unwrap_err();
            println!(
                "{text:?}: {}:{} {}",
                fault.place.line, fault.place.column, fault.message
            );
            assert_eq!(fault.place.line, line, "{text:?}: {}", fault.message);
            assert!(!fault.message.contains("s3cret"), "{}", fault.message);
        }
    }
}
