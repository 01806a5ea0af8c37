//! Searches the bytes of the store for what was erased.

use std::{collections::HashSet, io::Read as _, path::Path};

use super::{
    StoreError,
    read::{Reader, Row},
};

/// The end of a row's body: part of what it says, and its checksum over all of it.
const TAIL_BYTES: usize = 11;
const TAG_BYTES: usize = 8;
/// Smaller tags are written in fewer bytes, and would be found by chance.
const TAG_MIN: u64 = 1 << 48;
const SIEVE_BITS: usize = 1 << 22;
const PART_BYTES: usize = 1 << 20;

/// What was erased, as it would stand on the disk.
#[derive(Default)]
pub(crate) struct Needles {
    tails: HashSet<[u8; TAIL_BYTES]>,
    tags: HashSet<[u8; TAG_BYTES]>,
    scratch: Vec<u8>,
}

/// What a search found.
pub(crate) struct Proof {
    pub(crate) searched_for: u64,
    pub(crate) bytes: u64,
    pub(crate) found: u64,
}

impl Needles {
    /// Remembers an erased row as it stood on the disk.
    pub(crate) fn add(&mut self, row: &Row) {
        row.body.write(&row.key, row.tag, &mut self.scratch);
        if let Some(tail) = self.scratch.last_chunk() {
            self.tails.insert(*tail);
        }
        if let Some(tag) = row.tag.filter(|&tag| tag >= TAG_MIN && !tag >= TAG_MIN) {
            self.tags.insert(tag.to_be_bytes());
        }
    }

    /// Looks no more for tags that a file holds outside what was erased.
    pub(crate) fn forget_tags_of(&mut self, reader: &Reader) -> Result<(), StoreError> {
        if self.tags.is_empty() {
            return Ok(());
        }
        for (tag, _) in reader.tags()? {
            self.tags.remove(&tag.to_be_bytes());
        }
        Ok(())
    }

    /// Searches every file of a folder.
    pub(crate) fn search(&self, folder: &Path) -> Result<Proof, StoreError> {
        let mut proof = Proof {
            searched_for: (self.tails.len() + self.tags.len()) as u64,
            bytes: 0,
            found: 0,
        };
        let mut sieve = vec![0_u64; SIEVE_BITS / 64];
        let ends = self
            .tails
            .iter()
            .filter_map(|tail| tail.last_chunk())
            .chain(self.tags.iter().filter_map(|tag| tag.last_chunk()));
        for end in ends {
            let bit = sieve_bit(*end);
            if let Some(word) = sieve.get_mut(bit / 64) {
                *word |= 1 << (bit % 64);
            }
        }
        let io = |error: std::io::Error| StoreError::io("the store", &error);
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.is_file() {
                self.search_file(&path, &sieve, &mut proof).map_err(io)?;
            }
        }
        Ok(proof)
    }

    fn search_file(&self, path: &Path, sieve: &[u64], proof: &mut Proof) -> std::io::Result<()> {
        let mut file = match std::fs::File::open(path) {
            // It went meanwhile, and what it held with it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let mut buffer = vec![0; TAIL_BYTES + PART_BYTES];
        // The first bytes of the buffer are the last of the part before.
        let mut filled = 0;
        loop {
            let Some(room) = buffer.get_mut(filled..) else {
                return Ok(());
            };
            let read = file.read(room)?;
            if read == 0 {
                return Ok(());
            }
            proof.bytes += read as u64;
            let end = filled + read;
            for at in filled.max(4)..=end {
                if at > filled {
                    proof.found += u64::from(self.ends_at(buffer.get(..at).unwrap_or(&[]), sieve));
                }
            }
            let keep = end.min(TAIL_BYTES);
            buffer.copy_within(end - keep..end, 0);
            filled = keep;
        }
    }

    /// Whether something that is looked for ends where `bytes` do.
    fn ends_at(&self, bytes: &[u8], sieve: &[u64]) -> bool {
        let Some(end) = bytes.last_chunk() else {
            return false;
        };
        let bit = sieve_bit(*end);
        if sieve
            .get(bit / 64)
            .is_none_or(|word| word >> (bit % 64) & 1 == 0)
        {
            return false;
        }
        bytes
            .last_chunk()
            .is_some_and(|tail| self.tails.contains(tail))
            || bytes
                .last_chunk()
                .is_some_and(|tag| self.tags.contains(tag))
    }
}

fn sieve_bit(end: [u8; 4]) -> usize {
    u32::from_le_bytes(end) as usize % SIEVE_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_is_there_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let mut needles = Needles::default();
        let tail = *b"eleven.byte";
        needles.tails.insert(tail);
        needles.tags.insert(0x0123_4567_89ab_cdef_u64.to_be_bytes());
        let path = folder.path().join("a");
        let mut bytes = vec![0; PART_BYTES * 2];
        std::fs::write(&path, &bytes).unwrap();
        let proof = needles.search(folder.path()).unwrap();
        assert_eq!((proof.searched_for, proof.found), (2, 0));
        assert_eq!(proof.bytes, bytes.len() as u64);
        for at in [
            0,
            5,
            PART_BYTES - 7,
            PART_BYTES + 1,
            PART_BYTES + TAIL_BYTES - 5,
            bytes.len() - TAIL_BYTES,
        ] {
            bytes.fill(0);
            bytes[at..at + TAIL_BYTES].copy_from_slice(&tail);
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(needles.search(folder.path()).unwrap().found, 1, "at {at}");
        }
        std::fs::write(&path, b"...\x01\x23\x45\x67\x89\xab\xcd\xef").unwrap();
        assert_eq!(needles.search(folder.path()).unwrap().found, 1);
    }
}
