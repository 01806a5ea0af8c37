//! One viewer who plays one camera.

use std::{rc::Rc, time::Duration};

use ocelli_core::WallTime;

use super::{
    Join,
    camera::{Camera, Position},
    clip::{Clip, ClipPicture},
    compose,
    dice::Dice,
    link::Link,
    payload::{PREFIX_BYTES, RTP_HEADER_BYTES, Stamp},
    route::Route,
    rtcp::SenderReport,
    strike::{Faults, PacketFaults},
    tamper::Tamper,
};

/// How often a sender report is due.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// A server that is later than this has been without a processor: it goes on with the present.
const LATE_MAX: Duration = Duration::from_secs(3);
/// A viewer who joined in the past is live once a picture is no later than this.
const LIVE_WITHIN: Duration = Duration::from_millis(100);
/// Where the numbers of [`Faults::wrap`] start: 16 packets before they wrap.
const WRAP_SEQ: u16 = 65_520;

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
    hold: Hold,
    /// The viewer has caught up with the present; from then on, lateness is the server's.
    is_live: bool,
    mischief: Mischief,
}

/// Why nothing goes out before the next key picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Nothing,
    /// The viewer took too few bytes: the numbers go on, so that it sees what is missing.
    TooSlow,
    /// A fault withheld pictures, as a camera does that did not encode them.
    Withheld,
}

/// What faults did to one viewer so far.
struct Mischief {
    tamper: Tamper,
    /// When the first picture was due, on the camera's timeline: faults count from here.
    first_ticks: u64,
    /// Added to RTP time.
    shift: u32,
    /// Faults that strike once have struck if this is when they were set.
    jumped: Option<u64>,
    changed: Option<u64>,
    silenced: Option<u64>,
    /// RTP time of the picture that does not end.
    endless: Option<u32>,
    /// The number of the last stall.
    stall: u64,
}

/// Buffers that all viewers use in turn.
#[derive(Default)]
pub(super) struct Scratch {
    wire: Vec<u8>,
    spoiled: Vec<u8>,
}

impl Viewer {
    /// A viewer of `camera` whose packets carry `ssrc` and count from `seq`.
    pub(super) fn join(
        camera: Rc<Camera>,
        (link, route): (Rc<Link>, Rc<Route>),
        (ssrc, seq, dice): (u32, u16, Dice),
        (nanos, join): (u64, Join),
    ) -> Self {
        let clip = camera.clip.clone();
        let position = camera.join(nanos, join);
        camera.counts.viewers.add(1);
        let mut viewer = Self {
            mischief: Mischief {
                tamper: Tamper::new(dice),
                first_ticks: position.send_ticks(&clip.0),
                shift: 0,
                jumped: None,
                changed: None,
                silenced: None,
                endless: None,
                stall: 0,
            },
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
            hold: Hold::Nothing,
            is_live: join != Join::LastKey,
        };
        if let Some(after) = viewer.camera.faults().wrap {
            viewer.camera.counts.faults.add(1);
            viewer.seq = WRAP_SEQ;
            viewer.mischief.shift = 0u32
                .wrapping_sub(after as u32)
                .wrapping_sub(viewer.next_rtp_time());
        }
        viewer
    }

    /// RTP time of the next picture.
    pub(super) fn next_rtp_time(&self) -> u32 {
        self.rtp_time(self.position.show_ticks(&self.clip.0))
    }

    fn rtp_time(&self, ticks: u64) -> u32 {
        self.camera
            .rtp_time(ticks)
            .wrapping_add(self.mischief.shift)
    }

    /// When the next picture is due, on the server's clock.
    pub(super) fn due_nanos(&self) -> u64 {
        self.camera.nanos_at(self.position.send_ticks(&self.clip.0))
    }

    /// Sends the picture that is due, and moves on to the next one.
    pub(super) fn step(&mut self, nanos: u64, wall: impl Fn() -> WallTime, scratch: &mut Scratch) {
        let late = Duration::from_nanos(nanos.saturating_sub(self.due_nanos()));
        self.is_live |= late < LIVE_WITHIN;
        if late > LATE_MAX && self.is_live {
            self.camera.counts.skipped.add(1);
            return self.rejoin(nanos);
        }
        let faults = self.camera.faults();
        let elapsed = self.elapsed_ticks(&faults);
        self.strike_once(&faults, elapsed);
        let clip = self.clip.clone();
        let picture = self.position.of(&clip.0);
        match self.judge(&faults, elapsed, nanos, picture) {
            Hold::Nothing => {
                let wall = if faults.clock_1970 {
                    WallTime {
                        micros: (nanos / 1000) as i64,
                    }
                } else {
                    wall()
                };
                self.send(&faults, elapsed, (nanos, wall), picture, scratch);
                if self.is_live {
                    let late_micros = late.as_micros() as u64;
                    self.camera.counts.late_micros_max.raise_to(late_micros);
                }
            }
            Hold::TooSlow => {
                self.seq = self.seq.wrapping_add(picture.packets as u16);
                self.camera.counts.dropped.add(1);
            }
            Hold::Withheld => {}
        }
        self.position.advance(&clip.0);
    }

    /// Goes on with the present.
    fn rejoin(&mut self, nanos: u64) {
        self.position = match self.mischief.changed {
            None => self.camera.join(nanos, Join::NextKey),
            Some(_) => Position {
                base_ticks: self.camera.live_ticks(nanos),
                picture: self.clip.0.keys[0],
            },
        };
    }

    /// How long faults have been able to strike; `None` before they were set.
    fn elapsed_ticks(&self, faults: &Faults) -> Option<u64> {
        let first = self.mischief.first_ticks;
        let from = match faults.since_nanos {
            0 => first,
            since => first.max(self.camera.live_ticks(since)),
        };
        self.position.send_ticks(&self.clip.0).checked_sub(from)
    }

    /// Lets the time jump and the clip change, where that is due.
    fn strike_once(&mut self, faults: &Faults, elapsed: Option<u64>) {
        let Some(elapsed) = elapsed else {
            return;
        };
        let since = Some(faults.since_nanos);
        if let Some((after, by)) = faults.jump
            && elapsed >= after
            && self.mischief.jumped != since
        {
            self.mischief.jumped = since;
            self.mischief.shift = self.mischief.shift.wrapping_add(by as u32);
            self.camera.counts.faults.add(1);
        }
        if let (Some(after), Some(other)) = (faults.sps_change, &self.camera.other)
            && elapsed >= after
            && self.mischief.changed != since
        {
            let base_ticks = self.position.send_ticks(&self.clip.0);
            // Changed a second time, it changes back.
            let is_changed = std::sync::Arc::ptr_eq(&self.clip.0, &other.0);
            self.clip = if is_changed { &self.camera.clip } else { other }.clone();
            self.position = Position {
                base_ticks,
                picture: self.clip.0.keys[0],
            };
            self.mischief.changed = since;
            self.camera.counts.faults.add(1);
        }
    }

    /// Whether the picture goes out, and if not, why.
    fn judge(
        &mut self,
        faults: &Faults,
        elapsed: Option<u64>,
        nanos: u64,
        picture: &ClipPicture,
    ) -> Hold {
        let since = Some(faults.since_nanos);
        let is_silent = faults.is_mute(nanos, self.link.began_nanos)
            || elapsed.is_some_and(|elapsed| faults.silence.is_some_and(|after| elapsed >= after));
        if is_silent {
            if self.mischief.silenced != since {
                self.mischief.silenced = since;
                self.camera.counts.faults.add(1);
            }
            self.hold = Hold::Withheld;
        } else if let Some(stall) = elapsed.and_then(|elapsed| faults.stall_at(elapsed)) {
            if self.mischief.stall != stall {
                self.mischief.stall = stall;
                self.camera.counts.faults.add(1);
            }
            self.hold = Hold::Withheld;
        } else {
            if picture.key {
                self.hold = Hold::Nothing;
            }
            let bytes = picture.end - picture.start;
            if self.hold == Hold::Nothing && !self.route.has_room(&self.link, bytes) {
                self.hold = Hold::TooSlow;
            }
        }
        self.hold
    }

    fn send(
        &mut self,
        faults: &Faults,
        elapsed: Option<u64>,
        (nanos, wall): (u64, WallTime),
        picture: &ClipPicture,
        scratch: &mut Scratch,
    ) {
        let Scratch { wire, spoiled } = scratch;
        wire.clear();
        if nanos >= self.report_due_nanos {
            self.append_report(nanos, wall, wire);
            self.camera.counts.faults.add(u64::from(faults.clock_1970));
        }
        let start = wire.len();
        let timestamp = self.compose(faults, elapsed, picture, wire);
        let stamp = Stamp {
            channel: self.route.rtp_channel(),
            timestamp,
            ssrc: self.ssrc,
        };
        let seq = stamp.write_all(&mut wire[start..], self.seq);
        self.count(seq.wrapping_sub(self.seq), wire.len() - start);
        self.seq = seq;

        let mut outgoing = &*wire;
        if faults.packets != PacketFaults::default() {
            spoiled.clear();
            spoiled.extend(&wire[..start]);
            let packets = PacketFaults {
                reorder: match *self.route {
                    Route::Udp(_) => faults.packets.reorder,
                    Route::Interleaved { .. } => 0.0,
                },
                ..faults.packets
            };
            let tamper = &mut self.mischief.tamper;
            let strikes = tamper.spoil(packets, &wire[start..], spoiled);
            self.camera.counts.faults.add(strikes);
            outgoing = spoiled;
        }
        let is_garbage =
            elapsed.is_some_and(|elapsed| faults.garbage.is_some_and(|after| elapsed >= after));
        let unsent = if is_garbage {
            self.camera.counts.faults.add(1);
            let garbage = self.route.garble(outgoing, &mut self.mischief.tamper);
            self.route.send(&self.link, &garbage)
        } else {
            self.route.send(&self.link, outgoing)
        };
        self.camera.counts.unsent.add(unsent);
    }

    /// Appends the packets of `picture`, unstamped. Returns their RTP time.
    fn compose(
        &mut self,
        faults: &Faults,
        elapsed: Option<u64>,
        picture: &ClipPicture,
        wire: &mut Vec<u8>,
    ) -> u32 {
        let now = self.next_rtp_time();
        if elapsed
            .zip(faults.endless)
            .is_some_and(|(elapsed, after)| elapsed >= after)
        {
            let begun = self.mischief.endless;
            if begun.is_none() {
                self.camera.counts.faults.add(1);
            }
            compose::fragments(self.clip.0.codec, begun.is_none(), wire);
            return *self.mischief.endless.get_or_insert(now);
        }
        self.mischief.endless = None;
        let with_sets = self.mischief.changed.is_some();
        compose::picture(
            &self.clip.0,
            picture,
            (with_sets, faults.huge_picture),
            wire,
        );
        now
    }

    fn count(&mut self, packets: u16, bytes: usize) {
        let rtp_bytes = bytes - usize::from(packets) * PREFIX_BYTES;
        let counts = &self.camera.counts;
        counts.pictures.add(1);
        counts.packets.add(u64::from(packets));
        counts.bytes.add(rtp_bytes as u64);
        let octets = rtp_bytes - usize::from(packets) * RTP_HEADER_BYTES;
        self.packets = self.packets.wrapping_add(u32::from(packets));
        self.octets = self.octets.wrapping_add(octets as u32);
    }

    fn append_report(&mut self, nanos: u64, wall: WallTime, wire: &mut Vec<u8>) {
        self.report_due_nanos = nanos + REPORT_EVERY.as_nanos() as u64;
        self.camera.counts.reports.add(1);
        SenderReport {
            ssrc: self.ssrc,
            wall_micros: wall.micros.max(0) as u64,
            timestamp: self.rtp_time(self.camera.live_ticks(nanos)),
            packets: self.packets,
            octets: self.octets,
        }
        .append(
            self.route.rtcp_channel(),
            &format!("cam-{}@ocelli-simulate", self.camera.index),
            wire,
        );
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.camera.counts.viewers.take_one();
    }
}
