//! What the whole picture does: gain and offset against its background.

use super::luma::{HEIGHT, WIDTH};

/// Grid on which the fit is made.
const COLUMNS: usize = 40;
const ROWS: usize = 22;
/// Weights of the three rounds: differences of so much count half.
const TOLERANCES: [f32; 3] = [f32::INFINITY, 12.0, 5.0];
/// Gains that are believed.
const GAINS: (f32, f32) = (0.4, 2.5);

/// `picture = gain * background + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exposure {
    pub(super) gain: f32,
    pub(super) offset: f32,
}

impl Exposure {
    pub(super) const SAME: Self = Self {
        gain: 1.0,
        offset: 0.0,
    };

    /// Fits by reweighted least squares: what differs from the rest counts little, saturated
    /// samples nothing.
    pub(super) fn fit(picture: &[u8], background: &[f32]) -> Self {
        let mut fitted = Self::SAME;
        for tolerance in TOLERANCES {
            let (mut n, mut sm, mut sx, mut smm, mut smx) = (0.0_f64, 0.0, 0.0, 0.0, 0.0);
            for row in 0..ROWS {
                for column in 0..COLUMNS {
                    let y = (row * HEIGHT + HEIGHT / 2) / ROWS;
                    let x = (column * WIDTH + WIDTH / 2) / COLUMNS;
                    let at = y * WIDTH + x;
                    if !(3..=250).contains(&picture[at]) {
                        continue;
                    }
                    let (sample, usual) = (f32::from(picture[at]), background[at]);
                    let rest = (sample - fitted.of(usual)) / tolerance;
                    let weight = f64::from(1.0 / (1.0 + rest * rest));
                    let (sample, usual) = (f64::from(sample), f64::from(usual));
                    n += weight;
                    sm += weight * usual;
                    sx += weight * sample;
                    smm += weight * usual * usual;
                    smx += weight * usual * sample;
                }
            }
            let spread = n * smm - sm * sm;
            if n < 1.0 {
                return Self::SAME;
            }
            let gain = if spread > 1e-3 * n * n {
                ((n * smx - sm * sx) / spread).clamp(f64::from(GAINS.0), f64::from(GAINS.1))
            } else {
                // A plain surface has no gain of its own.
                1.0
            };
            fitted = Self {
                gain: gain as f32,
                offset: ((sx - gain * sm) / n) as f32,
            };
        }
        fitted
    }

    /// What the picture would show of a background sample.
    pub(super) fn of(self, background: f32) -> f32 {
        self.gain * background + self.offset
    }

    /// What a sample of the picture would be in the background.
    pub(super) fn undo(self, sample: f32) -> f32 {
        (sample - self.offset) / self.gain
    }
}
