//! NAL units as RTP packets, made once for each clip: RFC 6184 (packetization mode 1) and
//! RFC 7798. JPEG pictures have a module of their own, and the same form.
//!
//! Packets stand one after the other in the form in which RTSP interleaves them (RFC 2326,
//! section 10.12): `$`, channel, two bytes of length, the RTP header of 12 bytes, the payload. To
//! send a picture is to copy it and to [`stamp`] the headers.

use ocelli_core::Codec;

/// The most bytes of payload in one packet: with the headers of RTP, UDP and IP it stays below an
/// Ethernet packet of 1,500 bytes, tunnels included.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1400;
/// `$`, channel, length.
pub(super) const PREFIX_BYTES: usize = 4;
/// The RTP header without extensions.
pub(super) const RTP_HEADER_BYTES: usize = 12;
/// The type of a fragment: RFC 6184, section 5.8, and RFC 7798, section 4.4.3.
const FU_A: u8 = 0x1c;
const FU: u8 = 0x31;
/// The payload type that the session description names for NAL units.
pub(super) const PAYLOAD_TYPE: u8 = 96;

/// Appends `unit`, which is not empty, as one packet or as many fragments. `last` sets the marker
/// on the last of them: the picture ends there. Returns the number of packets.
pub(super) fn append(codec: Codec, unit: &[u8], last: bool, wire: &mut Vec<u8>) -> usize {
    if unit.len() <= PAYLOAD_BYTES_MAX {
        append_packet(PAYLOAD_TYPE, &[], unit, last, wire);
        return 1;
    }
    let (header, body, kind) = match codec {
        Codec::H265 => {
            let header = vec![(unit[0] & 0x81) | (FU << 1), unit[1]];
            (header, &unit[2..], (unit[0] >> 1) & 0x3f)
        }
        Codec::H264 | Codec::Mjpeg => (vec![(unit[0] & 0xe0) | FU_A], &unit[1..], unit[0] & 0x1f),
    };
    let mut packets = 0;
    let mut fragments = body
        .chunks(PAYLOAD_BYTES_MAX - header.len() - 1)
        .enumerate()
        .peekable();
    while let Some((index, fragment)) = fragments.next() {
        let is_end = fragments.peek().is_none();
        let mut head = header.clone();
        head.push(u8::from(index == 0) << 7 | u8::from(is_end) << 6 | kind);
        append_packet(PAYLOAD_TYPE, &head, fragment, last && is_end, wire);
        packets += 1;
    }
    packets
}

/// Appends one packet, unstamped. `marker`: the picture ends with it.
pub(super) fn append_packet(
    payload_type: u8,
    head: &[u8],
    body: &[u8],
    marker: bool,
    wire: &mut Vec<u8>,
) {
    let bytes = (RTP_HEADER_BYTES + head.len() + body.len()) as u16;
    wire.extend([b'$', 0]);
    wire.extend(bytes.to_be_bytes());
    wire.extend([0x80, u8::from(marker) << 7 | payload_type]);
    // Sequence number, timestamp and source are stamped for each viewer.
    wire.extend([0; RTP_HEADER_BYTES - 2]);
    wire.extend(head);
    wire.extend(body);
}

/// What differs between two viewers of one packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) channel: u8,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

impl Stamp {
    /// Writes the header of one packet with its prefix.
    pub(super) fn write(self, packet: &mut [u8], seq: u16) {
        packet[1] = self.channel;
        packet[6..8].copy_from_slice(&seq.to_be_bytes());
        packet[8..12].copy_from_slice(&self.timestamp.to_be_bytes());
        packet[12..16].copy_from_slice(&self.ssrc.to_be_bytes());
    }

    /// Writes the headers of all packets in `wire`, numbered from `seq` on. Returns the next
    /// number.
    pub(super) fn write_all(self, wire: &mut [u8], mut seq: u16) -> u16 {
        let mut rest = wire;
        while let Some((packet, tail)) = split_packet_mut(rest) {
            self.write(packet, seq);
            seq = seq.wrapping_add(1);
            rest = tail;
        }
        seq
    }
}

/// Cuts off the first packet with its prefix.
pub(super) fn split_packet(wire: &[u8]) -> Option<(&[u8], &[u8])> {
    wire.split_at_checked(packet_bytes(wire)?)
}

pub(super) fn split_packet_mut(wire: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    let bytes = packet_bytes(wire)?;
    wire.split_at_mut_checked(bytes)
}

fn packet_bytes(wire: &[u8]) -> Option<usize> {
    let length = wire.get(2..PREFIX_BYTES)?;
    Some(PREFIX_BYTES + usize::from(u16::from_be_bytes([length[0], length[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes packets apart again as RFC 6184 and RFC 7798 say: (units, markers).
    fn reassemble(codec: Codec, mut wire: &[u8]) -> (Vec<Vec<u8>>, Vec<bool>) {
        let (mut units, mut markers) = (Vec::<Vec<u8>>::new(), Vec::new());
        while let Some((packet, rest)) = split_packet(wire) {
            wire = rest;
            assert_eq!(packet[0], b'$');
            assert!(packet.len() <= PREFIX_BYTES + RTP_HEADER_BYTES + PAYLOAD_BYTES_MAX);
            markers.push(packet[5] & 0x80 != 0);
            let payload = &packet[PREFIX_BYTES + RTP_HEADER_BYTES..];
            let (is_fragment, header) = match codec {
                Codec::H265 => ((payload[0] >> 1) & 0x3f == 49, 2),
                _ => (payload[0] & 0x1f == 28, 1),
            };
            if !is_fragment {
                units.push(payload.to_vec());
                continue;
            }
            let (fu, body) = (payload[header], &payload[header + 1..]);
            if fu & 0x80 != 0 {
                units.push(match codec {
                    Codec::H265 => vec![(payload[0] & 0x81) | (fu & 0x3f) << 1, payload[1]],
                    _ => vec![(payload[0] & 0xe0) | (fu & 0x1f)],
                });
            }
            units.last_mut().unwrap().extend(body);
        }
        assert!(wire.is_empty());
        (units, markers)
    }

    #[test]
    fn units_survive_fragmentation() {
        for codec in [Codec::H264, Codec::H265] {
            for bytes in [2, 3, 1399, 1400, 1401, 1402, 2797, 2798, 2799, 9000] {
                let unit: Vec<u8> = (0..bytes)
                    .map(|at| if at == 0 { 0x65 & 0x7f } else { at as u8 })
                    .collect();
                let mut wire = Vec::new();
                let packets = append(codec, &unit, true, &mut wire);
                let (units, markers) = reassemble(codec, &wire);
                assert_eq!(units, [unit], "{codec:?}, {bytes} bytes");
                assert_eq!(markers.len(), packets);
                assert_eq!(markers.iter().rposition(|&m| m), Some(packets - 1));
                assert_eq!(markers.iter().filter(|&&m| m).count(), 1);
            }
        }
    }

    #[test]
    fn headers_are_stamped() {
        let mut wire = Vec::new();
        append(Codec::H264, &[0x65; 3000], true, &mut wire);
        let stamp = Stamp {
            channel: 4,
            timestamp: 0x0102_0304,
            ssrc: 0xaabb_ccdd,
        };
        assert_eq!(stamp.write_all(&mut wire, u16::MAX), 2, "the number wraps");
        let (first, rest) = split_packet(&wire).unwrap();
        assert_eq!(
            first[..16],
            [
                b'$', 4, 5, 132, 0x80, 96, 0xff, 0xff, 1, 2, 3, 4, 0xaa, 0xbb, 0xcc, 0xdd
            ]
        );
        assert_eq!(split_packet(rest).unwrap().0[6..8], [0, 0]);
    }
}
