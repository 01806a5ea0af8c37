//! The bytes of a recording, read at any place. Nothing is read beyond the length that the file has
//! when it is opened.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use bytes::Bytes;

/// A file, or bytes in memory.
pub(super) struct Input {
    place: Place,
    length: u64,
}

enum Place {
    File(File),
    Memory(Bytes),
}

impl Input {
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            place: Place::File(file),
            length,
        })
    }

    pub(super) fn of_bytes(bytes: Bytes) -> Self {
        Self {
            length: bytes.len() as u64,
            place: Place::Memory(bytes),
        }
    }

    /// Number of bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads as many bytes at `offset` as there are, at most as many as `buffer` takes.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let buffer = &mut buffer[..wanted];
        match &self.place {
            Place::Memory(bytes) => {
                // `offset` lies within the bytes where anything is wanted.
                if wanted > 0 {
                    let start = offset as usize;
                    buffer.copy_from_slice(&bytes[start..start + wanted]);
                }
                Ok(wanted)
            }
            Place::File(file) => {
                let mut done = 0;
                while done < wanted {
                    match file.read_at(&mut buffer[done..], offset + done as u64) {
                        Ok(0) => break,
                        Ok(read) => done += read,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(done)
            }
        }
    }

    /// Reads exactly `length` bytes at `offset`; `None` where the recording ends before. The caller
    /// has bounded `length`.
    pub(super) fn take(&self, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        if self
            .length
            .checked_sub(offset)
            .is_none_or(|left| left < length as u64)
        {
            return Ok(None);
        }
        let mut bytes = vec![0; length];
        let read = self.read_at(offset, &mut bytes)?;
        Ok((read == length).then_some(bytes))
    }
}
