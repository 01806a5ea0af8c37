//! The sample tables of a track (ISO/IEC 14496-12, 8.6 and 8.7), walked sample by sample without
//! ever being expanded.

use mp4_atom::{Co64, Ctts, CttsEntry, Stco, Stsc, StscEntry, Stsz, StszSamples, Stts, SttsEntry};
use ocelli_core::StageError;

use super::{
    super::input::Input,
    boxes::{BoxAt, Budget, children, unreadable},
};

/// One sample of a track. Times are in ticks of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) offset: u64,
    pub(super) bytes: u32,
    pub(super) decode: i64,
    /// From decoding to showing.
    pub(super) show_after: i64,
    /// Index of the sample entry, from 0.
    pub(super) description: usize,
}

/// The tables, and how far they have been read.
pub(super) struct Table {
    sizes: StszSamples,
    chunks: Vec<u64>,
    to_chunks: Vec<StscEntry>,
    durations: Vec<SttsEntry>,
    offsets: Vec<CttsEntry>,
    place: Place,
}

#[derive(Default)]
struct Place {
    sample: usize,
    chunk: usize,
    /// The entry of `to_chunks` that holds for `chunk`.
    to_chunk: usize,
    in_chunk: u32,
    /// Bytes from the start of the chunk.
    bytes: u64,
    duration: Run,
    offset: Run,
    decode: i64,
}

/// A place in a run-length coded table.
#[derive(Default)]
struct Run {
    entry: usize,
    used: u32,
}

impl Run {
    /// The entry for the next sample; an empty one is passed over.
    fn next<'a, T>(&mut self, entries: &'a [T], count: impl Fn(&T) -> u32) -> Option<&'a T> {
        loop {
            let entry = entries.get(self.entry)?;
            if self.used < count(entry) {
                self.used += 1;
                return Some(entry);
            }
            self.entry += 1;
            self.used = 0;
        }
    }
}

impl Table {
    /// Reads the tables in `stbl`.
    pub(super) fn read(
        input: &Input,
        stbl: BoxAt,
        budget: &mut Budget,
    ) -> Result<Self, StageError> {
        let mut table = Self {
            sizes: StszSamples::default(),
            chunks: Vec::new(),
            to_chunks: Vec::new(),
            durations: Vec::new(),
            offsets: Vec::new(),
            place: Place::default(),
        };
        for child in children(input, stbl).map_err(unreadable)? {
            match &child.kind {
                b"stsz" => table.sizes = budget.leaf::<Stsz>(input, child)?.samples,
                b"stco" => {
                    let chunks = budget.leaf::<Stco>(input, child)?.entries;
                    table.chunks = chunks.into_iter().map(u64::from).collect();
                }
                b"co64" => table.chunks = budget.leaf::<Co64>(input, child)?.entries,
                b"stsc" => table.to_chunks = budget.leaf::<Stsc>(input, child)?.entries,
                b"stts" => table.durations = budget.leaf::<Stts>(input, child)?.entries,
                b"ctts" => table.offsets = budget.leaf::<Ctts>(input, child)?.entries,
                _ => {}
            }
        }
        Ok(table)
    }

    /// Whether some pictures are shown in another order than they are decoded. Without composition
    /// offsets, or with the same for all, none are.
    pub(super) fn is_reordered(&self) -> bool {
        let mut offsets = self.offsets.iter().map(|entry| entry.sample_offset);
        let first = offsets.next();
        offsets.any(|offset| Some(offset) != first)
    }

    fn bytes_of(&self, sample: usize) -> Option<u32> {
        match &self.sizes {
            StszSamples::Identical { count, size } => (sample < *count as usize).then_some(*size),
            StszSamples::Different { sizes } => sizes.get(sample).copied(),
        }
    }

    /// The next sample; `None` at the end, or where a table ends early.
    pub(super) fn next(&mut self) -> Option<Sample> {
        let bytes = self.bytes_of(self.place.sample)?;
        let place = &mut self.place;
        let run = loop {
            let run = self.to_chunks.get(place.to_chunk)?;
            // `first_chunk` counts from 1.
            let next_first = self
                .to_chunks
                .get(place.to_chunk + 1)
                .map_or(u32::MAX, |next| next.first_chunk);
            if place.chunk as u64 + 1 >= u64::from(next_first) {
                place.to_chunk += 1;
                place.in_chunk = 0;
                continue;
            }
            if place.in_chunk < run.samples_per_chunk {
                break run;
            }
            // Without a chunk the table is at its end; this bounds the loop.
            self.chunks.get(place.chunk)?;
            place.chunk += 1;
            place.in_chunk = 0;
            place.bytes = 0;
        };
        let sample = Sample {
            offset: self.chunks.get(place.chunk)?.checked_add(place.bytes)?,
            bytes,
            decode: place.decode,
            show_after: place
                .offset
                .next(&self.offsets, |entry| entry.sample_count)
                .map_or(0, |entry| signed(entry.sample_offset)),
            description: (run.sample_description_index.max(1) - 1) as usize,
        };
        let duration = place
            .duration
            .next(&self.durations, |entry| entry.sample_count)
            .map_or(0, |entry| entry.sample_delta);
        place.decode = place.decode.checked_add(i64::from(duration))?;
        place.bytes = place.bytes.checked_add(u64::from(bytes))?;
        place.in_chunk += 1;
        place.sample += 1;
        Some(sample)
    }
}

/// Some writers put negative offsets into a table of version 0.
pub(super) fn signed(offset: i64) -> i64 {
    u32::try_from(offset).map_or(offset, |offset| i64::from(offset as i32))
}
