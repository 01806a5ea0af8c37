//! Where a page ended.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{
    Order, StoreError,
    varint::{Bytes, put, put_signed, put_text},
};

const VERSION: u8 = 1;
const TEXT_BYTES_MAX: usize = 2048;

/// Where a page ended: opaque text. It names an event by what it is, not by where it stands, so it
/// stays valid while files are added, rewritten or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) order: Order,
    pub(crate) place: Place,
}

/// What events are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// When it is filed, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    pub(crate) stream: Arc<str>,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION, u8::from(self.order == Order::OldestFirst)];
        put_signed(&mut bytes, self.place.at_ms);
        put(&mut bytes, self.place.epoch);
        put(&mut bytes, self.place.number);
        put_text(&mut bytes, &self.place.stream);
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let read = || {
            if text.len() > TEXT_BYTES_MAX {
                return None;
            }
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
            let mut bytes = Bytes(&bytes);
            let order = match bytes.array()? {
                [VERSION, 0] => Order::NewestFirst,
                [VERSION, 1] => Order::OldestFirst,
                _ => return None,
            };
            let place = Place {
                at_ms: bytes.signed()?,
                epoch: bytes.varint()?,
                number: bytes.varint()?,
                stream: bytes.text()?.into(),
            };
            bytes.0.is_empty().then_some(Self { order, place })
        };
        read().ok_or_else(|| StoreError::Invalid("not a cursor that this store gave".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_reads_what_it_prints(at_ms: i64, epoch: u64, number: u64, stream in ".{0,60}", oldest: bool) {
            let order = if oldest { Order::OldestFirst } else { Order::NewestFirst };
            let place = Place { at_ms, epoch, number, stream: stream.into() };
            let cursor = Cursor { order, place };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn any_text_is_read_without_harm(text in ".{0,60}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
    }
}
