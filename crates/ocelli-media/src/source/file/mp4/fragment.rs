//! Fragments: tables that stand between the samples (ISO/IEC 14496-12, 8.8).

use mp4_atom::{Tfdt, Tfhd, Trex, Trun, TrunSamples};
use ocelli_core::StageError;

use super::{
    super::input::Input,
    boxes::{BoxAt, Budget, children, unreadable},
    table::{Sample, signed},
};

/// The most bytes of one fragment's tables.
const TABLES_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The runs of one track in one fragment, and how far they have been read.
pub(super) struct Fragment {
    runs: std::vec::IntoIter<(u64, Trun)>,
    /// The run that is being read, and the next sample of it.
    current: Option<(Trun, usize)>,
    /// Where the next sample stands.
    offset: u64,
    decode: i64,
    header: Tfhd,
    defaults: Trex,
}

impl Fragment {
    /// Reads what `moof` says of `track`. `decode` is the decoding time where it does not say.
    pub(super) fn read(
        input: &Input,
        moof: BoxAt,
        track: u32,
        defaults: &Trex,
        decode: i64,
    ) -> Result<Option<Self>, StageError> {
        let mut budget = Budget(TABLES_BYTES_MAX);
        let mut is_first = true;
        for traf in children(input, moof).map_err(unreadable)? {
            if traf.kind != *b"traf" {
                continue;
            }
            let boxes = children(input, traf).map_err(unreadable)?;
            let Some(&header) = boxes.iter().find(|at| at.kind == *b"tfhd") else {
                continue;
            };
            let header: Tfhd = budget.leaf(input, header)?;
            // Samples of a later track without a base of its own follow those of the one before;
            // all writers that are known say where theirs begin.
            let has_base = header.base_data_offset.is_some() || header.default_base_is_moof;
            if header.track_id == track && (has_base || is_first) {
                return Self::of_track(input, moof, &boxes, header, defaults, decode, &mut budget)
                    .map(Some);
            }
            is_first = false;
        }
        Ok(None)
    }

    fn of_track(
        input: &Input,
        moof: BoxAt,
        boxes: &[BoxAt],
        header: Tfhd,
        defaults: &Trex,
        mut decode: i64,
        budget: &mut Budget,
    ) -> Result<Self, StageError> {
        let base = header.base_data_offset.unwrap_or(moof.outer);
        let mut runs = Vec::new();
        for &at in boxes {
            match &at.kind {
                b"tfdt" => {
                    let at: Tfdt = budget.leaf(input, at)?;
                    decode = i64::try_from(at.base_media_decode_time).unwrap_or(decode);
                }
                b"trun" => {
                    let run: Trun = budget.leaf(input, at)?;
                    // A run that names no sizes could be as long as it likes without any bytes.
                    let size = header
                        .default_sample_size
                        .unwrap_or(defaults.default_sample_size);
                    if size == 0 && matches!(run.samples, TrunSamples::Inherited { .. }) {
                        continue;
                    }
                    // 0 is never where samples stand: there begins the file.
                    let start = run
                        .data_offset
                        .map_or(0, |offset| base.saturating_add_signed(i64::from(offset)));
                    runs.push((start, run));
                }
                _ => {}
            }
        }
        Ok(Self {
            runs: runs.into_iter(),
            current: None,
            offset: base,
            decode,
            header,
            defaults: defaults.clone(),
        })
    }

    /// The decoding time of the sample after the last.
    pub(super) fn decode(&self) -> i64 {
        self.decode
    }

    pub(super) fn next(&mut self) -> Option<Sample> {
        let entry = loop {
            if let Some((run, index)) = &mut self.current
                && let Some(entry) = run.samples.get(*index)
            {
                *index += 1;
                break entry;
            }
            let (start, run) = self.runs.next()?;
            if start > 0 {
                self.offset = start;
            }
            self.current = Some((run, 0));
        };
        let bytes = entry
            .size
            .or(self.header.default_sample_size)
            .unwrap_or(self.defaults.default_sample_size);
        let duration = entry
            .duration
            .or(self.header.default_sample_duration)
            .unwrap_or(self.defaults.default_sample_duration);
        let description = self
            .header
            .sample_description_index
            .unwrap_or(self.defaults.default_sample_description_index);
        let sample = Sample {
            offset: self.offset,
            bytes,
            decode: self.decode,
            show_after: signed(entry.cts.unwrap_or(0)),
            description: (description.max(1) - 1) as usize,
        };
        self.offset = self.offset.checked_add(u64::from(bytes))?;
        self.decode = self.decode.checked_add(i64::from(duration))?;
        Some(sample)
    }
}
