//! Follows the configuration's file while the program runs.

use std::sync::Arc;

use ocelli_engine::Engine;
use tokio::{sync::watch, task::block_in_place};

use super::{Overrides, Tap};
use crate::{
    Configuration,
    config::{ConfigErrors, LoadOptions, Variables, load},
    edit::{self, Asked},
    keep::{Classes, Plates},
    plan::Planner,
    record::{Chronicle, publish},
    reload::Watch,
    sinks::Sinks,
};

/// Follows the configuration's file.
pub(super) struct Follower<'a> {
    pub(super) watch: Option<Watch>,
    pub(super) overrides: Overrides,
    pub(super) variables: Variables<'a>,
    pub(super) planner: Planner,
    pub(super) tap: Tap,
    pub(super) classes: Classes,
    pub(super) plates: Plates,
    pub(super) chronicle: Chronicle,
    pub(super) sinks: Sinks,
    pub(super) current: watch::Sender<Arc<Configuration>>,
}

impl Follower<'_> {
    /// Writes down that the run ends, and sends the last checkpoint.
    pub(super) async fn end(&self) {
        self.chronicle.end().await;
        self.publish().await;
    }

    /// Sends a checkpoint of the record to where the configuration says.
    pub(super) fn publish(&self) -> impl Future<Output = ()> + Send + 'static {
        let places = self.current.borrow().record.checkpoints.clone();
        publish(self.chronicle.checkpoint(), places)
    }

    /// Reads the file again if it has changed.
    pub(super) async fn look(&mut self, engine: &Engine) {
        if self.watch.as_mut().is_some_and(Watch::changed) {
            self.reload(engine).await;
        }
    }

    /// Reads the file again. With any error everything stays as it is.
    pub(super) async fn reload(&mut self, engine: &Engine) {
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
        self.sinks.apply(&configuration).await;
        self.plates.keep_only(&configuration);
        self.current.send_replace(Arc::new(configuration));
        Ok(())
    }

    /// Makes a change that the API asked for.
    pub(super) async fn edit(&mut self, asked: Asked, engine: &Engine) {
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
            ("store", old.store == new.store),
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
