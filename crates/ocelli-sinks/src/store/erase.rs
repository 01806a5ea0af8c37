//! Erasure: what one stream did in a range of time is taken out of every file, and the bytes that
//! are left are searched for it.
//!
//! A file is not changed but written anew without the events in question; the old one is
//! overwritten with zeros and unlinked. That works on a damaged file too, and leaves no page, log
//! or free list that could hold something. It happens on a thread of its own while new events go
//! into other files; only the exchange of two files is the writer's.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
};

use tokio::sync::oneshot;

use super::{
    Erased, ErasedFile, StoreError,
    catalogue::{Erasure, Listed, remove_database},
    file::StoreFile,
    period::{AHEAD_MS, FileName, HOUR_MS},
    proof::Needles,
    read::{Reader, Row},
    rewrite::{Rewriter, Rewritten, rewrite_path},
    shared::Shared,
    writer::Writer,
};

/// Whoever asked for an erasure.
pub(crate) type Reply = oneshot::Sender<Result<Erased, StoreError>>;

/// Erasures, one after the other.
#[derive(Default)]
pub(crate) struct Erasures {
    waiting: VecDeque<(Erasure, Option<Reply>)>,
    running: Option<Running>,
}

struct Running {
    files: Vec<Arc<StoreFile>>,
    steps: mpsc::Receiver<Step>,
}

/// What the thread of an erasure asks the writer to do.
enum Step {
    /// Put what is left of a file in its place.
    Exchange {
        file: Arc<StoreFile>,
        rest: Rest,
        answer: mpsc::SyncSender<Result<Option<String>, StoreError>>,
    },
    /// Note that all files are done.
    Note {
        erasure: Erasure,
        answer: mpsc::SyncSender<Result<(), StoreError>>,
    },
}

/// What is left of a file.
enum Rest {
    Nothing,
    Rewritten(Rewritten),
}

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
    /// Begins an erasure, now or after the one that runs.
    pub(crate) fn ask_to_erase(&mut self, erasure: Erasure, reply: Reply) {
        let begun = erasure.check(self.now_ms()).and_then(|()| {
            // From here on a killed process goes on with it when it starts again.
            self.catalogue.begin_erasure(&erasure)
        });
        match begun {
            Ok(()) => self.erasures.waiting.push_back((erasure, Some(reply))),
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// Goes on with an erasure that a killed process left undone.
    pub(crate) fn resume_erasing(&mut self, erasure: Erasure) {
        self.erasures.waiting.push_back((erasure, None));
    }

    pub(crate) fn is_erasing(&self) -> bool {
        self.erasures.running.is_some() || !self.erasures.waiting.is_empty()
    }

    /// Does what the thread of an erasure asks for.
    pub(crate) fn go_on_erasing(&mut self) {
        while let Some(running) = &self.erasures.running {
            match running.steps.try_recv() {
                Ok(Step::Exchange { file, rest, answer }) => {
                    answer.send(self.exchange(&file, rest)).ok();
                }
                Ok(Step::Note { erasure, answer }) => {
                    let noted = self
                        .catalogue
                        .end_erasure(&erasure)
                        .and_then(|()| self.catalogue.checkpoint());
                    answer.send(noted).ok();
                }
                Err(mpsc::TryRecvError::Empty) => return,
                Err(mpsc::TryRecvError::Disconnected) => {
                    for file in &running.files {
                        file.freeze(false);
                    }
                    self.erasures.running = None;
                }
            }
        }
        if let Some((erasure, reply)) = self.erasures.waiting.pop_front() {
            self.start_erasing(erasure, reply);
        }
    }

    fn start_erasing(&mut self, erasure: Erasure, reply: Option<Reply>) {
        let files = concerned(&self.shared, &erasure);
        for file in &files {
            file.freeze(true);
            self.drop_open(file.name);
        }
        // One step at a time: the thread waits for each answer.
        let (ask, steps) = mpsc::sync_channel(1);
        let work = Work {
            shared: Arc::clone(&self.shared),
            files: files.clone(),
            erasure,
            ask,
        };
        let started = std::thread::Builder::new()
            .name("store-erase".to_owned())
            .spawn(move || {
                let done = work.run();
                if let Err(error) = &done {
                    tracing::warn!(%error, "an erasure did not come to its end");
                }
                if let Some(reply) = reply {
                    reply.send(done).ok();
                }
            });
        match started {
            Ok(_detached) => self.erasures.running = Some(Running { files, steps }),
            Err(error) => {
                tracing::warn!(%error, "no thread for an erasure");
                for file in &files {
                    file.freeze(false);
                }
            }
        }
    }

    /// Puts what is left of a file in its place. Ok: the name of the file that holds it.
    fn exchange(&mut self, old: &Arc<StoreFile>, rest: Rest) -> Result<Option<String>, StoreError> {
        let there = self.shared.files();
        let is_there = there
            .get(&old.name)
            .is_some_and(|there| Arc::ptr_eq(there, old));
        let Rest::Rewritten(rewritten) = rest else {
            return if is_there {
                self.unlink(old, true).map(|()| None)
            } else {
                Ok(None)
            };
        };
        if !is_there {
            // It expired meanwhile.
            remove_database(&rewritten.path).map_err(|error| StoreError::io(&old.text, &error))?;
            return Ok(None);
        }
        let new = self.name_rewritten(old, &rewritten)?;
        let text = new.text.clone();
        for epoch in rewritten.clamped {
            self.catalogue.add_clamped(epoch, &text)?;
            self.clamped.entry(epoch).or_default().insert(new.name);
        }
        self.shared.change_files(|files| {
            files.remove(&old.name);
            files.insert(new.name, Arc::new(new));
        });
        self.unlink(old, true)?;
        Ok(Some(text))
    }

    /// Gives a rewritten file its name. Whenever the process is killed, one of the two counts.
    fn name_rewritten(
        &self,
        old: &StoreFile,
        rewritten: &Rewritten,
    ) -> Result<StoreFile, StoreError> {
        let name = self.next_part(old.name);
        let listed = old.listed();
        let new = StoreFile::from_listed(
            &self.shared.folder,
            name,
            Listed {
                name: name.to_string(),
                seal: Some(rewritten.seal),
                damage: None,
                ..listed.clone()
            },
        );
        let io = |error: std::io::Error| StoreError::io(&new.text, &error);
        let waiting = rewrite_path(&self.shared.folder, name);
        std::fs::rename(&rewritten.path, &waiting).map_err(io)?;
        let going = Listed {
            going: true,
            ..listed
        };
        self.catalogue.put(&[new.listed(), going], None)?;
        std::fs::rename(&waiting, &new.path).map_err(io)?;
        *new.checked() = true;
        Ok(new)
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
}

/// What the thread of an erasure works on.
struct Work {
    shared: Arc<Shared>,
    files: Vec<Arc<StoreFile>>,
    erasure: Erasure,
    ask: mpsc::SyncSender<Step>,
}

impl Work {
    fn run(&self) -> Result<Erased, StoreError> {
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
