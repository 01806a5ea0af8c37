//! Lines of the chain, and the files that hold them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Deed, RecordError, Who};

/// What stands before the first entry.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Longest line, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;
/// Keeps hashes of entries apart from hashes of anything else.
const DOMAIN: &[u8] = b"ocelli record 1\n";
/// Before the hash at the end of a line.
const HASH_BEGINS: &str = ",\"hash\":\"";
/// After it.
const HASH_ENDS: &str = "\"}";

/// One entry without its hash.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    pub(super) n: u64,
    pub(super) time: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) who: Option<&'a Who>,
    pub(super) deed: &'a Deed,
    pub(super) prev: &'a str,
}

/// What of an entry the chain needs; a deed of a later version is let be.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) n: u64,
    pub(super) time: String,
    #[serde(default)]
    pub(super) who: Option<Who>,
    pub(super) deed: serde_json::Value,
    pub(super) prev: String,
    pub(super) hash: String,
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes in lowercase hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .flatten()
        .collect()
}

fn hash(body: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    hasher.update(body.as_bytes());
    hexadecimal(&hasher.finalize())
}

/// The line of an entry with its end, and its hash.
pub(super) fn line(body: &Body<'_>) -> (String, String) {
    // A struct of text and numbers always serialises.
    let mut text = serde_json::to_string(body).unwrap_or_default();
    text.pop();
    let hash = hash(&text);
    (format!("{text}{HASH_BEGINS}{hash}{HASH_ENDS}\n"), hash)
}

/// Reads a line without its end, and checks its own hash.
pub(super) fn link(line: &str) -> Result<Link, &'static str> {
    let link: Link = serde_json::from_str(line).map_err(|_error| "this is not an entry")?;
    let body = line
        .strip_suffix(HASH_ENDS)
        .and_then(|line| line.strip_suffix(link.hash.as_str()))
        .and_then(|line| line.strip_suffix(HASH_BEGINS))
        .ok_or("its hash does not stand at its end")?;
    if hash(body) == link.hash {
        Ok(link)
    } else {
        Err("its hash is another")
    }
}

/// The file whose first entry has this number.
pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:012}.jsonl"))
}

/// The files of the chain, by the number of their first entry.
pub(super) fn files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, RecordError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RecordError::io(folder, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| RecordError::io(folder, error))?;
        let name = entry.file_name();
        let first = name
            .to_str()
            .and_then(|name| name.strip_suffix(".jsonl"))
            .filter(|digits| digits.len() >= 12 && digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        if let Some(first) = first {
            files.push((first, entry.path()));
        }
    }
    files.sort_unstable();
    Ok(files)
}
