//! A stream's place in an eye.

use std::sync::Arc;

use ocelli_core::{
    Attention, MonoTime, SceneState, StreamId, WallTime,
    accounting::DropReason,
    seam::Pace,
    wire::{StreamCounts, ToEye},
};

use super::{End, Inner, Skip};
use crate::{
    keys::{Keys, day_of},
    outbox::Outbox,
    status::StreamState,
};

/// A state that is older is of no use: what it knew has moved on.
const STATE_MICROS_MAX: u64 = 10_000_000;

/// Deaths of an eye are held against a stream for this long.
const DEATHS_MICROS_MAX: u64 = 3_600_000_000;

/// One life of one eye, as a stream sees it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) stream: StreamId,
    /// Index of the eye.
    pub(crate) eye: usize,
    /// Counts the processes of all eyes: each has its own.
    pub(crate) life: u64,
    pub(crate) outbox: Arc<Outbox>,
}

/// Where a stream is.
pub(crate) enum Seat {
    /// In no eye.
    None,
    /// In this one.
    At(Place),
    /// `Release` was sent; the answer is awaited.
    Leaving {
        /// From here.
        from: Place,
        /// Whether another eye goes on.
        moving: bool,
    },
}

/// An eye spoke of a stream that it does not have, or settled what it never got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreign;

impl Inner {
    /// Whether the stream is in this life of an eye.
    pub(crate) fn is_in(&self, life: u64) -> bool {
        match &self.seat {
            Seat::None => false,
            Seat::At(place) | Seat::Leaving { from: place, .. } => place.life == life,
        }
    }

    /// Whether an eye should have it: it runs, and something came out of its source.
    pub(crate) fn wants_eye(&self) -> bool {
        self.may_run()
            && self.parameters.is_some()
            && self.fault.is_none()
            && self.end != End::Done
            && matches!(
                self.state,
                StreamState::Live | StreamState::Connecting | StreamState::Unavailable
            )
    }

    /// Takes a place, with all that an eye has to know.
    pub(crate) fn adopt(
        &mut self,
        place: Place,
        keys: &Keys,
        (now, wall): (MonoTime, WallTime),
    ) -> Result<(), getrandom::Error> {
        let stream = place.stream;
        let key = self.key_of_day(stream, keys, wall)?.0;
        let (state, expired) = match &self.scene {
            Some((state, at)) => {
                let expired = now.micros_since(*at) > STATE_MICROS_MAX;
                (Some(state.clone()), expired && self.pace == Pace::Live)
            }
            None => (None, false),
        };
        let epoch = keys.epoch(stream, self.scenes)?;
        self.scenes += 1;
        let outbox = &place.outbox;
        outbox.push(ToEye::Adopt {
            stream,
            settings: self.settings(),
            key,
            epoch,
            state,
            expired,
        });
        if let Some(parameters) = &self.parameters {
            outbox.push(ToEye::Parameters {
                stream,
                generation: self.generation,
                parameters: parameters.clone(),
            });
        }
        if self.show_rate > 0.0 {
            outbox.push(ToEye::Show {
                stream,
                rate: self.show_rate,
            });
        }
        if matches!(self.end, End::Asked(..)) {
            outbox.push(ToEye::End { stream });
        }
        self.home = place.eye;
        self.seat = Seat::At(place);
        self.want = None;
        self.asked = None;
        self.last_key_sent = None;
        Ok(())
    }

    /// The key for the day of `wall`, and whether it is a new one. A recording keeps its first
    /// key: its days are not those of the clock.
    fn key_of_day(
        &mut self,
        stream: StreamId,
        keys: &Keys,
        wall: WallTime,
    ) -> Result<(ocelli_core::TagKey, bool), getrandom::Error> {
        let day = match self.pace {
            Pace::Live => day_of(wall),
            Pace::Recording => 0,
        };
        match &self.key {
            Some((of_day, key)) if *of_day == day => Ok((key.clone(), false)),
            _ => {
                let key = keys.key(stream, day)?;
                self.key = Some((day, key.clone()));
                Ok((key, true))
            }
        }
    }

    /// Another day begins: new tags are made under another key.
    pub(crate) fn rekey(&mut self, keys: &Keys, wall: WallTime) -> Result<(), getrandom::Error> {
        let Seat::At(place) = &self.seat else {
            return Ok(());
        };
        let place = place.clone();
        let (key, new) = self.key_of_day(place.stream, keys, wall)?;
        if new {
            place.outbox.push(ToEye::Rekey {
                stream: place.stream,
                key,
            });
        }
        Ok(())
    }

    /// Gives the place up. With `moving`, the scene goes on elsewhere.
    pub(crate) fn leave(&mut self, moving: bool) {
        self.move_to = None;
        match std::mem::replace(&mut self.seat, Seat::None) {
            Seat::None => {}
            Seat::At(from) => {
                from.outbox.push(ToEye::Release {
                    stream: from.stream,
                    moving,
                });
                self.want = None;
                self.asked = None;
                self.hold.attach(false);
                self.seat = Seat::Leaving { from, moving };
            }
            leaving @ Seat::Leaving { .. } => self.seat = leaving,
        }
    }

    /// At a key picture, a stream that should move leaves: nothing is lost on the way.
    pub(super) fn leave_for_move(&mut self) {
        if let Some(to) = self.move_to.take()
            && matches!(self.seat, Seat::At(_))
        {
            self.leave(true);
            self.home = to;
        }
    }

    /// The eye gave it up; all its packets are settled.
    pub(crate) fn released(
        &mut self,
        state: Option<SceneState>,
        now: MonoTime,
    ) -> Result<(), Foreign> {
        let Seat::Leaving { moving, .. } = &self.seat else {
            return Err(Foreign);
        };
        self.scene = if *moving {
            state.map(|state| (state, now))
        } else {
            None
        };
        if !moving {
            self.figures.tags = 0;
        }
        self.seat_lost();
        Ok(())
    }

    /// The place is gone, and what was on its way there.
    pub(crate) fn seat_lost(&mut self) {
        let lost = std::mem::take(&mut self.in_flight);
        self.settle_drops(DropReason::EyeLost, lost);
        self.seat = Seat::None;
        self.want = None;
        self.asked = None;
        self.attention = Attention::Steady;
        self.hold.attach(false);
        self.skipping = Some(Skip::Drop(DropReason::NoKey));
        self.gap = false;
        self.shed_micros = 0;
    }

    /// What became of packets in the eye.
    pub(crate) fn count(&mut self, counts: &StreamCounts) -> Result<(), Foreign> {
        let settled = &counts.settled;
        let numbers = [settled.gated, settled.decoded, settled.corrupt];
        // The numbers come from a process that a hostile stream may have taken over.
        let total = numbers
            .iter()
            .chain(&settled.dropped)
            .try_fold(0_u64, |sum, number| sum.checked_add(*number))
            .ok_or(Foreign)?;
        self.in_flight = self.in_flight.checked_sub(total).ok_or(Foreign)?;
        self.ledger.settled.add(settled);
        self.figures.add(counts);
        Ok(())
    }

    /// It stood first when its eye died. Returns how often that happened lately.
    pub(crate) fn blame(&mut self, now: MonoTime) -> usize {
        self.deaths
            .retain(|at| now.micros_since(*at) < DEATHS_MICROS_MAX);
        self.deaths.push(now);
        self.deaths.len()
    }

    /// The source is at its end: the eye is to look at what is left.
    pub(crate) fn ask_end(&mut self, then: StreamState, reason: &str) {
        if self.parameters.is_none() || self.fault.is_some() {
            // There never was anything to look at, or the eye has given it up already.
            self.end = End::Done;
            self.state = then;
            reason.clone_into(&mut self.reason);
            return;
        }
        self.end = End::Asked(then, reason.to_owned());
        if let Seat::At(place) = &self.seat {
            place.outbox.push(ToEye::End {
                stream: place.stream,
            });
        }
    }

    /// The eye has looked at all of it. Without effect if it was not asked, or is leaving for
    /// another reason: then the answer crossed the news.
    pub(crate) fn ended(&mut self) {
        if !matches!(self.seat, Seat::At(_)) {
            return;
        }
        match std::mem::replace(&mut self.end, End::Done) {
            End::Asked(then, reason) => {
                self.state = then;
                self.reason = reason;
                self.leave(false);
            }
            other => self.end = other,
        }
    }
}
