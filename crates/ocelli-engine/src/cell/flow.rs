//! Packets from the source on their way to the eye.

use ocelli_core::{
    CodecParameters, MediaTime, Packet, Want,
    accounting::DropReason,
    seam::{Pace, PacketVerdict},
    settings::GateKind,
    wire::ToEye,
};

use super::{Inner, Offer, Question, Seat, Skip};
use crate::{hold::HoldBudget, outbox::Refused};

/// The most media time that one missing packet stands for, in microseconds.
const SHED_MICROS_MAX: i64 = 1_000_000;

/// What a stream without key pictures says.
const NO_KEYS: &str = "no key pictures (intra refresh): every picture is decoded, a key picture every second or two \
                       would cost less";

impl Inner {
    /// Takes parameters that a source gave. Packets that are held belong to others and are dropped.
    pub(crate) fn set_parameters(&mut self, parameters: CodecParameters, budget: &HoldBudget) {
        if self.parameters.as_ref() == Some(&parameters) {
            return;
        }
        self.clear_hold(DropReason::Released, budget);
        self.skipping = Some(Skip::Drop(DropReason::NoKey));
        self.generation = self.generation.wrapping_add(1);
        self.parameters = Some(parameters.clone());
        if let Seat::At(place) = &self.seat {
            place.outbox.push(ToEye::Parameters {
                stream: place.stream,
                generation: self.generation,
                parameters,
            });
        }
    }

    /// The connection is new: nothing that was held goes on.
    pub(crate) fn connected(&mut self, budget: &HoldBudget) {
        self.disconnected(budget);
        self.timeline.reconnected();
        self.skipping = Some(Skip::Drop(DropReason::NoKey));
        self.gap = true;
        self.last_pts = None;
        // The next one may have them.
        if std::mem::take(&mut self.figures.no_keys) {
            self.reconfigure();
        }
    }

    /// The source found out that there are no key pictures.
    pub(crate) fn refreshes_bit_by_bit(&mut self) {
        if !std::mem::replace(&mut self.figures.no_keys, true) {
            self.reason = self.live_reason().to_owned();
            self.reconfigure();
        }
    }

    /// What there is to say of a stream that is live.
    pub(crate) fn live_reason(&self) -> &'static str {
        if self.figures.no_keys { NO_KEYS } else { "" }
    }

    /// The connection ended: what it held is of no use.
    pub(crate) fn disconnected(&mut self, budget: &HoldBudget) {
        self.clear_hold(DropReason::Released, budget);
        let waiting = std::mem::take(&mut self.waiting);
        self.settle_drops(DropReason::Released, waiting);
    }

    /// Bytes of the source did not make sense: pictures up to the next key picture are damaged.
    pub(crate) fn source_damaged(&mut self) {
        self.figures.source_corrupt += 1;
        self.hold.attach(false);
        self.skipping = Some(Skip::Drop(DropReason::NoKey));
        self.gap = true;
    }

    /// Counts a packet that came out of the source, to be offered next.
    pub(crate) fn receive(&mut self, bytes: usize) {
        self.ledger.received += 1;
        self.waiting += 1;
        self.figures.bytes += bytes as u64;
    }

    /// Settles a received packet that is too large for any eye.
    pub(crate) fn refuse_packet(&mut self) {
        self.waiting -= 1;
        self.ledger.settled.corrupt += 1;
        self.source_damaged();
    }

    /// Whether the next packet is one for the packet gate: the eye has a quiet stream's key
    /// pictures, and is not judging.
    pub(crate) fn is_gated(&self) -> bool {
        matches!(self.want, Some(Want::Keys { hold: true, .. }))
            && matches!(self.seat, Seat::At(_))
            && self.asked.is_none()
    }

    /// Takes a received packet on its way. `verdict` is its packet gate's.
    pub(crate) fn offer(
        &mut self,
        packet: Packet,
        verdict: PacketVerdict,
        budget: &HoldBudget,
    ) -> Offer {
        match self.route(packet, verdict, budget) {
            Ok(()) => {
                self.waiting -= 1;
                Offer::Taken
            }
            Err(packet) => Offer::Wait(packet),
        }
    }

    /// Gives the packet back if it has to wait.
    fn route(
        &mut self,
        packet: Packet,
        verdict: PacketVerdict,
        budget: &HoldBudget,
    ) -> Result<(), Box<Packet>> {
        if self.asked.is_some() && self.pace == Pace::Recording {
            // Read on, it would be another part of the recording that the answer is for.
            return Err(Box::new(packet));
        }
        if packet.key {
            self.leave_for_move();
        }
        let known = matches!(self.seat, Seat::At(_));
        match self.want {
            Some(Want::Nothing) if known => {
                self.gate(&packet);
                Ok(())
            }
            Some(Want::Keys { every_micros, hold }) if known => {
                let key = packet.key;
                self.route_keys(packet, every_micros, hold, budget)?;
                if verdict == PacketVerdict::DecodeFromKey && hold {
                    self.open(budget);
                } else if key {
                    self.ask_at_key();
                }
                Ok(())
            }
            Some(Want::All | Want::FromGopStart) if known => self.route_all(packet, budget),
            _ => self.keep(packet, budget),
        }
    }

    /// Nobody is there yet to take it: a recording waits, a live stream holds its running group.
    fn keep(&mut self, packet: Packet, budget: &HoldBudget) -> Result<(), Box<Packet>> {
        if self.pace == Pace::Recording {
            return Err(Box::new(packet));
        }
        let left = self.hold.push(packet, budget);
        self.settle_drops(DropReason::NoEye, left);
        self.figures.long_gop = self.hold.is_outgrown();
        Ok(())
    }

    fn route_keys(
        &mut self,
        packet: Packet,
        every_micros: i64,
        hold: bool,
        budget: &HoldBudget,
    ) -> Result<(), Box<Packet>> {
        let sent = packet.key && self.key_is_due(packet.pts, every_micros);
        if sent {
            let pts = packet.pts;
            let arrived = self.send(packet)?;
            // What was held of the group before is over.
            self.clear_hold_gated(budget);
            if arrived {
                self.skipping = None;
                self.last_key_sent = Some(pts);
                self.hold.attach(true);
            }
            self.figures.long_gop = false;
        } else if hold {
            self.last_pts = Some(packet.pts);
            let left = self.hold.push(packet, budget);
            self.ledger.settled.gated += left;
            self.figures.long_gop = self.hold.is_outgrown();
        } else {
            self.gate(&packet);
        }
        Ok(())
    }

    /// The packet gate saw a change: the group so far goes to the eye, which judges it.
    fn open(&mut self, budget: &HoldBudget) {
        if !self.hold.is_whole() {
            return;
        }
        self.send_hold(budget);
        if self.skipping.is_none() {
            self.hold.attach(true);
            self.figures.opened += 1;
            self.ask(Question::Change);
        }
    }

    /// At the key pictures of a recording the eye says what it needs before more is read: so that
    /// what is looked at does not depend on how fast that is.
    fn ask_at_key(&mut self) {
        if self.pace == Pace::Recording && self.plan.settings.gate == GateKind::Motion {
            self.ask(Question::Key);
        }
    }

    fn ask(&mut self, question: Question) {
        if let Seat::At(place) = &self.seat {
            place.outbox.push(ToEye::Judge {
                stream: place.stream,
            });
            self.asked = Some(question);
        }
    }

    /// Whether a key picture is far enough from the last one. A twentieth too early is in time:
    /// otherwise a camera with one key picture a second would be seen every other second.
    fn key_is_due(&self, pts: MediaTime, every_micros: i64) -> bool {
        self.last_key_sent.is_none_or(|last| {
            pts.micros.saturating_sub(last.micros) >= every_micros - every_micros / 20
        })
    }

    fn route_all(&mut self, packet: Packet, budget: &HoldBudget) -> Result<(), Box<Packet>> {
        match self.skipping {
            Some(_) if packet.key => self.skipping = None,
            Some(Skip::Gate) => {
                self.gate(&packet);
                return Ok(());
            }
            Some(Skip::Drop(reason)) => {
                self.drop_packet(&packet, reason);
                return Ok(());
            }
            None => {}
        }
        if matches!(&self.seat, Seat::At(place) if place.outbox.is_closed()) {
            // The eye is dead, and its task will say so in a moment.
            return self.keep(packet, budget);
        }
        let key = packet.key;
        if self.send(packet)? && key {
            self.ask_at_key();
        }
        Ok(())
    }

    /// Sends a packet; `false` if there was no room and it was dropped. A recording's comes back.
    pub(super) fn send(&mut self, packet: Packet) -> Result<bool, Box<Packet>> {
        let Seat::At(place) = &self.seat else {
            self.drop_packet(&packet, DropReason::NoEye);
            return Ok(false);
        };
        let before = self.gap.then_some(ToEye::Discontinuity {
            stream: place.stream,
            shed_micros: self.shed_micros,
        });
        let (pts, repeated) = (packet.pts, packet.repeated);
        match place.outbox.push_packet(packet, before) {
            Ok(()) => {
                self.in_flight += u64::from(!repeated);
                self.last_pts = Some(pts);
                self.gap = false;
                self.shed_micros = 0;
                Ok(true)
            }
            Err((_, packet)) if self.pace == Pace::Recording => Err(Box::new(packet)),
            Err((refused, packet)) => {
                let reason = match refused {
                    Refused::Full => DropReason::Backlog,
                    Refused::Closed => DropReason::NoEye,
                };
                self.drop_packet(&packet, reason);
                self.skipping = Some(Skip::Drop(reason));
                self.gap = true;
                Ok(false)
            }
        }
    }

    /// Acts on what the eye needs from now on.
    pub(crate) fn set_want(&mut self, want: Want, budget: &HoldBudget) {
        let before = self.want.replace(want);
        let was_all = matches!(before, Some(Want::All | Want::FromGopStart));
        let asked = std::mem::take(&mut self.asked);
        match want {
            Want::Keys { .. } if before == Some(want) => {
                self.refuted += u64::from(asked == Some(Question::Change));
            }
            Want::Nothing => self.clear_hold_gated(budget),
            Want::Keys { every_micros, hold } => {
                if was_all {
                    self.last_key_sent = None;
                }
                self.keys_of_hold(every_micros, hold, budget);
                if was_all && self.skipping.is_none() && !self.gap {
                    // The eye has all of the running group.
                    self.hold.attach(true);
                }
            }
            Want::All | Want::FromGopStart if was_all => {}
            Want::FromGopStart => self.send_hold(budget),
            Want::All if before.is_none() => self.send_hold(budget),
            Want::All => {
                self.clear_hold_gated(budget);
                self.skipping = Some(Skip::Gate);
            }
        }
    }

    /// Sends the held group: a stream starts with its key picture.
    fn send_hold(&mut self, budget: &HoldBudget) {
        self.figures.long_gop = self.hold.is_outgrown();
        let whole = self.hold.is_whole();
        let packets = self.hold.take(budget);
        self.hold.attach(false);
        self.skipping = (!whole).then_some(Skip::Drop(DropReason::NoKey));
        let reason = if whole {
            DropReason::Backlog
        } else {
            DropReason::NoKey
        };
        // They were held because nobody wanted them: they are as fresh as the newest.
        let received = packets.last().map(|packet| packet.received);
        for mut packet in packets {
            packet.received = received.unwrap_or(packet.received);
            if self.skipping.is_some() {
                self.drop_packet(&packet, reason);
            } else if let Err(packet) = self.send(packet) {
                // Only recordings wait, and they hold nothing.
                self.drop_packet(&packet, DropReason::Backlog);
            }
        }
    }

    /// Looks again at what was held before the eye said that key pictures are enough.
    fn keys_of_hold(&mut self, every_micros: i64, hold: bool, budget: &HoldBudget) {
        for packet in self.hold.take(budget) {
            if let Err(packet) = self.route_keys(packet, every_micros, hold, budget) {
                self.drop_packet(&packet, DropReason::Backlog);
            }
        }
    }

    /// Settles the hold.
    fn clear_hold(&mut self, reason: DropReason, budget: &HoldBudget) {
        let left = self.hold.clear(budget);
        self.settle_drops(reason, left);
    }

    fn clear_hold_gated(&mut self, budget: &HoldBudget) {
        self.ledger.settled.gated += self.hold.clear(budget);
    }

    fn gate(&mut self, packet: &Packet) {
        if !packet.repeated {
            self.ledger.settled.gated += 1;
        }
        self.last_pts = Some(packet.pts);
    }

    fn drop_packet(&mut self, packet: &Packet, reason: DropReason) {
        if !packet.repeated {
            self.settle_drops(reason, 1);
        }
        if let Some(last) = self.last_pts.replace(packet.pts) {
            let step = packet.pts.micros.saturating_sub(last.micros);
            self.shed_micros += step.clamp(0, SHED_MICROS_MAX);
        }
        self.gap = true;
    }

    pub(super) fn settle_drops(&mut self, reason: DropReason, packets: u64) {
        self.ledger.settled.drop_many(reason, packets);
    }
}
