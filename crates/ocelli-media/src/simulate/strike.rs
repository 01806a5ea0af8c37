//! The faults of one stream, in the form in which the sending code asks for them.

use std::{num::NonZeroU32, time::Duration};

use super::{clip::TICKS_PER_SEC, fault::Fault};

/// All faults of one stream; of two of a kind, the later counts. Times are ticks after the viewer's
/// first picture, unless they are called otherwise.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// When they were set, on the server's clock. No fault strikes earlier.
    pub(super) since_nanos: u64,
    pub(super) packets: PacketFaults,
    pub(super) stall: Option<(u64, u64)>,
    pub(super) silence: Option<u64>,
    pub(super) garbage: Option<u64>,
    pub(super) endless: Option<u64>,
    /// When, and how many ticks.
    pub(super) jump: Option<(u64, i64)>,
    pub(super) sps_change: Option<u64>,
    pub(super) wrap: Option<u64>,
    pub(super) huge_picture: bool,
    pub(super) clock_1970: bool,
    /// After the connection.
    pub(super) mute: Option<Duration>,
    /// After the connection.
    pub(super) reset: Option<Duration>,
    /// After the faults were set.
    pub(super) away: Option<(Duration, Duration)>,
    pub(super) unauthorized: bool,
    pub(super) bytes_per_sec: Option<NonZeroU32>,
    pub(super) redirect: Option<String>,
    pub(super) sdp_bytes: Option<usize>,
    pub(super) header_bytes: Option<usize>,
    pub(super) control_url: Option<String>,
}

/// Shares of packets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct PacketFaults {
    pub(super) loss: f64,
    pub(super) reorder: f64,
    pub(super) corrupt: f64,
    pub(super) foreign: f64,
}

impl Faults {
    pub(super) fn new<'a>(faults: impl IntoIterator<Item = &'a Fault>, since_nanos: u64) -> Self {
        let mut all = Self {
            since_nanos,
            ..Self::default()
        };
        for fault in faults {
            all.add(fault);
        }
        all
    }

    fn add(&mut self, fault: &Fault) {
        match *fault {
            Fault::Loss { ratio } => self.packets.loss = ratio,
            Fault::Reorder { ratio } => self.packets.reorder = ratio,
            Fault::Corrupt { ratio } => self.packets.corrupt = ratio,
            Fault::ForeignSsrc { ratio } => self.packets.foreign = ratio,
            Fault::Stall { every, lasting } => self.stall = Some((ticks(every), ticks(lasting))),
            Fault::Silence { after } => self.silence = Some(ticks(after)),
            Fault::Garbage { after } => self.garbage = Some(ticks(after)),
            Fault::TimestampJump { after, by_micros } => {
                let by = i128::from(by_micros) * i128::from(TICKS_PER_SEC) / 1_000_000;
                self.jump = Some((ticks(after), by as i64));
            }
            Fault::SpsChange { after } => self.sps_change = Some(ticks(after)),
            Fault::Wrap { after } => self.wrap = Some(ticks(after)),
            Fault::HugePicture => self.huge_picture = true,
            Fault::Clock1970 => self.clock_1970 = true,
            Fault::Mute { after } => self.mute = Some(after),
            Fault::Reset { after } => self.reset = Some(after),
            Fault::Away { every, lasting } => self.away = Some((every, lasting)),
            Fault::Unauthorized => self.unauthorized = true,
            Fault::Slow { bytes_per_sec } => self.bytes_per_sec = Some(bytes_per_sec),
            Fault::Redirect { ref url } => self.redirect = Some(url.clone()),
            Fault::SdpBomb { bytes } => self.sdp_bytes = Some(bytes),
            Fault::HeaderBomb { bytes } => self.header_bytes = Some(bytes),
            Fault::ControlUrl { ref url } => self.control_url = Some(url.clone()),
            Fault::EndlessPicture { after } => self.endless = Some(ticks(after)),
        }
    }

    /// Whether nothing is answered or sent on a connection that began at `began_nanos`.
    pub(super) fn is_mute(&self, nanos: u64, began_nanos: u64) -> bool {
        self.mute
            .is_some_and(|after| nanos >= self.after_connection(after, began_nanos))
    }

    /// When a connection that began at `began_nanos` and lives at `nanos` is reset; what is not
    /// later than `nanos` is due.
    pub(super) fn reset_nanos(&self, nanos: u64, began_nanos: u64) -> Option<u64> {
        let reset = self
            .reset
            .map(|after| self.after_connection(after, began_nanos));
        reset.into_iter().chain(self.away_nanos(nanos)).min()
    }

    /// `nanos` while the camera is gone, else when it goes next.
    fn away_nanos(&self, nanos: u64) -> Option<u64> {
        let (every, lasting) = self.away?;
        let (every, lasting) = (every.as_nanos() as u64, lasting.as_nanos() as u64);
        let elapsed = nanos.saturating_sub(self.since_nanos);
        let index = elapsed.checked_div(every)?;
        if index > 0 && elapsed % every < lasting {
            return Some(nanos);
        }
        Some(
            self.since_nanos
                .saturating_add(every.saturating_mul(index + 1)),
        )
    }

    fn after_connection(&self, after: Duration, began_nanos: u64) -> u64 {
        began_nanos
            .max(self.since_nanos)
            .saturating_add(after.as_nanos() as u64)
    }

    /// The number of the stall that `elapsed` ticks fall into.
    pub(super) fn stall_at(&self, elapsed: u64) -> Option<u64> {
        let (every, lasting) = self.stall?;
        let index = elapsed.checked_div(every)?;
        (index > 0 && elapsed % every < lasting).then_some(index)
    }
}

fn ticks(duration: Duration) -> u64 {
    (duration.as_nanos() * u128::from(TICKS_PER_SEC) / 1_000_000_000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stalls_come_and_go() {
        let fault = "stall=10s/3s".parse().unwrap();
        let faults = Faults::new([&fault], 0);
        let at = |secs: u64| faults.stall_at(secs * TICKS_PER_SEC);
        let stalled: Vec<_> = (0..35).filter(|&secs| at(secs).is_some()).collect();
        assert_eq!(stalled, [10, 11, 12, 20, 21, 22, 30, 31, 32]);
        assert_eq!((at(12), at(20)), (Some(1), Some(2)));
        assert_eq!(Faults::default().stall_at(10 * TICKS_PER_SEC), None);
    }

    #[test]
    fn faults_set_later_strike_later() {
        let faults = Faults::new(
            ["mute=2s", "reset=3s"].map(|f| f.parse().unwrap()).iter(),
            0,
        );
        let secs = |secs: u64| secs * 1_000_000_000;
        assert!(!faults.is_mute(secs(11), secs(10)));
        assert!(faults.is_mute(secs(12), secs(10)));
        assert_eq!(faults.reset_nanos(secs(11), secs(10)), Some(secs(13)));
        let later = Faults {
            since_nanos: secs(20),
            ..faults
        };
        assert!(!later.is_mute(secs(21), secs(10)));
        assert_eq!(later.reset_nanos(secs(11), secs(10)), Some(secs(23)));
    }

    #[test]
    fn a_camera_goes_and_returns() {
        let fault = "away=10s/3s".parse().unwrap();
        let secs = |secs: u64| secs * 1_000_000_000;
        let faults = Faults::new([&fault], secs(100));
        let is_gone = |at: u64| faults.reset_nanos(secs(at), secs(90)) == Some(secs(at));
        let gone: Vec<_> = (100..135).filter(|&at| is_gone(at)).collect();
        assert_eq!(gone, [110, 111, 112, 120, 121, 122, 130, 131, 132]);
        assert_eq!(faults.reset_nanos(secs(104), secs(90)), Some(secs(110)));
        assert_eq!(faults.reset_nanos(secs(113), secs(90)), Some(secs(120)));
    }
}
