//! The running background of a scene.

use super::{
    components::{Component, components},
    exposure::Exposure,
    luma::{HEIGHT, Luma, Patch, WIDTH},
};

/// A component of this score is a change: four saturated pixels of the small picture.
pub const THRESHOLD: f32 = 32.0;

/// A pixel differs from here on.
const Z_MIN: f32 = 3.5;
/// What a pixel adds to a score at most.
const Z_MAX: f32 = 8.0;
/// Spread of a pixel that never changed.
const SPREAD: f32 = 1.5;
/// How much harder a pixel is to flag that is flagged all the time.
const BUSY: f32 = 4.0;
/// How much a picture weighs in the mean; after the first ones.
const WEIGHT: f32 = 1.0 / 8.0;
/// How much less where it differs.
const SLOWER: f32 = 8.0;
const BUSY_WEIGHT: f32 = 1.0 / 32.0;
/// From this share of flagged pixels on the whole picture is another one.
const WHOLE: f32 = 0.35;
const WHOLE_VARIANCE: f32 = 9.0;

/// What one picture shows against the background.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The score of the strongest component, 0 without any.
    pub score: f32,
    /// Where it is; with a change of the whole picture, all of it.
    pub patch: Option<Patch>,
    /// Whether this is worth a detector's look.
    pub opened: bool,
    /// Whether the whole picture is another one: a light switched, infrared, a moved camera.
    pub whole: bool,
}

impl Change {
    /// Nothing is known of the picture: a detector is to look at it.
    pub const UNKNOWN: Self = Self {
        opened: true,
        ..Self::NONE
    };
    const NONE: Self = Self {
        score: 0.0,
        patch: None,
        opened: false,
        whole: false,
    };
}

/// The change gate of one stream, about 170 kB: mean and variance of each pixel of the small
/// picture, and how often it differs.
///
/// Gain and offset of the whole picture are fitted first, so that exposure and slow light cancel.
#[derive(Clone)]
pub struct ChangeGate {
    mean: Vec<f32>,
    variance: Vec<f32>,
    busy: Vec<f32>,
    learnt: u32,
    threshold: f32,
    weights: Vec<f32>,
}

impl Default for ChangeGate {
    fn default() -> Self {
        Self::new(THRESHOLD)
    }
}

impl ChangeGate {
    /// Begins without a background; opens from `threshold` on, see [`THRESHOLD`].
    pub fn new(threshold: f32) -> Self {
        Self {
            mean: Vec::new(),
            variance: Vec::new(),
            busy: Vec::new(),
            learnt: 0,
            threshold,
            weights: Vec::new(),
        }
    }

    /// Judges a picture and learns from it: key pictures of a quiet scene. The first one opens.
    /// Changes whose middle lies in one of `blind` do not open.
    pub fn judge_and_learn(&mut self, luma: &Luma, blind: &[Patch]) -> Change {
        if self.mean.is_empty() {
            self.begin(luma);
            return Change {
                opened: true,
                whole: true,
                patch: Some(everything()),
                ..Change::NONE
            };
        }
        let (change, exposure) = self.weigh(luma, blind);
        if change.whole {
            self.replace(luma);
        } else {
            self.learn(luma, exposure);
        }
        change
    }

    /// Judges a picture without learning from it.
    pub fn judge(&mut self, luma: &Luma, blind: &[Patch]) -> Change {
        if self.mean.is_empty() {
            return self.judge_and_learn(luma, blind);
        }
        self.weigh(luma, blind).0
    }

    /// What the picture shows is the background from now on, where it differs: what came and
    /// stands there was looked at.
    pub fn settle(&mut self, luma: &Luma) {
        if self.mean.is_empty() {
            self.begin(luma);
            return;
        }
        let (change, exposure) = self.weigh(luma, &[]);
        if change.whole {
            self.replace(luma);
            return;
        }
        for (at, &sample) in luma.samples().iter().enumerate() {
            if self.weights[at] > 0.0 {
                self.mean[at] = exposure.undo(f32::from(sample));
            }
        }
    }

    fn begin(&mut self, luma: &Luma) {
        self.mean = luma.samples().iter().map(|&s| f32::from(s)).collect();
        self.variance = vec![0.0; WIDTH * HEIGHT];
        self.busy = vec![0.0; WIDTH * HEIGHT];
        self.learnt = 1;
    }

    /// Another picture altogether.
    fn replace(&mut self, luma: &Luma) {
        for (at, &sample) in luma.samples().iter().enumerate() {
            self.mean[at] = f32::from(sample);
            self.variance[at] = self.variance[at].max(WHOLE_VARIANCE);
        }
    }

    /// Fills `weights` with what each flagged pixel adds.
    fn weigh(&mut self, luma: &Luma, blind: &[Patch]) -> (Change, Exposure) {
        let exposure = Exposure::fit(luma.samples(), &self.mean);
        self.weights.clear();
        let mut flagged = 0_usize;
        for (at, &sample) in luma.samples().iter().enumerate() {
            let rest = f32::from(sample) - exposure.of(self.mean[at]);
            let limit = Z_MIN * (1.0 + BUSY * self.busy[at]);
            let spread = self.variance[at] + SPREAD * SPREAD;
            // Most pixels are far below: the root is for the few.
            let weight = if rest * rest > limit * limit * spread {
                flagged += 1;
                (rest.abs() / spread.sqrt()).min(Z_MAX)
            } else {
                0.0
            };
            self.weights.push(weight);
        }
        if flagged == 0 {
            return (Change::NONE, exposure);
        }
        if flagged as f32 > WHOLE * self.weights.len() as f32 {
            let change = Change {
                score: Z_MAX * flagged as f32,
                patch: Some(everything()),
                opened: true,
                whole: true,
            };
            return (change, exposure);
        }
        let seen =
            |component: &Component| !blind.iter().any(|patch| patch.holds(&component.patch, 2));
        let strongest = components(&self.weights)
            .into_iter()
            .filter(seen)
            .max_by(|a, b| a.score.total_cmp(&b.score));
        let change = strongest.map_or(Change::NONE, |component| Change {
            score: component.score,
            patch: Some(component.patch),
            opened: component.score >= self.threshold,
            whole: false,
        });
        (change, exposure)
    }

    fn learn(&mut self, luma: &Luma, exposure: Exposure) {
        self.learnt = self.learnt.saturating_add(1);
        let weight = WEIGHT.max(1.0 / self.learnt as f32);
        for (at, &sample) in luma.samples().iter().enumerate() {
            let differs = self.weights[at] > 0.0;
            let weight = if differs { weight / SLOWER } else { weight };
            let rest = exposure.undo(f32::from(sample)) - self.mean[at];
            let variance = &mut self.variance[at];
            self.mean[at] += weight * rest;
            *variance += weight / 2.0 * ((rest * rest).min(9.0 * *variance + 9.0) - *variance);
            self.busy[at] += BUSY_WEIGHT * (f32::from(u8::from(differs)) - self.busy[at]);
        }
    }
}

fn everything() -> Patch {
    Patch {
        left: 0,
        top: 0,
        right: WIDTH - 1,
        bottom: HEIGHT - 1,
    }
}

#[cfg(test)]
mod tests;
