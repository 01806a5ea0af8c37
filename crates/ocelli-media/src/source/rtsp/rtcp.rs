//! RTCP (RFC 3550, 6): the sender's reports read, for they tie RTP time to the camera's clock.

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX_SECS: i64 = 2_208_988_800;
/// 2010-01-01: a camera that says less has not been told the time.
const PLAUSIBLE_MICROS: i64 = 1_262_304_000_000_000;

/// A sender's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SenderReport {
    pub(super) source: u32,
    /// RTP time of the same instant.
    pub(super) time: u32,
    /// Microseconds since 1970 by the camera's clock; `None` where that is nonsense.
    pub(super) wall_micros: Option<i64>,
}

/// The first sender report of a compound packet.
pub(super) fn sender_report(mut compound: &[u8]) -> Option<SenderReport> {
    loop {
        let (head, rest) = compound.split_first_chunk::<4>()?;
        if head[0] >> 6 != 2 {
            return None;
        }
        let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (body, after) = rest.split_at_checked(4 * words)?;
        if head[1] == 200 {
            let (report, _) = body.split_first_chunk::<16>()?;
            let word = |at: usize| {
                u32::from_be_bytes([report[at], report[at + 1], report[at + 2], report[at + 3]])
            };
            return Some(SenderReport {
                source: word(0),
                time: word(12),
                wall_micros: wall_micros(word(4), word(8)),
            });
        }
        compound = after;
    }
}

fn wall_micros(ntp_secs: u32, fraction: u32) -> Option<i64> {
    let secs = i64::from(ntp_secs) - NTP_TO_UNIX_SECS;
    let micros = secs * 1_000_000 + ((i64::from(fraction) * 1_000_000) >> 32);
    // From 2036 on, when the count of seconds wraps, a clock that is right cannot be told from one
    // that counts from 0; until then the latter is the common one.
    (micros >= PLAUSIBLE_MICROS).then_some(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(secs: u32, fraction: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, 200, 0, 6, 0, 0, 0, 5];
        bytes.extend(secs.to_be_bytes());
        bytes.extend(fraction.to_be_bytes());
        bytes.extend([0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn reports_are_read() {
        // 2026-11-24T00:00:00.5Z
        let secs = 1_795_478_400 + 2_208_988_800_u64;
        let ours = report(secs as u32, 1 << 31);
        let expected = SenderReport {
            source: 5,
            time: 9,
            wall_micros: Some(1_795_478_400_500_000),
        };
        assert_eq!(sender_report(&ours), Some(expected));
        // After a receiver's report.
        let compound = [&[0x80, 201, 0, 1, 0, 0, 0, 1][..], &ours].concat();
        assert_eq!(sender_report(&compound), Some(expected));
        for cut in 0..28 {
            assert_eq!(sender_report(&ours[..cut]), None);
        }
    }

    #[test]
    fn clocks_that_were_never_set_are_not_believed() {
        for secs in [0, 100, 2_208_988_800, 2_208_988_900, u32::MAX >> 1] {
            let report = sender_report(&report(secs, 0)).unwrap();
            assert_eq!(report.wall_micros, None, "{secs}");
        }
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            sender_report(&bytes);
            sender_report(&[&[0x80, 200, 0, 6], &bytes[..]].concat());
        }
    }
}
