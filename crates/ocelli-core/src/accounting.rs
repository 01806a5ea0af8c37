//! What became of every packet.
//!
//! At all times `received = gated + decoded + dropped + corrupt + held`, and each packet is settled
//! once.

use serde::{Deserialize, Serialize};

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// The way to the eye, or the eye's inbox, was full.
    Backlog,
    /// The packet waits for a key picture that was dropped or damaged.
    NoKey,
    /// The eye died with it.
    EyeLost,
    /// No eye was there to take it.
    NoEye,
    /// The stream was taken away, or its source reconnected, while it was held.
    Released,
    /// It was older than the freshness deadline.
    Late,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Backlog,
        Self::NoKey,
        Self::EyeLost,
        Self::NoEye,
        Self::Released,
        Self::Late,
    ];

    /// The name in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backlog => "backlog",
            Self::NoKey => "no_key",
            Self::EyeLost => "eye_lost",
            Self::NoEye => "no_eye",
            Self::Released => "released",
            Self::Late => "late",
        }
    }
}

/// Packets by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Judged not worth decoding.
    pub gated: u64,
    /// Decoded.
    pub decoded: u64,
    /// Damaged.
    pub corrupt: u64,
    /// Dropped, by reason in the order of [`DropReason::ALL`].
    pub dropped: [u64; DropReason::ALL.len()],
}

impl Settled {
    /// Counts one more drop.
    pub fn drop_one(&mut self, reason: DropReason) {
        self.drop_many(reason, 1);
    }

    /// Counts `packets` more drops.
    pub fn drop_many(&mut self, reason: DropReason, packets: u64) {
        self.dropped[reason as usize] += packets;
    }

    /// How many were dropped for `reason`.
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// How many were dropped.
    pub fn dropped_all(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// How many packets are settled.
    pub fn total(&self) -> u64 {
        self.gated + self.decoded + self.corrupt + self.dropped_all()
    }

    /// Adds what another part settled.
    pub fn add(&mut self, other: &Self) {
        self.gated += other.gated;
        self.decoded += other.decoded;
        self.corrupt += other.corrupt;
        for (mine, theirs) in self.dropped.iter_mut().zip(other.dropped) {
            *mine += theirs;
        }
    }
}

/// The account of one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Packets that came out of the source.
    pub received: u64,
    /// What became of them.
    pub settled: Settled,
}

impl Ledger {
    /// Packets that are still on their way.
    pub fn held(&self) -> u64 {
        self.received.saturating_sub(self.settled.total())
    }

    /// Whether no packet was settled twice, given that `held` are known to be on their way.
    pub fn balances(&self, held: u64) -> bool {
        self.received == self.settled.total() + held
    }
}
