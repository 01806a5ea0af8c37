//! Looks at a write-ahead log before SQLite does: SQLite takes what is whole from its beginning and
//! silently leaves the rest, which is right after a power cut and wrong after a flipped bit.
//!
//! Format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const PAGE_BYTES_MAX: usize = 65_536;

/// What is wrong with the log at `path`, if it says more than SQLite will read.
///
/// A log ends where a frame does not fit the running checksum. If a later frame carries the log's
/// salt, something was written after the one that does not fit, so that one was whole once.
pub(crate) fn damage(path: &Path) -> std::io::Result<Option<String>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(inspect(&bytes))
}

fn inspect(bytes: &[u8]) -> Option<String> {
    if bytes.len() <= HEADER_BYTES {
        return None;
    }
    let (header, frames) = bytes.split_at(HEADER_BYTES);
    let magic = word(header, 0)?;
    let page_bytes = word(header, 8)? as usize;
    let big_endian = magic & 1 == 1;
    let mut sum = checksum(header.get(..24)?, big_endian, (0, 0));
    if magic & !1 != MAGIC
        || page_bytes > PAGE_BYTES_MAX
        || !page_bytes.is_power_of_two()
        || (word(header, 24)?, word(header, 28)?) != sum
    {
        return Some("the header of the write-ahead log was changed".to_owned());
    }
    let salt = header.get(16..24)?;
    let mut broken = None;
    for (number, frame) in frames
        .chunks_exact(FRAME_HEADER_BYTES + page_bytes)
        .enumerate()
    {
        let same_log = frame.get(8..16) == Some(salt);
        if let Some(at) = broken {
            if same_log {
                return Some(format!("frame {at} of the write-ahead log was changed"));
            }
            continue;
        }
        let next = checksum(frame.get(..8)?, big_endian, sum);
        let next = checksum(frame.get(FRAME_HEADER_BYTES..)?, big_endian, next);
        if same_log && (word(frame, 16)?, word(frame, 20)?) == next {
            sum = next;
        } else {
            broken = Some(number);
        }
    }
    None
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    word.try_into().ok().map(u32::from_be_bytes)
}

fn checksum(bytes: &[u8], big_endian: bool, (mut first, mut second): (u32, u32)) -> (u32, u32) {
    let read = |bytes: &[u8]| {
        let bytes = bytes.try_into().unwrap_or([0; 4]);
        if big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    };
    for pair in bytes.chunks_exact(8) {
        let (a, b) = pair.split_at(4);
        first = first.wrapping_add(read(a)).wrapping_add(second);
        second = second.wrapping_add(read(b)).wrapping_add(first);
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of several commits, as it stands while its writer lives.
    fn log(folder: &Path) -> Vec<u8> {
        let path = folder.join("a.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .pragma_update(None, "journal_mode", "wal")
            .unwrap();
        connection.execute("CREATE TABLE a (x BLOB)", ()).unwrap();
        for _ in 0..5 {
            let blob = vec![7_u8; 3000];
            connection
                .execute("INSERT INTO a VALUES (?1)", [blob])
                .unwrap();
        }
        std::fs::read(folder.join("a.db-wal")).unwrap()
    }

    #[test]
    fn a_whole_log_is_whole_and_so_is_one_that_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path());
        assert_eq!(inspect(&log), None);
        for cut in [0, 31, 32, 33, log.len() / 2, log.len() - 1] {
            assert_eq!(inspect(&log[..cut]), None, "{cut}: a power cut does that");
        }
        assert_eq!(damage(&folder.path().join("none")).unwrap(), None);
    }

    #[test]
    fn a_flipped_bit_before_the_last_frame_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path());
        let last = log.len() - 4096 - FRAME_HEADER_BYTES;
        for byte in (0..last).step_by(97) {
            let mut flipped = log.clone();
            flipped[byte] ^= 1 << (byte % 8);
            assert!(inspect(&flipped).is_some(), "byte {byte}");
        }
    }
}
