//! Access units into macroblock maps.

use super::{
    arithmetic::{self, Contexts},
    column::Column,
    error::{Damage, ParseError, Unsupported},
    macroblock::Course,
    map::{Macroblock, MacroblockMap},
    motion::Grid,
    parameters::{Picture, Sequence},
    rbsp::Payload,
    reader::Reader,
    slice::Slice,
    slice_header::{SliceHeader, SliceStart},
};
use crate::bitstream::annexb;

/// Reads the macroblock maps of one stream's pictures. Keeps the parameter sets, and room for one
/// row of macroblocks; pictures may be left out at will, for none depends on another.
#[derive(Debug, Clone)]
pub struct Parser {
    sequences: Vec<Sequence>,
    pictures: Vec<Picture>,
    payload: Payload,
    columns: Vec<Column>,
    grid: Grid,
    /// The initial contexts that were made last, and what for.
    contexts: Contexts,
    contexts_of: Option<(usize, i32)>,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// Begins without parameter sets.
    pub fn new() -> Self {
        Self {
            sequences: Vec::new(),
            pictures: Vec::new(),
            payload: Payload::default(),
            columns: Vec::new(),
            grid: Grid::new(),
            contexts: [0; 512],
            contexts_of: None,
        }
    }

    /// Begins with parameter sets in Annex B form, as [`ocelli_core::CodecParameters`] holds them.
    pub fn with_sets(parameter_sets: &[u8]) -> Self {
        let mut parser = Self::new();
        for unit in annexb::units(parameter_sets) {
            parser.take_set(unit);
        }
        parser
    }

    /// Takes a parameter set, without its start code. What is none, or cannot be read, is passed
    /// over: slices that need it say so.
    pub fn take_set(&mut self, unit: &[u8]) {
        let kind = unit.first().map_or(0, |head| head & 0x1f);
        if !matches!(kind, 7 | 8) {
            return;
        }
        let Some((bytes, stop)) = self.payload.of(unit) else {
            return;
        };
        let mut bits = Reader::new(bytes, stop);
        if kind == 7 {
            if let Ok(set) = Sequence::read(&mut bits) {
                self.sequences.retain(|known| known.id != set.id);
                self.sequences.push(set);
            }
        } else if let Ok(set) = Picture::read(&mut bits) {
            self.pictures.retain(|known| known.id != set.id);
            self.pictures.push(set);
        }
    }

    /// Reads the map of an access unit in Annex B form, whose parameter sets are taken too. The map
    /// holds nothing of use after an error.
    ///
    /// # Errors
    /// [`ParseError`]: a coding that is not parsed, or damage.
    pub fn parse(&mut self, access_unit: &[u8], map: &mut MacroblockMap) -> Result<(), ParseError> {
        map.slices = 0;
        map.predicted = false;
        // The macroblock to come; `None` before the first slice.
        let mut next = None;
        for unit in annexb::units(access_unit) {
            match unit.first().map_or(0, |head| head & 0x1f) {
                1 | 5 => next = self.slice(unit, next, map)?,
                2..=4 => return Err(Unsupported::DataPartitions.into()),
                7 | 8 => self.take_set(unit),
                _ => {}
            }
        }
        match next {
            None => Err(ParseError::NoSlice),
            Some(next) if next < map.macroblocks.len() => Err(Damage::Missing.into()),
            Some(_) => Ok(()),
        }
    }

    /// Reads a slice; returns the macroblock behind it.
    fn slice(
        &mut self,
        unit: &[u8],
        next: Option<usize>,
        map: &mut MacroblockMap,
    ) -> Result<Option<usize>, ParseError> {
        let (bytes, stop) = self.payload.of(unit).ok_or(Damage::End)?;
        let mut bits = Reader::new(bytes, stop);
        let start = SliceStart::read(&mut bits)?;
        let missing = ParseError::NoParameterSet(start.picture);
        let picture = find(&self.pictures, |set| set.id == start.picture).ok_or(missing)?;
        let sequence = find(&self.sequences, |set| set.id == picture.sequence).ok_or(missing)?;
        if let Some(refused) = sequence.refused {
            return Err(refused.into());
        }
        if picture.slice_groups {
            return Err(Unsupported::SliceGroups.into());
        }
        let header = SliceHeader::read(start, unit[0], &sequence, &picture, &mut bits)?;
        if header.is_redundant {
            return Ok(next);
        }
        if next.is_none() {
            begin(&sequence, &mut self.columns, map);
        }
        let begun = next.unwrap_or(0);
        if header.first > begun {
            return Err(Damage::Missing.into());
        }
        if header.first < begun || map.width != sequence.width {
            return Err(Unsupported::SliceOrder.into());
        }
        map.slices = map.slices.checked_add(1).ok_or(Damage::Range)?;
        map.predicted |= header.is_predicted;
        if header.first >= map.macroblocks.len() {
            return Err(Damage::Range.into());
        }
        let set = usize::from(header.is_predicted) + usize::from(header.contexts);
        if picture.is_arithmetic && self.contexts_of != Some((set, header.qp)) {
            self.contexts = arithmetic::initial(set, header.qp);
            self.contexts_of = Some((set, header.qp));
        }
        let course = Course {
            slice: map.slices,
            is_predicted: header.is_predicted,
            has_chroma: sequence.has_chroma,
            has_transform_8x8: picture.has_transform_8x8,
            references: header.references,
            qp: header.qp,
            qp_changed: false,
            grid: &mut self.grid,
        };
        let mut slice = Slice::new(course, &mut self.columns, &mut map.macroblocks, begun);
        let next = if picture.is_arithmetic {
            slice.arithmetic(bits, &self.contexts)?
        } else {
            slice.variable_length(bits)?
        };
        Ok(Some(next))
    }
}

/// Begins a picture.
fn begin(sequence: &Sequence, columns: &mut Vec<Column>, map: &mut MacroblockMap) {
    columns.clear();
    columns.resize(sequence.width + 1, Column::default());
    map.width = sequence.width;
    map.macroblocks
        .resize(sequence.width * sequence.height, Macroblock::default());
}

fn find<T: Copy>(sets: &[T], is_it: impl Fn(&T) -> bool) -> Option<T> {
    sets.iter().copied().find(|set| is_it(set))
}
