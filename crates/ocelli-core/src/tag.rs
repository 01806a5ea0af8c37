//! The anonymous name of a track.

use std::{fmt, hash::Hasher as _, str::FromStr};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

use crate::StreamId;

/// The key under which a stream's tags are made, for one stream and day. Never stored, never
/// printed; it crosses the wire so that a replacement eye goes on with the same names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagKey([u8; 16]);

impl TagKey {
    /// Takes 128 random bits.
    pub fn new(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// A key for tests and repeatable runs: the same for the same seed, stream and day.
    pub fn from_seed(seed: u64, stream: StreamId, day: u32) -> Self {
        let mut bits = [0; 16];
        for (half, chunk) in bits.chunks_exact_mut(8).enumerate() {
            let mut hasher = SipHasher24::new_with_keys(seed, half as u64);
            hasher.write_u32(stream.0);
            hasher.write_u32(day);
            chunk.copy_from_slice(&hasher.finish().to_le_bytes());
        }
        Self(bits)
    }

    /// The tag with this number: SipHash-2-4 (Aumasson and Bernstein, 2012) as a keyed
    /// pseudo-random function of (stream, counter).
    pub fn tag(&self, stream: StreamId, counter: u64) -> Tag {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write_u32(stream.0);
        hasher.write_u64(counter);
        Tag(hasher.finish())
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(..)")
    }
}

/// An anonymous, short-lived name for one track on one stream: 64 bits of a keyed pseudo-random
/// function, so two tags of one person on two streams or days share nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag(pub u64);

/// 13 characters of Crockford's base 32, lower case.
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = (0..13)
            .rev()
            .map(|place| char::from(ALPHABET[(self.0 >> (5 * place)) as usize & 31]))
            .collect();
        f.write_str(&text)
    }
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Text that is not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a tag: expected 13 characters of 0-9 and a-z without i, l, o and u")]
pub struct NotATag;

impl FromStr for Tag {
    type Err = NotATag;

    fn from_str(text: &str) -> Result<Self, NotATag> {
        if text.len() != 13 {
            return Err(NotATag);
        }
        let mut value = 0_u128;
        for c in text.bytes() {
            let digit = ALPHABET.iter().position(|&a| a == c).ok_or(NotATag)?;
            value = value << 5 | digit as u128;
        }
        u64::try_from(value).map(Self).map_err(|_wide| NotATag)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tags_read_what_they_print() {
        for tag in [Tag(0), Tag(1), Tag(u64::MAX), Tag(0x0123_4567_89ab_cdef)] {
            let text = tag.to_string();
            assert_eq!(text.len(), 13);
            assert_eq!(text.parse(), Ok(tag));
        }
        assert_eq!("zzzzzzzzzzzzz".parse::<Tag>(), Err(NotATag));
    }

    #[test]
    fn streams_days_and_seeds_share_no_tag() {
        let mut seen = BTreeSet::new();
        for seed in 0..3 {
            for stream in 0..10 {
                for day in 0..3 {
                    let key = TagKey::from_seed(seed, StreamId(stream), day);
                    for counter in 0..50 {
                        assert!(seen.insert(key.tag(StreamId(stream), counter)));
                    }
                }
            }
        }
        let key = TagKey::from_seed(1, StreamId(2), 1);
        let again = key.tag(StreamId(2), 7);
        assert!(
            !seen.insert(again),
            "the twin: the same inputs give the same tag"
        );
    }
}
