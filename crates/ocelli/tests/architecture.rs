//! The drawing of the crates, held.
//!
//! It binds what is built into the two programs: normal and build dependencies. Tests may cross it.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail as one")]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

/// Who may depend on whom, besides `ocelli-core`, on which all may.
const DRAWING: &[(&str, &[&str])] = &[
    ("ocelli-core", &[]),
    ("ocelli-media", &[]),
    ("ocelli-scene", &[]),
    ("ocelli-vision", &[]),
    ("ocelli-sinks", &[]),
    ("ocelli-eval", &[]),
    ("ocelli-engine", &[]),
    ("ocelli-eye", &["ocelli-scene", "ocelli-vision"]),
    (
        "ocelli",
        &[
            "ocelli-engine",
            "ocelli-eval",
            "ocelli-media",
            "ocelli-scene",
            "ocelli-sinks",
        ],
    ),
];

/// Parts that decode or infer: of the eye only.
const EYE_ONLY: &[&str] = &[
    "ffmpeg-next",
    "ffmpeg-sys-next",
    "ocelli-eye",
    "ocelli-vision",
    "ort",
    "ort-sys",
    "rusty_h264-decoder",
];

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// For each crate of the workspace, those that it depends on beyond tests.
fn edges(metadata: &serde_json::Value) -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let of = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| names.contains(name))
            .map(str::to_owned)
            .collect()
    };
    packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap().to_owned(), of(package)))
        .collect()
}

/// Edges that are not in the drawing, and crates that it does not know.
fn strangers(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let drawing: BTreeMap<&str, &[&str]> = DRAWING.iter().copied().collect();
    let mut found = Vec::new();
    for (name, dependencies) in edges {
        let Some(allowed) = drawing.get(name.as_str()) else {
            found.push(format!("{name} is not in the drawing"));
            continue;
        };
        for dependency in dependencies {
            if dependency != "ocelli-core" && !allowed.contains(&dependency.as_str()) {
                found.push(format!("{name} -> {dependency}"));
            }
        }
    }
    found
}

#[test]
fn crates_know_each_other_as_drawn() {
    let text = cargo(&[
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]);
    let metadata = serde_json::from_str(&text).unwrap();
    let mut edges = edges(&metadata);
    assert_eq!(edges.len(), DRAWING.len(), "{:?}", edges.keys());
    assert_eq!(strangers(&edges), [""; 0]);

    // The twin: edges that must not be are found.
    edges
        .get_mut("ocelli-scene")
        .unwrap()
        .insert("ocelli-media".to_owned());
    edges
        .get_mut("ocelli")
        .unwrap()
        .insert("ocelli-vision".to_owned());
    edges.insert("ocelli-new".to_owned(), BTreeSet::new());
    let found = strangers(&edges);
    assert_eq!(
        found,
        [
            "ocelli -> ocelli-vision",
            "ocelli-new is not in the drawing",
            "ocelli-scene -> ocelli-media",
        ]
    );
}

/// Names in the whole dependency tree of a crate, tests left out.
fn tree(package: &str) -> BTreeSet<String> {
    let text = cargo(&[
        "tree",
        "--offline",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn eye_only(names: &BTreeSet<String>) -> Vec<&str> {
    let found = EYE_ONLY.iter().filter(|name| names.contains(**name));
    found.copied().collect()
}

#[test]
fn the_parent_is_built_without_decoder_and_inference() {
    let parent = tree("ocelli");
    assert!(parent.contains("ocelli-engine"), "{parent:?}");
    assert_eq!(eye_only(&parent), [""; 0]);

    let eye = tree("ocelli-eye");
    let found = eye_only(&eye);
    for name in ["ffmpeg-sys-next", "ocelli-vision", "ort"] {
        assert!(found.contains(&name), "the twin: {found:?}");
    }
}

#[test]
fn the_eye_is_built_without_network_and_async_runtime() {
    let eye = tree("ocelli-eye");
    for name in [
        "axum",
        "hyper",
        "ocelli-media",
        "retina",
        "rusqlite",
        "tokio",
    ] {
        assert!(!eye.contains(name), "{name}");
    }
    assert!(tree("ocelli").contains("tokio"), "the twin");
}
