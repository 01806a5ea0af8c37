//! Sender reports: RFC 3550, sections 6.4.1 and 6.5.

use super::payload::PREFIX_BYTES;

/// What a sender report says.
#[derive(Debug, Clone, Copy)]
pub(super) struct SenderReport {
    pub(super) ssrc: u32,
    /// Microseconds since 1970 of the camera's clock.
    pub(super) wall_micros: u64,
    /// RTP time of the same instant.
    pub(super) timestamp: u32,
    pub(super) packets: u32,
    pub(super) octets: u32,
}

/// Seconds from 1900, where NTP counts from, to 1970.
const NTP_EPOCH_OFFSET_SECS: u64 = 2_208_988_800;

impl SenderReport {
    /// Appends a compound packet (report, then source description), interleaved on `channel`.
    pub(super) fn append(&self, channel: u8, cname: &str, wire: &mut Vec<u8>) {
        let start = wire.len();
        wire.extend([b'$', channel, 0, 0]);
        wire.extend([0x80, 200, 0, 6]);
        wire.extend(self.ssrc.to_be_bytes());
        wire.extend(ntp(self.wall_micros).to_be_bytes());
        wire.extend(self.timestamp.to_be_bytes());
        wire.extend(self.packets.to_be_bytes());
        wire.extend(self.octets.to_be_bytes());

        let description = wire.len();
        let cname = &cname.as_bytes()[..cname.len().min(255)];
        wire.extend([0x81, 202, 0, 0]);
        wire.extend(self.ssrc.to_be_bytes());
        wire.extend([1, cname.len() as u8]);
        wire.extend(cname);
        // The list of items ends with at least one zero byte, on a word.
        wire.push(0);
        while !(wire.len() - description).is_multiple_of(4) {
            wire.push(0);
        }
        let words = ((wire.len() - description) / 4 - 1) as u16;
        wire[description + 2..description + 4].copy_from_slice(&words.to_be_bytes());
        let bytes = (wire.len() - start - PREFIX_BYTES) as u16;
        wire[start + 2..start + 4].copy_from_slice(&bytes.to_be_bytes());
    }
}

/// NTP's seconds and 2^-32 seconds; the era rolls over in 2036 as the 32 bits do.
fn ntp(wall_micros: u64) -> u64 {
    let secs = (wall_micros / 1_000_000).wrapping_add(NTP_EPOCH_OFFSET_SECS);
    let fraction = ((wall_micros % 1_000_000) << 32) / 1_000_000;
    secs << 32 | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_counts_from_1900() {
        assert_eq!(ntp(0), 2_208_988_800 << 32);
        assert_eq!(ntp(500_000), 2_208_988_800 << 32 | 1 << 31);
        // 2036-02-07T06:28:16Z, the first second of the next era.
        assert_eq!(ntp(2_085_978_496_000_000), 0);
    }

    #[test]
    fn a_compound_packet_of_whole_words() {
        for name in ["", "a", "ab", "abc", "abcd", &"x".repeat(300)] {
            let mut wire = Vec::new();
            SenderReport {
                ssrc: 0x0102_0304,
                wall_micros: 0,
                timestamp: 5,
                packets: 6,
                octets: 7,
            }
            .append(1, name, &mut wire);
            assert_eq!(wire[..2], [b'$', 1]);
            let body = &wire[4..];
            assert_eq!(
                usize::from(u16::from_be_bytes([wire[2], wire[3]])),
                body.len()
            );
            assert_eq!(body[..4], [0x80, 200, 0, 6]);
            let rest = &body[28..];
            assert_eq!(rest[..2], [0x81, 202]);
            let words = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            assert_eq!((words + 1) * 4, rest.len(), "{name}");
            assert_eq!(rest.last(), Some(&0), "the list is ended");
        }
    }
}
