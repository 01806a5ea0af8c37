//! Random text never makes the reader panic, and never costs more than it should.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// Pieces that configurations are made of.
const PIECES: &[&str] = &[
    "streams:",
    "profiles:",
    "detectors:",
    "site:",
    "api:",
    "rules:",
    "zones:",
    "masks:",
    "url:",
    "purpose:",
    "retention:",
    "a:",
    "based_on:",
    "onnx:",
    "line:",
    "name:",
    "points:",
    "- ",
    "  ",
    "    ",
    "\n",
    "\n",
    "\n",
    " ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "&x ",
    "*x",
    "<<: ",
    "!!str ",
    "'",
    "\"",
    "|",
    ">",
    "#",
    "~",
    "0.5",
    "-1",
    "1e400",
    ".nan",
    "7d",
    "true",
    "rtsp://u:p@cam/1",
    "${X}",
    "${DOOR_PASSWORD}",
    "password:",
    "user:",
    "é",
    "\t",
    "\u{0}",
    "? ",
    ": ",
    "---",
    "...",
    "%YAML 1.2",
];

static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn read(text: &str) {
    let file = tempfile::NamedTempFile::new_in(DIR.path()).unwrap();
    fs::write(file.path(), text).unwrap();
    match load_file(file.path()) {
        Ok(configuration) => assert!(!format!("{configuration:?}").contains("canary-7f3a")),
        Err(errors) => assert!(errors.count() > 0 && !errors.to_string().contains("canary-7f3a")),
    }
}

proptest! {
    #[test]
    fn pieces_in_any_order(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..80)) {
        read(&pieces.concat());
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        read(&text);
    }

    #[test]
    fn a_good_file_with_a_cut_and_a_piece(at in 0..GOOD.len(), length in 0_usize..20, piece in prop::sample::select(PIECES)) {
        let mut text: Vec<u8> = GOOD.as_bytes().to_vec();
        let end = (at + length).min(text.len());
        text.splice(at..end, piece.bytes());
        read(&String::from_utf8_lossy(&text));
    }
}

const GOOD: &str = include_str!("../../../../ocelli.example.yaml");
