//! What an eye was working on when it died.
//!
//! The parent hands the eye a small memory file. Before the eye works for a stream it writes the
//! stream's number there: half a microsecond, and nobody is woken. After a death the parent reads
//! it, and a stream that stood there twice is quarantined.

use std::{fs::File, os::unix::fs::FileExt as _};

use ocelli_core::StreamId;

/// Bytes of the file: one number, little endian; 0 for none, otherwise the stream plus one.
const BYTES: usize = 8;

/// The eye's end of the memory file.
#[derive(Debug)]
pub struct BlackBox {
    file: Option<File>,
    noted: u64,
}

impl BlackBox {
    /// Writes to `file`, or nowhere.
    pub fn new(file: Option<File>) -> Self {
        Self {
            file,
            noted: u64::MAX,
        }
    }

    /// Notes what is worked on from now on.
    pub fn note(&mut self, stream: Option<StreamId>) {
        let number = stream.map_or(0, |stream| u64::from(stream.0) + 1);
        if number == self.noted {
            return;
        }
        self.noted = number;
        if let Some(file) = &self.file
            && file.write_all_at(&number.to_le_bytes(), 0).is_err()
        {
            // A memory file does not fail; if it does, deaths are blamed on nobody.
            self.file = None;
        }
    }
}

/// Reads what the eye noted last.
pub fn read(file: &File) -> Option<StreamId> {
    let mut bytes = [0; BYTES];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let number = u64::from_le_bytes(bytes).checked_sub(1)?;
    u32::try_from(number).ok().map(StreamId)
}
