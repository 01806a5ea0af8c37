//! The bearer token of the API that the first start makes: kept in the data directory, readable by
//! its owner only, so that the commands of this machine can ask.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ocelli_core::Secret;
use sha2::{Digest as _, Sha256};

/// Name of the file in the data directory.
const FILE_NAME: &str = "token";

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

/// Keeps the token that the first start made, for the commands of this machine.
pub fn keep(data_dir: &Path, token: &Secret) -> io::Result<()> {
    // A file that is there may be readable by others.
    match fs::remove_file(path(data_dir)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path(data_dir))?;
    writeln!(file, "{}", token.expose())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_its_owner_reads_the_token() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).is_err());
        fs::write(path(dir.path()), "letmein\n").unwrap();
        assert!(read(dir.path()).is_err(), "too short");
        let token = Secret::new("0123456789abcdef");
        keep(dir.path(), &token).unwrap();
        assert_eq!(read(dir.path()).unwrap(), token);
        let mode = fs::metadata(path(dir.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
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
