//! When the packets of a recording come, if it is to look like a live camera.

use std::time::Duration;

use ocelli_core::seam::SourceItem;
use tokio::time::Instant;

/// A packet that is later than this is not caught up with: whoever reads stood still, and a camera
/// would not have waited.
const LATE_MAX: Duration = Duration::from_secs(2);
/// The longest wait for one packet: a gap in a recording is not sat out.
const WAIT_MAX_MICROS: i64 = 60_000_000;

/// Gives each packet its time: its decoding time, seen from the first packet.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    last: Option<Last>,
    step_micros: i64,
}

#[derive(Debug)]
struct Last {
    due: Instant,
    dts_micros: i64,
    /// The recording starts anew after it.
    rewound: bool,
}

impl Schedule {
    /// Waits until the item is due.
    pub(super) async fn hold(&mut self, item: &SourceItem) {
        match item {
            SourceItem::Packet(packet) => {
                let due = self.due(packet.dts_micros, Instant::now());
                tokio::time::sleep_until(due).await;
            }
            SourceItem::Rewound => {
                if let Some(last) = &mut self.last {
                    last.rewound = true;
                }
            }
            _ => {}
        }
    }

    fn due(&mut self, dts_micros: i64, now: Instant) -> Instant {
        let due = match &self.last {
            None => now,
            Some(last) => {
                if !last.rewound {
                    let step = dts_micros.saturating_sub(last.dts_micros);
                    self.step_micros = step.clamp(0, WAIT_MAX_MICROS);
                }
                // After the last packet of a loop the first of the next comes at the usual distance.
                let due = last.due + Duration::from_micros(self.step_micros as u64);
                if now.saturating_duration_since(due) > LATE_MAX {
                    now
                } else {
                    due
                }
            }
        };
        self.last = Some(Last {
            due,
            dts_micros,
            rewound: false,
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_keep_their_distance() {
        let mut schedule = Schedule::default();
        let start = Instant::now();
        let after = |schedule: &mut Schedule, dts, now| {
            let due = schedule.due(dts, start + Duration::from_micros(now));
            due.saturating_duration_since(start).as_micros()
        };
        assert_eq!(after(&mut schedule, -80_000, 0), 0);
        assert_eq!(after(&mut schedule, -40_000, 1), 40_000);
        assert_eq!(after(&mut schedule, 0, 40_001), 80_000);
        schedule.last.as_mut().unwrap().rewound = true;
        assert_eq!(
            after(&mut schedule, -80_000, 80_001),
            120_000,
            "the next loop"
        );
        assert_eq!(
            after(&mut schedule, -40_000, 500_000),
            160_000,
            "caught up with"
        );
        assert_eq!(
            after(&mut schedule, 0, 10_000_000),
            10_000_000,
            "not caught up with"
        );
        assert_eq!(
            after(&mut schedule, i64::MAX, 10_000_000),
            70_000_000,
            "not sat out"
        );
    }
}
