//! Reproducible chance.

/// `SplitMix64` (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", figure
/// 13). A printed seed has to give the same faults in every version of this program and of its
/// libraries, so the generator stands here. Not for secrets.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// A sequence of its own for each (`seed`, `purpose`, `index`).
    pub(super) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut dice = Self(seed ^ (purpose as u64).rotate_left(56));
        let mixed = dice.next_u64() ^ index;
        Self(mixed)
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// From 0 up to, but without, `end`; 0 if `end` is.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(end)) >> 64) as u64
    }

    /// True in a share `ratio` of the calls.
    pub(super) fn hits(&mut self, ratio: f64) -> bool {
        ratio > 0.0 && (self.next_u64() >> 11) as f64 / ((1u64 << 53) as f64) < ratio
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

/// What a sequence is drawn for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// A camera's place in its clip and its origin of RTP time.
    Camera = 1,
    /// A viewer's source identifier, first sequence number and faults.
    Viewer = 2,
    /// Which streams a fault strikes.
    Choice = 3,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_values() {
        // The published test vector of SplitMix64 for the seed 1234567.
        let mut dice = Dice(1_234_567);
        assert_eq!(dice.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(dice.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn sequences_repeat_and_differ() {
        let draw = |seed, purpose, index| Dice::new(seed, purpose, index).next_u64();
        assert_eq!(draw(1, Purpose::Camera, 2), draw(1, Purpose::Camera, 2));
        assert_ne!(draw(1, Purpose::Camera, 2), draw(1, Purpose::Camera, 3));
        assert_ne!(draw(1, Purpose::Camera, 2), draw(1, Purpose::Viewer, 2));
        assert_ne!(draw(1, Purpose::Camera, 2), draw(2, Purpose::Camera, 2));
    }

    #[test]
    fn shares_and_ranges() {
        let mut dice = Dice::new(7, Purpose::Viewer, 0);
        let hits = (0..10_000).filter(|_| dice.hits(0.25)).count();
        assert!((2300..2700).contains(&hits), "{hits}");
        assert!(!(0..1000).any(|_| dice.hits(0.0)));
        assert!((0..1000).all(|_| dice.hits(1.0)));
        assert!((0..1000).all(|_| dice.below(3) < 3));
        assert_eq!(dice.below(0), 0);
    }
}
