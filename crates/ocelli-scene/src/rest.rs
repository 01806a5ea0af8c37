//! Standing still and moving again.

use ocelli_core::MediaTime;
use serde::{Deserialize, Serialize};

use crate::plane::{SquareBox, Vec2};

/// An object is away from where it stood when it is this many of its sizes from there.
const AWAY_SIZES: f32 = 0.3;
/// Looks away from the place that make a standing object a moving one.
const AWAY_LOOKS: u8 = 2;
/// Within this time the remembered place follows the object: wind and heat move cameras slowly.
const FOLLOW_SECS: f32 = 60.0;

/// Where an object is at rest, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rest {
    place: SquareBox,
    since: MediaTime,
    last: MediaTime,
    still: bool,
    away: u8,
}

/// What a look changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    None,
    /// It has stood for so many seconds.
    Stopped(f32),
    /// It had stood for so many seconds.
    Moved(f32),
}

impl Rest {
    pub(crate) fn new(place: SquareBox, at: MediaTime) -> Self {
        Self {
            place,
            since: at,
            last: at,
            still: false,
            away: 0,
        }
    }

    /// Since when it stands, if it does.
    pub(crate) fn still_since(&self) -> Option<MediaTime> {
        self.still.then_some(self.since)
    }

    /// Since when it has been where it is, whether that is long or not.
    pub(crate) fn since(&self) -> MediaTime {
        self.since
    }

    pub(crate) fn look(
        &mut self,
        now: SquareBox,
        at: MediaTime,
        stopped_after_secs: f32,
    ) -> Change {
        let dt = at.secs_since(self.last) as f32;
        let stood = self.last.secs_since(self.since) as f32;
        self.last = at;
        if distance(self.place, now) > AWAY_SIZES * self.place.size() {
            self.away += 1;
            if self.still && self.away < AWAY_LOOKS {
                return Change::None;
            }
            let was_still = self.still;
            *self = Self::new(now, at);
            return if was_still {
                Change::Moved(stood)
            } else {
                Change::None
            };
        }
        self.away = 0;
        if self.still {
            let pull = (dt / FOLLOW_SECS).clamp(0.0, 1.0);
            let step = now.centre.minus(self.place.centre).times(pull);
            self.place.centre = self.place.centre.plus(step);
            return Change::None;
        }
        let standing = at.secs_since(self.since) as f32;
        if standing >= stopped_after_secs {
            self.still = true;
            return Change::Stopped(standing);
        }
        Change::None
    }

    /// The camera moved.
    pub(crate) fn shift(&mut self, by: Vec2) {
        self.place.centre = self.place.centre.plus(by);
    }
}

/// How far the edge that moved least has moved: a box that is cut off by something in front of the
/// object keeps at least one edge.
fn distance(a: SquareBox, b: SquareBox) -> f32 {
    let centre = b.centre.minus(a.centre);
    let (w, h) = ((b.w - a.w) / 2.0, (b.h - a.h) / 2.0);
    [(0.0, h), (0.0, -h), (w, 0.0), (-w, 0.0)]
        .into_iter()
        .map(|(x, y)| centre.plus(Vec2 { x, y }).length())
        .fold(f32::INFINITY, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car(x: f32, h: f32) -> SquareBox {
        SquareBox {
            centre: Vec2 {
                x,
                y: 0.5 + h / 2.0,
            },
            w: 0.2,
            h,
        }
    }

    #[test]
    fn a_car_parks_is_half_hidden_and_leaves() {
        let mut rest = Rest::new(car(0.1, 0.1), MediaTime::default());
        let mut changes = Vec::new();
        for look in 1..60_i32 {
            let at = MediaTime::from_secs(f64::from(look));
            let now = match look {
                ..=10 => car(0.1 + 0.05 * look as f32, 0.1),
                30..40 => car(0.6, 0.05),
                50.. => car(0.6 + 0.05 * (look - 49) as f32, 0.1),
                _ => car(0.605, 0.1),
            };
            let change = rest.look(now, at, 10.0);
            if change != Change::None {
                changes.push((look, change));
            }
        }
        assert_eq!(changes.len(), 2, "{changes:?}");
        assert!(
            matches!(changes[0], (19..=20, Change::Stopped(_))),
            "{changes:?}"
        );
        assert!(
            matches!(changes[1], (51..=53, Change::Moved(39.0..42.0))),
            "{changes:?}"
        );
    }
}
