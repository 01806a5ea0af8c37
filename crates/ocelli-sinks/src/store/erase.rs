//! Erasure: what one stream did in a range of time is taken out of every file, and the bytes that
//! are left are searched for it.
//!
//! A file is not changed but written anew without the events in question; the old one is
//! overwritten with zeros and unlinked. That works on a damaged file too, and leaves no page, log
//! or free list that could hold something. It happens on a thread of its own while new events go
//! into other files; only the exchange of two files is the writer's.

mod work;

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
};

use tokio::sync::oneshot;

use work::Work;

use super::{
    Erased, StoreError,
    catalogue::{Erasure, Listed, remove_database},
    file::StoreFile,
    period::{AHEAD_MS, FileName},
    rewrite::{Rewritten, rewrite_path},
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
