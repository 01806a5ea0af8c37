//! The engine as its owner sees it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::BytesMut;
use ocelli_core::{
    StreamId,
    wire::{ToEye, encode_to_eye},
};
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc::Receiver, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    cell::{Cell, Seat},
    clock,
    eye::{Slot, Spawner, supervise},
    ingest,
    output::{Outlet, Output},
    placement::{Load, place_one},
    plan::{EngineOptions, ModelPlan, StreamPlan},
    pulse,
    shared::Shared,
    status::{EngineStatus, EyeStatus, StreamStatus},
};

/// How long the first eye may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// How long eyes may take to give their streams up at the end.
const RELEASE_WITHIN: Duration = Duration::from_secs(5);
/// How long eyes may take to end.
const END_WITHIN: Duration = Duration::from_secs(15);

/// Why the engine does not start, or keeps the plans that it has.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Two streams have one name.
    #[error("two streams are called `{0}`")]
    DuplicateStream(Arc<str>),
    /// Two models have one name.
    #[error("two models are called `{0}`")]
    DuplicateModel(String),
    /// More than the wire carries.
    #[error("the settings of `{0}` are too large for the wire")]
    TooLarge(String),
    /// No eye works.
    #[error("no eye works: {0}")]
    NoEye(String),
    /// The system refused.
    #[error("the thread that starts eyes cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// What [`Engine::apply`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Streams that are new.
    pub added: usize,
    /// Streams that go on differently.
    pub changed: usize,
    /// Streams that are gone.
    pub removed: usize,
    /// Streams that were not touched.
    pub kept: usize,
}

/// The running engine. Dropping it ends the eyes without giving their streams up in order: see
/// [`Engine::stop`].
pub struct Engine {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    supervisors: Vec<JoinHandle<()>>,
    pulse: JoinHandle<()>,
    names: Mutex<Names>,
    /// One change at a time.
    applying: AsyncMutex<()>,
}

#[derive(Default)]
struct Names {
    streams: BTreeMap<Arc<str>, StreamId>,
    next: u32,
}

impl Engine {
    /// Starts eyes and streams; returns once an eye works. The output is bounded: see [`Output`].
    ///
    /// Needs a tokio runtime, on which everything runs: the number of threads does not depend on
    /// the number of streams.
    pub async fn start(
        options: EngineOptions,
        models: Vec<ModelPlan>,
        streams: Vec<StreamPlan>,
    ) -> Result<(Self, Receiver<Output>), EngineError> {
        check(&models, &streams)?;
        let (outlet, output) = Outlet::new();
        let spawner = Arc::new(Spawner::start(options.eye_executable.clone())?);
        let shared = Arc::new(Shared::new(options, models, outlet));
        let (stop, _) = watch::channel(false);
        let supervisors = (0..shared.slots.len())
            .map(|eye| {
                let shared = Arc::clone(&shared);
                tokio::spawn(supervise(
                    shared,
                    Arc::clone(&spawner),
                    eye,
                    stop.subscribe(),
                ))
            })
            .collect();
        let engine = Self {
            pulse: tokio::spawn(pulse::run(Arc::clone(&shared))),
            shared,
            stop,
            supervisors,
            names: Mutex::default(),
            applying: AsyncMutex::new(()),
        };
        engine.first_eye().await?;
        let mut loads = engine.shared.loads();
        for plan in streams {
            engine.add(plan, &mut loads);
        }
        Ok((engine, output))
    }

    /// Waits until an eye works, or all failed.
    async fn first_eye(&self) -> Result<(), EngineError> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            let progress = self.shared.progress.notified();
            let slots = &self.shared.slots;
            if slots.iter().any(|slot| slot.ready_life().is_some()) {
                return Ok(());
            }
            let failures: Vec<String> = slots.iter().filter_map(Slot::failure).collect();
            if failures.len() == slots.len() {
                return Err(EngineError::NoEye(failures.join("; ")));
            }
            if tokio::time::timeout_at(until, progress).await.is_err() {
                let secs = READY_WITHIN.as_secs();
                return Err(EngineError::NoEye(format!(
                    "none was ready within {secs} s"
                )));
            }
        }
    }

    /// Makes the running set equal to the plans, and touches only what differs.
    pub async fn apply(
        &self,
        models: Vec<ModelPlan>,
        streams: Vec<StreamPlan>,
    ) -> Result<Applied, EngineError> {
        check(&models, &streams)?;
        let _one = self.applying.lock().await;
        let renewed = self.set_models(models);
        let mut applied = Applied::default();
        let mut loads = self.shared.loads();
        let mut former: BTreeMap<Arc<str>, StreamId> = self.names().streams.clone();
        for plan in streams {
            let known = former
                .remove(&plan.name)
                .and_then(|id| self.shared.stream(id));
            let Some(cell) = known else {
                self.add(plan, &mut loads);
                applied.added += 1;
                continue;
            };
            if plan.source.pace() != cell.pace {
                self.take_away(&cell);
                self.add(plan, &mut loads);
                applied.changed += 1;
                continue;
            }
            let retry = renewed.contains(&plan.settings.detector);
            if cell.change(plan, retry) {
                applied.changed += 1;
            } else {
                applied.kept += 1;
            }
        }
        for id in former.into_values() {
            if let Some(cell) = self.shared.stream(id) {
                self.take_away(&cell);
            }
            applied.removed += 1;
        }
        self.shared.progress.notify_waiters();
        Ok(applied)
    }

    /// Sends models that are new or changed to all eyes; returns their names.
    fn set_models(&self, models: Vec<ModelPlan>) -> BTreeSet<String> {
        let mut running = self.shared.models();
        let renewed: Vec<&ModelPlan> = models
            .iter()
            .filter(|model| !running.contains(model))
            .collect();
        for model in &renewed {
            for slot in &self.shared.slots {
                slot.push(model.message());
            }
        }
        let names = renewed.into_iter().map(|model| model.id.clone()).collect();
        *running = models;
        names
    }

    fn add(&self, plan: StreamPlan, loads: &mut [Load]) {
        let home = place_one(loads).unwrap_or(0);
        let cell = {
            let mut names = self.names();
            let id = StreamId(names.next);
            names.next += 1;
            names.streams.insert(Arc::clone(&plan.name), id);
            Arc::new(Cell::new(id, plan, home))
        };
        self.shared.insert(Arc::clone(&cell));
        tokio::spawn(ingest::run(cell, Arc::clone(&self.shared)));
    }

    fn take_away(&self, cell: &Cell) {
        self.names().streams.remove(&cell.name);
        cell.take_away();
        if matches!(cell.lock().seat, Seat::None) {
            self.shared.remove(cell.id);
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cell(&self, name: &str) -> Option<Arc<Cell>> {
        let id = *self.names().streams.get(name)?;
        self.shared.stream(id)
    }

    /// All streams, by name.
    pub fn streams(&self) -> Vec<StreamStatus> {
        let ids: Vec<StreamId> = self.names().streams.values().copied().collect();
        let streams = self.shared.streams();
        ids.iter()
            .filter_map(|id| streams.get(id))
            .map(|cell| cell.status())
            .collect()
    }

    /// One stream.
    pub fn stream(&self, name: &str) -> Option<StreamStatus> {
        self.cell(name).map(|cell| cell.status())
    }

    /// All eyes, by index.
    pub fn eyes(&self) -> Vec<EyeStatus> {
        let mut eyes: Vec<EyeStatus> = self.shared.slots.iter().map(Slot::status).collect();
        for cell in self.shared.streams().values() {
            if let Some(eye) = cell.lock().eye() {
                eyes[eye].streams += 1;
            }
        }
        eyes
    }

    /// Counters of the whole.
    pub fn status(&self) -> EngineStatus {
        let [events_dropped, boxes_dropped, stills_dropped] = self.shared.outlet.dropped();
        EngineStatus {
            events: self.shared.outlet.tally(),
            events_dropped,
            boxes_dropped,
            stills_dropped,
            hold_bytes: self.shared.budget.used(),
            moves: self.shared.moves.load(Ordering::Relaxed),
            cpu_micros: clock::process_cpu_micros(),
        }
    }

    /// Asks for redacted live pictures of a stream, `rate` a second; 0 ends it. Returns whether
    /// there is such a stream.
    pub fn show(&self, stream: &str, rate: f32) -> bool {
        let rate = if rate.is_finite() {
            rate.clamp(0.0, 30.0)
        } else {
            0.0
        };
        let cell = self.cell(stream);
        if let Some(cell) = &cell {
            cell.lock().show(rate);
        }
        cell.is_some()
    }

    /// Returns when there are streams, and every one is a recording that came to its end, or to
    /// an error that ends it.
    pub async fn ended(&self) {
        loop {
            let progress = self.shared.progress.notified();
            let streams = self.shared.streams();
            if !streams.is_empty() && streams.values().all(|cell| cell.is_over()) {
                return;
            }
            drop(streams);
            // An end that no eye tells, such as that of a file that cannot be read, is seen with
            // the next beat.
            drop(timeout(Duration::from_millis(200), progress).await);
        }
    }

    /// Ends in order: open tags end with their streams, then the eyes. What came out until then
    /// is in the output.
    pub async fn stop(&self) {
        let streams = self.shared.streams();
        for cell in streams.values() {
            cell.take_away();
        }
        let until = Instant::now() + RELEASE_WITHIN;
        let seated = || {
            streams
                .values()
                .any(|cell| !matches!(cell.lock().seat, Seat::None))
        };
        while seated() && Instant::now() < until {
            sleep(Duration::from_millis(5)).await;
        }
        for slot in &self.shared.slots {
            slot.push(ToEye::Stop);
        }
        self.stop.send_replace(true);
        let supervisors: Vec<_> = self.supervisors.iter().collect();
        let until = Instant::now() + END_WITHIN;
        for supervisor in supervisors {
            while !supervisor.is_finished() && Instant::now() < until {
                sleep(Duration::from_millis(5)).await;
            }
        }
        self.pulse.abort();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for cell in self.shared.streams().values() {
            cell.take_away();
        }
        for supervisor in &self.supervisors {
            supervisor.abort();
        }
        self.pulse.abort();
    }
}

fn check(models: &[ModelPlan], streams: &[StreamPlan]) -> Result<(), EngineError> {
    let mut names = BTreeSet::new();
    let mut scratch = BytesMut::new();
    for model in models {
        if !names.insert(&model.id) {
            return Err(EngineError::DuplicateModel(model.id.clone()));
        }
    }
    let mut names = BTreeSet::new();
    for plan in streams {
        if !names.insert(&plan.name) {
            return Err(EngineError::DuplicateStream(Arc::clone(&plan.name)));
        }
        let message = ToEye::Reconfigure {
            stream: StreamId(0),
            settings: Box::new(plan.settings.clone()),
        };
        scratch.clear();
        if encode_to_eye(&message, &mut scratch).is_err() {
            return Err(EngineError::TooLarge(plan.name.to_string()));
        }
    }
    Ok(())
}
