//! The gate `motion` in the eye: what is looked at of a stream, by its states.

use ocelli_core::{
    Attention, MediaTime, Picture, Want,
    settings::{GateKind, StreamSettings},
    wire::FromEye,
};
use ocelli_vision::change::{Change, ChangeGate, Luma};

use crate::{
    attention::{Found, Watch},
    stream::Stream,
};

/// Key pictures of a quiet stream need not be closer.
const KEYS_EVERY_SECS: f64 = 1.8;
/// Objects that rest are to be seen so much more often than they would be taken for gone.
const RESTING_MARGIN: f64 = 0.75;

/// The states of a stream, its background, and what was told of them.
pub(crate) struct Vigil {
    watch: Watch,
    gate: ChangeGate,
    /// The newest picture of a group that is to be judged.
    candidate: Option<Picture>,
    /// The last look allows rest.
    may_rest: bool,
    /// The parent waits at key pictures: only there the stream becomes quiet, so that a recording
    /// always is at the same picture.
    lockstep: bool,
    last_key: Option<MediaTime>,
    /// The distance of the last two key pictures, in seconds.
    key_secs: f64,
    told: Option<Attention>,
}

impl Vigil {
    /// What the settings ask for.
    pub(crate) fn of(settings: &StreamSettings) -> Option<Self> {
        (settings.gate == GateKind::Motion).then(|| Self {
            watch: Watch::new(),
            gate: ChangeGate::default(),
            candidate: None,
            may_rest: false,
            lockstep: false,
            last_key: None,
            key_secs: f64::INFINITY,
            told: None,
        })
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.watch.is_quiet()
    }

    /// The distance of key pictures that are wanted while quiet.
    pub(crate) fn keys_every_secs(settings: &StreamSettings) -> f64 {
        f64::from(settings.keys_every_secs).max(KEYS_EVERY_SECS)
    }

    pub(crate) fn forget_candidate(&mut self) {
        self.candidate = None;
    }

    /// What ingest is to send.
    pub(crate) fn want(&self, settings: &StreamSettings) -> Want {
        if self.is_quiet() {
            Want::Keys {
                every_micros: (Self::keys_every_secs(settings) * 1e6) as i64,
                hold: true,
            }
        } else {
            Want::FromGopStart
        }
    }

    fn key_came(&mut self, at: MediaTime) {
        if let Some(last) = self.last_key.replace(at) {
            self.key_secs = at.secs_since(last);
        }
    }
}

impl Stream {
    /// Takes the next picture of a stream with states.
    pub(crate) fn watch(&mut self, picture: Picture, out: &mut Vec<FromEye>) {
        let Some(vigil) = &mut self.vigil else { return };
        if picture.key {
            vigil.key_came(picture.at);
        }
        if !vigil.is_quiet() {
            if self.look_is_due(picture.at)
                && let Some(picture) = self.burn(picture)
            {
                self.examine(&picture, out);
            }
        } else if picture.key {
            self.judge(picture, true, out);
        } else {
            vigil.candidate = Some(picture);
        }
        self.tell(false, out);
    }

    /// The parent wants an answer about what it sent.
    pub(crate) fn answer(&mut self, out: &mut Vec<FromEye>) {
        let Some(vigil) = &mut self.vigil else {
            return;
        };
        match vigil.candidate.take() {
            Some(picture) if vigil.is_quiet() => self.judge(picture, false, out),
            _ => {
                vigil.lockstep |= !vigil.is_quiet();
                let at = vigil.last_key.filter(|_| vigil.may_rest && vigil.lockstep);
                if let Some(at) = at {
                    self.rest(at);
                }
            }
        }
        self.tell(true, out);
    }

    /// Compares a picture of a quiet stream with the background.
    fn judge(&mut self, picture: Picture, learn: bool, out: &mut Vec<FromEye>) {
        let Some(picture) = self.burn(picture) else {
            return;
        };
        let Some(vigil) = &mut self.vigil else { return };
        let at = picture.at;
        let blind = vigil.watch.blind(at);
        let change = match Luma::of(&picture) {
            Some(luma) if learn => vigil.gate.judge_and_learn(&luma, &blind),
            Some(luma) => vigil.gate.judge(&luma, &blind),
            None => Change::UNKNOWN,
        };
        if change.opened {
            vigil.watch.changed(at, change.patch);
            self.look_now(at);
            self.examine(&picture, out);
        } else if !learn {
            // Refuted: it was no look, but a doubt.
        } else if self.check_is_due(at) {
            self.examine(&picture, out);
        } else {
            self.look_unchanged(&picture, out);
        }
    }

    fn check_is_due(&self, at: MediaTime) -> bool {
        let rests = !self.scene.tracks().is_empty();
        let vigil = self.vigil.as_ref();
        vigil.is_some_and(|vigil| vigil.watch.check_is_due(at, rests))
    }

    /// A detector looks, and the state follows from what it finds.
    fn examine(&mut self, picture: &Picture, out: &mut Vec<FromEye>) {
        let at = picture.at;
        let luma = Luma::of(picture);
        self.look(picture, out);
        let found = self.found();
        let Some(vigil) = &mut self.vigil else { return };
        let patient = f64::from(self.settings.scene.gone_after_secs) * RESTING_MARGIN;
        let keys_secs = vigil.key_secs.max(Vigil::keys_every_secs(&self.settings));
        let may_stay = found != Found::Resting || keys_secs <= patient;
        vigil.may_rest = vigil.watch.looked(at, found) && may_stay;
        if let Some(luma) = luma.filter(|_| vigil.may_rest) {
            vigil.gate.settle(&luma);
        }
        if vigil.may_rest && !vigil.lockstep {
            self.rest(at);
        }
    }

    fn rest(&mut self, at: MediaTime) {
        if let Some(vigil) = &mut self.vigil {
            vigil.may_rest = false;
            vigil.watch.rest(at);
        }
    }

    fn found(&self) -> Found {
        let tracks = self.scene.tracks();
        if tracks.iter().any(|track| !(track.stationary && track.seen)) {
            Found::Moving
        } else if tracks.is_empty() {
            Found::Nothing
        } else {
            Found::Resting
        }
    }

    /// Says what is needed, and how much it is looked at: where that changed, or an answer is due.
    pub(crate) fn tell(&mut self, answer: bool, out: &mut Vec<FromEye>) {
        let Some(vigil) = &mut self.vigil else { return };
        let attention = vigil.watch.state();
        let before = vigil.told.replace(attention);
        let wants_as_before = before
            .is_some_and(|before| (before == Attention::Quiet) == (attention == Attention::Quiet));
        if answer || !wants_as_before {
            out.push(FromEye::Want {
                stream: self.id,
                want: vigil.want(&self.settings),
            });
        }
        if before != Some(attention) {
            out.push(FromEye::Attention {
                stream: self.id,
                attention,
            });
        }
    }
}
