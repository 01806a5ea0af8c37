//! The thread of an erasure: writes files anew without what is to go, and proves that it is gone.

use std::sync::{Arc, atomic::Ordering::Relaxed, mpsc};

use super::{
    super::{
        Erased, ErasedFile, StoreError,
        catalogue::Erasure,
        file::StoreFile,
        period::HOUR_MS,
        proof::Needles,
        read::{Reader, Row},
        rewrite::Rewriter,
        shared::Shared,
    },
    Rest, Step,
};

/// What the thread of an erasure works on.
pub(super) struct Work {
    pub(super) shared: Arc<Shared>,
    pub(super) files: Vec<Arc<StoreFile>>,
    pub(super) erasure: Erasure,
    pub(super) ask: mpsc::SyncSender<Step>,
}

impl Work {
    /// Erases in one file after the other, then looks for what was erased.
    pub(super) fn run(&self) -> Result<Erased, StoreError> {
        let mut erased = Erased::default();
        let mut needles = Needles::default();
        for file in &self.files {
            if let Some(done) = self.erase_in(file, &mut needles)? {
                erased.events += done.events;
                erased.files.push(done);
            }
        }
        let erasure = self.erasure.clone();
        self.step(|answer| Step::Note { erasure, answer })?;
        for file in self.shared.files().into_values() {
            // A tag that also stands outside the range is there with good reason.
            if let Ok(Some(opened)) = self.shared.open(&file) {
                needles.forget_tags_of(opened.reader()?)?;
            }
        }
        let proof = needles.search(&self.shared.folder)?;
        erased.searched_for = proof.searched_for;
        erased.searched_bytes = proof.bytes;
        erased.found = proof.found;
        let counters = &self.shared.counters;
        counters.erased.fetch_add(erased.events, Relaxed);
        Ok(erased)
    }

    /// Asks the writer, and waits for its answer.
    fn step<T>(
        &self,
        step: impl FnOnce(mpsc::SyncSender<Result<T, StoreError>>) -> Step,
    ) -> Result<T, StoreError> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.ask
            .send(step(answer))
            .map_err(|_gone| StoreError::Closed)?;
        answered.recv().map_err(|_gone| StoreError::Closed)?
    }

    /// Erases in one file. Ok(None): there was nothing to erase.
    fn erase_in(
        &self,
        file: &Arc<StoreFile>,
        needles: &mut Needles,
    ) -> Result<Option<ErasedFile>, StoreError> {
        let mut done = ErasedFile {
            file: file.text.clone(),
            became: None,
            events: 0,
            lost: 0,
            unreadable: false,
        };
        if !file.path.exists() {
            return Ok(None);
        }
        let reader = Reader::open(file).and_then(|mut reader| reader.begin().map(|()| reader));
        let rest = match reader {
            Ok(reader) => match self.rewrite(file, &reader, needles, &mut done)? {
                None => return Ok(None),
                Some(rest) => rest,
            },
            Err(StoreError::Damaged { reason, .. }) => {
                // Nobody can say what is in it, so all of it goes.
                self.shared.report(file, &reason);
                done.unreadable = true;
                Rest::Nothing
            }
            Err(error) => return Err(error),
        };
        let file = Arc::clone(file);
        done.became = self.step(|answer| Step::Exchange { file, rest, answer })?;
        Ok(Some(done))
    }

    /// Writes a file anew. Ok(None): there was nothing to erase.
    fn rewrite(
        &self,
        file: &StoreFile,
        reader: &Reader,
        needles: &mut Needles,
        done: &mut ErasedFile,
    ) -> Result<Option<Rest>, StoreError> {
        let stream = reader.dictionary.streams.number(&self.erasure.stream);
        let damaged = file.damage().is_some();
        if !damaged && !self.concerns(file, reader, stream)? {
            return Ok(None);
        }
        let mut rewriter = Rewriter::new(&self.shared.folder, file.name, reader)?;
        let hours = (file.name.end_ms() - file.name.start_ms) / HOUR_MS;
        for number in 1..=reader.dictionary.streams.count() {
            for hour in 0..hours {
                let mut kept = Vec::new();
                let range = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
                let read = reader.rows(number, range, |row| {
                    if Some(number) == stream && self.takes(file, &row) {
                        done.events += 1;
                        needles.add(&row);
                    } else {
                        kept.push(row);
                    }
                });
                match read {
                    Ok((_, broken)) => done.lost += u64::from(broken),
                    // The rest of this hour cannot be reached.
                    Err(StoreError::Damaged { .. }) => done.lost += 1,
                    Err(error) => return Err(error),
                }
                rewriter.keep(kept)?;
            }
        }
        Ok(Some(match rewriter.finish()? {
            None => Rest::Nothing,
            Some(rewritten) => Rest::Rewritten(rewritten),
        }))
    }

    fn takes(&self, file: &StoreFile, row: &Row) -> bool {
        let at_ms = file.name.start_ms + i64::from(row.key.at);
        (self.erasure.from_ms..self.erasure.to_ms).contains(&at_ms)
    }

    /// Whether a file holds anything that is to go.
    fn concerns(
        &self,
        file: &StoreFile,
        reader: &Reader,
        stream: Option<u32>,
    ) -> Result<bool, StoreError> {
        let Some(stream) = stream else {
            return Ok(false);
        };
        let start = file.name.start_ms;
        let range = (self.erasure.from_ms - start, self.erasure.to_ms - start);
        let (whole, broken) = reader.rows(stream, range, |_row| {})?;
        Ok(whole + broken > 0)
    }
}
