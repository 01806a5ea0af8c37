//! Faults of single RTP packets.

use super::{
    dice::Dice,
    payload::{self, PREFIX_BYTES, RTP_HEADER_BYTES, Stamp},
    strike::PacketFaults,
};

/// Spoils one viewer's packets.
#[derive(Debug)]
pub(super) struct Tamper {
    dice: Dice,
    foreign: Stamp,
    foreign_seq: u16,
    /// A packet that is sent after its successor.
    held: Vec<u8>,
}

impl Tamper {
    pub(super) fn new(mut dice: Dice) -> Self {
        Self {
            foreign: Stamp {
                channel: 0,
                timestamp: dice.next_u32(),
                ssrc: dice.next_u32(),
            },
            foreign_seq: dice.next_u32() as u16,
            dice,
            held: Vec::new(),
        }
    }

    /// Appends what becomes of the stamped packets of `wire`. Returns how often a fault struck.
    pub(super) fn spoil(
        &mut self,
        faults: PacketFaults,
        mut wire: &[u8],
        out: &mut Vec<u8>,
    ) -> u64 {
        let mut strikes = 0;
        while let Some((packet, rest)) = payload::split_packet(wire) {
            wire = rest;
            if self.dice.hits(faults.loss) {
                strikes += 1;
                continue;
            }
            if self.held.is_empty() && self.dice.hits(faults.reorder) {
                strikes += 1;
                self.held.extend(packet);
                continue;
            }
            let start = out.len();
            out.extend(packet);
            if self.dice.hits(faults.corrupt) {
                strikes += 1;
                self.corrupt(&mut out[start..]);
            }
            if self.dice.hits(faults.foreign) {
                strikes += 1;
                self.append_foreign(packet, out);
            }
            out.append(&mut self.held);
        }
        strikes
    }

    /// Overwrites up to eight bytes of the payload.
    fn corrupt(&mut self, packet: &mut [u8]) {
        let payload = &mut packet[PREFIX_BYTES + RTP_HEADER_BYTES..];
        let bytes = payload.len().min(8);
        let at = self.dice.below((payload.len() - bytes) as u64 + 1) as usize;
        self.dice.fill(&mut payload[at..at + bytes]);
    }

    fn append_foreign(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(packet);
        self.foreign.channel = packet[1];
        self.foreign.timestamp = self.foreign.timestamp.wrapping_add(3000);
        self.foreign_seq = self.foreign_seq.wrapping_add(1);
        self.foreign.write(&mut out[start..], self.foreign_seq);
    }

    /// Fills `bytes` with chance.
    pub(super) fn garble(&mut self, bytes: &mut [u8]) {
        self.dice.fill(bytes);
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::Codec;

    use super::*;
    use crate::simulate::dice::Purpose;

    /// Sends 1,000 packets, numbered, through `faults`.
    fn spoiled(faults: PacketFaults, seed: u64) -> (Vec<u8>, Vec<Vec<u8>>, u64) {
        let mut wire = Vec::new();
        for index in 0..1000u16 {
            let [high, low] = index.to_be_bytes();
            payload::append(
                Codec::H264,
                &[0x41, high, low, 7, 7, 7, 7, 7, 7],
                true,
                &mut wire,
            );
        }
        let stamp = Stamp {
            channel: 2,
            timestamp: 1,
            ssrc: 99,
        };
        stamp.write_all(&mut wire, 0);
        let mut out = Vec::new();
        let strikes =
            Tamper::new(Dice::new(seed, Purpose::Viewer, 0)).spoil(faults, &wire, &mut out);
        let mut packets = Vec::new();
        let mut rest = &out[..];
        while let Some((packet, tail)) = payload::split_packet(rest) {
            packets.push(packet.to_vec());
            rest = tail;
        }
        assert!(rest.is_empty());
        (wire, packets, strikes)
    }

    fn numbers(packets: &[Vec<u8>]) -> Vec<u16> {
        packets
            .iter()
            .map(|p| u16::from_be_bytes([p[6], p[7]]))
            .collect()
    }

    #[test]
    fn no_fault_changes_nothing() {
        let (wire, packets, strikes) = spoiled(PacketFaults::default(), 1);
        assert_eq!(packets.concat(), wire);
        assert_eq!(strikes, 0);
    }

    #[test]
    fn loss_leaves_out_and_repeats_itself() {
        let faults = PacketFaults {
            loss: 0.1,
            ..PacketFaults::default()
        };
        let (_, packets, strikes) = spoiled(faults, 1);
        assert_eq!(packets.len() as u64 + strikes, 1000);
        assert!((60..140).contains(&strikes), "{strikes}");
        assert!(numbers(&packets).is_sorted());
        assert_eq!(packets, spoiled(faults, 1).1);
        assert_ne!(packets, spoiled(faults, 2).1);
    }

    #[test]
    fn reordering_loses_nothing_but_a_last_one() {
        let faults = PacketFaults {
            reorder: 0.1,
            ..PacketFaults::default()
        };
        let (_, packets, strikes) = spoiled(faults, 1);
        let numbers = numbers(&packets);
        let swaps = numbers
            .windows(2)
            .filter(|pair| pair[1] + 1 == pair[0])
            .count();
        assert!(swaps as u64 + 1 >= strikes && strikes > 50);
        assert!(numbers.len() >= 999);
        assert!(!numbers.is_sorted());
    }

    #[test]
    fn corruption_spares_the_headers() {
        let faults = PacketFaults {
            corrupt: 0.1,
            ..PacketFaults::default()
        };
        let (wire, packets, strikes) = spoiled(faults, 1);
        assert_eq!(packets.concat().len(), wire.len());
        let whole = packets.concat();
        let mut changed = 0;
        for (packet, clean) in whole.chunks(25).zip(wire.chunks(25)) {
            assert_eq!(packet[..16], clean[..16]);
            changed += u64::from(packet != clean);
        }
        assert_eq!(changed, strikes);
        assert!(changed > 50);
    }

    #[test]
    fn foreign_packets_are_extra() {
        let faults = PacketFaults {
            foreign: 0.1,
            ..PacketFaults::default()
        };
        let (wire, packets, strikes) = spoiled(faults, 1);
        let (own, foreign): (Vec<_>, Vec<_>) = packets
            .into_iter()
            .partition(|p| p[12..16] == 99u32.to_be_bytes());
        assert_eq!(own.concat(), wire);
        assert_eq!(foreign.len() as u64, strikes);
        assert!(strikes > 50);
        assert!(foreign.iter().all(|p| p[1] == 2), "on the same channel");
    }
}
