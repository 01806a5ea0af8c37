//! MOT challenge text: one box a line, `picture,id,left,top,width,height,confidence,...`, pictures
//! and pixels from 1.
//!
//! Lines with nine fields carry a class and a visibility, as the truths of MOT16 and later do; the
//! eighth field is a class number of theirs or one of ocelli's label names. Other lines carry no
//! class: MOT15 has three coordinates of the ground there, results have `-1,-1,-1`.

use std::{collections::BTreeSet, fmt::Write as _};

use ocelli_core::Label;

use crate::{Entry, Rect, Sequence};

/// The most pictures of a sequence: a day at 25 a second.
pub const PICTURES_MAX: usize = 2_200_000;

/// The most boxes of a sequence.
pub const BOXES_MAX: usize = 20_000_000;

/// A line that is not a box, or not one that can be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} on line {line}")]
pub struct MotError {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// What a text is: a truth says which of its boxes do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Boxes of confidence 0 and of classes that are not on the list of labels are left out.
    Truth,
    /// A confidence below 0 means that there is none.
    Found,
    /// As `Found`; the second field says nothing, `-1` as a rule: every box is an object of its own.
    Detections,
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The boxes.
    pub sequence: Sequence,
    /// Boxes that do not count.
    pub left_out: usize,
}

/// Reads MOT text. Boxes without a class are of `label`. Empty lines are skipped.
pub fn read(text: &str, role: Role, label: Label) -> Result<Read, MotError> {
    let mut read = Read {
        sequence: Sequence::default(),
        left_out: 0,
    };
    let mut named = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let error = |reason| MotError {
            line: index + 1,
            reason,
        };
        let (picture, entry) = read_line(line, role, label).map_err(error)?;
        let Some(mut entry) = entry else {
            read.left_out += 1;
            continue;
        };
        if role == Role::Detections {
            entry.id = index as u64;
        }
        if !named.insert((picture, entry.id)) {
            return Err(error(format!("a second box of id {}", entry.id)));
        }
        if named.len() > BOXES_MAX {
            return Err(error(format!("more than {BOXES_MAX} boxes")));
        }
        let pictures = &mut read.sequence.pictures;
        if pictures.len() < picture {
            pictures.resize(picture, Vec::new());
        }
        pictures[picture - 1].push(entry);
    }
    Ok(read)
}

/// The picture of a line, from 1, and its box unless that does not count.
fn read_line(line: &str, role: Role, label: Label) -> Result<(usize, Option<Entry>), String> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    if fields.len() < 6 {
        let have = fields.len();
        return Err(format!("{have} fields, at least 6 are needed"));
    }
    let number = |index: usize, name: &str| -> Result<f64, String> {
        let text = fields[index];
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| format!("{name} is `{text}`, expected a number"))
    };
    let whole = |index: usize, name: &str, least: f64, most: f64| -> Result<f64, String> {
        let value = number(index, name)?;
        if value.fract() != 0.0 || !(least..=most).contains(&value) {
            return Err(format!(
                "{name} is {value}, expected a whole number from {least} to {most}"
            ));
        }
        Ok(value)
    };
    let picture = whole(0, "picture", 1.0, PICTURES_MAX as f64)? as usize;
    let id = match role {
        Role::Detections => 0,
        Role::Truth | Role::Found => whole(1, "id", 0.0, 2_f64.powi(53))? as u64,
    };
    let rect = Rect::new(
        number(2, "left")? - 1.0,
        number(3, "top")? - 1.0,
        number(4, "width")?,
        number(5, "height")?,
    );
    if rect.width <= 0.0 || rect.height <= 0.0 {
        let (w, h) = (rect.width, rect.height);
        return Err(format!("a box of {w} x {h} pixels"));
    }
    let confidence = match fields.len() {
        6 => 1.0,
        _ => number(6, "confidence")?,
    };
    let label = match (fields.len(), fields.get(7)) {
        (9, Some(&class)) => label_of(class, label)?,
        _ => Some(label),
    };
    let score = match role {
        Role::Truth if confidence == 0.0 => return Ok((picture, None)),
        Role::Found | Role::Detections if confidence >= 0.0 => confidence.min(1.0) as f32,
        _ => 1.0,
    };
    let entry = label.map(|label| Entry {
        id,
        label,
        rect,
        score,
    });
    Ok((picture, entry))
}

/// The classes of MOT16 (Milan et al. 2016, table 3) that are labels of ocelli. The others are
/// people on vehicles, things that stand for people, and what hides them.
const CLASSES: [(u32, Label); 4] = [
    (1, Label::Person),
    (3, Label::Car),
    (4, Label::Bicycle),
    (5, Label::Motorcycle),
];
const CLASS_LAST: u32 = 13;

fn label_of(class: &str, label: Label) -> Result<Option<Label>, String> {
    if class == "-1" {
        return Ok(Some(label));
    }
    match class.parse::<u32>() {
        Ok(number @ 1..=CLASS_LAST) => {
            let known = CLASSES.iter().find(|(class, _)| *class == number);
            Ok(known.map(|&(_, label)| label))
        }
        Ok(number) => Err(format!("class {number}, expected 1 to {CLASS_LAST}")),
        Err(_not_a_number) => match class.parse() {
            Ok(label) => Ok(Some(label)),
            Err(unknown) => Err(format!("{unknown}")),
        },
    }
}

/// What is written after the confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// `-1,-1,-1`: results of one label, which every tool reads.
    Plain,
    /// Class and a visibility of 1. Labels without a class number stand there by name.
    Class,
}

/// Writes MOT text, in order of pictures.
pub fn write(sequence: &Sequence, columns: Columns) -> String {
    let mut text = String::new();
    for (index, picture) in sequence.pictures.iter().enumerate() {
        for entry in picture {
            let Rect {
                left,
                top,
                width,
                height,
            } = entry.rect;
            let [left, top, width, height] = [left + 1.0, top + 1.0, width, height].map(short);
            let rest = match columns {
                Columns::Plain => "-1,-1,-1".to_owned(),
                Columns::Class => format!("{},1", class_of(entry.label)),
            };
            let (picture, id, score) = (index + 1, entry.id, short(entry.score.into()));
            // Writing to a string cannot fail.
            writeln!(
                text,
                "{picture},{id},{left},{top},{width},{height},{score},{rest}"
            )
            .unwrap_or_default();
        }
    }
    text
}

fn class_of(label: Label) -> String {
    let known = CLASSES.iter().find(|(_, of)| *of == label);
    known.map_or_else(|| label.to_string(), |(class, _)| class.to_string())
}

/// A thousandth of a pixel is more than any truth knows.
fn short(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        read(text, Role::Truth, Label::Person)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn detections_have_no_names() {
        let text = "1,-1,10,10,20,40,0.5,person,1\n1,-1,90,10,20,40,0.25,car,1\n";
        let got = read(text, Role::Detections, Label::Person).unwrap();
        let picture = &got.sequence.pictures[0];
        assert_eq!(picture.len(), 2);
        assert_eq!((picture[1].label, picture[1].score), (Label::Car, 0.25));
        let error = read(text, Role::Found, Label::Person).unwrap_err();
        assert!(error.to_string().contains("id is -1"), "{error}");
    }

    #[test]
    fn truths_of_both_ages_are_read() {
        let mot15 = "1,9,499,158,31.03,75.17,1,-4.1554,-7.3591,0\n\n2,9,497,158,31,75,1,-4,-7,0\n";
        let got = read(mot15, Role::Truth, Label::Person).unwrap();
        assert_eq!(got.sequence.pictures.len(), 2);
        let first = got.sequence.pictures[0][0];
        assert_eq!((first.id, first.label), (9, Label::Person));
        assert_eq!(first.rect, Rect::new(498.0, 157.0, 31.03, 75.17));

        let mot16 = "3, 1, 1, 1, 5, 5, 1, 3, 0.5\n3,2,1,1,5,5,0,1,1\n3,3,1,1,5,5,1,8,1\n3,4,1,1,5,5,1,bus,1\n";
        let got = read(mot16, Role::Truth, Label::Person).unwrap();
        assert_eq!(got.left_out, 2);
        assert_eq!(got.sequence.labels(), [Label::Car, Label::Bus]);
        assert!(got.sequence.pictures[..2].iter().all(Vec::is_empty));
    }

    #[test]
    fn results_without_confidence_are_read() {
        let text = "1,1,10,20,3,4,-1,-1,-1,-1\n1,2,10,20,3,4,0.25,-1,-1,-1\n1,3,10,20,3,4\n";
        let got = read(text, Role::Found, Label::Car).unwrap();
        let scores: Vec<f32> = got.sequence.pictures[0].iter().map(|e| e.score).collect();
        assert_eq!(scores, [1.0, 0.25, 1.0]);
    }

    #[test]
    fn errors_name_the_line_and_what_is_wrong() {
        for (text, want) in [
            (
                "1,1,1,1,5,5\n1,2,3\n",
                "3 fields, at least 6 are needed on line 2",
            ),
            (
                "0,1,1,1,5,5",
                "picture is 0, expected a whole number from 1 to 2200000 on line 1",
            ),
            (
                "1.5,1,1,1,5,5",
                "picture is 1.5, expected a whole number from 1 to 2200000 on line 1",
            ),
            (
                "1,-1,1,1,5,5",
                "id is -1, expected a whole number from 0 to 9007199254740992 on line 1",
            ),
            ("\n\n1,1,1,x,5,5", "top is `x`, expected a number on line 3"),
            ("1,1,1,NaN,5,5", "top is `NaN`, expected a number on line 1"),
            ("1,1,1,1,0,5", "a box of 0 x 5 pixels on line 1"),
            ("1,1,1,1,5,5\n1,1,2,2,5,5", "a second box of id 1 on line 2"),
            ("1,1,1,1,5,5,1,14,1", "class 14, expected 1 to 13 on line 1"),
            (
                "99999999999,1,1,1,5,5",
                "picture is 99999999999, expected a whole number from 1 to 2200000 on line 1",
            ),
        ] {
            assert_eq!(error(text), want);
        }
        assert!(error("1,1,1,1,5,5,1,face,1").starts_with("unknown label `face`"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9,.\\-\n ea]{0,60}") {
            if let Ok(got) = read(&text, Role::Found, Label::Person) {
                prop_assert!(got.sequence.boxes() < 60);
            }
        }

        #[test]
        fn what_is_written_is_read(
            boxes in proptest::collection::btree_map(
                (0_usize..5, 0_u64..9),
                (0_u32..64_000, 0_u32..36_000, 1_u32..9_000, 1_u32..9_000, 0_usize..15),
                0..20,
            ),
        ) {
            let mut sequence = Sequence::default();
            for ((picture, id), (left, top, width, height, label)) in boxes {
                sequence.pictures.resize(sequence.pictures.len().max(picture + 1), Vec::new());
                let [left, top, width, height] = [left, top, width, height].map(|v| f64::from(v) / 100.0);
                sequence.pictures[picture].push(Entry {
                    id,
                    label: Label::ALL[label],
                    rect: Rect::new(left, top, width, height),
                    score: 0.5,
                });
            }
            let text = write(&sequence, Columns::Class);
            let mut got = read(&text, Role::Found, Label::Person).unwrap().sequence;
            for entry in got.pictures.iter_mut().flatten() {
                entry.rect = Rect::new(
                    short(entry.rect.left), short(entry.rect.top), entry.rect.width, entry.rect.height,
                );
            }
            prop_assert_eq!(got, sequence);
        }
    }
}
