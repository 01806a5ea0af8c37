//! The boxes of an MP4 file (ISO/IEC 14496-12, 4.2), walked by hand: only the leaves that are
//! needed are ever decoded, so that neither an odd box nor a deep one can fail the whole file.

use std::io;

use mp4_atom::Atom;
use ocelli_core::StageError;

use super::super::input::Input;

/// A box without its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BoxAt {
    pub(super) kind: [u8; 4],
    /// Where its header begins.
    pub(super) outer: u64,
    /// Where its body begins.
    pub(super) start: u64,
    /// Where it ends, cut to what it stands in.
    pub(super) end: u64,
    /// It claims to go on beyond what it stands in.
    pub(super) is_cut: bool,
}

/// The box at `at`, in a parent that ends at `end`; `None` where no header fits.
pub(super) fn next(input: &Input, at: u64, end: u64) -> io::Result<Option<BoxAt>> {
    let mut head = [0; 16];
    let read = input.read_at(at, &mut head)?;
    let room = end.saturating_sub(at);
    if read < 8 || room < 8 {
        return Ok(None);
    }
    let word = |from: usize| {
        u32::from_be_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]])
    };
    let (header, size) = match word(0) {
        // To the end of the parent.
        0 => (8, room),
        1 if read == 16 && room >= 16 => (16, u64::from(word(8)) << 32 | u64::from(word(12))),
        size => (8, u64::from(size)),
    };
    if size < header {
        return Ok(None);
    }
    Ok(Some(BoxAt {
        kind: [head[4], head[5], head[6], head[7]],
        outer: at,
        start: at + header,
        end: at + size.min(room),
        is_cut: size > room,
    }))
}

/// The children of a box, as far as there are headers.
pub(super) fn children(input: &Input, parent: BoxAt) -> io::Result<Vec<BoxAt>> {
    /// More children than any known box has.
    const CHILDREN_MAX: usize = 1024;
    let mut found = Vec::new();
    let mut at = parent.start;
    while let Some(child) = next(input, at, parent.end)? {
        at = child.end;
        found.push(child);
        if found.len() == CHILDREN_MAX {
            break;
        }
    }
    Ok(found)
}

/// The first child of this kind.
pub(super) fn child(input: &Input, parent: BoxAt, kind: [u8; 4]) -> io::Result<Option<BoxAt>> {
    Ok(children(input, parent)?
        .into_iter()
        .find(|child| child.kind == kind))
}

/// The bytes that may still be read into tables.
pub(super) struct Budget(pub(super) u64);

impl Budget {
    /// The body of a box.
    pub(super) fn body(&mut self, input: &Input, at: BoxAt) -> Result<Vec<u8>, StageError> {
        let name = || String::from_utf8_lossy(&at.kind).into_owned();
        let length = at.end - at.start;
        self.0 = self.0.checked_sub(length).ok_or_else(|| {
            StageError::Rejected(format!(
                "the tables of the MP4 file are too long: `{}`",
                name()
            ))
        })?;
        input
            .take(at.start, length as usize)
            .map_err(|error| StageError::Unavailable(error.to_string()))?
            .ok_or_else(|| {
                StageError::Rejected(format!("the MP4 file ends within its box `{}`", name()))
            })
    }

    /// Decodes a box that holds no other boxes. What follows its last field is left aside.
    pub(super) fn leaf<T: Atom>(&mut self, input: &Input, at: BoxAt) -> Result<T, StageError> {
        let body = self.body(input, at)?;
        decode(&body, at.kind)
    }
}

/// Decodes the body of a box that holds no other boxes.
pub(super) fn decode<T: Atom>(mut body: &[u8], kind: [u8; 4]) -> Result<T, StageError> {
    T::decode_body(&mut body).map_err(|error| {
        StageError::Rejected(format!(
            "the box `{}` of the MP4 file cannot be read: {error}",
            String::from_utf8_lossy(&kind)
        ))
    })
}

/// A read of the file failed.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
pub(super) fn unreadable(error: io::Error) -> StageError {
    StageError::Unavailable(error.to_string())
}
