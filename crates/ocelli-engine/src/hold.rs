//! The group of pictures that is running, held so that a stream can be decoded from its start.

use std::sync::atomic::{AtomicUsize, Ordering};

use ocelli_core::Packet;

/// The most bytes of one held group.
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that all streams hold together, against one budget.
#[derive(Debug)]
pub(crate) struct HoldBudget {
    used: AtomicUsize,
    bytes_max: usize,
}

impl HoldBudget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            bytes_max,
        }
    }

    /// Bytes that are held now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.bytes_max {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        true
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One stream's held group: empty, a key picture and what followed it, or what followed the
/// pictures of the group that the eye has.
#[derive(Default)]
pub(crate) struct Hold {
    packets: Vec<Packet>,
    bytes: usize,
    /// The eye has the group up to the first packet that is held.
    attached: bool,
    /// The running group outgrew the limits; nothing is held until the next key picture.
    outgrown: bool,
}

impl Hold {
    /// Takes a packet of the running group. Returns how many packets that were not yet settled
    /// left the hold and are settled as gated now. A packet with `repeated` is settled already.
    pub(crate) fn push(&mut self, packet: Packet, budget: &HoldBudget) -> u64 {
        let mut left = 0;
        if packet.key {
            left += self.clear(budget);
        } else if !self.is_whole() || self.outgrown {
            // The group's start is not here: the packet would be of no use.
            return u64::from(!packet.repeated);
        }
        let bytes = packet.data.len();
        if self.bytes + bytes > GROUP_BYTES_MAX || !budget.take(bytes) {
            left += self.clear(budget) + u64::from(!packet.repeated);
            self.attached = false;
            self.outgrown = true;
            return left;
        }
        self.bytes += bytes;
        self.packets.push(packet);
        left
    }

    /// The eye has all of the running group so far, or, with `false`, it has nothing of it. What
    /// was held is to be taken or cleared before.
    pub(crate) fn attach(&mut self, attached: bool) {
        self.attached = attached;
    }

    /// Whether what is held can be decoded, by itself or behind what the eye has.
    pub(crate) fn is_whole(&self) -> bool {
        self.attached || self.packets.first().is_some_and(|packet| packet.key)
    }

    /// Whether the running group was too long to hold.
    pub(crate) fn is_outgrown(&self) -> bool {
        self.outgrown
    }

    /// Gives out the held group, in order.
    pub(crate) fn take(&mut self, budget: &HoldBudget) -> Vec<Packet> {
        budget.give_back(self.bytes);
        self.bytes = 0;
        std::mem::take(&mut self.packets)
    }

    /// Forgets the held group; returns how many packets in it were not settled.
    pub(crate) fn clear(&mut self, budget: &HoldBudget) -> u64 {
        self.outgrown = false;
        self.attached = false;
        let packets = self.take(budget);
        packets.iter().filter(|packet| !packet.repeated).count() as u64
    }

    /// Packets in it that are not settled.
    pub(crate) fn unsettled(&self) -> u64 {
        self.packets
            .iter()
            .filter(|packet| !packet.repeated)
            .count() as u64
    }
}
