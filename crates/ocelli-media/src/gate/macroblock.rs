//! Change in the macroblock map of P pictures that are parsed now and then: what is coded, or
//! moves, where it did not use to.

use crate::bitstream::h264::{Class, Macroblock, MacroblockMap};

/// A look of this score, or more, is worth decoding the group of pictures so far.
pub const THRESHOLD: f32 = 12.0;

/// How many looks count together.
const RING: u8 = 0b111;
/// Looks before which the level of the whole picture is not trusted, and nothing triggers.
const LEARNING_LOOKS: u32 = 20;
/// How much a look weighs in the baseline.
const WEIGHT: f32 = 1.0 / 150.0;
/// How much less it does where it differs from the baseline.
const SLOWER: f32 = 8.0;
/// What the level is held to.
const LEVELS: (f32, f32) = (0.5, 3.0);
/// What a picture without anything is taken to have of each macroblock.
const LEVEL_FLOOR: f32 = 0.02;
/// From here on a macroblock counts as changed.
const Z_MIN: f32 = 3.0;
/// What a macroblock adds to a score at most.
const Z_MAX: f32 = 12.0;
/// Spread of a macroblock that never changed.
const SPREAD: f32 = 0.35;
/// Motion that counts, in quarter samples: of a macroblock that is coded, and of any.
const MOTION_MIN: u32 = 2;
const MOTION_MIN_SKIPPED: u32 = 6;
/// A refuted score has to be passed by so much in the same group of pictures.
const AFTER_REFUTED: f32 = 1.5;
/// Marks a changed macroblock, for the time of a look.
const CHANGED: u8 = 0x80;
/// Marks one that belongs to a component.
const JOINED: u8 = 0x40;

/// Whether a macroblock counts as changing: it has residual or is intra, or it moves.
pub fn changes(block: &Macroblock) -> bool {
    let motion = block.motion();
    block.coded
        || block.is_intra()
        || motion >= MOTION_MIN_SKIPPED
        || (block.class != Class::Skip && motion >= MOTION_MIN)
}

/// What is known of one macroblock.
#[derive(Debug, Clone, Copy, Default)]
struct Baseline {
    /// Mean and variance of the changes in three looks.
    mean: f32,
    variance: f32,
    /// The last three looks, and marks.
    recent: u8,
}

impl Baseline {
    fn count(&self) -> f32 {
        (self.recent & RING).count_ones() as f32
    }

    fn z(&self, level: f32) -> f32 {
        (self.count() - level * self.mean) / (level * self.variance + SPREAD * SPREAD).sqrt()
    }

    fn learn(&mut self, weight: f32) {
        let difference = self.count() - self.mean;
        let square = (difference * difference).min(9.0 * self.variance + 0.49);
        self.mean += weight * difference;
        self.variance += weight * (square - self.variance);
    }
}

/// A rectangle of macroblocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// The first column.
    pub left: u32,
    /// The first row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What one look found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MacroblockLook {
    /// The score of the strongest change, 0 without any.
    pub score: f32,
    /// Where it is.
    pub region: Option<Region>,
    /// The level of the whole picture against the baseline, 0.5..=3: pumping, rate control.
    pub level: f32,
    /// Whether the group of pictures is worth decoding. Never while the baseline is learnt.
    pub triggered: bool,
}

/// The macroblock look of one stream: maps of every third P picture or so against a baseline, about
/// 12 bytes for each macroblock.
///
/// Macroblocks that change more than they used to, beyond what the picture as a whole does, are
/// joined to components of eight neighbours; the strongest decides.
#[derive(Debug, Clone)]
pub struct MacroblockGate {
    width: usize,
    blocks: Vec<Baseline>,
    looks: u32,
    threshold: f32,
    /// The score that was refuted last in this group of pictures.
    refuted: f32,
}

impl MacroblockGate {
    /// Begins without a baseline; triggers from `threshold` on, see [`THRESHOLD`].
    pub fn new(threshold: f32) -> Self {
        Self {
            width: 0,
            blocks: Vec::new(),
            looks: 0,
            threshold,
            refuted: 0.0,
        }
    }

    /// Whether a P picture is to be parsed, at its position in its group of pictures (the key
    /// picture is 0), if every `every`-th is.
    pub fn is_due(position: u64, every: u64) -> bool {
        position >= 2 && position.is_multiple_of(every.max(1))
    }

    /// A key picture begins a new group.
    pub fn begin_group(&mut self) {
        self.refuted = 0.0;
    }

    /// The pictures of the last look show no change: in this group only a clearly higher score
    /// triggers again.
    pub fn refute(&mut self, look: &MacroblockLook) {
        self.refuted = self.refuted.max(look.score);
    }

    /// Begins anew, as after the camera was moved.
    pub fn reset(&mut self) {
        self.blocks.clear();
        self.looks = 0;
        self.refuted = 0.0;
    }

    /// Looks since the beginning.
    pub fn looks(&self) -> u32 {
        self.looks
    }

    /// Looks at the map of a P picture. A map of another size begins anew.
    pub fn look(&mut self, map: &MacroblockMap) -> MacroblockLook {
        self.look_at(map.width(), map.macroblocks().iter().map(changes))
    }

    fn look_at(
        &mut self,
        width: usize,
        changes: impl ExactSizeIterator<Item = bool>,
    ) -> MacroblockLook {
        if changes.len() != self.blocks.len() || width != self.width {
            self.reset();
            self.width = width;
            self.blocks.resize(changes.len(), Baseline::default());
        }
        for (block, changes) in self.blocks.iter_mut().zip(changes) {
            block.recent = (block.recent << 1 | u8::from(changes)) & RING;
        }
        let level = self.level();
        for block in &mut self.blocks {
            if block.z(level) > Z_MIN {
                block.recent |= CHANGED;
            }
        }
        let (score, region) = self.strongest(level);
        self.learn();
        let known = self.looks > LEARNING_LOOKS;
        let triggered = known && score >= self.threshold && score >= AFTER_REFUTED * self.refuted;
        MacroblockLook {
            score,
            region,
            level,
            triggered,
        }
    }

    /// How much more than usual the picture as a whole changes. What changes by far more than it
    /// used to counts no more than is usual for it.
    fn level(&self) -> f32 {
        if self.looks < LEARNING_LOOKS {
            return 1.0;
        }
        let floor = LEVEL_FLOOR * self.blocks.len() as f32;
        let (mut now, mut usual) = (floor, floor);
        for block in &self.blocks {
            let most = block.mean + 3.0 * block.variance.sqrt() + 0.7;
            now += block.count().min(most);
            usual += block.mean;
        }
        (now / usual).clamp(LEVELS.0, LEVELS.1)
    }

    fn learn(&mut self) {
        self.looks = self.looks.saturating_add(1);
        // A plain mean at first, in which nothing stands out yet.
        let learning = self.looks <= LEARNING_LOOKS;
        let weight = WEIGHT.max(1.0 / self.looks as f32);
        for block in &mut self.blocks {
            let differs = block.recent & CHANGED != 0 && !learning;
            block.learn(if differs { weight / SLOWER } else { weight });
            block.recent &= RING;
        }
    }

    /// The score and the place of the strongest component.
    fn strongest(&mut self, level: f32) -> (f32, Option<Region>) {
        let (mut score, mut region) = (0.0, None);
        let mut open = Vec::new();
        for at in 0..self.blocks.len() {
            if self.blocks[at].recent & (CHANGED | JOINED) != CHANGED {
                continue;
            }
            self.blocks[at].recent |= JOINED;
            open.push(at);
            let mut sum = 0.0;
            let mut corners = (usize::MAX, usize::MAX, 0, 0);
            while let Some(at) = open.pop() {
                sum += self.blocks[at].z(level).min(Z_MAX);
                let (x, y) = (at % self.width, at / self.width);
                corners = (
                    x.min(corners.0),
                    y.min(corners.1),
                    x.max(corners.2),
                    y.max(corners.3),
                );
                self.join_neighbours(x, y, &mut open);
            }
            if sum > score {
                score = sum;
                region = Some(Region {
                    left: corners.0 as u32,
                    top: corners.1 as u32,
                    width: (corners.2 - corners.0 + 1) as u32,
                    height: (corners.3 - corners.1 + 1) as u32,
                });
            }
        }
        (score, region)
    }

    /// Adds the changed ones of the eight neighbours that are in no component yet.
    fn join_neighbours(&mut self, x: usize, y: usize, open: &mut Vec<usize>) {
        for row in y.saturating_sub(1)..=y + 1 {
            for column in x.saturating_sub(1)..=(x + 1).min(self.width - 1) {
                let at = row * self.width + column;
                if let Some(block) = self.blocks.get_mut(at)
                    && block.recent & (CHANGED | JOINED) == CHANGED
                {
                    block.recent |= JOINED;
                    open.push(at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
