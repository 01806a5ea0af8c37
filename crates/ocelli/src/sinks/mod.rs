//! The sinks of a configuration: a task for each, which brings it every stored event in order.
//!
//! A sink that fails is tried again with growing pauses and keeps nobody else waiting: events wait
//! for it in what the program remembers ([`crate::live::Recent`]), and the oldest are dropped and
//! counted when that is full.

mod board;
mod follow;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use board::{SinkBoard, SinkState, SinkStatus};
use follow::Follow;

use crate::{Configuration, Hub, config::SinkConfig};

/// Name of the folder in the data directory where sinks keep what they have to remember.
const FOLDER: &str = "sinks";
/// How long a sink may take for what is left when it ends.
const END_WITHIN: Duration = Duration::from_secs(10);

/// The running sinks.
pub struct Sinks {
    hub: Hub,
    board: SinkBoard,
    folder: PathBuf,
    running: BTreeMap<String, Running>,
}

struct Running {
    config: SinkConfig,
    ending: CancellationToken,
    /// Gives the position of the first event that was not delivered.
    task: JoinHandle<u64>,
}

impl Sinks {
    /// None yet.
    pub fn new(hub: Hub, board: SinkBoard, data_dir: &Path) -> Self {
        Self {
            hub,
            board,
            folder: data_dir.join(FOLDER),
            running: BTreeMap::new(),
        }
    }

    /// Runs what a configuration asks for: sinks that stayed the same are not touched, a changed
    /// one goes on where its predecessor stopped.
    pub async fn apply(&mut self, configuration: &Configuration) {
        let mut positions = BTreeMap::new();
        let names: Vec<String> = self.running.keys().cloned().collect();
        for name in names {
            let wanted = configuration.sinks.get(&name);
            if self.running.get(&name).map(|running| &running.config) == wanted {
                continue;
            }
            if let Some(running) = self.running.remove(&name) {
                self.board.remove(&name);
                positions.insert(name, running.end().await);
            }
        }
        for config in configuration.sinks.values() {
            if !self.running.contains_key(&config.name) {
                let from = positions.get(&config.name).copied().flatten();
                self.start(config.clone(), from);
            }
        }
    }

    fn start(&mut self, config: SinkConfig, from: Option<u64>) {
        let ending = CancellationToken::new();
        let follow = Follow {
            entry: self.board.add(&config),
            config: config.clone(),
            folder: self.folder.clone(),
            hub: self.hub.clone(),
            next: from.unwrap_or_else(|| *self.hub.recent().newest().borrow()),
            ending: ending.clone(),
        };
        let task = tokio::spawn(follow.run());
        let running = Running {
            ending,
            task,
            config: config.clone(),
        };
        self.running.insert(config.name, running);
    }

    /// Ends all of them, after what is left was delivered or a few seconds have passed.
    pub async fn stop(mut self) {
        let running = std::mem::take(&mut self.running);
        for sink in running.values() {
            sink.ending.cancel();
        }
        for (_, sink) in running {
            sink.end().await;
        }
    }
}

impl Running {
    /// None: it had to be ended by force.
    async fn end(mut self) -> Option<u64> {
        self.ending.cancel();
        if let Ok(ended) = tokio::time::timeout(END_WITHIN, &mut self.task).await {
            return ended.ok();
        }
        tracing::warn!(sink = self.config.name, "a sink does not end");
        self.task.abort();
        None
    }
}
