//! One thread's share of the streams: takes messages, gives messages.
//!
//! The shard touches no socket, and the time is what its [`Clock`] says, which a test turns by hand.
//! (CPU time is measured, and enters nothing but reports.)

use std::{
    cell::RefCell,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use ocelli_core::{
    Attention, CodecParameters, GoneReason, MonoTime, Packet, SceneState, StreamId, TagKey, Want,
    accounting::DropReason,
    histogram::EyeTimings,
    settings::{DetectorSettings, GateKind, StreamSettings},
    wire::{EyeHealth, FromEye, StreamCounts, ToEye},
};
use ocelli_scene::Scene;

use crate::{
    blackbox::BlackBox,
    kit::Kit,
    stream::{SharedDetector, Stream},
};

/// The machine's monotone time, or a test's.
pub type Clock = Rc<dyn Fn() -> MonoTime>;

/// What all streams of a shard measure.
pub(crate) type SharedTimings = Rc<RefCell<EyeTimings>>;

/// Streams, detectors and what they add up to.
pub struct Shard<K> {
    kit: K,
    blackbox: BlackBox,
    streams: BTreeMap<StreamId, Stream>,
    detectors: BTreeMap<String, SharedDetector>,
    /// Models that were refused, and why.
    refused: BTreeMap<String, String>,
    clock: Clock,
    /// Reports of streams that are not here: their packets are settled all the same.
    strays: BTreeMap<StreamId, StreamCounts>,
    decode_micros: u64,
    detect_micros: u64,
    timings: SharedTimings,
}

/// Whether the shard goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Wait for the next message.
    On,
    /// The parent asked for the end.
    Stop,
}

impl<K: Kit> Shard<K> {
    /// A shard without streams.
    pub fn new(kit: K, blackbox: BlackBox, clock: Clock) -> Self {
        Self {
            kit,
            blackbox,
            streams: BTreeMap::new(),
            detectors: BTreeMap::new(),
            refused: BTreeMap::new(),
            clock,
            strays: BTreeMap::new(),
            decode_micros: 0,
            detect_micros: 0,
            timings: SharedTimings::default(),
        }
    }

    /// Takes one message, and appends what it leads to.
    ///
    /// A panic while working for one stream is a bug; it costs that stream only.
    pub fn turn(&mut self, message: ToEye, out: &mut Vec<FromEye>) -> Turn {
        let stream = stream_of(&message);
        let fresh_packet = matches!(&message, ToEye::Packet(packet) if !packet.repeated);
        let settled = stream.map_or(0, |stream| self.settled(stream));
        self.blackbox.note(stream);
        let result = catch_unwind(AssertUnwindSafe(|| self.take(message, out)));
        self.blackbox.note(None);
        match (result, stream) {
            (Ok(turn), _) => turn,
            (Err(_printed), Some(stream)) => {
                let unsettled = fresh_packet && self.settled(stream) == settled;
                self.give_up(stream, unsettled, out);
                Turn::On
            }
            (Err(panic), None) => std::panic::resume_unwind(panic),
        }
    }

    fn take(&mut self, message: ToEye, out: &mut Vec<FromEye>) -> Turn {
        match message {
            ToEye::Model {
                id,
                settings,
                bytes,
            } => self.load(id, &settings, &bytes, out),
            ToEye::Adopt {
                stream,
                settings,
                key,
                epoch,
                state,
                expired,
            } => self.adopt(stream, *settings, (key, epoch), (state, expired), out),
            ToEye::Reconfigure { stream, settings } => self.reconfigure(stream, *settings, out),
            ToEye::Rekey { stream, key } => {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    stream.scene.rekey(key);
                }
            }
            ToEye::Release { stream, moving } => self.release(stream, moving, out),
            ToEye::Parameters {
                stream,
                generation,
                parameters,
            } => self.parameters(stream, generation, parameters, out),
            ToEye::Packet(packet) => self.packet(&packet, out),
            ToEye::Discontinuity {
                stream,
                shed_micros,
            } => {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    stream.flush(out);
                    stream.shed(shed_micros);
                }
            }
            ToEye::Judge { stream } => self.judge(stream, out),
            ToEye::End { stream } => self.end(stream, out),
            ToEye::Tick { now, .. } => self.tick(now, out),
            // Redacted live pictures are not built yet: nothing is shown, which is safe.
            ToEye::Hello { .. } | ToEye::Show { .. } => {}
            ToEye::Stop => {
                self.stop(out);
                return Turn::Stop;
            }
        }
        Turn::On
    }

    fn load(
        &mut self,
        id: String,
        settings: &DetectorSettings,
        bytes: &[u8],
        out: &mut Vec<FromEye>,
    ) {
        let result = match self.kit.detector(settings, bytes) {
            Ok((detector, loaded)) => {
                let shared = Rc::new(RefCell::new(detector));
                for stream in self.streams.values_mut() {
                    if stream.settings.detector == id {
                        stream.detector = Some(Rc::clone(&shared));
                    }
                }
                self.detectors.insert(id.clone(), shared);
                self.refused.remove(&id);
                Ok(loaded)
            }
            Err(error) => {
                // A model that is refused does not go on under its old bytes.
                self.detectors.remove(&id);
                self.refused.insert(id.clone(), error.to_string());
                Err(error.to_string())
            }
        };
        out.push(FromEye::ModelLoaded { id, result });
    }

    fn adopt(
        &mut self,
        id: StreamId,
        settings: StreamSettings,
        (key, epoch): (TagKey, u64),
        (state, expired): (Option<SceneState>, bool),
        out: &mut Vec<FromEye>,
    ) {
        let mut events = Vec::new();
        let scene = match &state {
            Some(state) => {
                Scene::resume(id, &settings.scene, key, epoch, state, expired, &mut events)
            }
            None => Scene::new(id, &settings.scene, key, epoch),
        };
        let scene = match scene {
            Ok(scene) => scene,
            Err(error) => {
                out.push(FromEye::Unfit {
                    stream: id,
                    reason: error.to_string(),
                    bug: false,
                });
                return;
            }
        };
        let mut stream = Stream::new(
            id,
            settings,
            scene,
            (Rc::clone(&self.clock), Rc::clone(&self.timings)),
        );
        if let Some(state) = state {
            stream.resumed(state.wall);
        }
        stream.give_out(events, out);
        self.equip(&mut stream, out);
        self.streams.insert(id, stream);
    }

    /// Gives a stream its detector, and says what it needs.
    fn equip(&self, stream: &mut Stream, out: &mut Vec<FromEye>) {
        let name = &stream.settings.detector;
        stream.detector = self.detectors.get(name).cloned();
        if stream.detector.is_some() {
            stream.unfit = false;
            if stream.vigil.is_some() {
                stream.tell(true, out);
            } else {
                out.push(FromEye::Want {
                    stream: stream.id,
                    want: want_of(&stream.settings),
                });
            }
            return;
        }
        let reason = match self.refused.get(name) {
            Some(reason) => format!("detector `{name}`: {reason}"),
            None => format!("there is no detector `{name}`"),
        };
        stream.unfit(reason, out);
    }

    fn reconfigure(&mut self, id: StreamId, settings: StreamSettings, out: &mut Vec<FromEye>) {
        let Some(mut stream) = self.streams.remove(&id) else {
            return;
        };
        if let Err(error) = stream.scene.reconfigure(&settings.scene) {
            stream.unfit(error.to_string(), out);
        } else {
            if settings.decoder != stream.settings.decoder {
                stream.decoder = None;
                stream.waits_for_key = Some(DropReason::NoKey);
            }
            if stream.vigil.is_some() && settings.gate != GateKind::Motion {
                out.push(FromEye::Attention {
                    stream: id,
                    attention: Attention::Steady,
                });
            }
            stream.set(settings);
            self.equip(&mut stream, out);
        }
        self.streams.insert(id, stream);
    }

    fn release(&mut self, id: StreamId, moving: bool, out: &mut Vec<FromEye>) {
        let Some(mut stream) = self.streams.remove(&id) else {
            if let Some(counts) = self.strays.remove(&id) {
                out.push(FromEye::Counts {
                    counts: vec![(id, counts)],
                });
            }
            out.push(FromEye::Released {
                stream: id,
                state: None,
            });
            return;
        };
        stream.flush(out);
        if !moving {
            stream.close(GoneReason::StreamEnded, out);
        }
        report(&mut stream, out);
        out.push(FromEye::Released {
            stream: id,
            state: moving.then(|| stream.state()),
        });
    }

    fn parameters(
        &mut self,
        id: StreamId,
        generation: u32,
        parameters: CodecParameters,
        out: &mut Vec<FromEye>,
    ) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        stream.flush(out);
        stream.decoder = None;
        stream.generation = generation;
        stream.parameters = Some(parameters);
        stream.waits_for_key = Some(DropReason::NoKey);
    }

    fn packet(&mut self, packet: &Packet, out: &mut Vec<FromEye>) {
        let Some(stream) = self.streams.get_mut(&packet.stream) else {
            if !packet.repeated {
                let stray = self.strays.entry(packet.stream).or_default();
                stray.settled.drop_one(DropReason::Released);
            }
            return;
        };
        if stream.settings.gate == GateKind::Keyframes && !packet.key {
            stream.gate_packet(packet);
            return;
        }
        if stream.unfit || packet.generation != stream.generation {
            stream.drop_packet(packet, DropReason::NoKey);
            return;
        }
        if stream.is_late(packet, (self.clock)()) {
            stream.waits_for_key = Some(DropReason::Late);
            stream.drop_packet(packet, DropReason::Late);
            return;
        }
        if let Some(reason) = stream.waits_for_key {
            if !packet.key {
                stream.drop_packet(packet, reason);
                return;
            }
            stream.waits_for_key = None;
        }
        if stream.decoder.is_none() && !open_decoder(&mut self.kit, stream, out) {
            stream.drop_packet(packet, DropReason::NoKey);
            return;
        }
        let times = stream.decode(packet, out);
        self.decode_micros += times.decode_micros;
        self.detect_micros += times.detect_micros;
    }

    fn judge(&mut self, id: StreamId, out: &mut Vec<FromEye>) {
        match self.streams.get_mut(&id) {
            Some(stream) if stream.vigil.is_some() => stream.answer(out),
            // The gate changed while the question was on its way.
            Some(stream) if !stream.unfit => out.push(FromEye::Want {
                stream: id,
                want: want_of(&stream.settings),
            }),
            _ => {}
        }
    }

    fn end(&mut self, id: StreamId, out: &mut Vec<FromEye>) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.flush(out);
            stream.close(GoneReason::StreamEnded, out);
            report(stream, out);
        }
        out.push(FromEye::Ended { stream: id });
    }

    /// All packets that were received before `tick` were worked on: it came behind them.
    fn tick(&mut self, tick: MonoTime, out: &mut Vec<FromEye>) {
        let mut counts: Vec<_> = std::mem::take(&mut self.strays).into_iter().collect();
        for (&id, stream) in &mut self.streams {
            stream.tick(tick, out);
            let reported = std::mem::take(&mut stream.counts);
            if reported != StreamCounts::default() {
                counts.push((id, reported));
            }
        }
        for counts in counts.chunks(1000) {
            out.push(FromEye::Counts {
                counts: counts.to_vec(),
            });
        }
        out.push(FromEye::Health(Box::new(EyeHealth {
            tick,
            decode_micros: self.decode_micros,
            detect_micros: self.detect_micros,
            timings: *self.timings.borrow(),
            ..EyeHealth::default()
        })));
    }

    /// Packets of a stream that are settled and not reported yet.
    fn settled(&self, id: StreamId) -> u64 {
        let stream = self.streams.get(&id);
        stream.map_or(0, |stream| stream.counts.settled.total())
    }

    /// Gives every stream up as if it moved: another eye, or the next start, goes on.
    fn stop(&mut self, out: &mut Vec<FromEye>) {
        for id in self.streams.keys().copied().collect::<Vec<_>>() {
            self.release(id, true, out);
        }
    }

    /// Takes a stream away after a panic. Its own state is not trusted any more.
    fn give_up(&mut self, id: StreamId, unsettled: bool, out: &mut Vec<FromEye>) {
        if let Some(stream) = self.streams.remove(&id) {
            let mut counts = stream.counts;
            counts.settled.corrupt += u64::from(unsettled);
            self.strays.insert(id, counts);
        }
        out.push(FromEye::Unfit {
            stream: id,
            reason: "a bug: the work for this stream panicked".to_owned(),
            bug: true,
        });
    }
}

/// Opens the stream's decoder, or says why it cannot be.
fn open_decoder<K: Kit>(kit: &mut K, stream: &mut Stream, out: &mut Vec<FromEye>) -> bool {
    let Some(parameters) = &stream.parameters else {
        return false;
    };
    match kit.decoder(stream.settings.decoder, parameters) {
        Ok(decoder) => {
            stream.decoder = Some(decoder);
            true
        }
        Err(error) => {
            stream.unfit(error.to_string(), out);
            false
        }
    }
}

fn report(stream: &mut Stream, out: &mut Vec<FromEye>) {
    let counts = std::mem::take(&mut stream.counts);
    if counts != StreamCounts::default() {
        out.push(FromEye::Counts {
            counts: vec![(stream.id, counts)],
        });
    }
}

/// What a gate needs of ingest.
fn want_of(settings: &StreamSettings) -> Want {
    match settings.gate {
        GateKind::Always | GateKind::Motion => Want::All,
        GateKind::Keyframes => Want::Keys {
            every_micros: (f64::from(settings.keys_every_secs) * 1e6) as i64,
            hold: false,
        },
    }
}

fn stream_of(message: &ToEye) -> Option<StreamId> {
    match message {
        ToEye::Adopt { stream, .. }
        | ToEye::Reconfigure { stream, .. }
        | ToEye::Rekey { stream, .. }
        | ToEye::Release { stream, .. }
        | ToEye::Parameters { stream, .. }
        | ToEye::Discontinuity { stream, .. }
        | ToEye::Judge { stream }
        | ToEye::End { stream }
        | ToEye::Show { stream, .. } => Some(*stream),
        ToEye::Packet(packet) => Some(packet.stream),
        ToEye::Hello { .. } | ToEye::Model { .. } | ToEye::Tick { .. } | ToEye::Stop => None,
    }
}
