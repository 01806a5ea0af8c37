//! What an object may be called: a closed list, and the words that no model may teach.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The closed list of labels. There is deliberately none for who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "a label means what it says")]
pub enum Label {
    Person,
    Bicycle,
    Car,
    Motorcycle,
    Bus,
    Train,
    Truck,
    Boat,
    Bird,
    Cat,
    Dog,
    Horse,
    Backpack,
    Handbag,
    Suitcase,
}

impl Label {
    /// Every label.
    pub const ALL: [Self; 15] = [
        Self::Person,
        Self::Bicycle,
        Self::Car,
        Self::Motorcycle,
        Self::Bus,
        Self::Train,
        Self::Truck,
        Self::Boat,
        Self::Bird,
        Self::Cat,
        Self::Dog,
        Self::Horse,
        Self::Backpack,
        Self::Handbag,
        Self::Suitcase,
    ];

    /// COCO's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bicycle => "bicycle",
            Self::Car => "car",
            Self::Motorcycle => "motorcycle",
            Self::Bus => "bus",
            Self::Train => "train",
            Self::Truck => "truck",
            Self::Boat => "boat",
            Self::Bird => "bird",
            Self::Cat => "cat",
            Self::Dog => "dog",
            Self::Horse => "horse",
            Self::Backpack => "backpack",
            Self::Handbag => "handbag",
            Self::Suitcase => "suitcase",
        }
    }

    /// Whether it is something that drives on a road.
    pub fn is_vehicle(self) -> bool {
        matches!(
            self,
            Self::Bicycle | Self::Car | Self::Motorcycle | Self::Bus | Self::Train | Self::Truck
        )
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not on the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown label `{0}`, expected one of: {list}", list = label_list())]
pub struct UnknownLabel(pub String);

fn label_list() -> String {
    Label::ALL.map(Label::as_str).join(", ")
}

impl FromStr for Label {
    type Err = UnknownLabel;

    fn from_str(text: &str) -> Result<Self, UnknownLabel> {
        Self::ALL
            .into_iter()
            .find(|label| label.as_str() == text)
            .ok_or_else(|| UnknownLabel(text.to_owned()))
    }
}

/// Words that say who somebody is, what they feel or what they own by name. A model with a class
/// that contains one of them is refused: it is made for something ocelli does not do.
pub const REFUSED_WORDS: &[&str] = &[
    "adult",
    "age",
    "anger",
    "angry",
    "asian",
    "beard",
    "black_person",
    "boy",
    "caucasian",
    "child",
    "disability",
    "disabled",
    "disgust",
    "elderly",
    "emotion",
    "ethnicity",
    "face",
    "fear",
    "female",
    "gait",
    "gender",
    "girl",
    "glasses",
    "happy",
    "headscarf",
    "health",
    "hijab",
    "identity",
    "kid",
    "lady",
    "latino",
    "licence_plate",
    "license_plate",
    "male",
    "man",
    "middle_eastern",
    "mood",
    "number_plate",
    "numberplate",
    "old_person",
    "pregnant",
    "race",
    "religion",
    "sad",
    "skin",
    "surprise",
    "teenager",
    "toddler",
    "turban",
    "wheelchair",
    "white_person",
    "woman",
    "young_person",
];

/// The refused word inside a model's class name, if there is one. Words are compared whole, so
/// `manhole` and `package` pass.
pub fn refused_word(class_name: &str) -> Option<&'static str> {
    let words = class_words(class_name);
    REFUSED_WORDS.iter().copied().find(|refused| {
        let parts: Vec<&str> = refused.split('_').collect();
        words.windows(parts.len()).any(|window| {
            window
                .iter()
                .zip(&parts)
                .all(|(have, want)| same_word(have, want))
        })
    })
}

/// Lower-case words of a class name, split at anything but letters and at `camelCase` humps.
fn class_words(class_name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for c in class_name.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && previous_lower) {
            words.push(String::new());
        }
        if c.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        previous_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn same_word(have: &str, want: &str) -> bool {
    have == want || have.strip_suffix('s') == Some(want)
}

/// The names of COCO's 80 classes, in the order that its detectors use.
pub const COCO_80: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_reads_what_it_prints() {
        for label in Label::ALL {
            assert_eq!(label.as_str().parse(), Ok(label));
        }
        assert!("face".parse::<Label>().is_err());
    }

    #[test]
    fn coco_passes_and_every_label_is_in_it() {
        for name in COCO_80 {
            assert_eq!(refused_word(name), None, "{name}");
        }
        for label in Label::ALL {
            assert!(COCO_80.contains(&label.as_str()), "{label}");
        }
    }

    #[test]
    fn planted_classes_are_refused() {
        for name in [
            "Face",
            "human_face",
            "faces",
            "age 20-30",
            "femalePedestrian",
            "license-plate",
            "Woman",
        ] {
            assert!(refused_word(name).is_some(), "{name}");
        }
        for name in ["manhole", "package", "surface", "cage"] {
            assert_eq!(refused_word(name), None, "{name}");
        }
    }
}
