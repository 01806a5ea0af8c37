//! Calm and boiling streams: how much the encoder codes while nothing happens.

/// Looks before which a stream counts as boiling, for its share is not known.
const LOOKS_MIN: u32 = 60;
/// How much one look weighs, later.
const WEIGHT: f32 = 1.0 / 200.0;
/// Below this share a boiling stream becomes calm.
const CALM_BELOW: f32 = 0.2;
/// From this share on a calm stream becomes boiling.
const BOILING_FROM: f32 = 0.25;

/// What quiet P pictures of a stream are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamClass {
    /// Few macroblocks are coded (constant quality): the macroblock map shows what moves.
    Calm,
    /// Many are (constant bitrate: bits are spent on noise): the map shows little.
    Boiling,
}

impl StreamClass {
    /// The name that people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Boiling => "boiling",
        }
    }
}

/// Learns the class of a stream from the share of coded macroblocks in P pictures that were parsed
/// while it was quiet.
#[derive(Debug, Clone)]
pub struct Calmness {
    share: f32,
    looks: u32,
    class: StreamClass,
}

impl Default for Calmness {
    fn default() -> Self {
        Self::new()
    }
}

impl Calmness {
    /// Begins with nothing known: boiling.
    pub fn new() -> Self {
        Self {
            share: 0.0,
            looks: 0,
            class: StreamClass::Boiling,
        }
    }

    /// Learns the share of one picture, 0..=1; returns the class from now on.
    pub fn learn(&mut self, coded_share: f32) -> StreamClass {
        self.looks = self.looks.saturating_add(1);
        // A plain mean of the first looks, then one that forgets.
        let weight = WEIGHT.max(1.0 / self.looks as f32);
        self.share += weight * (coded_share - self.share);
        if self.looks >= LOOKS_MIN {
            if self.share < CALM_BELOW {
                self.class = StreamClass::Calm;
            } else if self.share >= BOILING_FROM {
                self.class = StreamClass::Boiling;
            }
        }
        self.class
    }

    /// The class as it is known.
    pub fn class(&self) -> StreamClass {
        self.class
    }

    /// The mean share of coded macroblocks, 0..=1; `None` before it is known.
    pub fn share(&self) -> Option<f32> {
        (self.looks >= LOOKS_MIN).then_some(self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(shares: impl IntoIterator<Item = f32>) -> Calmness {
        let mut calmness = Calmness::new();
        for share in shares {
            calmness.learn(share);
        }
        calmness
    }

    #[test]
    fn boiling_until_it_is_known() {
        assert_eq!(after([0.01; 59]).class(), StreamClass::Boiling);
        assert_eq!(after([0.01; 59]).share(), None);
        assert_eq!(after([0.01; 60]).class(), StreamClass::Calm);
        assert_eq!(after([0.4; 60]).class(), StreamClass::Boiling);
        assert!((after([0.4; 60]).share().unwrap() - 0.4).abs() < 1e-5);
    }

    #[test]
    fn between_the_limits_it_stays_what_it_was() {
        assert_eq!(after([0.22; 900]).class(), StreamClass::Boiling);
        let calm_then_more = [[0.1; 100].as_slice(), &[0.22; 900]].concat();
        assert_eq!(after(calm_then_more).class(), StreamClass::Calm);
        let calm_then_boiling = [[0.1; 100].as_slice(), &[0.4; 900]].concat();
        assert_eq!(after(calm_then_boiling).class(), StreamClass::Boiling);
        // One burst does not tell.
        let burst = [[0.05; 300].as_slice(), &[0.9; 20], &[0.05; 20]].concat();
        assert_eq!(after(burst).class(), StreamClass::Calm);
    }
}
