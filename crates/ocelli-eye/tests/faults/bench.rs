//! An engine under test, and what came out of it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use ocelli_core::{EventKind, EventRecord, seam::Source, settings::StreamSettings};
use ocelli_engine::{
    Engine, EngineOptions, EyeStatus, ModelPlan, Output, StreamPlan, StreamStatus,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::{EYE, scripted::model_settings};

/// Ten times what a wait usually takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) events: Arc<Mutex<Vec<EventRecord>>>,
    _folder: tempfile::TempDir,
}

/// This program under another name.
pub(crate) fn called(name: &str) -> (PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &path).unwrap();
    (path, folder)
}

pub(crate) fn settings() -> StreamSettings {
    StreamSettings {
        detector: "nano".to_owned(),
        ..StreamSettings::default()
    }
}

pub(crate) fn plan(name: &str, source: Arc<dyn Source>) -> StreamPlan {
    StreamPlan {
        name: name.into(),
        source,
        source_version: 1,
        settings: settings(),
        enabled: true,
    }
}

pub(crate) fn model(bytes: &'static [u8]) -> ModelPlan {
    ModelPlan {
        id: "nano".to_owned(),
        settings: model_settings(),
        bytes: Bytes::from_static(bytes),
    }
}

impl Bench {
    pub(crate) async fn start(eyes: usize, streams: Vec<StreamPlan>) -> Self {
        Self::start_with(eyes, streams, |_options| {}).await
    }

    pub(crate) async fn start_with(
        eyes: usize,
        streams: Vec<StreamPlan>,
        change: impl FnOnce(&mut EngineOptions),
    ) -> Self {
        let (executable, folder) = called(EYE);
        let mut options = EngineOptions::new(executable);
        options.eyes = eyes;
        change(&mut options);
        let (engine, mut output) = Engine::start(options, vec![model(b"good")], streams)
            .await
            .unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&events);
        tokio::spawn(async move {
            while let Some(output) = output.recv().await {
                if let Output::Events { records } = output {
                    taken.lock().unwrap().extend(records);
                }
            }
        });
        Self {
            engine,
            events,
            _folder: folder,
        }
    }

    pub(crate) fn stream(&self, name: &str) -> StreamStatus {
        self.engine.stream(name).unwrap()
    }

    pub(crate) fn eye(&self) -> EyeStatus {
        self.engine.eyes().swap_remove(0)
    }

    pub(crate) fn count(&self, name: &str, kind: EventKind) -> usize {
        let events = self.events.lock().unwrap();
        let of = events
            .iter()
            .filter(|event| event.stream == name && event.kind == kind);
        of.count()
    }

    /// Waits for a state. At every look the account of every stream balances.
    pub(crate) async fn until(&self, what: &str, state: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !state(self) {
            self.check_accounts();
            assert!(
                start.elapsed() < PATIENCE,
                "not seen in time: {what}\n{:#?}\n{:#?}",
                self.engine.streams(),
                self.engine.eyes()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until pictures of this stream are looked at again.
    pub(crate) async fn until_looks_grow(&self, name: &str, by: u64) {
        let before = self.stream(name).looks_taken;
        self.until("more looks", |bench| {
            bench.stream(name).looks_taken >= before + by
        })
        .await;
    }

    pub(crate) fn check_accounts(&self) {
        for stream in self.engine.streams() {
            assert!(stream.ledger.balances(stream.held), "{stream:#?}");
        }
    }

    /// Sends a signal to the only eye; returns its process.
    pub(crate) fn signal(&self, signal: Signal) -> u32 {
        let pid = self.eye().pid.unwrap();
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
        pid
    }

    /// Waits for another process in place of the only eye. Returns how long that took.
    pub(crate) async fn until_replaced(&self, pid: u32) -> Duration {
        let start = Instant::now();
        self.until("another eye", |bench| {
            let eye = bench.eye();
            eye.ready && eye.pid != Some(pid)
        })
        .await;
        start.elapsed()
    }
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    })
}
