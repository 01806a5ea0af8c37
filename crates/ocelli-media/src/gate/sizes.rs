//! Change in the sizes of packets, for codings that are not parsed: a weaker sign than a macroblock
//! map, and none at constant bitrate.

/// Packets that are judged together: at least one round of the usual patterns of B pictures.
const WINDOW: u32 = 8;
/// Windows before which nothing is known.
const LEARNING_WINDOWS: u32 = 12;
/// Deviations from which on a window stands out.
const Z_MIN: f32 = 3.0;
/// How much a window weighs.
const WEIGHT: f32 = 1.0 / 64.0;
/// How much less one that stands out.
const SLOWER: f32 = 8.0;
/// A refuted deviation has to be passed by so much in the same group of pictures.
const AFTER_REFUTED: f32 = 1.5;

/// Sums of sizes between key pictures against their usual level.
#[derive(Debug, Clone, Default)]
pub(super) struct SizeGate {
    sum: u64,
    packets: u32,
    windows: u32,
    mean: f32,
    /// Mean absolute difference.
    deviation: f32,
    last: f32,
    refuted: f32,
}

impl SizeGate {
    pub(super) fn begin_group(&mut self) {
        (self.sum, self.packets, self.refuted) = (0, 0, 0.0);
    }

    pub(super) fn refute(&mut self) {
        self.refuted = self.refuted.max(self.last);
    }

    /// Takes the size of the next packet; says whether its window stands out.
    pub(super) fn look(&mut self, bytes: usize) -> bool {
        self.sum += bytes as u64;
        self.packets += 1;
        if self.packets < WINDOW {
            return false;
        }
        // Of logarithms: sizes spread by factors.
        let size = ((self.sum + 1) as f32).ln();
        (self.sum, self.packets) = (0, 0);
        self.windows = self.windows.saturating_add(1);
        let learning = self.windows <= LEARNING_WINDOWS;
        self.last = (size - self.mean) / (self.deviation * 1.25 + 0.05);
        let differs = !learning && self.last > Z_MIN;
        let weight = WEIGHT.max(1.0 / self.windows as f32);
        let weight = if differs { weight / SLOWER } else { weight };
        let difference = size - self.mean;
        self.mean += weight * difference;
        if self.windows > 1 {
            self.deviation += weight * (difference.abs() - self.deviation);
        }
        differs && self.last >= AFTER_REFUTED * self.refuted
    }
}
