//! A running ocelli: engine, store, sinks, API and the configuration that they follow.

mod follower;
mod kept;
mod overrides;

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use ocelli_core::{WallTime, seam::Source};
use ocelli_engine::{Engine, EngineError, EngineOptions, SandboxMode, StreamState, clock};
use ocelli_sinks::store::StoreError;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc::Receiver, watch},
    time::interval,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Configuration, Hub,
    api::{self, LaunchError},
    config::Variables,
    edit::{Asked, Editor},
    keep::{Classes, Keeper, Onlooker, Plates, keep},
    limits,
    plan::{Planner, Unplannable},
    record::{Chronicle, PUBLISH_EVERY, Record, RecordError},
    reload::{LOOK_EVERY, Watch},
    sinks::{SinkBoard, Sinks},
};
use follower::Follower;
use kept::Kept;
pub use overrides::Overrides;

/// Name of the eye's executable, beside the program.
const EYE: &str = "ocelli-eye";
/// Name of the store's folder in the data directory.
pub const STORE_FOLDER: &str = "events";
/// Name of the folder of stills in the data directory.
pub const STILLS_FOLDER: &str = "stills";
/// Between two removals of what has expired.
const RETAIN_EVERY: Duration = Duration::from_mins(1);

/// Stands between a stream's source and the engine.
pub type Tap = Box<dyn Fn(Arc<dyn Source>) -> Arc<dyn Source> + Send + Sync>;

/// How to run.
pub struct RunOptions {
    /// The configuration, with the overrides in it.
    pub configuration: Configuration,
    /// What goes before the file.
    pub overrides: Overrides,
    /// Makes tags and events the same in every run.
    pub seed: Option<u64>,
    /// Ends when every recording has.
    pub exit_at_end: bool,
    /// Whether the API is served.
    pub api: bool,
    /// Stands between each source and the engine.
    pub tap: Option<Tap>,
    /// Sees every look.
    pub onlooker: Option<Box<dyn Onlooker>>,
}

/// Why ocelli does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data directory cannot be made.
    #[error("the data directory {dir} cannot be used: {error}")]
    DataDir {
        /// Which.
        dir: String,
        /// Why.
        error: io::Error,
    },
    /// The store cannot be opened.
    #[error("the events in {dir} cannot be opened: {error}")]
    Store {
        /// Where.
        dir: String,
        /// Why.
        error: StoreError,
    },
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The eye is not where it should be.
    #[error("the eye is missing: {0} (it is built and installed beside `ocelli`)")]
    NoEye(String),
    /// The engine does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The API does not start.
    #[error(transparent)]
    Api(#[from] LaunchError),
    /// A stream has no source.
    #[error(transparent)]
    Stream(#[from] Unplannable),
    /// The system refused.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// How it went.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What became of each stream.
    pub streams: Vec<ocelli_engine::StreamStatus>,
    /// Events by kind and label.
    pub events: ocelli_engine::EngineStatus,
}

impl Summary {
    /// Streams that could not be looked at.
    pub fn failed(&self) -> impl Iterator<Item = &ocelli_engine::StreamStatus> {
        self.streams
            .iter()
            .filter(|stream| stream.state == StreamState::Rejected)
    }
}

/// Runs until a signal, or until every recording has ended where that is asked for.
pub async fn run(options: RunOptions, variables: Variables<'_>) -> Result<Summary, RunError> {
    let mut signals = Signals::listen()?;
    let open_files = limits::raise_open_files();
    let configuration = options.configuration;
    for complaint in limits::complaints(&configuration, open_files) {
        tracing::warn!("{complaint}");
    }
    make_data_dir(&configuration.data_dir)?;
    let kept = Kept::open(&configuration.data_dir, configuration.store.bytes_max)?;
    let plates = Plates::default();
    let record = Record::open(&configuration.data_dir, clock::wall)?;
    let chronicle = Chronicle::begin(record.clone(), &configuration)?;
    let planner = Planner::default();
    let tap = options.tap.unwrap_or_else(|| Box::new(|source| source));
    let classes = Classes::default();
    classes.learn(&configuration);
    let (engine, output) = Engine::start(
        engine_options(&configuration, options.seed)?,
        planner.models(&configuration),
        planner.streams(&configuration, &tap)?,
    )
    .await?;
    let engine = Arc::new(engine);
    let hub = Hub::default();
    let board = SinkBoard::default();
    let ended = CancellationToken::new();
    let keeper = Keeper {
        store: kept.store.clone(),
        stills: kept.stills.clone(),
        plates: plates.clone(),
        classes: classes.clone(),
        hub: hub.clone(),
        onlooker: options.onlooker,
    };
    let mut sinks = Sinks::new(hub.clone(), board.clone(), &configuration.data_dir);
    sinks.apply(&configuration).await;
    let keeper = tokio::spawn(keep(keeper, output, ended.clone()));
    tracing::info!("watching {} streams", configuration.streams.len());

    let mut follower = Follower {
        watch: configuration
            .file
            .clone()
            .map(|_| Watch::new(configuration.files.clone())),
        overrides: options.overrides,
        variables,
        planner,
        tap,
        classes,
        plates: plates.clone(),
        sinks,
        chronicle,
        current: watch::Sender::new(Arc::new(configuration)),
    };
    let (editor, edits) = Editor::new();
    let api = if options.api {
        let served = api::Served {
            engine: Arc::<Engine>::clone(&engine),
            store: kept.store.clone(),
            stills: kept.stills.clone(),
            plates,
            hub,
            record,
            editor,
            configuration: follower.current.subscribe(),
            sinks: board,
            started: clock::wall(),
        };
        let data_dir = follower.current.borrow().data_dir.clone();
        Some(serve(served, &data_dir).await?)
    } else {
        None
    };
    tokio::select! {
        () = engine.ended(), if options.exit_at_end => {}
        () = work(&engine, &kept, &mut follower, &mut signals, edits) => {}
    }
    tracing::info!("ending");
    let streams = engine.streams();
    let events = engine.status();
    if let Some(api) = api {
        api.stop().await;
    }
    engine.stop().await;
    ended.cancel();
    if keeper.await.is_err() {
        tracing::error!("the task that keeps events panicked");
    }
    follower.end().await;
    follower.sinks.stop().await;
    kept.store.close().await;
    Ok(Summary { streams, events })
}

/// Does what comes round again and what is asked for, until a signal ends it.
async fn work(
    engine: &Engine,
    kept: &Kept,
    follower: &mut Follower<'_>,
    signals: &mut Signals,
    mut edits: Receiver<Asked>,
) {
    let mut look = interval(LOOK_EVERY);
    let mut retain = interval(RETAIN_EVERY);
    let mut checkpoint = interval(PUBLISH_EVERY);
    loop {
        tokio::select! {
            _ = signals.interrupt.recv() => return,
            _ = signals.terminate.recv() => return,
            _ = signals.hangup.recv() => follower.reload(engine).await,
            _ = look.tick() => {
                follower.look(engine).await;
                follower.chronicle.eyes(&engine.eyes()).await;
            }
            Some(asked) = edits.recv() => follower.edit(asked, engine).await,
            _ = checkpoint.tick() => drop(tokio::spawn(follower.publish())),
            _ = retain.tick() => kept.expire().await,
        }
    }
}

/// Starts the API, and says once how to come in.
async fn serve(served: api::Served, data_dir: &Path) -> Result<api::Running, RunError> {
    let running = api::launch(served, data_dir).await?;
    let url = running.url();
    if let Some(first) = &running.first {
        let (link, token) = (first.link.expose(), first.token.expose());
        // Not the log: that may go anywhere. And nowhere else: only hashes are kept.
        writeln!(
            io::stderr(),
            "first start: log in at {url}/#/login/{link} within a day\n\
             first start: the owner's token is {token}, shown this once"
        )?;
    }
    tracing::info!("page and API at {url}");
    Ok(running)
}

fn make_data_dir(dir: &Path) -> Result<(), RunError> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.map_err(|error| RunError::DataDir {
        dir: dir.display().to_string(),
        error,
    })
}

fn engine_options(
    configuration: &Configuration,
    seed: Option<u64>,
) -> Result<EngineOptions, RunError> {
    let executable = std::env::current_exe()?.with_file_name(EYE);
    if !executable.is_file() {
        return Err(RunError::NoEye(executable.display().to_string()));
    }
    let mut options = EngineOptions::new(executable);
    options.packet_gate = ocelli_media::gate::build;
    options.eyes = configuration.engine.eyes.unwrap_or(options.eyes);
    if let Some(reason) = &configuration.engine.best_effort_because {
        tracing::warn!("eyes may start without all of their sandbox: {reason}");
        options.sandbox = SandboxMode::BestEffort;
    }
    options.seed = seed;
    // The same seed gives the same events, their times included.
    options.recordings_begin = seed.map(|_| WallTime { micros: 0 });
    Ok(options)
}

/// The signals that a service gets.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}
