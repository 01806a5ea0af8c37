//! What of a look is worth tracking: real boxes of wanted labels outside the masks, one to an
//! object, in an order that does not depend on the detector's.

use ocelli_core::{BBox, Detection, Detections, Label, settings::SceneSettings};

use crate::{Faults, Polygon, plane::SquareBox};

/// The most boxes of one look.
pub(crate) const BOXES_MAX: usize = 500;
/// Boxes of two labels that overlap more are one object.
const SAME_OBJECT_IOU: f32 = 0.85;
/// Detectors often call one vehicle by two names, with boxes that differ a little.
const SAME_VEHICLE_IOU: f32 = 0.7;

/// One box that is worth tracking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    pub(crate) bbox: BBox,
    pub(crate) square: SquareBox,
    pub(crate) label: Label,
    pub(crate) score: f32,
}

/// What the settings say about boxes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cleaner {
    labels: Vec<Label>,
    masks: Vec<(Polygon, Vec<Label>)>,
}

impl Cleaner {
    /// Err: the mask with this place in the list is no shape.
    pub(crate) fn new(settings: &SceneSettings) -> Result<Self, (usize, String)> {
        let masks = settings.masks.iter().enumerate().map(|(index, mask)| {
            match Polygon::new(&mask.points) {
                Ok(polygon) => Ok((polygon, mask.labels.clone())),
                Err(reason) => Err((index, reason)),
            }
        });
        Ok(Self {
            labels: settings.labels.clone(),
            masks: masks.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn clean(
        &self,
        detections: &Detections,
        aspect: f32,
        faults: &mut Faults,
    ) -> Vec<Seen> {
        let mut seen: Vec<Seen> = Vec::with_capacity(detections.items.len().min(BOXES_MAX));
        for item in &detections.items {
            match sound(item) {
                None => faults.bad_boxes += 1,
                Some(bbox) if self.wants(item.label, bbox) => seen.push(Seen {
                    bbox,
                    square: SquareBox::of(bbox, aspect),
                    label: item.label,
                    score: item.score.clamp(0.0, 1.0),
                }),
                Some(_) => {}
            }
        }
        seen.sort_by(by_certainty);
        if seen.len() > BOXES_MAX {
            faults.boxes_over += (seen.len() - BOXES_MAX) as u64;
            seen.truncate(BOXES_MAX);
        }
        one_to_an_object(&mut seen);
        seen
    }

    fn wants(&self, label: Label, bbox: BBox) -> bool {
        let place = bbox.bottom_centre();
        (self.labels.is_empty() || self.labels.contains(&label))
            && !self.masks.iter().any(|(polygon, labels)| {
                (labels.is_empty() || labels.contains(&label)) && polygon.contains(place)
            })
    }
}

/// The box inside the picture, if it is one. Boxes under a tenth of a thousandth of the picture's
/// side are no object of any detector.
fn sound(item: &Detection) -> Option<BBox> {
    const SIDE_MIN: f32 = 1e-4;
    let bbox = item.bbox.clipped()?;
    (item.score.is_finite() && bbox.w >= SIDE_MIN && bbox.h >= SIDE_MIN).then_some(bbox)
}

/// Surest first; ties are broken by everything else, so that the detector's order plays no part.
fn by_certainty(a: &Seen, b: &Seen) -> std::cmp::Ordering {
    b.score
        .total_cmp(&a.score)
        .then(a.label.cmp(&b.label))
        .then(a.bbox.x.total_cmp(&b.bbox.x))
        .then(a.bbox.y.total_cmp(&b.bbox.y))
        .then(a.bbox.w.total_cmp(&b.bbox.w))
        .then(a.bbox.h.total_cmp(&b.bbox.h))
}

/// Leaves out the lesser of two boxes that are one object. A person and the two-wheeler under them
/// are two objects, unless their boxes are all but the same: then it is a person.
fn one_to_an_object(seen: &mut Vec<Seen>) {
    let mut by_left: Vec<usize> = (0..seen.len()).collect();
    by_left.sort_by(|&a, &b| seen[a].bbox.x.total_cmp(&seen[b].bbox.x).then(a.cmp(&b)));
    let mut pairs = Vec::new();
    for (place, &a) in by_left.iter().enumerate() {
        let right = seen[a].bbox.right();
        for &b in &by_left[place + 1..] {
            if seen[b].bbox.x >= right {
                break;
            }
            let (p, q) = (&seen[a], &seen[b]);
            let both_drive = p.label.is_vehicle() && q.label.is_vehicle() && p.label != q.label;
            let limit = if both_drive {
                SAME_VEHICLE_IOU
            } else {
                SAME_OBJECT_IOU
            };
            if p.square.iou(q.square) > limit {
                pairs.push(if loses(a, b, seen) { (b, a) } else { (a, b) });
            }
        }
    }
    // From the surest winner on, so that a box that lost itself removes no other.
    pairs.sort_unstable();
    let mut lost = vec![false; seen.len()];
    for (winner, loser) in pairs {
        if !lost[winner] {
            lost[loser] = true;
        }
    }
    let mut index = 0;
    seen.retain(|_| {
        index += 1;
        !lost[index - 1]
    });
}

/// Whether box `a` is the lesser one. The list is sorted, surest first.
fn loses(a: usize, b: usize, seen: &[Seen]) -> bool {
    let person = |index: usize| seen[index].label == Label::Person;
    let rides = |index: usize| matches!(seen[index].label, Label::Bicycle | Label::Motorcycle);
    if person(a) && rides(b) {
        false
    } else if person(b) && rides(a) {
        true
    } else {
        a > b
    }
}
