//! How many stills an eye may send of a stream, and of what form.

use ocelli_core::{
    MonoTime,
    seam::Pace,
    settings::StillLevel,
    wire::{STILL_BYTES_MAX, StillPurpose},
};

use super::Inner;

/// Stills that may come at once: one for each tag that ends with its stream.
const BURST: f64 = 80.0;
/// Stills a second in the long run.
const PER_SEC: f64 = 4.0;

/// A token bucket.
#[derive(Debug)]
pub(super) struct Allowance {
    left: f64,
    at: MonoTime,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            left: BURST,
            at: MonoTime::default(),
        }
    }
}

impl Allowance {
    fn take(&mut self, now: MonoTime) -> bool {
        let secs = now.micros_since(self.at) as f64 / 1e6;
        self.at = now;
        self.left = (self.left + secs * PER_SEC).min(BURST);
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

impl Inner {
    /// Whether a still of an eye is taken: it is a JPEG of a sound size, the settings ask for it,
    /// and there are not too many. What is not taken is counted.
    pub(crate) fn takes_still(
        &mut self,
        purpose: StillPurpose,
        jpeg: &[u8],
        now: MonoTime,
    ) -> bool {
        let wanted = match purpose {
            StillPurpose::Tag(_) => self.plan.settings.stills != StillLevel::None,
            StillPurpose::Plate | StillPurpose::Live => true,
        };
        let is_jpeg = jpeg.starts_with(&[0xFF, 0xD8, 0xFF]) && jpeg.ends_with(&[0xFF, 0xD9]);
        // Recordings come as fast as the machine allows.
        let calm = self.pace == Pace::Recording || self.stills.take(now);
        let taken = wanted && is_jpeg && jpeg.len() <= STILL_BYTES_MAX && calm;
        self.figures.stills_refused += u64::from(!taken);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eye_that_floods_is_not_followed() {
        let mut allowance = Allowance::default();
        let at = |secs: u64| MonoTime {
            micros: 1_000_000_000 + secs * 1_000_000,
        };
        let taken = |allowance: &mut Allowance, secs| {
            (0..1000).filter(|_| allowance.take(at(secs))).count()
        };
        assert_eq!(taken(&mut allowance, 0), 80);
        assert_eq!(taken(&mut allowance, 10), 40);
        assert_eq!(taken(&mut allowance, 1_000), 80);
    }
}
