//! Truths that are not part of the repository.

use std::path::PathBuf;

/// The text of a file of the test data, or `None` and a line that says so.
#[expect(clippy::print_stderr, reason = "a test that is not run says so")]
pub(crate) fn text(test: &str, file: &str) -> Option<String> {
    let folder = std::env::var_os("OCELLI_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(file);
    if !path.exists() {
        eprintln!("needs test data: {test}");
        return None;
    }
    Some(std::fs::read_to_string(&path).expect("the test data can be read"))
}
