//! Partitions of an inter macroblock: references and vectors (ITU-T H.264 7.3.5.1, 7.3.5.2).

use super::{
    entropy::Entropy,
    error::Damage,
    motion::{Area, Around, Grid, Preference, Vector},
};

/// What a slice says of references, and the room that a macroblock needs.
pub(super) struct Partitions<'a, E> {
    pub(super) entropy: &'a mut E,
    pub(super) grid: &'a mut Grid,
    /// Reference pictures of the slice.
    pub(super) references: u8,
}

/// Of a macroblock in two halves.
const UPPER_LOWER: [Area; 2] = [Area::new(0, 0, 4, 2), Area::new(0, 2, 4, 2)];
const LEFT_RIGHT: [Area; 2] = [Area::new(0, 0, 2, 4), Area::new(2, 0, 2, 4)];

impl<E: Entropy> Partitions<'_, E> {
    /// Reads a macroblock of one vector: its reference, its vector and the difference's size.
    pub(super) fn whole(&mut self, around: &Around<'_>) -> Result<(i8, Vector, [u8; 2]), Damage> {
        let context =
            |column: Option<i8>| usize::from(column.is_some_and(|reference| reference > 0));
        let reference = if self.references > 1 {
            let left = context(around.left.map(|left| left.right.references[0]));
            let top = context(around.top.map(|top| top.bottom.references[0]));
            self.entropy.reference(self.references, left + 2 * top)? as i8
        } else {
            0
        };
        let size =
            |edge: Option<[u8; 2]>, part: usize| edge.map_or(0, |edge| u32::from(edge[part]));
        let left = around.left.map(|left| left.right.differences[0]);
        let top = around.top.map(|top| top.bottom.differences[0]);
        let sums = [0, 1].map(|part| size(left, part) + size(top, part));
        let (vector, difference) = self.vector(around.whole(reference), sums)?;
        Ok((reference, vector, difference))
    }

    /// Reads a macroblock in two halves, one above the other or one beside the other.
    pub(super) fn halves(&mut self, around: &Around<'_>, beside: bool) -> Result<(), Damage> {
        self.grid.surround(around);
        let (areas, preferences) = if beside {
            (LEFT_RIGHT, [Preference::Left, Preference::Diagonal])
        } else {
            (UPPER_LOWER, [Preference::Top, Preference::Left])
        };
        // The other half's reference is not known yet, where it is a neighbour.
        self.grid.set_reference(Area::new(0, 0, 4, 4), 0);
        for area in areas {
            self.reference(area, self.references)?;
        }
        for (area, preference) in areas.into_iter().zip(preferences) {
            self.partition(area, preference)?;
        }
        Ok(())
    }

    /// Reads a macroblock in four quarters; returns whether none of them is cut further. All refer
    /// to the first picture if `first_only`.
    pub(super) fn quarters(
        &mut self,
        around: &Around<'_>,
        first_only: bool,
    ) -> Result<bool, Damage> {
        self.grid.surround(around);
        let mut cuts = [0; 4];
        for cut in &mut cuts {
            *cut = self.entropy.quarter_type()?;
        }
        let quarters = [(0, 0), (2, 0), (0, 2), (2, 2)];
        let references = if first_only { 1 } else { self.references };
        for (x, y) in quarters {
            self.reference(Area::new(x, y, 2, 2), references)?;
        }
        for ((x, y), cut) in quarters.into_iter().zip(cuts) {
            let (width, height) = match cut {
                0 => (2, 2),
                1 => (2, 1),
                2 => (1, 2),
                _ => (1, 1),
            };
            for down in (0..2).step_by(height) {
                for right in (0..2).step_by(width) {
                    let area = Area::new(x + right, y + down, width, height);
                    self.partition(area, Preference::None)?;
                }
            }
        }
        Ok(cuts == [0; 4])
    }

    fn reference(&mut self, area: Area, count: u8) -> Result<(), Damage> {
        let reference = if count > 1 {
            let context = self.grid.reference_context(area);
            self.entropy.reference(count, context)?
        } else {
            0
        };
        self.grid.set_reference(area, reference as i8);
        Ok(())
    }

    fn partition(&mut self, area: Area, preference: Preference) -> Result<(), Damage> {
        let predicted = self.grid.predict(area, preference);
        let sums = self.grid.difference_sums(area);
        let (vector, difference) = self.vector(predicted, sums)?;
        self.grid.set_vector(area, vector, difference);
        Ok(())
    }

    /// Reads a difference; returns the vector, and the size of the difference as far as others
    /// depend on it.
    fn vector(&mut self, predicted: Vector, sums: [u32; 2]) -> Result<(Vector, [u8; 2]), Damage> {
        let mut vector = predicted;
        let mut sizes = [0; 2];
        for part in 0..2 {
            let difference = self.entropy.difference(part, sums[part])?;
            // Vectors have 14 bits at most (A.3); what is more wraps, and is damage anyway.
            vector[part] = vector[part].wrapping_add(difference as i16);
            sizes[part] = difference.unsigned_abs().min(64) as u8;
        }
        Ok((vector, sizes))
    }
}
