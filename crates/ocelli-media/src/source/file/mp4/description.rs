//! Sample entries: how the samples of a track are coded (ISO/IEC 14496-12, 8.5.2; 14496-15).

use ocelli_core::{Codec, StageError};

use super::super::records::{self, Record};

/// Bytes of a visual sample entry before its boxes (12.1.3.2).
const VISUAL_BYTES: usize = 78;
/// The most sample entries of a track.
const ENTRIES_MAX: usize = 64;

/// One sample entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Description {
    /// H.264 or H.265, cut by lengths.
    Units(Record),
    /// Each sample is a JPEG file.
    Jpeg,
    /// Anything else, by its four letters.
    Unsupported(String),
}

impl Description {
    pub(super) fn codec(&self) -> Option<Codec> {
        match self {
            Self::Units(record) => Some(record.codec),
            Self::Jpeg => Some(Codec::Mjpeg),
            Self::Unsupported(_) => None,
        }
    }
}

/// Reads the body of `stsd`.
pub(super) fn read(body: &[u8]) -> Result<Vec<Description>, StageError> {
    let mut rest = body.get(8..).unwrap_or_default();
    let mut found = Vec::new();
    while let Some((kind, body, after)) = split(rest) {
        found.push(entry(kind, body)?);
        rest = after;
        if found.len() == ENTRIES_MAX {
            break;
        }
    }
    Ok(found)
}

/// The kind and body of the first box, and what follows it.
fn split(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let (head, _) = bytes.split_first_chunk::<8>()?;
    let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let (whole, after) = bytes.split_at_checked(size)?;
    let body = whole.get(8..)?;
    Some(([head[4], head[5], head[6], head[7]], body, after))
}

fn entry(kind: [u8; 4], body: &[u8]) -> Result<Description, StageError> {
    let boxes = body.get(VISUAL_BYTES..).unwrap_or_default();
    match &kind {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => {
            let Some(body) = find(boxes, *b"avcC") else {
                return Err(missing("avcC"));
            };
            records::avc(body).map(Description::Units)
        }
        b"hvc1" | b"hev1" => {
            let Some(body) = find(boxes, *b"hvcC") else {
                return Err(missing("hvcC"));
            };
            records::hevc(body).map(Description::Units)
        }
        b"jpeg" | b"mjpg" | b"MJPG" => Ok(Description::Jpeg),
        b"mp4v" if find(boxes, *b"esds").is_some_and(is_jpeg) => Ok(Description::Jpeg),
        _ => Ok(Description::Unsupported(
            String::from_utf8_lossy(&kind).escape_debug().to_string(),
        )),
    }
}

fn find(mut boxes: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    while let Some((found, body, after)) = split(boxes) {
        if found == kind {
            return Some(body);
        }
        boxes = after;
    }
    None
}

fn missing(name: &str) -> StageError {
    StageError::Rejected(format!("the MP4 file's sample entry has no box `{name}`"))
}

/// Whether an elementary stream descriptor says JPEG (ISO/IEC 14496-1, 7.2.6.5 and 7.2.6.6:
/// object type 0x6c).
fn is_jpeg(body: &[u8]) -> bool {
    let descriptor = |bytes: &'_ [u8]| -> Option<(u8, usize)> {
        let (&tag, rest) = bytes.split_first()?;
        // The length is written in up to four bytes of seven bits.
        let more = rest
            .iter()
            .take(3)
            .take_while(|&&byte| byte & 0x80 != 0)
            .count();
        Some((tag, 2 + more))
    };
    let inner = || {
        let body = body.get(4..)?;
        let (tag, head) = descriptor(body)?;
        // The identifier of two bytes, and flags that announce what follows.
        let flags = *body.get(head + 2)?;
        if tag != 3 || flags & 0xe0 != 0 {
            return None;
        }
        let body = body.get(head + 3..)?;
        let (tag, head) = descriptor(body)?;
        (tag == 4 && *body.get(head)? == 0x6c).then_some(())
    };
    inner().is_some()
}
