//! Changes of streams through the API.
//!
//! The API asks, whoever runs the streams makes the change: one at a time, against the configuration
//! that is in force. A change is read by the loader of the configuration before it is written, and
//! written before it is applied; one that cannot be applied is taken back.

mod draft;

use std::{io, path::Path};

use serde_json::{Map, Value};
use tokio::{
    sync::{mpsc, oneshot},
    task::block_in_place,
};

use crate::{
    Configuration,
    config::{ADDED_FILE, ConfigErrors, LoadOptions, Variables, load_with},
};
use draft::Draft;
pub use draft::{Revision, Stored};

/// Changes that may wait.
const WAITING_MAX: usize = 32;

/// A stream's own keys, as the configuration knows them.
pub type Keys = Map<String, Value>;

/// What somebody saw before they changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// That there is no such stream.
    Nothing,
    /// One of these revisions.
    One(Vec<Revision>),
    /// Whatever it is: it has to be there.
    Anything,
}

/// A change of one stream.
#[derive(Debug, Clone)]
pub struct Change {
    /// Name of the stream.
    pub name: String,
    /// What it was before, for all that who changes it knows.
    pub seen: Seen,
    /// What it says from now on; none: nothing more, it is removed.
    pub keys: Option<Keys>,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// The stream is new.
    New(Revision),
    /// It is changed.
    Changed(Revision),
    /// It is gone, or only what was laid over the file's is.
    Removed,
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is otherwise than whoever changes it saw.
    #[error("it was changed by somebody else meanwhile")]
    Changed,
    /// There is no such stream.
    #[error("there is no such stream")]
    Unknown,
    /// It is not the API's to change.
    #[error("{0}")]
    Elsewhere(String),
    /// It says something that cannot be: where, as a JSON pointer, and what.
    #[error("it says something that cannot be")]
    Invalid(Vec<(String, String)>),
    /// It cannot be written or applied.
    #[error("{0}")]
    Failed(String),
}

/// A change on its way, and where the answer goes.
#[derive(Debug)]
pub struct Asked {
    /// The change.
    pub change: Change,
    /// Where it is told what became of it.
    pub answer: oneshot::Sender<Result<Made, Refused>>,
}

/// Asks for changes.
#[derive(Debug, Clone)]
pub struct Editor(mpsc::Sender<Asked>);

impl Editor {
    /// An editor, and what it asks.
    pub fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Asks for a change, and waits until it is made.
    pub async fn ask(&self, change: Change) -> Result<Made, Refused> {
        let (answer, answered) = oneshot::channel();
        let ending = |_closed| Refused::Failed("the program is ending".to_owned());
        let asked = Asked { change, answer };
        self.0.send(asked).await.map_err(|_closed| ending(()))?;
        answered.await.map_err(|_closed| ending(()))?
    }
}

/// Makes a change of `current`: checks it, writes it, and hands the new configuration to `apply`.
/// The data directory and the variables are those with which `current` was loaded.
pub async fn make(
    change: Change,
    current: &Configuration,
    variables: Variables<'_>,
    apply: impl AsyncFnOnce(Configuration) -> Result<(), String>,
) -> Result<Made, Refused> {
    let Some(file) = &current.file else {
        let reason =
            "ocelli runs without a configuration file: start it with one to change streams";
        return Err(Refused::Elsewhere(reason.to_owned()));
    };
    let path = current.data_dir.join(ADDED_FILE);
    let (draft, made, configuration) = block_in_place(|| {
        let mut draft = Draft::read(&path)?;
        let made = draft.change(change, current)?;
        let options = LoadOptions {
            data_dir: Some(current.data_dir.clone()),
            variables,
        };
        let configuration = load_with(file, &options, &draft.text())
            .map_err(|errors| refused(&errors, &path, &draft))?;
        draft.write(&path).map_err(|error| unwritten(&error))?;
        Ok((draft, made, configuration))
    })?;
    if let Err(reason) = apply(configuration).await {
        block_in_place(|| draft.take_back(&path)).map_err(|error| unwritten(&error))?;
        return Err(Refused::Failed(reason));
    }
    Ok(made)
}

fn unwritten(error: &io::Error) -> Refused {
    tracing::error!("changes of streams cannot be written: {error}");
    Refused::Failed("the change cannot be written now".to_owned())
}

/// The errors as whoever asked can read them: those of the changed stream, or the fact that
/// something else stands in the way.
fn refused(errors: &ConfigErrors, path: &Path, draft: &Draft) -> Refused {
    let own: Option<Vec<(String, String)>> = errors
        .iter()
        .map(|error| {
            let at = (**error.file == *path).then(|| draft.pointer(error.line))??;
            let hint = error.hint.as_ref().map(|hint| format!(" ({hint})"));
            Some((at, format!("{}{}", error.message, hint.unwrap_or_default())))
        })
        .collect();
    own.map_or_else(
        || {
            for error in errors.iter() {
                tracing::error!("{error}");
            }
            let reason = "the configuration has errors elsewhere: see the log, or `ocelli check`";
            Refused::Elsewhere(reason.to_owned())
        },
        Refused::Invalid,
    )
}
