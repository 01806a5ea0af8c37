//! What every kind of sink has to do.

use std::collections::BTreeSet;

use ocelli_core::StageError;
use ocelli_sinks::sink::{SINKS, build, check};

use crate::stage::request;

#[test]
fn the_list_is_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sink");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .filter(|name| name != "mod")
        .collect();
    let listed: BTreeSet<String> = SINKS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(listed, files);
    assert_eq!(listed.len(), SINKS.len(), "a kind is listed twice");
}

#[test]
fn every_kind_says_what_it_is_and_describes_its_fields() {
    for kind in SINKS {
        let first = kind.summary.chars().next().unwrap();
        assert!(first.is_lowercase() && !kind.summary.ends_with('.'));
        let schema = (kind.options_schema)();
        let fields = schema["properties"].as_object().unwrap();
        assert_eq!(schema["additionalProperties"], false, "{}", kind.name);
        for (name, field) in fields {
            assert!(
                field.get("description").is_some(),
                "{}: {name} is not described",
                kind.name
            );
        }
        let example: serde_json::Value = serde_json::from_str(kind.example).unwrap();
        for name in example.as_object().unwrap().keys() {
            assert!(fields.contains_key(name), "{}: {name}", kind.name);
        }
    }
}

#[tokio::test]
async fn every_kind_takes_its_example_and_refuses_what_it_does_not_know() {
    for kind in SINKS {
        let folder = tempfile::tempdir().unwrap();
        let mut options: serde_json::Value = serde_json::from_str(kind.example).unwrap();
        let checked = check(kind.name, &request(folder.path(), &options));
        assert_eq!(checked, Ok(()), "{}", kind.name);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "{}: a check writes", kind.name);
        let built = build(kind.name, request(folder.path(), &options));
        assert!(built.is_ok(), "{}: {:?}", kind.name, built.err());
        options["colour"] = 1.into();
        let checked = check(kind.name, &request(folder.path(), &options));
        assert!(checked.is_err(), "{}", kind.name);
        let refused = build(kind.name, request(folder.path(), &options));
        let Some(StageError::Rejected(why)) = refused.err() else {
            panic!("{} takes what it does not know", kind.name);
        };
        assert!(why.contains("`colour`"), "{}: {why}", kind.name);
        let refused = build(kind.name, request(folder.path(), &serde_json::json!({})));
        let Some(StageError::Rejected(why)) = refused.err() else {
            panic!("{} needs nothing", kind.name);
        };
        assert!(why.contains("missing field"), "{}: {why}", kind.name);
    }
}

#[tokio::test]
async fn unknown_kinds_and_odd_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = serde_json::json!({});
    let refused = build("pigeon", request(folder.path(), &options))
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("expected one of: "),
        "{refused}"
    );
    let example: serde_json::Value = serde_json::from_str(SINKS[0].example).unwrap();
    for name in ["", "../up", "a b", &"x".repeat(65)] {
        let mut request = request(folder.path(), &example);
        request.name = name.to_owned();
        assert!(build(SINKS[0].name, request).is_err(), "{name}");
    }
}
