//! What of one stream's pictures leaves the eye: a still of each tag, and the plate.

use std::{collections::BTreeMap, rc::Rc};

use ocelli_core::{
    Detections, MediaTime, Picture, Point, StreamId, Tag, Track, WallTime,
    settings::{StillLevel, StreamSettings},
    wire::{FromEye, STILL_BYTES_MAX, StillPurpose},
};
use ocelli_vision::redact::{PlateTerms, PrivacyMasks, Redacted, Redactor, Still};

use crate::stream::SharedDetector;

/// How long a better picture of a tag is waited for, in microseconds of media time.
const BEST_WITHIN_MICROS: i64 = 2_000_000;
/// A tag of which there is no picture by then gets none, in microseconds of media time.
const GIVE_UP_MICROS: i64 = 30_000_000;
/// Least distance of two redactions, in microseconds of media time.
const REDACT_EVERY_MICROS: i64 = 500_000;
/// A picture replaces another one of a tag if its box, weighed by its score, is that much larger.
const BETTER: f32 = 1.25;
/// Tags that are waited for at most.
const WAITING_MAX: usize = 64;

/// Redacts one stream.
pub(crate) struct Stills {
    level: StillLevel,
    stream: StreamId,
    redactor: Redactor,
    masks: PrivacyMasks,
    polygons: Vec<Vec<Point>>,
    tags: BTreeMap<Tag, Waiting>,
    redacted: Option<MediaTime>,
    /// The plate was given out since something in it changed.
    plate_given: bool,
}

/// A tag and the best still of it so far.
struct Waiting {
    since: MediaTime,
    quality: f32,
    best: Option<Encoded>,
    /// It has its still, or gets none.
    done: bool,
}

#[derive(Clone)]
struct Encoded {
    at: MediaTime,
    wall: WallTime,
    jpeg: Rc<Vec<u8>>,
}

/// Pictures that were redacted and encoded, and pictures that redaction refused.
type Redactions = (u64, u64);

impl Stills {
    pub(crate) fn new(settings: &StreamSettings) -> Self {
        Self {
            level: settings.stills,
            stream: StreamId(0),
            redactor: Redactor::new(PlateTerms::default()),
            masks: PrivacyMasks::new(settings.privacy_masks.clone()),
            polygons: settings.privacy_masks.clone(),
            tags: BTreeMap::new(),
            redacted: None,
            plate_given: false,
        }
    }

    /// Under other settings: where masks changed, the plate is learnt anew.
    pub(crate) fn reconfigure(&mut self, settings: &StreamSettings) {
        if settings.privacy_masks == self.polygons {
            self.level = settings.stills;
            if self.level == StillLevel::None {
                self.tags.clear();
            }
        } else {
            *self = Self::new(settings);
        }
    }

    /// The picture that may be looked at.
    pub(crate) fn burn(&mut self, picture: Picture) -> Option<Picture> {
        let burned = self.masks.burn(picture);
        if burned.is_none() {
            self.redactor.missed();
        }
        burned
    }

    /// A look failed.
    pub(crate) fn missed(&mut self) {
        self.redactor.missed();
    }

    /// Takes what a look found; gives out stills, and the plate where it changed.
    pub(crate) fn look(
        &mut self,
        picture: &Picture,
        found: &Detections,
        tracks: &[Track],
        detector: &SharedDetector,
        out: &mut Vec<FromEye>,
    ) -> Redactions {
        self.stream = picture.stream;
        self.redactor.look(picture, found, tracks);
        self.examine_plate(picture, detector);
        if !self.plate_given
            && let Some(plate) = self.redactor.plate(picture)
        {
            self.plate_given = true;
            if let Some(plate) = encode(&plate) {
                out.push(still(picture.stream, &plate, StillPurpose::Plate));
            }
        }
        if self.level == StillLevel::None {
            return (0, 0);
        }
        let redactions = self.better(picture, tracks);
        self.give(picture.at, tracks, out);
        redactions
    }

    /// Lets the detector look for people in the plate, when it is time.
    fn examine_plate(&mut self, picture: &Picture, detector: &SharedDetector) {
        let Some(plate) = self.redactor.plate_to_check(picture) else {
            return;
        };
        let found = detector.borrow_mut().detect(std::slice::from_ref(&plate));
        match found.as_deref() {
            Ok([found]) => {
                self.redactor.plate_checked(found);
                self.plate_given = false;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(stream = self.stream.0, %error, "no look at the plate"),
        }
    }

    /// Makes a still if it is the best yet of any tag.
    fn better(&mut self, picture: &Picture, tracks: &[Track]) -> Redactions {
        let mut wanting = Vec::new();
        for track in tracks.iter().filter(|track| track.seen) {
            let quality = track.bbox.area() * track.score;
            let room = self.tags.len() < WAITING_MAX || self.tags.contains_key(&track.tag);
            if !room {
                continue;
            }
            let tag = self.tags.entry(track.tag).or_insert(Waiting {
                since: picture.at,
                quality: 0.0,
                best: None,
                done: false,
            });
            if !tag.done && quality > tag.quality * BETTER {
                wanting.push((track.tag, quality));
            }
        }
        let soon = self
            .redacted
            .is_some_and(|last| picture.at.micros - last.micros < REDACT_EVERY_MICROS);
        // Before there is a plate there is nothing to be shown, and nothing to be counted.
        if wanting.is_empty() || soon || !self.redactor.has_plate() {
            return (0, 0);
        }
        self.redacted = Some(picture.at);
        let encoded = match self.redactor.redact(picture) {
            Ok(redacted) => encode(&redacted),
            Err(refusal) => {
                tracing::trace!(stream = self.stream.0, %refusal, "no still");
                None
            }
        };
        let Some(encoded) = encoded else {
            return (0, 1);
        };
        for (tag, quality) in wanting {
            if let Some(tag) = self.tags.get_mut(&tag) {
                tag.quality = quality;
                tag.best = Some(encoded.clone());
            }
        }
        (1, 0)
    }

    /// Gives out what cannot become better; forgets tags that are gone.
    fn give(&mut self, now: MediaTime, tracks: &[Track], out: &mut Vec<FromEye>) {
        let stream = self.stream;
        self.tags.retain(|&name, tag| {
            let gone = tracks.iter().all(|track| track.tag != name);
            let waited = now.micros - tag.since.micros;
            if waited >= GIVE_UP_MICROS {
                tag.done |= tag.best.is_none();
            }
            if (gone || waited >= BEST_WITHIN_MICROS)
                && let Some(best) = tag.best.take()
            {
                tag.done = true;
                out.push(still(stream, &best, StillPurpose::Tag(name)));
            }
            !gone
        });
    }

    /// Gives out what is there: the open tags end.
    pub(crate) fn finish(&mut self, out: &mut Vec<FromEye>) {
        for (name, tag) in std::mem::take(&mut self.tags) {
            if let Some(best) = tag.best {
                out.push(still(self.stream, &best, StillPurpose::Tag(name)));
            }
        }
    }
}

/// `None`: it is larger than the wire takes.
fn encode(redacted: &Redacted<Picture>) -> Option<Encoded> {
    let picture = redacted.get();
    let jpeg = Still::encode(redacted).ok()?.into_jpeg();
    (jpeg.len() <= STILL_BYTES_MAX).then(|| Encoded {
        at: picture.at,
        wall: picture.wall,
        jpeg: Rc::new(jpeg),
    })
}

fn still(stream: StreamId, encoded: &Encoded, purpose: StillPurpose) -> FromEye {
    FromEye::Still {
        stream,
        at: encoded.at,
        wall: encoded.wall,
        purpose,
        jpeg: encoded.jpeg.to_vec(),
    }
}
