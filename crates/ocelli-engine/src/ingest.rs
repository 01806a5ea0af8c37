//! One task for each stream: opens its source, keeps it open, and offers its packets.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _};
use ocelli_core::{
    CodecParameters, ErrorClass, Packet, StageError, WallSource, WallTime,
    seam::{Pace, PacketGate, PacketVerdict, Source, SourceItem, SourcePacket},
    settings::GateKind,
};
use tokio::{
    sync::watch,
    time::{Instant, Sleep, sleep, sleep_until},
};

use crate::{
    backoff::Backoff,
    cell::{Cell, Offer, Order, Seat},
    clock,
    shared::Shared,
    status::StreamState,
};

/// A source that gives nothing for so long is taken as dead.
const SILENCE: Duration = Duration::from_secs(15);

/// A connection that held for so long was a good one: back-off starts anew after it.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// Most changes of parameters within [`CHANGES_WITHIN`].
const CHANGES_MAX: u32 = 20;
const CHANGES_WITHIN: Duration = Duration::from_secs(10);

/// The most bytes of parameter sets: the wire's cap less its head.
const PARAMETER_BYTES_MAX: usize = 60 * 1024;

/// A camera's clock that differs more from the machine's is not believed, in microseconds.
const CAMERA_CLOCK_OFF_MICROS_MAX: i64 = 3_600_000_000;

/// Runs until the stream is taken away. A panic quarantines this stream and touches no other.
pub(crate) async fn run(cell: Arc<Cell>, shared: Arc<Shared>) {
    let mut orders = cell.orders.subscribe();
    loop {
        let work = AssertUnwindSafe(obey(&cell, &shared, &mut orders)).catch_unwind();
        match work.await {
            Ok(()) => return,
            Err(_printed) => {
                cell.lock().disconnected(&shared.budget);
                cell.quarantine("a bug: the work for this stream panicked");
            }
        }
    }
}

/// Follows orders until the last one.
async fn obey(cell: &Cell, shared: &Shared, orders: &mut watch::Receiver<Order>) {
    let mut backoff = Backoff::default();
    loop {
        let order = orders.borrow_and_update().clone();
        if order.removed {
            return;
        }
        let Some(source) = order.source else {
            backoff.reset();
            if orders.changed().await.is_err() {
                return;
            }
            continue;
        };
        let attempt = attempt(cell, shared, source.as_ref(), &mut backoff);
        let wait = tokio::select! {
            biased;
            changed = orders.changed() => {
                cell.lock().disconnected(&shared.budget);
                if changed.is_err() {
                    return;
                }
                backoff.reset();
                continue;
            }
            wait = attempt => wait,
        };
        let rest = async {
            match wait {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = orders.changed() => {
                if changed.is_err() {
                    return;
                }
                backoff.reset();
            }
            () = rest => {}
        }
    }
}

/// One connection from its turn to its end. Returns how long to wait before the next; `None`: until
/// the plan changes.
async fn attempt(
    cell: &Cell,
    shared: &Shared,
    source: &dyn Source,
    backoff: &mut Backoff,
) -> Option<Duration> {
    cell.set_state(StreamState::Connecting, "");
    sleep(shared.pacer.turn(clock::mono())).await;
    let opened = Instant::now();
    let result = connection(cell, shared, source).await;
    cell.lock().disconnected(&shared.budget);
    if opened.elapsed() >= GOOD_AFTER {
        backoff.reset();
    }
    let Err(error) = result else {
        // Only a recording ends without an error, also one that is played like a live camera.
        finish(cell, shared, StreamState::Ended, "");
        return None;
    };
    let (state, kind) = match error.class() {
        ErrorClass::Rejected => (StreamState::Rejected, 1),
        ErrorClass::Unavailable => (StreamState::Unavailable, 0),
        ErrorClass::Corrupt | ErrorClass::Exhausted => (StreamState::Unavailable, 2),
    };
    let reason = error.to_string();
    tracing::info!(stream = %cell.name, state = state.as_str(), reason, "connection ended");
    cell.lock().figures.reconnects[kind] += 1;
    if cell.pace == Pace::Recording {
        // Read again it would tell everything twice: what breaks off has ended.
        let broke_off = cell.lock().state == StreamState::Live;
        if broke_off && state != StreamState::Rejected {
            finish(
                cell,
                shared,
                StreamState::Ended,
                &format!("ended early: {reason}"),
            );
        } else {
            finish(cell, shared, state, &reason);
        }
        return None;
    }
    cell.set_state(state, &reason);
    if state == StreamState::Rejected {
        // A person has to act first: it keeps no place.
        cell.lock().leave(false);
    }
    Some(backoff.next(error.class(), rand::random()))
}

/// Asks the eye for what is left of a recording.
fn finish(cell: &Cell, shared: &Shared, then: StreamState, reason: &str) {
    let mut inner = cell.lock();
    inner.ask_end(then, reason);
    shared.seat(cell, &mut inner);
    drop(inner);
    shared.progress.notify_waiters();
    cell.changed.notify_waiters();
}

/// Reads one connection to its end.
async fn connection(cell: &Cell, shared: &Shared, source: &dyn Source) -> Result<(), StageError> {
    {
        let mut inner = cell.lock();
        inner.fault = None;
        inner.connected(&shared.budget);
    }
    let mut reader = Reader {
        cell,
        shared,
        begin: None,
        changes: 0,
        changes_since: Instant::now(),
        live: false,
        gate: None,
        gate_kind: None,
        refuted: 0,
    };
    let mut items = source.open();
    let mut silence: Pin<Box<Sleep>> = Box::pin(sleep(SILENCE));
    let mut last_item = Instant::now();
    loop {
        let item = tokio::select! {
            biased;
            () = cell.faulted.notified() => {
                reader.check_fault()?;
                continue;
            }
            item = items.next() => item,
            () = &mut silence => {
                // The timer is set anew here and not at every packet: that costs less.
                let deadline = last_item + SILENCE;
                if deadline <= Instant::now() {
                    let secs = SILENCE.as_secs();
                    return Err(StageError::Unavailable(format!("nothing came for {secs} s")));
                }
                silence = Box::pin(sleep_until(deadline));
                continue;
            }
        };
        match item {
            None => return Ok(()),
            Some(item) => reader.take(item?).await?,
        }
        last_item = Instant::now();
    }
}

/// One connection's items on their way into the cell.
struct Reader<'a> {
    cell: &'a Cell,
    shared: &'a Shared,
    /// Wall time of a recording's first picture.
    begin: Option<WallTime>,
    changes: u32,
    changes_since: Instant,
    live: bool,
    /// Judges packets while the stream is quiet. It belongs to the parameters.
    gate: Option<Box<dyn PacketGate>>,
    /// What it was made for; `None` asks for another.
    gate_kind: Option<GateKind>,
    /// Refutations that the gate knows of.
    refuted: u64,
}

impl Reader<'_> {
    async fn take(&mut self, item: SourceItem) -> Result<(), StageError> {
        match item {
            SourceItem::Parameters(parameters) => self.parameters(parameters)?,
            SourceItem::Packet(packet) => return self.packet(packet).await,
            SourceItem::Lost { packets } => {
                let mut inner = self.cell.lock();
                inner.figures.lost = inner.figures.lost.saturating_add(packets);
            }
            SourceItem::Corrupt { reason } => {
                tracing::debug!(stream = %self.cell.name, reason, "damaged");
                self.cell.lock().source_damaged();
            }
            SourceItem::Refreshes => self.cell.lock().refreshes_bit_by_bit(),
            SourceItem::Rewound => self.cell.lock().timeline.rewound(),
        }
        Ok(())
    }

    fn check_fault(&self) -> Result<(), StageError> {
        match self.cell.lock().fault.clone() {
            Some(fault) => Err(StageError::Rejected(fault.reason)),
            None => Ok(()),
        }
    }

    fn parameters(&mut self, parameters: CodecParameters) -> Result<(), StageError> {
        let (width, height) = (parameters.width, parameters.height);
        if (width, height) != (0, 0) && !CodecParameters::size_is_sane(width, height) {
            return Err(StageError::Rejected(format!(
                "pictures of {width}x{height}: {side}x{side} and 36 megapixels are the most",
                side = CodecParameters::SIDE_MAX
            )));
        }
        if parameters.parameter_sets.len() > PARAMETER_BYTES_MAX {
            let bytes = parameters.parameter_sets.len();
            return Err(StageError::Rejected(format!(
                "parameter sets of {bytes} bytes"
            )));
        }
        if self.changes_since.elapsed() > CHANGES_WITHIN {
            (self.changes, self.changes_since) = (0, Instant::now());
        }
        self.changes += 1;
        if self.changes > CHANGES_MAX {
            let reason = "the parameters of the video change all the time";
            return Err(StageError::Unavailable(reason.to_owned()));
        }
        let mut inner = self.cell.lock();
        if inner.parameters.as_ref() != Some(&parameters) {
            self.gate_kind = None;
        }
        inner.set_parameters(parameters, &self.shared.budget);
        self.shared.seat(self.cell, &mut inner);
        Ok(())
    }

    async fn packet(&mut self, packet: SourcePacket) -> Result<(), StageError> {
        if !self.live {
            self.live = true;
            let reason = self.cell.lock().live_reason();
            self.cell.set_state(StreamState::Live, reason);
            let mut inner = self.cell.lock();
            self.shared.seat(self.cell, &mut inner);
        }
        let Some(mut packet) = self.receive(packet) else {
            return Ok(());
        };
        let verdict = self.judge(&packet);
        loop {
            // Made before the offer, so that no news is missed between the two.
            let changed = self.cell.changed.notified();
            let (offer, room) = {
                let mut inner = self.cell.lock();
                let room = match &inner.seat {
                    Seat::At(place) if self.cell.pace == Pace::Recording => {
                        Some(place.outbox.room())
                    }
                    _ => None,
                };
                (inner.offer(packet, verdict, &self.shared.budget), room)
            };
            packet = match offer {
                Offer::Taken => break,
                Offer::Wait(packet) => *packet,
            };
            let room = async {
                match room {
                    Some(room) => room.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = room => {}
                () = self.cell.faulted.notified() => self.check_fault()?,
            }
            // The eye may have died, or given the stream up to move.
            let mut inner = self.cell.lock();
            self.shared.seat(self.cell, &mut inner);
        }
        let mut inner = self.cell.lock();
        if matches!(inner.seat, Seat::None) {
            self.shared.seat(self.cell, &mut inner);
        }
        Ok(())
    }

    /// Asks the packet gate. It works outside of the lock: parsing takes longer than all else.
    fn judge(&mut self, packet: &Packet) -> PacketVerdict {
        let (gated, refuted) = {
            let mut inner = self.cell.lock();
            let kind = inner.plan.settings.gate;
            if self.gate_kind != Some(kind)
                && let Some(parameters) = &inner.parameters
            {
                self.gate = (self.shared.options.packet_gate)(kind, parameters);
                self.gate_kind = Some(kind);
            }
            if packet.key {
                inner.sight = self.gate.as_ref().map(|gate| gate.sight());
            }
            (inner.is_gated(), inner.refuted)
        };
        let Some(gate) = &mut self.gate else {
            return PacketVerdict::Skip;
        };
        if self.refuted != refuted {
            self.refuted = refuted;
            gate.refute();
        }
        if gated {
            gate.judge(packet)
        } else {
            gate.pass(packet);
            PacketVerdict::Skip
        }
    }

    /// Counts a packet and puts it on the stream's timeline; `None` if it is too large.
    fn receive(&mut self, packet: SourcePacket) -> Option<Packet> {
        let SourcePacket {
            dts_micros,
            pts_micros,
            camera_wall,
            key,
            data,
        } = packet;
        let received = clock::mono();
        let now = clock::wall();
        let mut inner = self.cell.lock();
        inner.receive(data.len());
        let (dts, pts) = inner.timeline.map(dts_micros, pts_micros, received);
        if data.len() > Packet::BYTES_MAX {
            inner.refuse_packet();
            return None;
        }
        let generation = inner.generation;
        drop(inner);
        let trusted = camera_wall.filter(|camera| {
            camera.micros.abs_diff(now.micros) < CAMERA_CLOCK_OFF_MICROS_MAX as u64
        });
        let (wall, wall_source) = match (trusted, self.cell.pace) {
            (Some(wall), _) => (wall, WallSource::Camera),
            (None, Pace::Live) => (now, WallSource::Receive),
            (None, Pace::Recording) => {
                let begin = *self.begin.get_or_insert_with(|| WallTime {
                    micros: self
                        .shared
                        .options
                        .recordings_begin
                        .unwrap_or(now)
                        .micros
                        .saturating_sub(pts.micros),
                });
                let micros = begin.micros.saturating_add(pts.micros);
                (WallTime { micros }, WallSource::Receive)
            }
        };
        Some(Packet {
            stream: self.cell.id,
            generation,
            dts,
            pts,
            received,
            wall,
            wall_source,
            key,
            repeated: false,
            data,
        })
    }
}
