//! The key that signs: `key` (its owner's alone) and `key.pub`, which anyone may have.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::{RecordError, chain::hexadecimal};

/// Name of the file of the private key.
pub(super) const PRIVATE: &str = "key";
/// Name of the file of the public key.
pub(super) const PUBLIC: &str = "key.pub";
const SEED_BYTES: usize = 32;

/// Signs.
pub(super) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Draws a key and writes both files.
    pub(super) fn make(folder: &Path) -> Result<Self, RecordError> {
        let mut seed = [0; SEED_BYTES];
        getrandom::fill(&mut seed).map_err(|_error| RecordError::Random)?;
        let key = Self::of(&seed).ok_or(RecordError::Random)?;
        write_new(
            &folder.join(PUBLIC),
            format!("{}\n", key.public()).as_bytes(),
            0o644,
        )?;
        write_new(&folder.join(PRIVATE), &seed, 0o600)?;
        Ok(key)
    }

    /// Reads the private key; `None` where there is none that could be one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, RecordError> {
        let path = folder.join(PRIVATE);
        match fs::read(&path) {
            Ok(seed) => Ok(Self::of(&seed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RecordError::io(&path, error)),
        }
    }

    fn of(seed: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self)
    }

    /// The public key, hexadecimal.
    pub(super) fn public(&self) -> String {
        hexadecimal(self.0.public_key().as_ref())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// The public key in its file, hexadecimal; `None` where there is none.
pub(super) fn read_public(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(PUBLIC)).ok()?;
    let key = text.strip_suffix('\n')?;
    bytes(key).map(|_bytes| key.to_owned())
}

/// Whether `signature` is that of `message` under the key in hexadecimal.
pub(super) fn signs(key: &str, message: &[u8], signature: &[u8]) -> bool {
    bytes(key).is_some_and(|key| {
        UnparsedPublicKey::new(&ED25519, key)
            .verify(message, signature)
            .is_ok()
    })
}

/// Reads 32 bytes of lowercase hexadecimal.
fn bytes(key: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if key.len() != 64 || !key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(key.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), RecordError> {
    let write = || {
        // One that a crash left behind was never used.
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| RecordError::io(path, error))
}
