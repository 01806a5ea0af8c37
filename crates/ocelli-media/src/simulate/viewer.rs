//! One viewer who plays one camera.

use std::{rc::Rc, time::Duration};

use ocelli_core::WallTime;

use super::{
    Join,
    camera::{Camera, Position},
    clip::Clip,
    link::Link,
    payload::{self, Stamp},
    route::Route,
    rtcp::SenderReport,
};

/// How often a sender report is due.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// A server that is later than this has been without a processor: it goes on with the present.
const LATE_MAX: Duration = Duration::from_secs(3);

/// The next packets of one viewer.
pub(super) struct Viewer {
    camera: Rc<Camera>,
    link: Rc<Link>,
    route: Rc<Route>,
    clip: Clip,
    position: Position,
    pub(super) seq: u16,
    ssrc: u32,
    /// What sender reports count: both wrap (RFC 3550, section 6.4.1).
    packets: u32,
    octets: u32,
    report_due_nanos: u64,
    /// The viewer was too slow: nothing goes out before the next key picture.
    awaits_key: bool,
    /// The viewer has caught up with the present; from then on, lateness is the server's.
    is_live: bool,
}

/// A viewer who joined in the past is live once a picture is no later than this.
const LIVE_WITHIN: Duration = Duration::from_millis(100);

impl Viewer {
    pub(super) fn join(
        camera: Rc<Camera>,
        link: Rc<Link>,
        route: Rc<Route>,
        (ssrc, seq): (u32, u16),
        (nanos, join): (u64, Join),
    ) -> Self {
        let clip = camera.clip.clone();
        let position = camera.join(nanos, join);
        camera.counts.viewers.add(1);
        Self {
            camera,
            link,
            route,
            clip,
            position,
            seq,
            ssrc,
            packets: 0,
            octets: 0,
            report_due_nanos: 0,
            awaits_key: false,
            is_live: join != Join::LastKey,
        }
    }

    /// RTP time of the next picture.
    pub(super) fn next_rtp_time(&self) -> u32 {
        self.camera.rtp_time(self.position.show_ticks(&self.clip.0))
    }

    /// When the next picture is due, on the server's clock.
    pub(super) fn due_nanos(&self) -> u64 {
        self.camera.nanos_at(self.position.send_ticks(&self.clip.0))
    }

    /// Sends the picture that is due, and moves on to the next one. `scratch` is any buffer.
    pub(super) fn step(&mut self, nanos: u64, wall: impl Fn() -> WallTime, scratch: &mut Vec<u8>) {
        let late_nanos = nanos.saturating_sub(self.due_nanos());
        let late = Duration::from_nanos(late_nanos);
        self.is_live |= late < LIVE_WITHIN;
        if late > LATE_MAX && self.is_live {
            self.camera.counts.skipped.add(1);
            self.position = self.camera.join(nanos, Join::NextKey);
            return;
        }
        let clip = self.clip.clone();
        let picture = self.position.of(&clip.0);
        self.awaits_key &= !picture.key;
        let bytes = picture.end - picture.start;
        if self.awaits_key || !self.route.has_room(&self.link, bytes) {
            // The numbers go on, so that the viewer sees that something is missing.
            self.seq = self.seq.wrapping_add(picture.packets as u16);
            self.awaits_key = true;
            self.camera.counts.dropped.add(1);
        } else {
            scratch.clear();
            if nanos >= self.report_due_nanos {
                self.append_report(nanos, wall(), scratch);
            }
            let start = scratch.len();
            scratch.extend_from_slice(&clip.0.wire[picture.start..picture.end]);
            let stamp = Stamp {
                channel: self.route.rtp_channel(),
                timestamp: self.next_rtp_time(),
                ssrc: self.ssrc,
            };
            self.seq = stamp.write_all(&mut scratch[start..], self.seq);
            let sent = self.route.send(&self.link, scratch);
            self.count(picture.packets, bytes, late_nanos);
            self.camera.counts.unsent.add(sent.unsent);
        }
        self.position.advance(&clip.0);
    }

    fn count(&mut self, packets: u32, bytes: usize, late_nanos: u64) {
        let rtp_bytes = bytes - packets as usize * payload::PREFIX_BYTES;
        let counts = &self.camera.counts;
        counts.pictures.add(1);
        counts.packets.add(u64::from(packets));
        counts.bytes.add(rtp_bytes as u64);
        if self.is_live {
            counts.late_micros_max.raise_to(late_nanos / 1000);
        }
        let octets = rtp_bytes - packets as usize * payload::RTP_HEADER_BYTES;
        self.packets = self.packets.wrapping_add(packets);
        self.octets = self.octets.wrapping_add(octets as u32);
    }

    fn append_report(&mut self, nanos: u64, wall: WallTime, scratch: &mut Vec<u8>) {
        self.report_due_nanos = nanos + REPORT_EVERY.as_nanos() as u64;
        self.camera.counts.reports.add(1);
        SenderReport {
            ssrc: self.ssrc,
            wall_micros: wall.micros.max(0) as u64,
            timestamp: self.camera.rtp_time(self.camera.live_ticks(nanos)),
            packets: self.packets,
            octets: self.octets,
        }
        .append(
            self.route.rtcp_channel(),
            &format!("cam-{}@ocelli-simulate", self.camera.index),
            scratch,
        );
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.camera.counts.viewers.take_one();
    }
}
