//! A Kalman filter for one coordinate that moves at a nearly constant speed.
//!
//! Position and speed of a box's middle and sides do not mix in this model, so the filter of SORT
//! (Bewley et al., 2016) with its 8x8 matrices falls apart into four of these: the same figures at
//! a fiftieth of the work. The process noise is that of white acceleration in continuous time
//! (Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation", 6.2),
//! so that one step of a second does what 25 steps of 40 ms do.

use serde::{Deserialize, Serialize};

/// One coordinate: where, how fast, and how sure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Axis {
    pub(crate) at: f32,
    /// Per second.
    pub(crate) speed: f32,
    pub(crate) var: f32,
    cov: f32,
    speed_var: f32,
}

impl Axis {
    /// Seen once at `at`, with these standard deviations.
    pub(crate) fn new(at: f32, sd: f32, speed_sd: f32) -> Self {
        Self {
            at,
            speed: 0.0,
            var: sd * sd,
            cov: 0.0,
            speed_var: speed_sd * speed_sd,
        }
    }

    /// `dt` seconds pass; `noise` is the power of the acceleration, in units squared per cubic
    /// second.
    pub(crate) fn predict(&mut self, dt: f32, noise: f32) {
        self.at += self.speed * dt;
        self.var += dt * (2.0 * self.cov + dt * self.speed_var) + noise * dt * dt * dt / 3.0;
        self.cov += dt * self.speed_var + noise * dt * dt / 2.0;
        self.speed_var += noise * dt;
    }

    /// It was seen at `seen`, give or take `sd`.
    pub(crate) fn update(&mut self, seen: f32, sd: f32) {
        let total = self.var + sd * sd;
        if total <= 0.0 {
            self.at = seen;
            return;
        }
        let (gain, speed_gain) = (self.var / total, self.cov / total);
        let surprise = seen - self.at;
        self.at += gain * surprise;
        self.speed += speed_gain * surprise;
        self.speed_var -= speed_gain * self.cov;
        self.cov *= 1.0 - gain;
        self.var *= 1.0 - gain;
    }

    /// Moves the whole estimate: the camera moved, not the object.
    pub(crate) fn shift(&mut self, by: f32) {
        self.at += by;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_step_is_many_short_ones() {
        let mut long = Axis::new(0.3, 0.1, 0.7);
        long.speed = 0.2;
        let mut short = long;
        long.predict(1.0, 0.5);
        for _ in 0..25 {
            short.predict(0.04, 0.5);
        }
        for (a, b) in [
            (long.at, short.at),
            (long.var, short.var),
            (long.cov, short.cov),
            (long.speed_var, short.speed_var),
        ] {
            assert!((a - b).abs() < 1e-4, "{long:?} {short:?}");
        }
    }

    #[test]
    fn it_finds_the_speed_under_uneven_steps() {
        let mut axis = Axis::new(0.0, 0.02, 1.0);
        let mut at = 0.0;
        for step in [0.04, 0.2, 1.0, 0.04, 0.5, 0.3, 1.2, 0.04] {
            at += step * 0.25;
            axis.predict(step, 0.01);
            axis.update(at, 0.02);
        }
        assert!((axis.speed - 0.25).abs() < 0.02, "{axis:?}");
        assert!((axis.at - at).abs() < 0.02, "{axis:?}");
    }
}
