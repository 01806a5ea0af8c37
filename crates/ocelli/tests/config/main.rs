//! The configuration: what is accepted, and what is said of what is not.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod bad;
mod good;
mod random;

use std::{fs, path::Path};

use ocelli::config::{ConfigErrors, Configuration, LoadOptions, load};

/// Loads `text` as `ocelli.yaml` in `dir`, in an environment with one variable.
fn load_text(dir: &Path, text: &str) -> Result<Configuration, ConfigErrors> {
    let file = dir.join("ocelli.yaml");
    fs::write(&file, text).unwrap();
    load_file(&file)
}

fn load_file(file: &Path) -> Result<Configuration, ConfigErrors> {
    let variables = |name: &str| match name {
        "DOOR_PASSWORD" => Some("canary-7f3a".to_owned()),
        "HOME" => Some("/home/viewer".to_owned()),
        _ => None,
    };
    let options = LoadOptions {
        data_dir: None,
        variables: &variables,
    };
    load(file, &options)
}
