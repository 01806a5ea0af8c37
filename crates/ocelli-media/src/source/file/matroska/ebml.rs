//! Elements (RFC 8794): read one header after the other, never back.

use std::io;

use super::super::input::Input;

/// Bytes that are read ahead of what is parsed.
const AHEAD_BYTES: usize = 4 * 1024;

/// The header of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// With the length marker, as in the specification.
    pub(super) id: u32,
    /// Where its body begins.
    pub(super) start: u64,
    /// Bytes of its body; `None` where only what follows tells its end (6.2).
    pub(super) bytes: Option<u64>,
}

/// Reads headers forwards, with few reads of the file.
pub(super) struct Headers {
    window: Vec<u8>,
    window_start: u64,
}

impl Headers {
    pub(super) fn new() -> Self {
        Self {
            window: Vec::new(),
            window_start: 0,
        }
    }

    /// The header at `at`; `None` where none fits, or what stands there is none.
    pub(super) fn at(&mut self, input: &Input, at: u64) -> io::Result<Option<Element>> {
        // An identifier has four bytes at most, a size eight.
        let head = self.bytes(input, at, 12)?;
        let Some((id, id_bytes)) = identifier(head) else {
            return Ok(None);
        };
        let Some((size, size_bytes)) = size(&head[id_bytes..]) else {
            return Ok(None);
        };
        Ok(Some(Element {
            id,
            start: at + (id_bytes + size_bytes) as u64,
            bytes: size,
        }))
    }

    /// Up to `length` bytes at `at`, fewer at the end.
    pub(super) fn bytes(&mut self, input: &Input, at: u64, length: usize) -> io::Result<&[u8]> {
        let is_within = |window: &Self| {
            let from = at.checked_sub(window.window_start)?;
            let from = usize::try_from(from).ok()?;
            window.window.get(from..from.checked_add(length)?)?;
            Some(from)
        };
        let from = if let Some(from) = is_within(self) {
            from
        } else {
            self.window.resize(AHEAD_BYTES.max(length), 0);
            let read = input.read_at(at, &mut self.window)?;
            self.window.truncate(read);
            self.window_start = at;
            0
        };
        Ok(&self.window[from..(from + length).min(self.window.len())])
    }
}

/// An identifier of one to four bytes, and how many it has (5).
fn identifier(bytes: &[u8]) -> Option<(u32, usize)> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    let id = bytes.get(..length).filter(|_| length <= 4)?;
    let id = id.iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
    Some((id, length))
}

/// A size of one to eight bytes, and how many it has (6): `None` within where all bits are set.
fn size(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let (value, length) = number(bytes)?;
    let unknown = (1 << (7 * length)) - 1;
    Some(((value != unknown).then_some(value), length))
}

/// A number of variable length (4), and how many bytes it has.
pub(super) fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let number = bytes.get(..length).filter(|_| length <= 8)?;
    let value = number[1..]
        .iter()
        .fold(u64::from(first) & (0xff_u64 >> length), |value, &byte| {
            value << 8 | u64::from(byte)
        });
    Some((value, length))
}

/// The children of an element whose body is in memory.
pub(super) fn children(mut body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let (id, id_bytes) = identifier(body)?;
        let (size, size_bytes) = size(&body[id_bytes..])?;
        let rest = &body[id_bytes + size_bytes..];
        let (child, after) = rest.split_at_checked(usize::try_from(size?).ok()?)?;
        body = after;
        Some((id, child))
    })
}

/// An unsigned integer element; longer ones than eight bytes are none.
pub(super) fn unsigned(body: &[u8]) -> Option<u64> {
    (body.len() <= 8).then(|| {
        body.iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_lengths() {
        let bytes = [
            0x1a, 0x45, 0xdf, 0xa3, 0x82, 0xec, 0x40, 0x02, 9, 9, 0xa3, 0x01, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff,
        ];
        let input = Input::of_bytes(bytes.to_vec().into());
        let mut headers = Headers::new();
        let mut at = |at| headers.at(&input, at).unwrap();
        let element = |id, start, bytes| Some(Element { id, start, bytes });
        assert_eq!(at(0), element(0x1a45_dfa3, 5, Some(2)));
        assert_eq!(at(5), element(0xec, 8, Some(2)));
        assert_eq!(at(10), element(0xa3, 19, None));
        assert_eq!(at(8), None, "an identifier of five bytes");
        assert_eq!(at(18), None, "cut");
        assert_eq!(at(u64::MAX), None, "far away");
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
            let count = children(&bytes).count();
            proptest::prop_assert!(count <= bytes.len());
            number(&bytes);
            let input = Input::of_bytes(bytes.into());
            let mut headers = Headers::new();
            for at in 0..70 {
                headers.at(&input, at).unwrap();
            }
        }
    }
}
