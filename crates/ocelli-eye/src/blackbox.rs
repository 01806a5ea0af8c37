//! What an eye was working on when it died, and whether it gets on.
//!
//! The parent hands the eye a small memory file. Before and after the eye works on a message it
//! writes there which stream that is for, and how many such notes it has made: half a microsecond,
//! and nobody is woken. After a death the parent reads it, and a stream that stood there twice is
//! quarantined; an eye whose count stands still while a tick waits hangs.

use std::{fs::File, os::unix::fs::FileExt as _};

use ocelli_core::StreamId;

/// Bytes of the file: two numbers, little endian. The first is 0 for no stream, otherwise the
/// stream plus one; the second counts the notes.
pub const BYTES: usize = 16;

/// The eye's end of the memory file.
#[derive(Debug)]
pub struct BlackBox {
    file: Option<File>,
    notes: u64,
}

impl BlackBox {
    /// Writes to `file`, or nowhere.
    pub fn new(file: Option<File>) -> Self {
        Self { file, notes: 0 }
    }

    /// Notes what is worked on from now on.
    pub fn note(&mut self, stream: Option<StreamId>) {
        let Some(file) = &self.file else { return };
        self.notes += 1;
        let number = stream.map_or(0, |stream| u64::from(stream.0) + 1);
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..].copy_from_slice(&self.notes.to_le_bytes());
        if file.write_all_at(&bytes, 0).is_err() {
            // A memory file does not fail; if it does, deaths are blamed on nobody.
            self.file = None;
        }
    }
}

/// Reads what the eye noted last: the stream, and the number of notes.
pub fn read(file: &File) -> (Option<StreamId>, u64) {
    let mut bytes = [0; BYTES];
    if file.read_exact_at(&mut bytes, 0).is_err() {
        return (None, 0);
    }
    let half = |at: usize| {
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(half)
    };
    let stream = half(0)
        .checked_sub(1)
        .and_then(|number| u32::try_from(number).ok())
        .map(StreamId);
    (stream, half(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_and_counted() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(read(&file), (None, 0));
        let mut blackbox = BlackBox::new(Some(file.try_clone().unwrap()));
        blackbox.note(Some(StreamId(0)));
        assert_eq!(read(&file), (Some(StreamId(0)), 1));
        blackbox.note(None);
        assert_eq!(read(&file), (None, 2));
        blackbox.note(Some(StreamId(u32::MAX)));
        assert_eq!(read(&file), (Some(StreamId(u32::MAX)), 3));
    }
}
