//! Checkpoints: what the chain was at some time, signed. Kept elsewhere, one shows that the record
//! was shortened or rewritten since.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    str::FromStr,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Finding, RecordError,
    key::{self, SigningKey},
};

/// Name of the newest one's file.
pub(super) const HEAD: &str = "head.json";
/// Longest text of one.
const BYTES_MAX: u64 = 4096;

/// The chain up to an entry, signed with Ed25519. Its text form is one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Number of the entry.
    pub n: u64,
    /// Its hash: SHA-256, hexadecimal.
    pub hash: String,
    /// When it was signed, RFC 3339.
    #[schema(format = DateTime)]
    pub time: String,
    /// The public key, hexadecimal.
    pub key: String,
    /// The signature, Base64.
    pub signature: String,
}

impl Checkpoint {
    pub(super) fn sign(key: &SigningKey, n: u64, hash: &str, time: &str) -> Self {
        let signature = STANDARD.encode(key.sign(&message(n, hash, time)));
        Self {
            n,
            hash: hash.to_owned(),
            time: time.to_owned(),
            key: key.public(),
            signature,
        }
    }

    /// Whether its signature is that of its key.
    pub fn is_signed(&self) -> bool {
        STANDARD.decode(&self.signature).is_ok_and(|signature| {
            key::signs(
                &self.key,
                &message(self.n, &self.hash, &self.time),
                &signature,
            )
        })
    }

    /// One line of JSON, without its end.
    pub fn to_line(&self) -> String {
        // A struct of text and numbers always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The newest one in a record's folder; [`super::verify`] says whether the chain fits it.
    pub fn newest(folder: &Path) -> Result<Self, RecordError> {
        match Self::read_head(folder)? {
            Some(Ok(head)) => Ok(head),
            Some(Err(what)) => Err(RecordError::Damaged(Finding::of(HEAD, what))),
            None => Err(RecordError::None(folder.display().to_string())),
        }
    }

    /// Reads the newest one. `None`: there is no file. Err: it is not one, to the byte.
    pub(super) fn read_head(folder: &Path) -> Result<Option<Result<Self, String>>, RecordError> {
        let path = folder.join(HEAD);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > BYTES_MAX => {
                return Ok(Some(Err("it is too long".to_owned())));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RecordError::io(&path, error)),
        }
        let bytes = fs::read(&path).map_err(|error| RecordError::io(&path, error))?;
        let head = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.strip_suffix('\n'))
            .and_then(|text| {
                let head: Self = text.parse().ok()?;
                (head.to_line() == text).then_some(head)
            });
        Ok(Some(
            head.ok_or_else(|| "it is not a checkpoint".to_owned()),
        ))
    }

    /// Puts it in the place of the newest one: either is whole after a crash.
    pub(super) fn write_head(&self, folder: &Path) -> Result<(), RecordError> {
        let (path, beside) = (folder.join(HEAD), folder.join("head.new"));
        let write = || {
            let mut file = fs::File::create(&beside)?;
            writeln!(file, "{}", self.to_line())?;
            file.sync_data()?;
            fs::rename(&beside, &path)?;
            fs::File::open(folder)?.sync_all()
        };
        write().map_err(|error| RecordError::io(&path, error))
    }
}

fn message(n: u64, hash: &str, time: &str) -> Vec<u8> {
    format!("ocelli checkpoint 1\n{n}\n{hash}\n{time}\n").into_bytes()
}

impl FromStr for Checkpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        serde_json::from_str(text.trim()).map_err(|_error| "this is not a checkpoint")
    }
}
