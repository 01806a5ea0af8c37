//! What may be shown of a picture. Everything else stays unseen.
//!
//! A [`Redactor`] follows one stream: it is told what every look found, learns the empty scene
//! (the plate), and is the only maker of a [`Redacted`] picture. At level `person`, a block of
//! 8 x 8 pixels is shown only where it
//! - agrees with the plate, as its neighbours do, or lies whole in the box of a vehicle that was
//!   followed for several looks, and
//! - lies in no person's box grown by [`MARGIN`] on each side, be it of this look, of those before
//!   it within [`CARRY_MICROS`] (two at least), or predicted by the tracker; bicycles and
//!   motorcycles count as people, since somebody sits on them; and
//! - does not lie in the lower band of a vehicle's box, where its number plate is.
//!
//! All else is filled with one colour before anything is encoded. No look at this very picture, no
//! plate, a box that is no box or a scene that changed as a whole: no picture.

mod canvas;
mod cover;
mod mask;
mod plate;
mod still;

use std::collections::VecDeque;

use ocelli_core::{BBox, Detections, Label, MediaTime, Picture, StreamId, Track};

use canvas::Canvas;
use cover::{Cover, grown, number_plate};
pub use mask::PrivacyMasks;
use plate::Plate;
pub use plate::PlateTerms;
pub use still::Still;

/// Share of a person's box by which it is grown on each side before it is filled.
pub const MARGIN: f32 = 0.3;
/// How long what a look found is covered in the pictures after it, in microseconds of media time.
pub const CARRY_MICROS: i64 = 1_000_000;
/// Looks whose boxes are covered in the pictures after them, however long they are ago.
const CARRY_LOOKS_MIN: usize = 3;
/// Looks that are remembered at most.
const CARRY_LOOKS_MAX: usize = 64;
/// Share of a person's box by which it is grown before the plate learns from what is outside.
const PLATE_MARGIN: f32 = 0.2;
/// Score from which a box keeps the plate from learning in it. What scores less is mostly not there,
/// and somewhere in every look: it would keep the plate from ever being learnt.
const LIKELY_SCORE: f32 = 0.1;
/// Score from which somebody in the plate keeps it from being released there: half of what usually
/// begins a track.
const IN_PLATE_SCORE: f32 = 0.2;
/// Score from which a vehicle's box is believed.
const VEHICLE_SCORE: f32 = 0.5;
/// The largest part of a picture that a vehicle's box may open.
const VEHICLE_AREA_MAX: f32 = 0.5;
/// A vehicle is at least this wide for its height; a person upright never is.
const VEHICLE_SHAPE: f32 = 0.9;
/// How long a vehicle was followed before its box is believed, in microseconds of media time.
const VEHICLE_SEEN_MICROS: i64 = 300_000;
/// Least share of the plate that is known before anything is shown.
const KNOWN_MIN: f32 = 0.5;
/// Most of a scene that may differ outside of boxes; beyond it, the camera moved or the light
/// changed.
const DIFFERING_MAX: f32 = 0.4;

/// Least part of a picture that is to be left over; below it, it says nothing to anyone.
const OPEN_MIN: f32 = 0.02;

/// What may leave the eye. Only redaction makes one:
///
/// ```compile_fail,E0423
/// fn claim(picture: ocelli_core::Picture) -> ocelli_vision::redact::Redacted<ocelli_core::Picture> {
///     ocelli_vision::redact::Redacted(picture)
/// }
/// ```
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// What was redacted.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// Why there is no redacted picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No detector has looked at this very picture.
    #[error("nobody looked at this picture")]
    Unlooked,
    /// A detection was no box.
    #[error("a box made no sense")]
    Unsure,
    /// Too little of the empty scene is known yet.
    #[error("the empty scene is not known yet")]
    NoPlate,
    /// The scene moved or changed as a whole.
    #[error("the scene changed as a whole")]
    SceneChanged,
    /// All of it would be filled.
    #[error("nothing would be left of it")]
    NothingLeft,
    /// The picture is not what its size promises, or smaller than 2 x 2.
    #[error("the picture's planes make no sense")]
    Unfit,
}

/// What one look leads to.
struct Look {
    at: MediaTime,
    /// People, as they were found or predicted.
    people: Vec<BBox>,
    /// Vehicles, as they were found.
    vehicles: Vec<BBox>,
    /// Vehicles whose boxes are believed.
    believed: Vec<BBox>,
    /// People and vehicles that are likely, or followed: the plate does not learn there.
    likely: Vec<BBox>,
    /// Whether a box made no sense.
    unsure: bool,
}

/// The redaction of one stream.
pub struct Redactor {
    terms: PlateTerms,
    plate: Option<Plate>,
    stream: StreamId,
    /// The newest last.
    looks: VecDeque<Look>,
    /// Whether the last look failed.
    missed: bool,
}

impl Redactor {
    /// The redaction of a stream that nothing is known of.
    pub fn new(terms: PlateTerms) -> Self {
        Self {
            terms,
            plate: None,
            stream: StreamId(0),
            looks: VecDeque::new(),
            missed: false,
        }
    }

    /// Takes what a look at `picture` found, and what the tracker makes of it.
    pub fn look(&mut self, picture: &Picture, found: &Detections, tracks: &[Track]) {
        if found.stream != picture.stream || found.at != picture.at {
            self.missed = true;
            return;
        }
        self.missed = false;
        self.stream = picture.stream;
        let look = Look::of(picture, found, tracks);
        while self.looks.len() >= CARRY_LOOKS_MIN
            && (self.looks.len() >= CARRY_LOOKS_MAX
                || self.looks[0].at.micros < look.at.micros - CARRY_MICROS)
        {
            self.looks.pop_front();
        }
        let unsure = look.unsure;
        self.looks.push_back(look);
        let due = self
            .plate
            .as_ref()
            .is_none_or(|plate| plate.is_due(picture.at));
        if due && !unsure {
            self.learn(picture);
        }
    }

    /// A look failed: nothing is shown until one succeeds.
    pub fn missed(&mut self) {
        self.missed = true;
    }

    fn learn(&mut self, picture: &Picture) {
        let Some(canvas) = Canvas::of(picture) else {
            return;
        };
        let fits = self.plate.as_ref().is_some_and(|plate| plate.fits(&canvas));
        if !fits {
            self.plate = Some(Plate::new(self.terms, &canvas, picture.at));
        }
        let mut boxes = Cover::open(canvas.width, canvas.height);
        for &bbox in self.looks.back().iter().flat_map(|look| &look.likely) {
            boxes.fill(grown(bbox, PLATE_MARGIN));
        }
        if let Some(plate) = &mut self.plate {
            plate.sample(&canvas, &boxes, picture.at);
        }
    }

    /// People and vehicles of all looks that count, grown.
    fn boxes(&self, canvas: &Canvas) -> Cover {
        let mut cover = Cover::open(canvas.width, canvas.height);
        for look in &self.looks {
            for &bbox in look.people.iter().chain(&look.vehicles) {
                cover.fill(grown(bbox, MARGIN));
            }
        }
        cover
    }

    /// What may be shown of the picture that was looked at last, at level `person`.
    pub fn redact(&self, picture: &Picture) -> Result<Redacted<Picture>, Refusal> {
        let look = self.looks.back().ok_or(Refusal::Unlooked)?;
        if self.missed || picture.stream != self.stream || look.at != picture.at {
            return Err(Refusal::Unlooked);
        }
        if self.looks.iter().any(|look| look.unsure) {
            return Err(Refusal::Unsure);
        }
        let mut canvas = Canvas::of(picture).ok_or(Refusal::Unfit)?;
        let plate = self.plate.as_ref().filter(|plate| plate.fits(&canvas));
        let plate = plate.ok_or(Refusal::NoPlate)?;
        let compared = plate.compare(&canvas, &self.boxes(&canvas));
        if compared.known < KNOWN_MIN {
            return Err(Refusal::NoPlate);
        }
        if compared.differing > DIFFERING_MAX {
            return Err(Refusal::SceneChanged);
        }
        let mut cover = compared.cover;
        cover.dilate();
        for &bbox in &look.believed {
            cover.reveal(bbox);
        }
        for look in &self.looks {
            for &bbox in &look.people {
                cover.fill(grown(bbox, MARGIN));
            }
            for &bbox in &look.vehicles {
                cover.fill(number_plate(bbox));
            }
        }
        if cover.share_open() < OPEN_MIN {
            return Err(Refusal::NothingLeft);
        }
        cover.apply(&mut canvas);
        Ok(Redacted(canvas.into_picture(picture)))
    }

    /// The plate for a detector to examine, if it is time: people must not be in it. Answer with
    /// [`Self::plate_checked`].
    pub fn plate_to_check(&self, picture: &Picture) -> Option<Picture> {
        let plate = self.plate.as_ref()?;
        plate
            .wants_check(picture.at)
            .then(|| plate.picture(picture, true))
    }

    /// What a detector found in the plate, down to its low threshold: where somebody is, it is
    /// learnt anew; the rest is released.
    pub fn plate_checked(&mut self, found: &Detections) {
        let Some(plate) = &mut self.plate else { return };
        let people = found
            .items
            .iter()
            .filter(|item| counts_as_person(item.label) && item.score >= IN_PLATE_SCORE);
        let boxes: Option<Vec<BBox>> = people.map(|item| item.bbox.clipped()).collect();
        let mut cover = plate.cover();
        match boxes {
            Some(boxes) => boxes
                .into_iter()
                .for_each(|bbox| cover.fill(grown(bbox, MARGIN))),
            None => cover.fill(BBox::from_corners(0.0, 0.0, 1.0, 1.0)),
        }
        plate.release(&cover, found.at);
    }

    /// The plate as it may be shown, or a grid of mean colours until half of it is released.
    /// `None`: nothing was looked at.
    pub fn plate(&self, picture: &Picture) -> Option<Redacted<Picture>> {
        let plate = self.plate.as_ref()?;
        Some(Redacted(if plate.known() >= KNOWN_MIN {
            plate.picture(picture, false)
        } else {
            plate.grid_picture(picture)
        }))
    }

    /// Whether enough of the plate is released for stills.
    pub fn has_plate(&self) -> bool {
        self.plate_known() >= KNOWN_MIN
    }

    /// The share of the plate that is released, 0..1.
    pub fn plate_known(&self) -> f32 {
        self.plate.as_ref().map_or(0.0, Plate::known)
    }
}

impl Look {
    fn of(picture: &Picture, found: &Detections, tracks: &[Track]) -> Self {
        let mut look = Self {
            at: picture.at,
            people: Vec::new(),
            vehicles: Vec::new(),
            believed: Vec::new(),
            likely: Vec::new(),
            unsure: false,
        };
        let found_boxes = found
            .items
            .iter()
            .map(|item| (item.label, item.bbox, item.score >= LIKELY_SCORE));
        let followed = tracks.iter().map(|track| (track.label, track.bbox, true));
        for (label, bbox, likely) in found_boxes.chain(followed) {
            let finite = [bbox.x, bbox.y, bbox.w, bbox.h]
                .iter()
                .all(|v| v.is_finite());
            look.unsure |= !finite;
            let Some(inside) = bbox.clipped() else {
                continue;
            };
            if likely && (counts_as_person(label) || is_vehicle(label)) {
                look.likely.push(inside);
            }
            if counts_as_person(label) {
                look.people.push(inside);
            }
            if is_vehicle(label) || label == Label::Motorcycle {
                look.vehicles.push(inside);
            }
        }
        let aspect = picture.width as f32 / picture.height.max(1) as f32;
        for item in &found.items {
            let plausible = is_vehicle(item.label)
                && item.score >= VEHICLE_SCORE
                && item.bbox.area() <= VEHICLE_AREA_MAX
                && item.bbox.w * aspect >= VEHICLE_SHAPE * item.bbox.h;
            let is_followed = |track: &Track| {
                is_vehicle(track.label)
                    && track.seen
                    && look.at.micros - track.first_at.micros >= VEHICLE_SEEN_MICROS
                    && track.bbox.iou(item.bbox) >= 0.5
            };
            if plausible && tracks.iter().any(is_followed) {
                look.believed.push(item.bbox);
            }
        }
        look
    }
}

/// People, and what people sit on.
fn counts_as_person(label: Label) -> bool {
    matches!(
        label,
        Label::Person | Label::Bicycle | Label::Motorcycle | Label::Horse
    )
}

/// What hides those who are in it.
fn is_vehicle(label: Label) -> bool {
    matches!(
        label,
        Label::Car | Label::Bus | Label::Train | Label::Truck | Label::Boat
    )
}
