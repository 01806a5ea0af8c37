//! H.264 (RFC 6184) and H.265 (RFC 7798) payloads, in the order of decoding.

use ocelli_core::Codec;

use crate::bitstream::annexb::{START_CODE, UnitKind, kind};

/// One access unit that is being put together, in Annex B form.
pub(super) struct UnitAssembly {
    codec: Codec,
    data: Vec<u8>,
    /// Bytes of the last picture: a guess at the next.
    usual_bytes: usize,
    in_fragment: bool,
    has_slice: bool,
}

/// What a payload is, by the type in its header.
enum Payload<'a> {
    Unit,
    /// Units, each behind its length of two bytes.
    Aggregate(&'a [u8]),
    Fragment {
        /// The unit's header, put together from the payload's.
        header: Header,
        first: bool,
        last: bool,
        rest: &'a [u8],
    },
}

enum Header {
    One(u8),
    Two([u8; 2]),
}

impl UnitAssembly {
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            data: Vec::new(),
            usual_bytes: 0,
            in_fragment: false,
            has_slice: false,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.data.len()
    }

    pub(super) fn clear(&mut self) {
        self.data = Vec::new();
        self.in_fragment = false;
        self.has_slice = false;
    }

    /// Whether nothing that belongs before this payload can be missing: it is no later part of a
    /// unit, and no later slice of a picture.
    pub(super) fn can_begin(&self, payload: &[u8]) -> bool {
        let unit_begins = |unit: &[u8]| match kind(self.codec, unit) {
            UnitKind::Slice { first, .. } => first,
            _ => true,
        };
        match parse(self.codec, payload) {
            Ok(Payload::Unit) => unit_begins(payload),
            Ok(Payload::Aggregate(rest)) => unit_begins(rest.get(2..).unwrap_or_default()),
            Ok(Payload::Fragment {
                header,
                first,
                rest,
                ..
            }) => {
                let start = [header.bytes(), &rest[..rest.len().min(2)]].concat();
                first && unit_begins(&start)
            }
            Err(_) => false,
        }
    }

    pub(super) fn push(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        match parse(self.codec, payload)? {
            Payload::Unit => self.append(payload, &[]),
            Payload::Aggregate(mut rest) => {
                while !rest.is_empty() {
                    let cut = "an aggregate of units that is cut";
                    let (length, after) = rest.split_first_chunk::<2>().ok_or(cut)?;
                    let length = usize::from(u16::from_be_bytes(*length));
                    let (unit, after) = after.split_at_checked(length).ok_or(cut)?;
                    self.append(unit, &[])?;
                    rest = after;
                }
                Ok(())
            }
            Payload::Fragment {
                header,
                first,
                last,
                rest,
            } => {
                if first {
                    self.append(header.bytes(), rest)?;
                } else if self.in_fragment {
                    self.data.extend_from_slice(rest);
                } else {
                    return Err("a later fragment of a unit without the first");
                }
                self.in_fragment = !last;
                Ok(())
            }
        }
    }

    /// Appends a unit, or the first fragment of one: its header and what follows.
    fn append(&mut self, start: &[u8], rest: &[u8]) -> Result<(), &'static str> {
        let Some(&head) = start.first() else {
            return Ok(());
        };
        if self.in_fragment {
            return Err("a unit within the fragments of another");
        }
        if head & 0x80 != 0 {
            return Err("a unit marked as damaged");
        }
        if self.data.capacity() == 0 {
            // The usual size, or what is at hand; a key picture grows.
            let at_hand = START_CODE.len() + start.len() + rest.len();
            self.data.reserve_exact(self.usual_bytes.max(at_hand));
        }
        self.has_slice |= matches!(kind(self.codec, start), UnitKind::Slice { .. });
        self.data.extend_from_slice(&START_CODE);
        self.data.extend_from_slice(start);
        self.data.extend_from_slice(rest);
        Ok(())
    }

    /// The picture; `None`, and all is kept, where no slice has come.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        if !self.has_slice {
            return None;
        }
        self.has_slice = false;
        // Some cameras do not mark the last fragment.
        self.in_fragment = false;
        let mut data = std::mem::take(&mut self.data);
        // Key pictures are the exception, and smaller ones the rule.
        self.usual_bytes = if self.usual_bytes == 0 || data.len() < 2 * self.usual_bytes {
            data.len() + data.len() / 8
        } else {
            self.usual_bytes + self.usual_bytes / 8
        };
        if data.capacity() > data.len() + data.len() / 4 + 64 {
            data.shrink_to_fit();
        }
        Some(data)
    }
}

impl Header {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::One(byte) => std::slice::from_ref(byte),
            Self::Two(bytes) => bytes,
        }
    }
}

fn parse(codec: Codec, payload: &[u8]) -> Result<Payload<'_>, &'static str> {
    if codec == Codec::H265 {
        return parse_h265(payload);
    }
    let Some((&head, rest)) = payload.split_first() else {
        return Err("an empty packet");
    };
    match head & 0x1f {
        1..=23 => Ok(Payload::Unit),
        // STAP-A, 5.7.1.
        24 => Ok(Payload::Aggregate(rest)),
        // FU-A, 5.8.
        28 => {
            let Some((&fragment, rest)) = rest.split_first() else {
                return Err("a fragment without a header");
            };
            Ok(Payload::Fragment {
                header: Header::One(head & 0xe0 | fragment & 0x1f),
                first: fragment & 0x80 != 0,
                last: fragment & 0x40 != 0,
                rest,
            })
        }
        _ => Err("a packet of a kind that is not sent without interleaving"),
    }
}

fn parse_h265(payload: &[u8]) -> Result<Payload<'_>, &'static str> {
    let Some((&head, rest)) = payload.split_first_chunk::<2>() else {
        return Err("a packet without a header");
    };
    match head[0] >> 1 & 0x3f {
        0..=47 => Ok(Payload::Unit),
        // Aggregation packets, 4.4.2.
        48 => Ok(Payload::Aggregate(rest)),
        // Fragmentation units, 4.4.3.
        49 => {
            let Some((&fragment, rest)) = rest.split_first() else {
                return Err("a fragment without a header");
            };
            Ok(Payload::Fragment {
                header: Header::Two([head[0] & 0x81 | (fragment & 0x3f) << 1, head[1]]),
                first: fragment & 0x80 != 0,
                last: fragment & 0x40 != 0,
                rest,
            })
        }
        _ => Err("a packet of a kind that is not sent without interleaving"),
    }
}
