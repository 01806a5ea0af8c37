//! Truth and results side by side: names counted from 0, and which boxes overlap.

use std::collections::BTreeMap;

use crate::{Entry, Sequence};

/// Which boxes may be one object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Likeness {
    /// Boxes of the same label.
    #[default]
    SameLabel,
    /// Any two boxes.
    AnyLabel,
}

/// Two boxes of one picture that overlap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overlap {
    /// Index in the picture's `truth`.
    pub(super) truth: usize,
    /// Index in the picture's `found`.
    pub(super) found: usize,
    /// Above 0.
    pub(super) iou: f64,
}

/// One picture.
#[derive(Debug, Default)]
pub(super) struct PicturePairing {
    /// Names of the true boxes.
    pub(super) truth: Vec<usize>,
    /// Names of the boxes found.
    pub(super) found: Vec<usize>,
    pub(super) overlaps: Vec<Overlap>,
}

/// Both sequences.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    pub(super) pictures: Vec<PicturePairing>,
    /// Number of boxes of each true name.
    pub(super) truth_boxes: Vec<u64>,
    /// Number of boxes of each name found.
    pub(super) found_boxes: Vec<u64>,
}

impl Pairing {
    pub(super) fn new(truth: &Sequence, found: &Sequence, likeness: Likeness) -> Self {
        let mut pairing = Self::default();
        let (mut truth_names, mut found_names) = (BTreeMap::new(), BTreeMap::new());
        for number in 0..truth.pictures.len().max(found.pictures.len()) {
            let (truth, found) = (truth.picture(number), found.picture(number));
            pairing.pictures.push(PicturePairing {
                truth: named(truth, &mut truth_names, &mut pairing.truth_boxes),
                found: named(found, &mut found_names, &mut pairing.found_boxes),
                overlaps: overlaps(truth, found, likeness),
            });
        }
        pairing
    }

    /// Number of true boxes.
    pub(super) fn truths(&self) -> u64 {
        self.truth_boxes.iter().sum()
    }

    /// Number of boxes found.
    pub(super) fn founds(&self) -> u64 {
        self.found_boxes.iter().sum()
    }
}

fn named(entries: &[Entry], names: &mut BTreeMap<u64, usize>, boxes: &mut Vec<u64>) -> Vec<usize> {
    let numbers = entries.iter().map(|entry| {
        let next = names.len();
        let number = *names.entry(entry.id).or_insert(next);
        if number == boxes.len() {
            boxes.push(0);
        }
        boxes[number] += 1;
        number
    });
    numbers.collect()
}

fn overlaps(truth: &[Entry], found: &[Entry], likeness: Likeness) -> Vec<Overlap> {
    let mut list = Vec::new();
    for (i, a) in truth.iter().enumerate() {
        for (j, b) in found.iter().enumerate() {
            if likeness == Likeness::SameLabel && a.label != b.label {
                continue;
            }
            let iou = a.rect.iou(b.rect);
            if iou > 0.0 {
                list.push(Overlap {
                    truth: i,
                    found: j,
                    iou,
                });
            }
        }
    }
    list
}
