//! From a connection's times to the stream's own monotone media time.

use ocelli_core::{MediaTime, MonoTime, seam::Pace};

/// A step back smaller than this is a camera's disorder and is smoothed over; a larger one is a
/// new timeline, in microseconds.
const DISORDER_MICROS: i64 = 500_000;

/// A live camera whose time runs ahead of its packets by more than this has jumped.
const JUMP_MICROS: i64 = 5_000_000;

/// A recording may have gaps; a larger one than this is taken as a damaged time stamp.
const RECORDING_GAP_MICROS: i64 = 3_600_000_000;

/// Step between pictures until two were seen: 25 a second.
const STEP_MICROS: i64 = 40_000;

/// The mapping of one stream. It lives as long as the stream, over all its connections.
#[derive(Debug)]
pub(crate) struct Timeline {
    pace: Pace,
    /// Media time minus the connection's time; unknown at the start of a connection.
    offset_micros: Option<i64>,
    last: Option<Last>,
    step_micros: i64,
    /// Whether the next packet follows the last one directly, whatever time has passed.
    rewound: bool,
    jumps: u64,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    dts: MediaTime,
    received: MonoTime,
}

impl Timeline {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            offset_micros: None,
            last: None,
            step_micros: STEP_MICROS,
            rewound: false,
            jumps: 0,
        }
    }

    /// The next packet comes from another connection.
    pub(crate) fn reconnected(&mut self) {
        self.offset_micros = None;
    }

    /// The recording starts anew: the next packet follows the last one.
    pub(crate) fn rewound(&mut self) {
        self.offset_micros = None;
        self.rewound = true;
    }

    /// Jumps of the camera's time that were smoothed over.
    pub(crate) fn jumps(&self) -> u64 {
        self.jumps
    }

    /// Media times of a packet with the connection's times `dts` and `pts`, in microseconds.
    pub(crate) fn map(
        &mut self,
        dts_micros: i64,
        pts_micros: i64,
        received: MonoTime,
    ) -> (MediaTime, MediaTime) {
        let dts = match self.last {
            None => {
                self.offset_micros = Some(dts_micros.saturating_neg());
                MediaTime::default()
            }
            Some(last) => self.follow(last, dts_micros, received),
        };
        self.last = Some(Last { dts, received });
        let reorder_micros = pts_micros.saturating_sub(dts_micros).clamp(0, JUMP_MICROS);
        (dts, dts.plus_micros(reorder_micros))
    }

    fn follow(&mut self, last: Last, dts_micros: i64, received: MonoTime) -> MediaTime {
        let waited_micros = match self.pace {
            Pace::Live => received.micros_since(last.received) as i64,
            Pace::Recording => 0,
        };
        let candidate = self
            .offset_micros
            .map(|offset| dts_micros.saturating_add(offset));
        if let Some(micros) = candidate {
            let step = micros.saturating_sub(last.dts.micros);
            let ahead_max = match self.pace {
                Pace::Live => waited_micros + JUMP_MICROS,
                Pace::Recording => RECORDING_GAP_MICROS,
            };
            if step > 0 && step <= ahead_max {
                if step < 1_000_000 {
                    self.step_micros = step;
                }
                return MediaTime { micros };
            }
            if step <= 0 && step > -DISORDER_MICROS {
                return last.dts.plus_micros(1);
            }
            self.jumps += 1;
        }
        let rewound = std::mem::take(&mut self.rewound);
        let step = if rewound {
            self.step_micros
        } else {
            self.step_micros.max(waited_micros)
        };
        let dts = last.dts.plus_micros(step.max(1));
        self.offset_micros = Some(dts.micros.saturating_sub(dts_micros));
        dts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(secs: f64) -> MonoTime {
        MonoTime {
            micros: (secs * 1e6) as u64,
        }
    }

    #[test]
    fn follows_the_camera_and_survives_its_jumps() {
        let mut timeline = Timeline::new(Pace::Live);
        assert_eq!(timeline.map(7_000_000, 7_000_000, at(0.0)).0.micros, 0);
        assert_eq!(
            timeline.map(7_040_000, 7_120_000, at(0.04)).1.micros,
            120_000
        );
        // An hour forward, while 40 ms passed.
        let jumped = timeline.map(3_607_080_000, 3_607_080_000, at(0.08)).0;
        assert_eq!(jumped.micros, 80_000);
        // And back.
        assert_eq!(
            timeline.map(7_120_000, 7_120_000, at(0.12)).0.micros,
            120_000
        );
        assert_eq!(timeline.jumps(), 2);
    }

    #[test]
    fn a_reconnect_takes_as_long_as_it_took() {
        let mut timeline = Timeline::new(Pace::Live);
        timeline.map(0, 0, at(0.0));
        timeline.reconnected();
        let (dts, _) = timeline.map(55_000_000, 55_000_000, at(30.0));
        assert_eq!(dts.micros, 30_000_000);
    }

    #[test]
    fn a_loop_goes_on_without_a_gap() {
        let mut timeline = Timeline::new(Pace::Recording);
        timeline.map(0, 0, at(0.0));
        timeline.map(100_000, 100_000, at(0.0));
        timeline.rewound();
        assert_eq!(timeline.map(0, 0, at(9.0)).0.micros, 200_000);
    }

    proptest! {
        #[test]
        fn media_time_is_monotone(
            steps in prop::collection::vec((any::<i64>(), any::<i64>(), 0_u64..10_000_000, 0_u8..8), 1..200),
            live in any::<bool>(),
        ) {
            let mut timeline = Timeline::new(if live { Pace::Live } else { Pace::Recording });
            let mut now = 0;
            let mut last = None;
            for (dts, pts, waited, what) in steps {
                now += waited;
                match what {
                    0 => timeline.reconnected(),
                    1 => timeline.rewound(),
                    _ => {}
                }
                let (dts, pts) = timeline.map(dts, pts, MonoTime { micros: now });
                prop_assert!(pts >= dts);
                if let Some(last) = last {
                    prop_assert!(dts > last);
                }
                last = Some(dts);
            }
        }
    }
}
