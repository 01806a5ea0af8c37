//! `jsonl`: a text file for each day, one event in JSON on each line.
//!
//! Files are named `<sink>-<day>.jsonl`; a day that is over by more than `keep_days` is removed.
//! Positions are as coarse as the store's.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use ocelli_core::{
    EventRecord, StageError,
    seam::{BoxFuture, Sink},
};
use serde::Deserialize;

use super::{SinkKind, SinkRequest};
use crate::store::{Clock, Positions, SystemClock};

/// The kind.
pub static KIND: SinkKind = SinkKind {
    name: "jsonl",
    summary: "text files, one event in JSON on each line, a file for each day",
    options_schema: super::schema::<Options>,
    check: |request| Jsonl::new(request, Arc::new(SystemClock)).map(drop),
    build: |request| {
        Jsonl::new(&request, Arc::new(SystemClock)).map(|sink| Box::new(sink) as Box<dyn Sink>)
    },
    example: r#"{"folder":"/var/lib/ocelli/events","keep_days":30}"#,
};

/// Most days that are kept.
const KEEP_DAYS_MAX: u32 = 3660;
const DAY_MICROS: i64 = 86_400_000_000;

/// Its configuration.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The folder of the files, as a whole path.
    folder: PathBuf,
    /// A file is removed when its day ended this many days ago: 1 to 3660.
    keep_days: u32,
}

struct Jsonl {
    name: String,
    folder: PathBuf,
    keep_days: i64,
    clock: Arc<dyn Clock>,
    /// The day that is written (days since 1970), and its file.
    open: Option<(i64, File)>,
}

impl Jsonl {
    fn new(request: &SinkRequest, clock: Arc<dyn Clock>) -> Result<Self, StageError> {
        let options: Options = super::options(request)?;
        if !(1..=KEEP_DAYS_MAX).contains(&options.keep_days) {
            return Err(StageError::Rejected(format!(
                "`keep_days` is {}, expected 1 to {KEEP_DAYS_MAX}",
                options.keep_days
            )));
        }
        if !options.folder.is_absolute() {
            return Err(StageError::Rejected(
                "`folder` has to be a whole path".to_owned(),
            ));
        }
        Ok(Self {
            name: request.name.clone(),
            folder: options.folder,
            keep_days: i64::from(options.keep_days),
            clock,
            open: None,
        })
    }

    fn write(&mut self, events: &[EventRecord]) -> Result<(), StageError> {
        let mut text = Vec::new();
        for event in events {
            let mut event = event.clone();
            Positions::Grid.limit(&mut event);
            serde_json::to_writer(&mut text, &event)
                .map_err(|error| StageError::Rejected(error.to_string()))?;
            text.push(b'\n');
        }
        let today = self.clock.wall().micros.div_euclid(DAY_MICROS);
        let written = self.append(today, &text);
        if written.is_err() {
            // Whatever half of it was written is cut off when the file is opened again.
            self.open = None;
        }
        written.map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => StageError::Exhausted(error.to_string()),
            _ => StageError::Unavailable(error.to_string()),
        })
    }

    fn append(&mut self, today: i64, text: &[u8]) -> std::io::Result<()> {
        let mut file = match self.open.take() {
            Some((day, file)) if day == today => file,
            _ => {
                std::fs::create_dir_all(&self.folder)?;
                self.remove_old(today)?;
                let path = self
                    .folder
                    .join(format!("{}-{}.jsonl", self.name, date(today)));
                open_at_line(&path)?
            }
        };
        let length = file.stream_position()?;
        let written = file.write_all(text).and_then(|()| file.sync_data());
        if let Err(error) = written {
            file.set_len(length)?;
            return Err(error);
        }
        self.open = Some((today, file));
        Ok(())
    }

    /// Removes the files of this sink whose days are over for too long.
    fn remove_old(&self, today: i64) -> std::io::Result<()> {
        let oldest = date(today - self.keep_days);
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let day = name
                .to_str()
                .and_then(|name| name.strip_prefix(&self.name))
                .and_then(|rest| rest.strip_prefix('-'))
                .and_then(|rest| rest.strip_suffix(".jsonl"));
            // Dates of one length sort as text.
            if day.is_some_and(|day| day.len() == oldest.len() && *day < *oldest) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Sink for Jsonl {
    fn deliver<'a>(
        &'a mut self,
        events: &'a [EventRecord],
    ) -> BoxFuture<'a, Result<(), StageError>> {
        Box::pin(async move { self.write(events) })
    }
}

/// `2026-11-24`, for days since 1970.
fn date(day: i64) -> String {
    let micros = day.saturating_mul(DAY_MICROS);
    let text = ocelli_core::WallTime { micros }.to_rfc3339();
    text.chars().take(10).collect()
}

/// Opens a file to append to, at the end of its last whole line: what a killed process left of a
/// line is cut off.
fn open_at_line(path: &Path) -> std::io::Result<File> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut buffer = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        file.seek(SeekFrom::Start(start))?;
        let part = buffer.get_mut(..(end - start) as usize).unwrap_or_default();
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|&byte| byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    file.set_len(end)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    use ocelli_core::{MonoTime, WallTime};

    use super::*;

    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn wall(&self) -> WallTime {
            WallTime {
                micros: self.0.load(SeqCst),
            }
        }

        fn running(&self) -> MonoTime {
            MonoTime::default()
        }
    }

    fn event(number: u64) -> EventRecord {
        let text = format!(
            r#"{{"id":"0000000000000abc-{number:x}","stream":"lobby","kind":"gone","score":0.5,
            "box":[0.0938,0.3889,0.0938,0.2778],"time":"2026-11-24T08:30:00.123Z",
            "time_source":"receive","media_secs":1.235,"coverage":1.0}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn sink(folder: &Path, clock: &Arc<Hand>) -> Jsonl {
        let options = serde_json::json!({"folder": folder, "keep_days": 2});
        let request = SinkRequest {
            name: "log".to_owned(),
            options: options.as_object().unwrap().clone(),
            folder: folder.to_owned(),
            reach: super::super::Reach::Operator,
            health: Arc::default(),
        };
        Jsonl::new(&request, Arc::clone(clock) as Arc<dyn Clock>).unwrap()
    }

    fn read(path: &Path) -> Vec<EventRecord> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn each_day_has_its_file_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(1_795_509_000_000_000)));
        let mut sink = sink(folder.path(), &clock);
        sink.write(&[event(1), event(2)]).unwrap();
        sink.write(&[event(3)]).unwrap();
        let first = folder.path().join("log-2026-11-24.jsonl");
        assert_eq!(read(&first), [event(1), event(2), event(3)]);
        std::fs::write(folder.path().join("log-mine.jsonl"), "").unwrap();
        for _ in 0..2 {
            clock.0.fetch_add(DAY_MICROS, SeqCst);
            sink.write(&[event(4)]).unwrap();
            assert!(first.exists());
        }
        clock.0.fetch_add(DAY_MICROS, SeqCst);
        sink.write(&[event(5)]).unwrap();
        assert!(!first.exists());
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 4, "three days, and what is not ours");
    }

    #[test]
    fn half_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(1_795_509_000_000_000)));
        sink(folder.path(), &clock).write(&[event(1)]).unwrap();
        let path = folder.path().join("log-2026-11-24.jsonl");
        for rest in ["{\"id\":\"half".to_owned(), "x".repeat(10_000)] {
            let mut text = std::fs::read_to_string(&path).unwrap();
            text.push_str(&rest);
            std::fs::write(&path, text).unwrap();
            let mut sink = sink(folder.path(), &clock);
            sink.write(&[event(2)]).unwrap();
            assert!(read(&path).iter().all(|read| *read != event(3)));
        }
        assert_eq!(read(&path), [event(1), event(2), event(2)]);
    }

    #[test]
    fn a_folder_that_does_not_work_is_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(1_795_509_000_000_000)));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut sink = sink(&file, &clock);
        let failed = sink.write(&[event(1)]);
        assert!(matches!(failed, Err(StageError::Unavailable(_))));
    }
}
