//! One stream inside an eye: everything that belongs to it, owned by one shard, without locks.

use std::{cell::RefCell, rc::Rc};

use ocelli_core::{
    CodecParameters, Detection, Detections, MediaTime, MonoTime, Packet, Picture, SceneState,
    StageError, StreamId, WallTime,
    accounting::DropReason,
    histogram::{LIMITS_MICROS, LIMITS_PICTURES},
    seam::{Decoder, Detector},
    settings::{GateKind, StreamSettings},
    wire::{FromEye, StreamCounts, TrackBox},
};
use ocelli_scene::Scene;

use crate::{
    clock,
    coverage::Coverage,
    shard::{Clock, SharedTimings},
    stills::Stills,
    vigil::Vigil,
};

/// Least media time between two states that only say that nothing changed, in microseconds. A
/// state older than 10 s is of no use to a replacement.
const STATE_EVERY_MICROS: u64 = 3_000_000;

/// Least time between two states for tags that merely moved, in microseconds.
const STATE_AT_UPDATES_MICROS: u64 = 1_000_000;

/// How long a stream that goes on in another eye may take until its first look, in microseconds,
/// before its tags count as unseen.
const RESUME_MICROS: i64 = 10_000_000;

/// A detector that several streams share.
pub(crate) type SharedDetector = Rc<RefCell<Box<dyn Detector>>>;

/// One stream.
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) settings: StreamSettings,
    pub(crate) scene: Scene,
    pub(crate) detector: Option<SharedDetector>,
    pub(crate) parameters: Option<CodecParameters>,
    pub(crate) generation: u32,
    pub(crate) decoder: Option<Box<dyn Decoder>>,
    /// Why packets up to the next key picture are dropped, if they are.
    pub(crate) waits_for_key: Option<DropReason>,
    pub(crate) counts: StreamCounts,
    /// The parent was told that nothing can be done for it.
    pub(crate) unfit: bool,
    clock: Clock,
    timings: SharedTimings,
    coverage: Coverage,
    stills: Stills,
    /// Media time from which the next look is due.
    look_due: Option<MediaTime>,
    /// Presentation time of the last packet that came.
    last_pts: Option<MediaTime>,
    /// Media time that was shed since the last look, in microseconds.
    shed_micros: i64,
    last_look: Option<LookTime>,
    /// The scene goes on from a state, and nothing was looked at since.
    resumed: bool,
    state_sent: MonoTime,
    state_wanted: bool,
    pictures: Vec<Picture>,
    /// What it takes to be looked at only while something changes; `None`: always.
    pub(crate) vigil: Option<Vigil>,
}

/// When the last look was, on every clock.
#[derive(Clone, Copy)]
struct LookTime {
    at: MediaTime,
    wall: WallTime,
    received: MonoTime,
}

impl Stream {
    pub(crate) fn new(
        id: StreamId,
        settings: StreamSettings,
        scene: Scene,
        (clock, timings): (Clock, SharedTimings),
    ) -> Self {
        Self {
            vigil: Vigil::of(&settings),
            id,
            stills: Stills::new(&settings),
            settings,
            scene,
            detector: None,
            parameters: None,
            generation: 0,
            decoder: None,
            waits_for_key: Some(DropReason::NoKey),
            counts: StreamCounts::default(),
            unfit: false,
            clock,
            timings,
            coverage: Coverage::default(),
            look_due: None,
            last_pts: None,
            shed_micros: 0,
            last_look: None,
            resumed: false,
            state_sent: MonoTime::default(),
            state_wanted: false,
            pictures: Vec::new(),
        }
    }

    /// Its scene goes on from a state whose last look was at `wall`: its time passes from now on.
    pub(crate) fn resumed(&mut self, wall: WallTime) {
        self.resumed = true;
        self.last_look = Some(LookTime {
            at: self.scene.now(),
            wall,
            received: (self.clock)(),
        });
    }

    /// The next look is due from `at` on.
    pub(crate) fn look_now(&mut self, at: MediaTime) {
        self.look_due =
            Some(at.plus_micros((1e6 / f64::from(self.settings.look_rate.max(0.01))) as i64));
    }

    /// Says that a person has to change something.
    pub(crate) fn unfit(&mut self, reason: String, out: &mut Vec<FromEye>) {
        self.unfit = true;
        out.push(FromEye::Unfit {
            stream: self.id,
            reason,
            bug: false,
        });
    }

    /// Settles one packet without decoding it.
    pub(crate) fn drop_packet(&mut self, packet: &Packet, reason: DropReason) {
        if !packet.repeated {
            self.counts.settled.drop_one(reason);
        }
        if let Some(last) = self.last_pts.replace(packet.pts) {
            self.shed_micros += (packet.pts.micros - last.micros).clamp(0, 1_000_000);
        }
    }

    /// Settles one packet that the gate leaves out: nobody wanted it looked at.
    pub(crate) fn gate_packet(&mut self, packet: &Packet) {
        if !packet.repeated {
            self.counts.settled.gated += 1;
        }
        self.last_pts = Some(packet.pts);
    }

    /// The parent shed this much on the way here.
    pub(crate) fn shed(&mut self, micros: i64) {
        self.shed_micros += micros.max(0);
        self.last_pts = None;
        if let Some(vigil) = &mut self.vigil {
            vigil.forget_candidate();
        }
        self.waits_for_key = Some(DropReason::NoKey);
    }

    /// Whether a live packet waited too long to be worth anything.
    pub(crate) fn is_late(&self, packet: &Packet, now: MonoTime) -> bool {
        let limit_micros = (f64::from(self.settings.fresh_within_secs) * 1e6) as u64;
        !self.settings.every_picture && now.micros_since(packet.received) > limit_micros
    }

    /// Decodes one packet and looks at what comes out of it.
    pub(crate) fn decode(&mut self, packet: &Packet, out: &mut Vec<FromEye>) -> StageTimes {
        self.last_pts = Some(packet.pts);
        let started = clock::thread_cpu_micros();
        let mut pictures = std::mem::take(&mut self.pictures);
        let result = match &mut self.decoder {
            Some(decoder) => decoder.decode(packet, &mut pictures),
            None => return StageTimes::default(),
        };
        let decoded = clock::thread_cpu_micros();
        self.timings
            .borrow_mut()
            .decode
            .observe(decoded - started, &LIMITS_MICROS);
        match result {
            Ok(()) => {
                if !packet.repeated {
                    self.counts.settled.decoded += 1;
                }
            }
            Err(error) => {
                tracing::debug!(stream = self.id.0, %error, "damaged");
                if !packet.repeated {
                    self.counts.settled.corrupt += 1;
                }
                self.waits_for_key = Some(DropReason::NoKey);
            }
        }
        self.look_at(&mut pictures, out);
        self.pictures = pictures;
        let looked = clock::thread_cpu_micros();
        self.counts.cpu_micros += looked - started;
        StageTimes {
            decode_micros: decoded - started,
            detect_micros: looked - decoded,
        }
    }

    /// Gives out what a reordering decoder holds, and looks at it.
    pub(crate) fn flush(&mut self, out: &mut Vec<FromEye>) {
        let mut pictures = std::mem::take(&mut self.pictures);
        if let Some(decoder) = &mut self.decoder
            && let Err(error) = decoder.flush(&mut pictures)
        {
            tracing::debug!(stream = self.id.0, %error, "damaged at the end");
        }
        self.look_at(&mut pictures, out);
        self.pictures = pictures;
    }

    /// Treats it differently from now on.
    pub(crate) fn set(&mut self, settings: StreamSettings) {
        self.stills.reconfigure(&settings);
        if settings.gate != self.settings.gate {
            self.vigil = Vigil::of(&settings);
        }
        self.settings = settings;
    }

    fn look_at(&mut self, pictures: &mut Vec<Picture>, out: &mut Vec<FromEye>) {
        for picture in pictures.drain(..) {
            self.counts.pictures += 1;
            if self.vigil.is_some() {
                self.watch(picture, out);
            } else if self.look_is_due(picture.at)
                && let Some(picture) = self.burn(picture)
            {
                self.look(&picture, out);
            }
        }
    }

    /// Whether this picture is one of those that are wanted; moves the schedule on.
    pub(crate) fn look_is_due(&mut self, at: MediaTime) -> bool {
        if self.settings.every_picture || self.settings.gate == GateKind::Keyframes {
            return true;
        }
        let interval_micros = (1e6 / f64::from(self.settings.look_rate.max(0.01))) as i64;
        let due = self.look_due.unwrap_or(at);
        // A picture that is early by less than a twentieth of the interval is taken: 25 pictures a
        // second never fall exactly on 5 looks a second.
        if at.micros + interval_micros / 20 < due.micros {
            return false;
        }
        let next = due.plus_micros(interval_micros);
        self.look_due = Some(if next <= at {
            at.plus_micros(interval_micros)
        } else {
            next
        });
        true
    }

    pub(crate) fn look(&mut self, picture: &Picture, out: &mut Vec<FromEye>) {
        let Some(detector) = self.detector.clone() else {
            return;
        };
        let time = LookTime {
            at: picture.at,
            wall: picture.wall,
            received: picture.received,
        };
        let started = clock::thread_cpu_micros();
        let batch = std::slice::from_ref(picture);
        self.timings
            .borrow_mut()
            .batch
            .observe(batch.len() as u64, &LIMITS_PICTURES);
        let found = detector.borrow_mut().detect(batch);
        self.take_look(time, &found, Some((picture, &detector)), started, out);
    }

    /// The picture that may be looked at: without what a mask hides.
    pub(crate) fn burn(&mut self, picture: Picture) -> Option<Picture> {
        self.stills.burn(picture)
    }

    /// Takes what a detector found in `seen`, or what is there still because nothing changed.
    fn take_look(
        &mut self,
        time: LookTime,
        found: &Result<Vec<Detections>, StageError>,
        seen: Option<(&Picture, &SharedDetector)>,
        started_micros: u64,
        out: &mut Vec<FromEye>,
    ) {
        let missed = self.looks_shed();
        let mut events = Vec::new();
        match found.as_deref() {
            Ok([detections]) => {
                self.count_looks(time.at, 1.0 + missed, 1.0);
                if self.settings.tell_detections && seen.is_some() {
                    out.push(FromEye::Detections {
                        stream: self.id,
                        at: time.at,
                        items: detections.items.clone(),
                    });
                }
                let coverage = self.coverage.ratio();
                self.scene.look(detections, coverage, &mut events);
                self.last_look = Some(time);
                self.resumed = false;
                self.counts.lag_micros += (self.clock)().micros_since(time.received);
                if let Some((picture, detector)) = seen {
                    let tracks = self.scene.tracks();
                    let (done, refused) =
                        self.stills.look(picture, detections, tracks, detector, out);
                    self.counts.redactions += done;
                    self.counts.redactions_refused += refused;
                }
                self.state_wanted |= self.scene.tracks().iter().any(|track| !track.stationary);
            }
            Ok(other) => {
                tracing::error!(results = other.len(), "the detector gave no single result");
                self.stills.missed();
                self.count_looks(time.at, 1.0 + missed, 0.0);
            }
            Err(error) => {
                tracing::warn!(stream = self.id.0, %error, "a look failed");
                self.stills.missed();
                self.count_looks(time.at, 1.0 + missed, 0.0);
            }
        }
        if seen.is_some() {
            self.measure(started_micros, events.len(), time.received);
        }
        self.give_out(events, out);
        out.push(FromEye::Boxes {
            stream: self.id,
            at: time.at,
            wall: time.wall,
            boxes: self.boxes(),
        });
    }

    /// Notes how long a look took, and how old its events are.
    fn measure(&self, started_micros: u64, events: usize, received: MonoTime) {
        let took_micros = clock::thread_cpu_micros() - started_micros;
        let age_micros = (self.clock)().micros_since(received);
        let mut timings = self.timings.borrow_mut();
        timings.look.observe(took_micros, &LIMITS_MICROS);
        for _ in 0..events {
            timings.picture_to_event.observe(age_micros, &LIMITS_MICROS);
        }
    }

    /// A picture in which nothing changed: the objects that stand there still do. It counts as a
    /// look, and costs none of a detector's.
    pub(crate) fn look_unchanged(&mut self, picture: &Picture, out: &mut Vec<FromEye>) {
        let time = LookTime {
            at: picture.at,
            wall: picture.wall,
            received: picture.received,
        };
        if self.scene.tracks().is_empty() {
            let missed = self.looks_shed();
            self.count_looks(time.at, 1.0 + missed, 1.0);
            self.counts.lag_micros += (self.clock)().micros_since(time.received);
            return;
        }
        let tracks = self.scene.tracks().iter();
        let detections = Detections {
            stream: self.id,
            at: picture.at,
            wall: picture.wall,
            wall_source: picture.wall_source,
            aspect: picture.width as f32 / picture.height.max(1) as f32,
            items: tracks
                .map(|track| Detection {
                    bbox: track.bbox,
                    label: track.label,
                    score: track.score,
                })
                .collect(),
        };
        let started = clock::thread_cpu_micros();
        self.take_look(time, &Ok(vec![detections]), None, started, out);
    }

    /// Looks that were due in the media time that was shed.
    fn looks_shed(&mut self) -> f64 {
        let secs = std::mem::take(&mut self.shed_micros) as f64 / 1e6;
        let rate = match self.settings.gate {
            GateKind::Always => f64::from(self.settings.look_rate),
            GateKind::Keyframes => 1.0 / f64::from(self.settings.keys_every_secs.max(0.04)),
            GateKind::Motion => match &self.vigil {
                Some(vigil) if vigil.is_quiet() => 1.0 / Vigil::keys_every_secs(&self.settings),
                _ => f64::from(self.settings.look_rate),
            },
        };
        (secs * rate).floor()
    }

    fn count_looks(&mut self, at: MediaTime, wanted: f64, taken: f64) {
        self.counts.looks_wanted += wanted as u64;
        self.counts.looks_taken += taken as u64;
        self.coverage.count(at, wanted, taken);
    }

    fn boxes(&self) -> Vec<TrackBox> {
        let tracks = self.scene.tracks().iter();
        tracks
            .map(|track| TrackBox {
                tag: track.tag,
                label: track.label,
                bbox: track.bbox,
                score: track.score,
                seen: track.seen,
                stationary: track.stationary,
            })
            .collect()
    }

    /// Sends events together with the state after them.
    pub(crate) fn give_out(&mut self, events: Vec<ocelli_core::Event>, out: &mut Vec<FromEye>) {
        if events.is_empty() {
            return;
        }
        let state = self.scene.state();
        self.state_sent = (self.clock)();
        self.state_wanted = false;
        out.push(FromEye::Events {
            stream: self.id,
            events,
            state: Some(state),
        });
    }

    /// Time passes: tags that nobody sees end, and the state is renewed. All packets that were
    /// received before `tick` were worked on.
    pub(crate) fn tick(&mut self, tick: MonoTime, out: &mut Vec<FromEye>) {
        let Some(last) = self.last_look else { return };
        let now = (self.clock)();
        let waited_micros = tick.micros_since(last.received) as i64;
        // The scene forgives one gap, that of the move: it is to end with a look.
        let forgiving = self.resumed && waited_micros < RESUME_MICROS;
        if !self.settings.every_picture && !forgiving {
            let mut events = Vec::new();
            self.scene.pass(
                last.at.plus_micros(waited_micros),
                WallTime {
                    micros: last.wall.micros + waited_micros,
                },
                self.coverage.ratio(),
                &mut events,
            );
            self.give_out(events, out);
        }
        let since = now.micros_since(self.state_sent);
        let has_tags = !self.scene.tracks().is_empty();
        if (has_tags && since >= STATE_EVERY_MICROS)
            || (self.state_wanted && since >= STATE_AT_UPDATES_MICROS)
        {
            self.state_sent = now;
            self.state_wanted = false;
            out.push(FromEye::SceneState {
                stream: self.id,
                state: self.scene.state(),
            });
        }
    }

    /// Ends the open tags.
    pub(crate) fn close(&mut self, reason: ocelli_core::GoneReason, out: &mut Vec<FromEye>) {
        self.stills.finish(out);
        let mut events = Vec::new();
        self.scene.close(reason, self.coverage.ratio(), &mut events);
        self.give_out(events, out);
    }

    /// Where another eye goes on.
    pub(crate) fn state(&self) -> SceneState {
        self.scene.state()
    }
}

/// CPU time of one packet, by stage, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StageTimes {
    pub(crate) decode_micros: u64,
    pub(crate) detect_micros: u64,
}
