//! A running ocelli: engine, store, API and the configuration that they follow.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ocelli_core::{WallTime, seam::Source, settings::GateKind};
use ocelli_engine::{Engine, EngineError, EngineOptions, SandboxMode, StreamState, clock};
use ocelli_sinks::store::{Store, StoreError, StoreOptions};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::block_in_place,
    time::interval,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Configuration, Hub,
    api::{self, LaunchError},
    config::{ConfigErrors, LoadOptions, Variables, load},
    edit::{self, Asked, Editor},
    keep::{Classes, Keeper, Onlooker, keep},
    limits,
    plan::{Planner, Unplannable},
    record::{Chronicle, Record, RecordError},
    reload::{LOOK_EVERY, Watch},
};

/// Name of the eye's executable, beside the program.
const EYE: &str = "ocelli-eye";
/// Name of the store's folder in the data directory.
pub const STORE_FOLDER: &str = "events";
/// Between two removals of what has expired.
const RETAIN_EVERY: Duration = Duration::from_mins(1);

/// What the command line says besides the configuration; it goes before it, also when the file
/// changes.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Overrides {
    /// The data directory.
    pub data_dir: Option<PathBuf>,
    /// Address and port of the API.
    pub listen: Option<std::net::SocketAddr>,
    /// Number of eyes.
    pub eyes: Option<usize>,
    /// When streams are decoded.
    pub gate: Option<GateKind>,
    /// Every picture of every stream is looked at.
    pub every_picture: bool,
    /// What each look found is told, before anything is made of it.
    pub tell_detections: bool,
    /// Recordings come like live cameras.
    pub paced: bool,
    /// Recordings start anew at their end.
    pub looped: bool,
    /// Why eyes may start without all of their sandbox.
    pub best_effort_because: Option<String>,
}

impl Overrides {
    /// Changes `configuration`.
    pub fn apply(&self, configuration: &mut Configuration) {
        if let Some(dir) = &self.data_dir {
            configuration.data_dir.clone_from(dir);
        }
        configuration.api.listen = self.listen.unwrap_or(configuration.api.listen);
        configuration.engine.eyes = self.eyes.or(configuration.engine.eyes);
        if self.best_effort_because.is_some() {
            configuration
                .engine
                .best_effort_because
                .clone_from(&self.best_effort_because);
        }
        for stream in configuration.streams.values_mut() {
            stream.settings.gate = self.gate.unwrap_or(stream.settings.gate);
            stream.settings.every_picture |= self.every_picture;
            stream.settings.tell_detections |= self.tell_detections;
            let is_file = stream.detect_url.as_ref().unwrap_or(&stream.url).scheme() == "file";
            for (key, wanted) in [("paced", self.paced), ("loop", self.looped)] {
                if wanted && is_file {
                    stream.source.insert(key.to_owned(), true.into());
                }
            }
        }
    }
}

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
    let store = open_store(&configuration.data_dir)?;
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
    let ended = CancellationToken::new();
    let keeper = Keeper {
        store: store.clone(),
        classes: classes.clone(),
        hub: hub.clone(),
        onlooker: options.onlooker,
    };
    let keeper = tokio::spawn(keep(keeper, output, ended.clone()));
    let number = configuration.streams.len();
    tracing::info!("watching {number} streams");

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
        chronicle,
        current: watch::Sender::new(Arc::new(configuration)),
    };
    let (editor, mut edits) = Editor::new();
    let api = if options.api {
        Some(serve(&engine, &store, &hub, &record, editor, &follower.current).await?)
    } else {
        None
    };
    let mut look = interval(LOOK_EVERY);
    let mut retain = interval(RETAIN_EVERY);
    let recordings = async {
        if options.exit_at_end {
            engine.ended().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::pin!(recordings);
    loop {
        tokio::select! {
            () = &mut recordings => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.terminate.recv() => break,
            _ = signals.hangup.recv() => follower.reload(&engine).await,
            _ = look.tick() => {
                follower.look(&engine).await;
                follower.chronicle.eyes(&engine.eyes()).await;
            }
            Some(asked) = edits.recv() => follower.edit(asked, &engine).await,
            _ = retain.tick() => expire(&store).await,
        }
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
    store.close().await;
    follower.chronicle.end().await;
    Ok(Summary { streams, events })
}

/// Starts the API, and says once how to come in.
async fn serve(
    engine: &Arc<Engine>,
    store: &Store,
    hub: &Hub,
    record: &Record,
    editor: Editor,
    configuration: &watch::Sender<Arc<Configuration>>,
) -> Result<api::Running, RunError> {
    let data_dir = configuration.borrow().data_dir.clone();
    let watching: Arc<dyn api::Watching> = Arc::<Engine>::clone(engine);
    let served = api::Served {
        engine: watching,
        store: store.clone(),
        hub: hub.clone(),
        record: record.clone(),
        editor,
        configuration: configuration.subscribe(),
        started: clock::wall(),
    };
    let running = api::launch(served, &data_dir).await?;
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

fn open_store(data_dir: &Path) -> Result<Store, RunError> {
    let dir = data_dir.join(STORE_FOLDER);
    let opened = Store::open(&dir, StoreOptions::default());
    let (store, damage) = opened.map_err(|error| RunError::Store {
        dir: dir.display().to_string(),
        error,
    })?;
    for damage in damage {
        tracing::error!("{} is damaged: {}", damage.file, damage.reason);
    }
    Ok(store)
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

async fn expire(store: &Store) {
    match store.retain(clock::wall()).await {
        Ok(retained) => {
            for file in retained.expired.iter().chain(&retained.over_quota) {
                tracing::info!("{file} is gone: its time had passed, or there was no more room");
            }
            for file in retained.failed {
                tracing::warn!("{file} has expired and cannot be removed yet");
            }
        }
        Err(error) => tracing::error!("what has expired cannot be removed: {error}"),
    }
}

/// Follows the configuration's file.
struct Follower<'a> {
    watch: Option<Watch>,
    overrides: Overrides,
    variables: Variables<'a>,
    planner: Planner,
    tap: Tap,
    classes: Classes,
    chronicle: Chronicle,
    current: watch::Sender<Arc<Configuration>>,
}

impl Follower<'_> {
    async fn look(&mut self, engine: &Engine) {
        if self.watch.as_mut().is_some_and(Watch::changed) {
            self.reload(engine).await;
        }
    }

    /// Reads the file again. With any error everything stays as it is.
    async fn reload(&mut self, engine: &Engine) {
        let Some(file) = self.current.borrow().file.clone() else {
            return;
        };
        let options = LoadOptions {
            data_dir: self.overrides.data_dir.clone(),
            variables: self.variables,
        };
        let configuration = match block_in_place(|| load(&file, &options)) {
            Ok(configuration) => configuration,
            Err(errors) => {
                refuse(&errors);
                return;
            }
        };
        if let Err(reason) = self.take(configuration, engine).await {
            tracing::error!("the changed configuration is not taken: {reason}");
        }
    }

    /// Puts a configuration in force. With any error everything stays as it is.
    async fn take(
        &mut self,
        mut configuration: Configuration,
        engine: &Engine,
    ) -> Result<(), String> {
        self.overrides.apply(&mut configuration);
        self.watch = Some(Watch::new(configuration.files.clone()));
        self.mention_what_stays(&configuration);
        let streams = self.planner.streams(&configuration, &self.tap);
        let streams = streams.map_err(|error| error.to_string())?;
        self.classes.learn(&configuration);
        let models = self.planner.models(&configuration);
        let applied = engine.apply(models, streams).await;
        let applied = applied.map_err(|error| error.to_string())?;
        tracing::info!(
            "the changed configuration is in force: {} streams new, {} changed, {} gone, {} untouched",
            applied.added,
            applied.changed,
            applied.removed,
            applied.kept
        );
        let streams = [applied.added, applied.changed, applied.removed];
        self.chronicle.configured(&configuration, streams).await;
        self.current.send_replace(Arc::new(configuration));
        Ok(())
    }

    /// Makes a change that the API asked for.
    async fn edit(&mut self, asked: Asked, engine: &Engine) {
        let Asked { change, answer } = asked;
        let (current, variables) = (self.current.borrow().clone(), self.variables);
        let made = edit::make(change, &current, variables, async |configuration| {
            self.take(configuration, engine).await
        });
        // Who asked may have gone; the change is made all the same.
        drop(answer.send(made.await));
    }

    /// What needs a restart.
    fn mention_what_stays(&self, new: &Configuration) {
        let old = self.current.borrow();
        for (what, same) in [
            ("data_dir", old.data_dir == new.data_dir),
            ("api", old.api == new.api),
            ("engine or sandbox", old.engine == new.engine),
        ] {
            if !same {
                tracing::warn!("a change of `{what}` needs a restart");
            }
        }
    }
}

fn refuse(errors: &ConfigErrors) {
    for error in errors.iter() {
        tracing::error!("{error}");
    }
    tracing::error!(
        "the changed configuration is not taken ({} errors): the one before stays in force",
        errors.count()
    );
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
