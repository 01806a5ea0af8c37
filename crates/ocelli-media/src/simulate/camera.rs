//! A camera: a clip that runs in a loop on wall time, whether anybody watches or not.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
    sync::Arc,
};

use tokio::time::Instant;

use super::{
    Join,
    clip::{Clip, ClipPicture, Packetised, TICKS_PER_SEC},
    counts::StreamCounts,
    dice::{Dice, Purpose},
    link::Link,
    strike::Faults,
};

/// The server's own clock: nanoseconds since it started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn started_now() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    pub(super) fn nanos(self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    pub(super) fn instant(self, nanos: u64) -> Instant {
        self.start + std::time::Duration::from_nanos(nanos)
    }
}

/// One stream's place in time.
pub(super) struct Camera {
    pub(super) index: usize,
    pub(super) clip: Clip,
    /// What [`Faults::sps_change`] goes on with.
    pub(super) other: Option<Clip>,
    pub(super) counts: Arc<StreamCounts>,
    faults: RefCell<Rc<Faults>>,
    /// Connections that asked for this camera; some may be gone.
    links: RefCell<Vec<Weak<Link>>>,
    /// How far into its clip the camera was when the server started, in ticks.
    offset_ticks: u64,
    /// RTP time of tick 0.
    rtp_origin: u32,
}

/// A picture in the endless repetition of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Where the loop starts on the camera's timeline.
    pub(super) base_ticks: u64,
    /// Index into the clip's pictures.
    pub(super) picture: usize,
}

impl Camera {
    pub(super) fn new(
        index: usize,
        (clip, other): (Clip, Option<Clip>),
        (seed, spread): (u64, bool),
        faults: Faults,
        counts: Arc<StreamCounts>,
    ) -> Self {
        let mut dice = Dice::new(seed, Purpose::Camera, index as u64);
        let rtp_origin = dice.next_u32();
        let offset_ticks = if spread {
            dice.below(clip.0.duration_ticks)
        } else {
            0
        };
        Self {
            index,
            clip,
            other,
            counts,
            faults: RefCell::new(Rc::new(faults)),
            links: RefCell::default(),
            offset_ticks,
            rtp_origin,
        }
    }

    /// The faults that the camera commits now.
    pub(super) fn faults(&self) -> Rc<Faults> {
        Rc::clone(&self.faults.borrow())
    }

    /// Replaces the faults, for viewers who are there as well.
    pub(super) fn set_faults(&self, faults: Faults) {
        *self.faults.borrow_mut() = Rc::new(faults);
        for link in self.links.borrow().iter().filter_map(Weak::upgrade) {
            link.wake.notify_one();
        }
    }

    /// Remembers who has to hear of new faults.
    pub(super) fn remember(&self, link: &Rc<Link>) {
        let mut links = self.links.borrow_mut();
        links.retain(|link| link.strong_count() > 0);
        links.push(Rc::downgrade(link));
    }

    /// The live edge of the timeline at `nanos` of the server's clock.
    pub(super) fn live_ticks(&self, nanos: u64) -> u64 {
        let ticks = u128::from(nanos) * u128::from(TICKS_PER_SEC) / 1_000_000_000;
        self.offset_ticks + ticks as u64
    }

    /// When the live edge is at `ticks`, on the server's clock; 0 for all that was before.
    pub(super) fn nanos_at(&self, ticks: u64) -> u64 {
        let ticks = ticks.saturating_sub(self.offset_ticks);
        (u128::from(ticks) * 1_000_000_000 / u128::from(TICKS_PER_SEC)) as u64
    }

    /// RTP time of a place on the timeline.
    pub(super) fn rtp_time(&self, ticks: u64) -> u32 {
        self.rtp_origin.wrapping_add(ticks as u32)
    }

    /// Where a viewer joins at `nanos`.
    pub(super) fn join(&self, nanos: u64, join: Join) -> Position {
        let clip = &*self.clip.0;
        let live = Position::at_or_after(clip, self.live_ticks(nanos));
        match join {
            Join::Anywhere => live,
            Join::NextKey => live.next_key(clip),
            Join::LastKey => live.last_key(clip),
        }
    }
}

impl Position {
    /// The first picture that is sent at `ticks` or later.
    pub(super) fn at_or_after(clip: &Packetised, ticks: u64) -> Self {
        // The last pictures of a loop can be sent after the next one's start: see `send_ticks`.
        let loop_index = (ticks / clip.duration_ticks).saturating_sub(1);
        let mut base_ticks = loop_index * clip.duration_ticks;
        loop {
            let picture = clip
                .pictures
                .partition_point(|picture| base_ticks + picture.send_ticks < ticks);
            if picture < clip.pictures.len() {
                return Self {
                    base_ticks,
                    picture,
                };
            }
            base_ticks += clip.duration_ticks;
        }
    }

    /// This picture if it is a key picture, else the next one.
    pub(super) fn next_key(self, clip: &Packetised) -> Self {
        let next = clip.keys.partition_point(|&key| key < self.picture);
        match clip.keys.get(next) {
            Some(&picture) => Self { picture, ..self },
            None => Self {
                base_ticks: self.base_ticks + clip.duration_ticks,
                picture: clip.keys[0],
            },
        }
    }

    /// The key picture of the group that was being sent just before this picture.
    fn last_key(self, clip: &Packetised) -> Self {
        let next = clip.keys.partition_point(|&key| key < self.picture);
        match next.checked_sub(1) {
            Some(last) => Self {
                picture: clip.keys[last],
                ..self
            },
            None => Self {
                base_ticks: self.base_ticks.saturating_sub(clip.duration_ticks),
                picture: clip.keys[clip.keys.len() - 1],
            },
        }
    }

    /// The picture after this one.
    pub(super) fn advance(&mut self, clip: &Packetised) {
        self.picture += 1;
        if self.picture == clip.pictures.len() {
            self.picture = 0;
            self.base_ticks += clip.duration_ticks;
        }
    }

    pub(super) fn of(self, clip: &Packetised) -> &ClipPicture {
        &clip.pictures[self.picture]
    }

    pub(super) fn send_ticks(self, clip: &Packetised) -> u64 {
        self.base_ticks + self.of(clip).send_ticks
    }

    pub(super) fn show_ticks(self, clip: &Packetised) -> u64 {
        self.base_ticks + self.of(clip).show_ticks
    }
}
