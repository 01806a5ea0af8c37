//! Boxes with names, picture by picture.

use ocelli_core::Label;

use crate::Rect;

/// One object in one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// The name of the object in its sequence.
    pub id: u64,
    /// What it is.
    pub label: Label,
    /// Where it is, in pixels from 0.
    pub rect: Rect,
    /// Confidence, 0..1; 1 in a truth.
    pub score: f32,
}

/// The objects of every picture, pictures from 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sequence {
    /// The objects by picture. No name occurs twice in one picture.
    pub pictures: Vec<Vec<Entry>>,
}

impl Sequence {
    /// Number of boxes.
    pub fn boxes(&self) -> usize {
        self.pictures.iter().map(Vec::len).sum()
    }

    /// The objects of a picture; none beyond the end.
    pub fn picture(&self, number: usize) -> &[Entry] {
        self.pictures.get(number).map_or(&[], Vec::as_slice)
    }

    /// The chosen pictures alone, e.g. those that were looked at.
    #[must_use]
    pub fn at(&self, pictures: &[usize]) -> Self {
        Self {
            pictures: pictures
                .iter()
                .map(|&number| self.picture(number).to_vec())
                .collect(),
        }
    }

    /// The objects of one label alone.
    #[must_use]
    pub fn of_label(&self, label: Label) -> Self {
        let keep = |picture: &Vec<Entry>| {
            let kept = picture.iter().filter(|entry| entry.label == label);
            kept.copied().collect()
        };
        Self {
            pictures: self.pictures.iter().map(keep).collect(),
        }
    }

    /// The labels that occur, in the order of the closed list.
    pub fn labels(&self) -> Vec<Label> {
        let occurs = |label: &Label| {
            let mut entries = self.pictures.iter().flatten();
            entries.any(|entry| entry.label == *label)
        };
        Label::ALL.into_iter().filter(occurs).collect()
    }

    /// Fills the pictures between two boxes of a name that are at most `pictures_max` apart, along
    /// a straight line: what a run that looks at fewer pictures can be scored by at all of them.
    /// It knows what comes next, which a live view does not.
    #[must_use]
    pub fn filled(&self, pictures_max: usize) -> Self {
        let mut filled = self.clone();
        let mut last = std::collections::BTreeMap::<u64, (usize, Entry)>::new();
        for (number, picture) in self.pictures.iter().enumerate() {
            for &entry in picture {
                let before = last.insert(entry.id, (number, entry));
                let Some((from, first)) = before else {
                    continue;
                };
                let gap = number - from;
                if gap > pictures_max {
                    continue;
                }
                for between in from + 1..number {
                    let share = (between - from) as f64 / gap as f64;
                    let rect = first.rect.towards(entry.rect, share);
                    filled.pictures[between].push(Entry { rect, ..first });
                }
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, left: f64) -> Entry {
        Entry {
            id,
            label: Label::Person,
            rect: Rect::new(left, 0.0, 2.0, 2.0),
            score: 1.0,
        }
    }

    #[test]
    fn gaps_are_filled_along_a_line_and_long_ones_are_not() {
        let mut sequence = Sequence {
            pictures: vec![Vec::new(); 20],
        };
        sequence.pictures[0] = vec![entry(1, 0.0)];
        sequence.pictures[4] = vec![entry(1, 8.0), entry(2, 1.0)];
        sequence.pictures[19] = vec![entry(1, 100.0)];
        let filled = sequence.filled(5);
        assert_eq!(filled.boxes(), 4 + 3);
        assert_eq!(filled.pictures[3], vec![entry(1, 6.0)]);
        assert!(filled.pictures[10].is_empty());
        assert_eq!(filled.at(&[3, 40]).pictures, [vec![entry(1, 6.0)], vec![]]);
    }
}
