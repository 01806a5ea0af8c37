//! One still's entry in the keys of its period: whose it is, and the key that opens it. A slot of
//! zeros is a still that is no more.

use ocelli_core::Tag;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::store::StoreError;

/// Bytes of a slot: a checksum (4), version (1), length of the name (1), nothing (2), tag (8),
/// time (8), key (32), name (64), nothing (8).
pub(super) const SLOT_BYTES: usize = 128;
/// The longest name of a stream, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 64;
const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const KEY_AT: usize = 24;
const NAME_AT: usize = KEY_AT + KEY_BYTES;

/// A slot that is in use.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) stream: String,
    pub(super) tag: Tag,
    /// Wall time of the picture, in milliseconds since 1970.
    pub(super) at_ms: i64,
    pub(super) key: [u8; KEY_BYTES],
}

/// What stands in a slot.
pub(super) enum Content {
    Used(Slot),
    Destroyed,
    /// Something that was not written like this.
    Damaged,
}

impl Slot {
    pub(super) fn write(&self) -> Result<[u8; SLOT_BYTES], StoreError> {
        let name = self.stream.as_bytes();
        let mut bytes = [0; SLOT_BYTES];
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let message = format!("a name of {} bytes for a stream", name.len());
            return Err(StoreError::Invalid(message));
        }
        bytes[4] = VERSION;
        bytes[5] = name.len() as u8;
        bytes[8..16].copy_from_slice(&self.tag.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.at_ms.to_le_bytes());
        bytes[KEY_AT..NAME_AT].copy_from_slice(&self.key);
        bytes[NAME_AT..NAME_AT + name.len()].copy_from_slice(name);
        let sum = crc32fast::hash(&bytes[4..]).to_le_bytes();
        bytes[..4].copy_from_slice(&sum);
        Ok(bytes)
    }

    pub(super) fn read(bytes: &[u8; SLOT_BYTES]) -> Content {
        if bytes.iter().all(|byte| *byte == 0) {
            return Content::Destroyed;
        }
        let sum = crc32fast::hash(&bytes[4..]).to_le_bytes();
        let length = usize::from(bytes[5]);
        let name = bytes[NAME_AT..].get(..length.min(NAME_BYTES_MAX));
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let eight = |at: usize| bytes[at..].first_chunk::<8>().copied().unwrap_or_default();
        match (name, bytes[KEY_AT..].first_chunk()) {
            (Some(name), Some(key)) if bytes[..4] == sum && bytes[4] == VERSION => {
                Content::Used(Self {
                    stream: name.to_owned(),
                    tag: Tag(u64::from_le_bytes(eight(8))),
                    at_ms: i64::from_le_bytes(eight(16)),
                    key: *key,
                })
            }
            _ => Content::Damaged,
        }
    }

    /// ChaCha20-Poly1305 (RFC 8439). Each key closes one still, so the nonce is always zero.
    fn cipher(&self) -> Result<LessSafeKey, StoreError> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.key);
        key.map(LessSafeKey::new)
            .map_err(|_unspecified| StoreError::Invalid("no key".to_owned()))
    }

    fn about(&self) -> Aad<Vec<u8>> {
        let numbers = [self.tag.0.to_le_bytes(), self.at_ms.to_le_bytes()].concat();
        Aad::from([numbers.as_slice(), self.stream.as_bytes()].concat())
    }

    pub(super) fn close(&self, mut jpeg: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let closed = self
            .cipher()?
            .seal_in_place_append_tag(nonce, self.about(), &mut jpeg);
        closed.map_err(|_unspecified| StoreError::Invalid("a still too long".to_owned()))?;
        Ok(jpeg)
    }

    /// `None`: these are not the bytes that were closed.
    pub(super) fn open(&self, mut closed: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let cipher = self.cipher().ok()?;
        let length = cipher
            .open_in_place(nonce, self.about(), &mut closed)
            .ok()?
            .len();
        closed.truncate(length);
        Some(closed)
    }
}
