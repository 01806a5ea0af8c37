//! `${NAME}` of the environment, in the fields that hold secrets and nowhere else.

use ocelli_core::Secret;

use super::{
    Fault,
    tree::{Node, Place, Value},
};

/// The keys whose values are secrets.
pub(super) const SECRET_KEYS: [&str; 3] = ["password", "token", "secret"];

/// Looks a variable of the environment up.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The secret that `text` is, or names as `${NAME}`.
pub(super) fn secret(text: &str, place: Place, variables: Variables<'_>) -> Result<Secret, Fault> {
    let Some(name) = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return Ok(Secret::new(text));
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(fits) {
        let message = "`${...}` does not name a variable: letters, digits and `_` are expected";
        return Err(Fault::new(place, message));
    }
    match variables(name) {
        Some(value) if !value.is_empty() => Ok(Secret::new(value)),
        Some(_) => Err(Fault::new(
            place,
            format!("the environment variable `{name}` is empty"),
        )),
        None => Err(Fault::new(
            place,
            format!("the environment variable `{name}` is not set"),
        )),
    }
}

/// Notes every `${` outside the fields that hold secrets.
pub(super) fn find_misplaced(node: &Node, faults: &mut Vec<Fault>) {
    match &node.value {
        Value::Scalar { text, .. } if text.contains("${") => {
            let hint = "only `password`, `token` and `secret` take a variable of the environment; write the \
                        camera's user and password beside its `url`";
            faults.push(Fault::new(node.place, "`${...}` is not read here").hint(hint));
        }
        Value::Null | Value::Scalar { .. } => {}
        Value::List(items) => items.iter().for_each(|item| find_misplaced(item, faults)),
        Value::Map(entries) => {
            for (key, node) in entries {
                if !SECRET_KEYS.contains(&key.text.as_str()) {
                    find_misplaced(node, faults);
                }
            }
        }
    }
}

/// Notes every key that stands twice in a map, and takes the later one out.
pub(super) fn find_duplicates(node: &mut Node, faults: &mut Vec<Fault>) {
    match &mut node.value {
        Value::Null | Value::Scalar { .. } => {}
        Value::List(items) => items
            .iter_mut()
            .for_each(|item| find_duplicates(item, faults)),
        Value::Map(entries) => {
            let mut seen = std::collections::BTreeMap::new();
            entries.retain(|(key, _)| match seen.get(&key.text) {
                None => {
                    seen.insert(key.text.clone(), key.place.line);
                    true
                }
                Some(line) => {
                    let message = format!("`{}` stands here twice", key.text);
                    let hint = format!("the first is on line {line}");
                    faults.push(Fault::new(key.place, message).hint(hint));
                    false
                }
            });
            for (_, node) in entries {
                find_duplicates(node, faults);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_is_or_from_the_environment() {
        let variables = |name: &str| match name {
            "CAMERA" => Some("hunter2".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let read = |text| secret(text, Place::default(), &variables);
        assert_eq!(read("hunter2"), Ok(Secret::new("hunter2")));
        assert_eq!(read("${CAMERA}"), Ok(Secret::new("hunter2")));
        assert_eq!(read("a${CAMERA}"), Ok(Secret::new("a${CAMERA}")));
        for (text, part) in [
            ("${EMPTY}", "EMPTY"),
            ("${NONE}", "NONE"),
            ("${}", "variable"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.message.contains(part), "{}", fault.message);
        }
    }
}
