//! The bearer token of the API: made at the first start, kept in the data directory, readable by
//! its owner only.

use std::{
    fmt::Write as _,
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ocelli_core::Secret;
use sha2::{Digest as _, Sha256};

/// Name of the file in the data directory.
const FILE_NAME: &str = "token";
/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// Knows a token when it sees it, without keeping its text.
#[derive(Clone)]
pub struct TokenCheck([u8; 32]);

impl TokenCheck {
    /// Knows `token`.
    pub fn new(token: &Secret) -> Self {
        Self(Sha256::digest(token.expose()).into())
    }

    /// Whether `presented` is the token. The time it takes says nothing about where they differ.
    pub fn admits(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        let differing = self
            .0
            .iter()
            .zip(presented)
            .fold(0, |differing, (have, got)| differing | (have ^ got));
        differing == 0
    }
}

/// Where the token stands.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

/// Reads the token in the data directory.
pub fn read(data_dir: &Path) -> io::Result<Secret> {
    let text = fs::read_to_string(path(data_dir))?;
    let text = text.trim();
    if text.len() < 16 {
        let reason = "the token file holds less than 16 characters: delete it to get a new one";
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(Secret::new(text))
}

/// Reads the token in the data directory, or makes it. True: it was made now.
pub fn read_or_make(data_dir: &Path) -> io::Result<(Secret, bool)> {
    match read(data_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read.map(|token| (token, false)),
    }
    let mut text = String::new();
    for _ in 0..TOKEN_BYTES / size_of::<u64>() {
        let bits = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        write!(text, "{bits:016x}").map_err(io::Error::other)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path(data_dir))?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    Ok((Secret::new(text), true))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_token_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (token, made) = read_or_make(dir.path()).unwrap();
        assert!(made);
        let (again, made) = read_or_make(dir.path()).unwrap();
        assert!(!made);
        assert_eq!(token, again);
        let mode = fs::metadata(path(dir.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(read_or_make(other.path()).unwrap().0, token);
    }

    #[test]
    fn a_short_token_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(path(dir.path()), "letmein\n").unwrap();
        assert!(read_or_make(dir.path()).is_err());
    }

    #[test]
    fn only_the_token_is_admitted() {
        let check = TokenCheck::new(&Secret::new("0123456789abcdef"));
        assert!(check.admits("0123456789abcdef"));
        for wrong in ["", "0123456789abcdee", "0123456789abcdef ", "1"] {
            assert!(!check.admits(wrong), "{wrong}");
        }
    }
}
