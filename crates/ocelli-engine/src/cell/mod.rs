//! One stream in the parent: its account, its place in an eye, and the packets that wait.
//!
//! The ingest task offers packets, the task of the eye reports what became of them; both work on
//! [`Inner`] under one lock, held for microseconds, so that at all times
//! `received = gated + decoded + dropped + corrupt + held` and no packet is settled twice.

mod figures;
mod flow;
mod seat;
mod stills;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocelli_core::{
    Attention, CodecParameters, MediaTime, MonoTime, Packet, SceneState, StreamId, TagKey, Want,
    accounting::{DropReason, Ledger},
    seam::{Pace, PacketSight, Source},
    settings::{GateKind, StreamSettings},
    wire::ToEye,
};
use tokio::sync::{Notify, watch};

use figures::Figures;
pub(crate) use seat::{Foreign, Place, Seat};
use stills::Allowance;

use crate::{hold::Hold, plan::StreamPlan, status::StreamState, timeline::Timeline};

/// What an ingest task is to do.
#[derive(Clone)]
pub(crate) struct Order {
    /// The source to read; `None` rests.
    pub(crate) source: Option<Arc<dyn Source>>,
    /// The stream was taken away: the task ends.
    pub(crate) removed: bool,
}

/// One stream, shared by its ingest task and the tasks of the eyes.
pub(crate) struct Cell {
    pub(crate) id: StreamId,
    pub(crate) name: Arc<str>,
    pub(crate) pace: Pace,
    inner: Mutex<Inner>,
    /// Somebody who waits for a place, a want or an end should look again.
    pub(crate) changed: Notify,
    /// The connection is of no use any more: see [`Inner::fault`].
    pub(crate) faulted: Notify,
    pub(crate) orders: watch::Sender<Order>,
}

/// What the lock of a [`Cell`] protects.
pub(crate) struct Inner {
    pub(crate) plan: StreamPlan,
    pub(crate) pace: Pace,
    pub(crate) state: StreamState,
    pub(crate) reason: String,
    pub(crate) timeline: Timeline,
    pub(crate) ledger: Ledger,
    pub(crate) hold: Hold,
    /// Index of the eye that has it, or should.
    pub(crate) home: usize,
    /// Index of the eye that it should move to at its next key picture.
    pub(crate) move_to: Option<usize>,
    pub(crate) seat: Seat,
    /// What the eye needs; unknown until it says so.
    pub(crate) want: Option<Want>,
    /// What the eye was asked to judge and has not answered.
    asked: Option<Question>,
    /// How often it answered that there is nothing.
    pub(crate) refuted: u64,
    /// How much the eye looks at it.
    pub(crate) attention: Attention,
    /// What its packet gate knows, if it has one.
    pub(crate) sight: Option<PacketSight>,
    /// Packets that the eye has not settled.
    in_flight: u64,
    /// A recording's packet that waits for room.
    waiting: u64,
    /// Why packets up to the next key picture do not reach the eye, if they do not.
    skipping: Option<Skip>,
    /// The eye has to be told that packets are missing before the next one.
    gap: bool,
    /// Media time that was shed since the last packet that was sent, in microseconds.
    shed_micros: i64,
    last_pts: Option<MediaTime>,
    last_key_sent: Option<MediaTime>,
    pub(crate) parameters: Option<CodecParameters>,
    pub(crate) generation: u32,
    /// Where a replacement goes on, and when it came.
    pub(crate) scene: Option<(SceneState, MonoTime)>,
    /// Scenes that began: each has an epoch of its own.
    scenes: u64,
    key: Option<(u32, TagKey)>,
    /// What ends the connection that is open; it stays until the next is opened.
    pub(crate) fault: Option<Fault>,
    pub(crate) end: End,
    /// Deaths of an eye at which this stream stood first.
    pub(crate) deaths: Vec<MonoTime>,
    pub(crate) show_rate: f32,
    /// Live pictures were asked for: some may still be on their way.
    pub(crate) was_shown: bool,
    pub(crate) figures: Figures,
    stills: Allowance,
    /// The stream was taken away; it is forgotten once no eye has it.
    pub(crate) removed: bool,
}

/// What happens to packets before the next key picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    /// Nobody wanted them.
    Gate,
    /// They were wanted, and are of no use.
    Drop(DropReason),
}

/// What an eye is asked to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// A group in which the packet gate saw a change.
    Change,
    /// A recording's key picture.
    Key,
}

/// Why an eye wants no more of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: String,
}

/// How far the end of a recording is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It goes on.
    Open,
    /// Its last packet was sent; the eye is to look at it. Then it is in this state.
    Asked(StreamState, String),
    /// The eye has looked at all of it.
    Done,
}

impl Cell {
    pub(crate) fn new(id: StreamId, plan: StreamPlan, home: usize) -> Self {
        let pace = plan.source.pace();
        let order = order_of(&plan);
        let state = first_state(&plan);
        Self {
            id,
            name: Arc::clone(&plan.name),
            pace,
            inner: Mutex::new(Inner {
                plan,
                pace,
                state,
                reason: String::new(),
                timeline: Timeline::new(pace),
                ledger: Ledger::default(),
                hold: Hold::default(),
                home,
                move_to: None,
                seat: Seat::None,
                want: None,
                asked: None,
                refuted: 0,
                attention: Attention::Steady,
                sight: None,
                in_flight: 0,
                waiting: 0,
                skipping: Some(Skip::Drop(DropReason::NoKey)),
                gap: false,
                shed_micros: 0,
                last_pts: None,
                last_key_sent: None,
                parameters: None,
                generation: 0,
                scene: None,
                scenes: 0,
                key: None,
                fault: None,
                end: End::Open,
                deaths: Vec::new(),
                show_rate: 0.0,
                was_shown: false,
                figures: Figures::default(),
                stills: Allowance::default(),
                removed: false,
            }),
            changed: Notify::new(),
            faulted: Notify::new(),
            orders: watch::Sender::new(order),
        }
    }

    /// A panic while the lock was held leaves numbers that are at worst a packet off: the work
    /// goes on.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts, stops or restarts the ingest task as the plan says.
    pub(crate) fn order(&self, order: Order) {
        self.orders.send_replace(order);
    }

    /// Sets how the stream is, unless it rests for a reason that outweighs it.
    pub(crate) fn set_state(&self, state: StreamState, reason: &str) {
        let mut inner = self.lock();
        if inner.may_run() {
            inner.state = state;
            reason.clone_into(&mut inner.reason);
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// A bug while working for this stream, or two deaths of its eye: it rests until its plan
    /// changes.
    pub(crate) fn quarantine(&self, reason: &str) {
        let mut inner = self.lock();
        inner.state = StreamState::Quarantined;
        reason.clone_into(&mut inner.reason);
        inner.leave(false);
        drop(inner);
        self.order(Order {
            source: None,
            removed: false,
        });
        self.changed.notify_waiters();
        tracing::error!(stream = %self.name, reason, "quarantined");
    }

    /// The eye cannot work on it: the connection ends and is tried again rarely.
    pub(crate) fn unfit(&self, reason: String) {
        let mut inner = self.lock();
        inner.leave(false);
        if matches!(inner.end, End::Asked(..)) {
            // The source is closed already; nobody would take the fault.
            inner.end = End::Done;
            inner.state = StreamState::Rejected;
            inner.reason = reason;
        } else {
            inner.fault = Some(Fault { reason });
        }
        drop(inner);
        self.faulted.notify_one();
        self.changed.notify_waiters();
    }

    /// The stream is taken away.
    pub(crate) fn take_away(&self) {
        let mut inner = self.lock();
        inner.removed = true;
        inner.plan.enabled = false;
        inner.leave(false);
        drop(inner);
        self.order(Order {
            source: None,
            removed: true,
        });
        self.changed.notify_waiters();
    }

    /// Goes on under another plan with the same pace. `retry`: something else that it needs
    /// changed, such as its model. Returns whether anything changed.
    pub(crate) fn change(&self, plan: StreamPlan, retry: bool) -> bool {
        let mut inner = self.lock();
        let other_source = plan.source_version != inner.plan.source_version;
        let other_settings = plan.settings != inner.plan.settings;
        let switched = plan.enabled != inner.plan.enabled;
        let changed = other_source || other_settings || switched;
        let stuck = matches!(
            inner.state,
            StreamState::Rejected | StreamState::Quarantined
        );
        let restart = other_source || switched || (stuck && (changed || retry));
        if !changed && !restart {
            return false;
        }
        inner.plan = plan;
        if changed {
            inner.deaths.clear();
        }
        if restart {
            inner.begin_anew();
            let order = order_of(&inner.plan);
            drop(inner);
            self.order(order);
        } else {
            inner.reconfigure();
            drop(inner);
        }
        self.changed.notify_waiters();
        changed
    }

    /// Whether nothing more comes of it by itself.
    pub(crate) fn is_over(&self) -> bool {
        self.pace == Pace::Recording
            && matches!(
                self.lock().state,
                StreamState::Ended
                    | StreamState::Rejected
                    | StreamState::Unavailable
                    | StreamState::Quarantined
                    | StreamState::Disabled
            )
    }
}

impl Inner {
    /// Packets on their way: held, waiting, queued, or in the eye.
    pub(crate) fn held(&self) -> u64 {
        self.hold.unsettled() + self.waiting + self.in_flight
    }

    /// Another source, or another try: what was known of the old one is of no use.
    fn begin_anew(&mut self) {
        self.leave(false);
        self.state = first_state(&self.plan);
        self.reason.clear();
        self.parameters = None;
        self.fault = None;
        self.end = End::Open;
        self.scene = None;
    }

    /// Tells the eye about other settings.
    pub(super) fn reconfigure(&self) {
        if let Seat::At(place) = &self.seat {
            place.outbox.push(ToEye::Reconfigure {
                stream: place.stream,
                settings: self.settings(),
            });
        }
    }

    /// Live pictures so many times a second; 0 for none.
    pub(crate) fn show(&mut self, rate: f32) {
        self.show_rate = rate;
        self.was_shown |= rate > 0.0;
        if let Seat::At(place) = &self.seat {
            place.outbox.push(ToEye::Show {
                stream: place.stream,
                rate,
            });
        }
    }

    /// Whether the plan and what happened let it run.
    pub(crate) fn may_run(&self) -> bool {
        self.plan.enabled && self.state != StreamState::Quarantined
    }

    /// The eye that has it.
    pub(crate) fn eye(&self) -> Option<usize> {
        match &self.seat {
            Seat::At(place) => Some(place.eye),
            Seat::None | Seat::Leaving { .. } => None,
        }
    }

    /// The settings under which the eye works for it.
    pub(crate) fn settings(&self) -> Box<StreamSettings> {
        let mut settings = self.plan.settings.clone();
        if self.figures.no_keys {
            if settings.gate == GateKind::Keyframes {
                settings.look_rate = 1.0 / settings.keys_every_secs.max(1.0 / settings.look_rate);
            }
            settings.gate = GateKind::Always;
        }
        Box::new(settings)
    }
}

/// What the ingest task does under this plan.
pub(crate) fn order_of(plan: &StreamPlan) -> Order {
    Order {
        source: plan.enabled.then(|| Arc::clone(&plan.source)),
        removed: false,
    }
}

/// The state in which a stream begins under this plan.
pub(crate) fn first_state(plan: &StreamPlan) -> StreamState {
    if plan.enabled {
        StreamState::Connecting
    } else {
        StreamState::Disabled
    }
}

/// What became of an offered packet.
pub(crate) enum Offer {
    /// It is on its way, or settled.
    Taken,
    /// A recording waits: offer it again when something changed.
    Wait(Box<Packet>),
}
