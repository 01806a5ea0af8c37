//! RTP packets (RFC 3550): the header read, strangers left aside, order and loss kept.

/// The part of a packet's header that matters here, and its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RtpPacket<'a> {
    pub(super) marker: bool,
    pub(super) payload_type: u8,
    pub(super) sequence: u16,
    pub(super) time: u32,
    pub(super) source: u32,
    pub(super) payload: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// Reads a packet (5.1); `None` where it is none.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, mut payload) = bytes.split_first_chunk::<12>()?;
        if head[0] >> 6 != 2 {
            return None;
        }
        let contributors = usize::from(head[0] & 0x0f);
        payload = payload.get(4 * contributors..)?;
        if head[0] & 0x10 != 0 {
            let (extension, rest) = payload.split_first_chunk::<4>()?;
            let words = usize::from(u16::from_be_bytes([extension[2], extension[3]]));
            payload = rest.get(4 * words..)?;
        }
        if head[0] & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            if padding == 0 {
                return None;
            }
            payload = &payload[..payload.len().checked_sub(padding)?];
        }
        Some(Self {
            marker: head[1] & 0x80 != 0,
            payload_type: head[1] & 0x7f,
            sequence: u16::from_be_bytes([head[2], head[3]]),
            time: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            source: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            payload,
        })
    }
}

/// Keeps to one source. Another session's packets, which cameras are known to mix in, are dropped;
/// where the own source falls silent and only one other goes on, the camera has begun anew with it.
#[derive(Debug)]
pub(super) struct Sources {
    current: Option<u32>,
    /// What the camera said that it would send.
    announced: Option<u32>,
    other: Option<(u32, u32)>,
    pub(super) foreign: u64,
}

/// Packets of another source in a row after which it is the own one.
const TAKEOVER: u32 = 200;

impl Sources {
    pub(super) fn new(announced: Option<u32>) -> Self {
        Self {
            current: None,
            announced,
            other: None,
            foreign: 0,
        }
    }

    /// Whether a packet of this source is the stream's.
    pub(super) fn accept(&mut self, source: u32) -> Accept {
        match self.current {
            Some(current) if current == source => {
                self.other = None;
                return Accept::Yes;
            }
            None => {
                self.current = Some(source);
                return Accept::Yes;
            }
            Some(_) => {}
        }
        let in_a_row = match self.other {
            Some((other, count)) if other == source => count + 1,
            _ => 1,
        };
        self.other = Some((source, in_a_row));
        if self.announced == Some(source) || in_a_row >= TAKEOVER {
            self.announced = None;
            self.other = None;
            self.current = Some(source);
            return Accept::Anew;
        }
        self.foreign += 1;
        Accept::No
    }

    /// Whether a sender report is of the stream's source.
    pub(super) fn is_current(&self, source: u32) -> bool {
        self.current.is_none_or(|current| current == source)
    }
}

/// See [`Sources::accept`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accept {
    Yes,
    /// It is, from now on: its numbers and times begin anew.
    Anew,
    No,
}

/// Follows sequence numbers (RFC 3550, A.1).
#[derive(Debug, Default)]
pub(super) struct Order {
    next: Option<u16>,
    /// The number that would make an impossible jump a new beginning.
    anew: Option<u16>,
}

/// A gap up to this is loss; a larger one, a jump.
const GAP_MAX: u16 = 3000;
/// A packet up to this late is out of order; a later one, a jump.
const LATE_MAX: u16 = 100;

/// What a sequence number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The next packet, after so many that are missing.
    Next { missing: u16 },
    /// One that was passed over already, or came already.
    Late,
    /// Two packets in a row say that the numbers begin anew.
    Anew,
    /// Far away from where it should be.
    Jump,
}

impl Order {
    pub(super) fn take(&mut self, sequence: u16) -> Place {
        let Some(next) = self.next else {
            self.next = Some(sequence.wrapping_add(1));
            return Place::Next { missing: 0 };
        };
        let ahead = sequence.wrapping_sub(next);
        if ahead < GAP_MAX {
            self.next = Some(sequence.wrapping_add(1));
            self.anew = None;
            return Place::Next { missing: ahead };
        }
        if next.wrapping_sub(sequence) <= LATE_MAX {
            return Place::Late;
        }
        if self.anew == Some(sequence) {
            self.next = Some(sequence.wrapping_add(1));
            self.anew = None;
            return Place::Anew;
        }
        self.anew = Some(sequence.wrapping_add(1));
        Place::Jump
    }

    /// How far a number is ahead of the next one, as far as it is known and sensible.
    pub(super) fn ahead(&self, sequence: u16) -> Option<u16> {
        let ahead = sequence.wrapping_sub(self.next?);
        (ahead < GAP_MAX).then_some(ahead)
    }
}

/// RTP times of 32 bits as ticks that do not wrap.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    last: Option<i64>,
}

impl Ticks {
    /// The tick of an RTP time, which is close to the last one.
    pub(super) fn take(&mut self, time: u32) -> i64 {
        let ticks = self.place(time);
        self.last = Some(ticks);
        ticks
    }

    /// The tick of an RTP time, without going there.
    pub(super) fn place(&self, time: u32) -> i64 {
        match self.last {
            None => i64::from(time),
            Some(last) => last.saturating_add(i64::from(time.wrapping_sub(last as u32) as i32)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_lengths() {
        let plain = [0x80, 0xe0, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 0xaa, 0xbb];
        let packet = RtpPacket::parse(&plain).unwrap();
        assert_eq!(
            packet,
            RtpPacket {
                marker: true,
                payload_type: 96,
                sequence: 7,
                time: 9,
                source: 0x0102_0304,
                payload: &[0xaa, 0xbb],
            }
        );
        let payload = |first: u8, rest: &[u8]| {
            let bytes = [&[first], &plain[1..12], rest].concat();
            RtpPacket::parse(&bytes).map(|packet| packet.payload.to_vec())
        };
        assert_eq!(
            payload(0x81, &[1, 1, 1, 1, 5]),
            Some(vec![5]),
            "a contributor"
        );
        assert_eq!(
            payload(0x90, &[0, 0, 0, 1, 9, 9, 9, 9, 5]),
            Some(vec![5]),
            "an extension"
        );
        assert_eq!(payload(0xa0, &[5, 6, 0, 2]), Some(vec![5, 6]), "padding");
        assert_eq!(payload(0xa0, &[5, 9]), None, "too much padding");
        assert_eq!(payload(0xa0, &[5, 0]), None, "no padding");
        assert_eq!(
            payload(0x90, &[0, 0, 0xff, 0xff, 1]),
            None,
            "too long an extension"
        );
        assert_eq!(payload(0x40, &[5]), None, "another version");
        assert_eq!(RtpPacket::parse(&plain[..11]), None);
    }

    #[test]
    fn loss_order_and_wrap() {
        let mut order = Order::default();
        let mut take = |number: u16| order.take(number);
        assert_eq!(take(65_534), Place::Next { missing: 0 });
        assert_eq!(take(65_535), Place::Next { missing: 0 });
        assert_eq!(take(0), Place::Next { missing: 0 });
        assert_eq!(take(4), Place::Next { missing: 3 });
        assert_eq!(take(2), Place::Late);
        assert_eq!(take(4), Place::Late);
        assert_eq!(take(30_000), Place::Jump);
        assert_eq!(take(5), Place::Next { missing: 0 });
        assert_eq!(take(40_000), Place::Jump);
        assert_eq!(take(40_001), Place::Anew);
        assert_eq!(take(40_002), Place::Next { missing: 0 });
    }

    #[test]
    fn strangers_are_left_aside() {
        let mut sources = Sources::new(Some(7));
        assert_eq!(sources.accept(1), Accept::Yes);
        assert_eq!(sources.accept(2), Accept::No);
        assert_eq!(sources.accept(7), Accept::Anew, "what was announced");
        assert_eq!(sources.accept(1), Accept::No);
        for _ in 0..10 * TAKEOVER {
            assert_eq!(sources.accept(9), Accept::No);
            assert_eq!(sources.accept(7), Accept::Yes);
        }
        for _ in 1..TAKEOVER {
            assert_eq!(sources.accept(9), Accept::No);
        }
        assert_eq!(sources.accept(9), Accept::Anew, "the camera began anew");
        assert!(sources.is_current(9) && !sources.is_current(7));
    }

    #[test]
    fn times_do_not_wrap() {
        let mut ticks = Ticks::default();
        assert_eq!(ticks.take(0xffff_fff0), 0xffff_fff0);
        assert_eq!(ticks.take(0x10), 0x1_0000_0010);
        assert_eq!(ticks.take(0xffff_fff8), 0xffff_fff8, "backwards again");
        assert_eq!(ticks.place(0), 0x1_0000_0000);
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            RtpPacket::parse(&bytes);
        }
    }
}
