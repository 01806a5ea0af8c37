//! Erasure: what one stream did in a range of time is taken out of every file, and the bytes that
//! are left are searched for it.
//!
//! A file is not changed but written anew without the events in question; the old one is
//! overwritten with zeros and unlinked. That works on a damaged file too, and leaves no page, log
//! or free list that could hold something.

use std::sync::Arc;

use super::{
    Erased, ErasedFile, StoreError,
    catalogue::{Erasure, Listed},
    file::StoreFile,
    period::{FileName, HOUR_MS},
    proof::Needles,
    read::{Reader, Row},
    rewrite::Rewriter,
    shared::Shared,
    writer::Writer,
};

/// An erasure may reach as far ahead as events are filed under their own time.
const AHEAD_MS: i64 = super::period::AHEAD_MS;

impl Erasure {
    pub(crate) fn check(&self, now_ms: i64) -> Result<(), StoreError> {
        let invalid = |text: &str| Err(StoreError::Invalid(text.to_owned()));
        if self.stream.is_empty() {
            return invalid("an erasure needs the name of a stream");
        }
        if self.from_ms >= self.to_ms {
            return invalid("an erasure has to end after it begins");
        }
        if self.to_ms > now_ms + AHEAD_MS {
            return invalid("an erasure of the future: what will be seen then is not there yet");
        }
        Ok(())
    }

    fn takes(&self, file: &StoreFile, stream: u32, erased: Option<u32>, row: &Row) -> bool {
        let at_ms = file.name.start_ms + i64::from(row.key.at);
        Some(stream) == erased && (self.from_ms..self.to_ms).contains(&at_ms)
    }
}

/// The files that an erasure may concern.
fn concerned(shared: &Shared, erasure: &Erasure) -> Vec<Arc<StoreFile>> {
    let overlaps = |file: &Arc<StoreFile>| {
        file.name.start_ms < erasure.to_ms && file.name.end_ms() > erasure.from_ms
    };
    shared.files().into_values().filter(overlaps).collect()
}

/// How many events an erasure would take. Err where a file cannot be read.
pub(crate) fn count(shared: &Shared, erasure: &Erasure) -> Result<u64, StoreError> {
    let mut events = 0;
    for file in concerned(shared, erasure) {
        let Some(opened) = shared.open(&file)? else {
            continue;
        };
        let reader = opened.reader()?;
        if let Some(stream) = reader.dictionary.streams.number(&erasure.stream) {
            let start = file.name.start_ms;
            let range = (erasure.from_ms - start, erasure.to_ms - start);
            let (whole, broken) = reader.rows(stream, range, |_row| {})?;
            events += u64::from(whole) + u64::from(broken);
        }
    }
    Ok(events)
}

impl Writer {
    /// Takes out what an erasure names, and proves it.
    pub(crate) fn erase(&mut self, erasure: &Erasure) -> Result<Erased, StoreError> {
        erasure.check(self.now_ms())?;
        // From here on a killed process goes on with it when it starts again.
        self.catalogue.begin_erasure(erasure)?;
        let mut erased = Erased::default();
        let mut needles = Needles::default();
        for file in concerned(&self.shared, erasure) {
            if let Some(done) = self.erase_in(&file, erasure, &mut needles)? {
                erased.events += done.events;
                erased.files.push(done);
            }
        }
        self.catalogue.end_erasure(erasure)?;
        self.catalogue.checkpoint()?;
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
        Ok(erased)
    }

    /// Erases in one file. Ok(None): there was nothing to erase.
    fn erase_in(
        &mut self,
        file: &Arc<StoreFile>,
        erasure: &Erasure,
        needles: &mut Needles,
    ) -> Result<Option<ErasedFile>, StoreError> {
        if !file.path.exists() {
            return Ok(None);
        }
        self.drop_open(file.name);
        let reader = Reader::open(file).and_then(|mut reader| reader.begin().map(|()| reader));
        let reader = match reader {
            Ok(reader) => reader,
            Err(StoreError::Damaged { reason, .. }) => {
                // Nobody can say what is in it, so all of it goes.
                self.shared.report(file, &reason);
                self.unlink(file, true)?;
                return Ok(Some(ErasedFile::whole(file.text.clone())));
            }
            Err(error) => return Err(error),
        };
        let stream = reader.dictionary.streams.number(&erasure.stream);
        let damaged = file.damage().is_some();
        if stream.is_none() && !damaged {
            return Ok(None);
        }
        let name = self.next_part(file.name);
        let mut rewriter = Rewriter::new(&self.shared.folder, name, &reader)?;
        let mut done = ErasedFile {
            file: file.text.clone(),
            became: None,
            events: 0,
            lost: 0,
        };
        let hours = (file.name.end_ms() - file.name.start_ms) / HOUR_MS;
        for number in 1..=reader.dictionary.streams.count() {
            for hour in 0..hours {
                let mut kept = Vec::new();
                let range = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
                let read = reader.rows(number, range, |row| {
                    if erasure.takes(file, number, stream, &row) {
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
        if done.events == 0 && !damaged {
            rewriter.abandon()?;
            return Ok(None);
        }
        self.swap(file, rewriter, &mut done)?;
        Ok(Some(done))
    }

    /// The name of the file that takes the place of another.
    fn next_part(&self, name: FileName) -> FileName {
        let last = FileName {
            part: u32::MAX,
            ..name
        };
        let files = self.shared.files();
        let newest = files.range(name..=last).next_back();
        FileName {
            part: newest.map_or(0, |(name, _)| name.part) + 1,
            ..name
        }
    }

    /// Puts the rewritten file in the place of the old one.
    fn swap(
        &mut self,
        old: &Arc<StoreFile>,
        rewriter: Rewriter<'_>,
        done: &mut ErasedFile,
    ) -> Result<(), StoreError> {
        let Some(rewritten) = rewriter.finish()? else {
            return self.unlink(old, true);
        };
        let listed = old.listed();
        let new = StoreFile::from_listed(
            &self.shared.folder,
            rewritten.name,
            Listed {
                name: rewritten.name.to_string(),
                seal: Some(rewritten.seal),
                damage: None,
                ..listed.clone()
            },
        );
        let going = Listed {
            going: true,
            ..listed
        };
        self.catalogue.put(&[new.listed(), going], None)?;
        std::fs::rename(&rewritten.path, &new.path)
            .map_err(|error| StoreError::io(&new.text, &error))?;
        *new.checked() = true;
        done.became = Some(new.text.clone());
        for epoch in rewritten.clamped {
            self.catalogue.add_clamped(epoch, &new.text)?;
            self.clamped.entry(epoch).or_default().insert(new.name);
        }
        self.shared.change_files(|files| {
            files.remove(&old.name);
            files.insert(new.name, Arc::new(new));
        });
        self.unlink(old, true)
    }
}
