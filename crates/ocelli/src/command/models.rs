//! `ocelli models`: what is here, where it came from, and pulling what is not.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CommandError, output, variable};
use crate::{
    config::{default_data_dir, nearest},
    models::{self, KnownModel, ModelPlace, ModelPurpose},
    pull,
};

/// List models: where they are, where they come from, hash, licence.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ocelli models
  ocelli models show nanodet-g-int8
  ocelli models pull fastestdet-352

A pulled model comes from its authors, at one commit; size and SHA-256 are checked before it is
kept. Where no network can be reached, put the file into the folder `models` of the data directory
by hand.")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,

    /// The data directory, where pulled models are kept.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Everything that is known about one model.
    Show {
        /// Its id.
        id: String,
    },
    /// Fetch a model from its authors.
    Pull {
        /// Its id.
        id: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let data_dir = match &arguments.data {
        Some(dir) => dir.clone(),
        None => default_data_dir(&variable),
    };
    match &arguments.what {
        None => list(&data_dir),
        Some(What::Show { id }) => show(find(id)?, &data_dir),
        Some(What::Pull { id }) => {
            let model = find(id)?;
            if let ModelPlace::Inside | ModelPlace::File(_) = model.place(&data_dir)
                && model.load(&data_dir).is_ok()
            {
                output::say(format_args!("{id} is here already"))?;
                return Ok(());
            }
            let file = pull::pull(model, &data_dir)
                .map_err(|error| CommandError::failed(error.to_string()))?;
            output::say(format_args!("{id} is in {}", file.display()))?;
            Ok(())
        }
    }
}

fn find(id: &str) -> Result<&'static KnownModel, CommandError> {
    models::find(id).ok_or_else(|| {
        let ids = models::known().iter().map(|model| model.id.as_str());
        let hint = nearest(id, ids).map(|near| format!("; did you mean `{near}`?"));
        CommandError::Usage(format!("unknown model `{id}`{}", hint.unwrap_or_default()))
    })
}

fn place_text(model: &KnownModel, data_dir: &std::path::Path) -> String {
    match model.place(data_dir) {
        ModelPlace::Inside => "in the program".to_owned(),
        ModelPlace::File(file) => file.display().to_string(),
        ModelPlace::Nowhere if model.url.is_some() => "can be pulled".to_owned(),
        ModelPlace::Nowhere if model.shipped() => {
            format!("not beside the program: models/{}", model.file)
        }
        ModelPlace::Nowhere => "not published".to_owned(),
    }
}

fn list(data_dir: &std::path::Path) -> Result<(), CommandError> {
    let mut table =
        output::Table::new(["MODEL", "FOR", "INPUT", "MB", "LICENCE", "SHA-256", "WHERE"]);
    for model in models::known() {
        let purpose = match model.purpose {
            ModelPurpose::Objects => model.family.as_str(),
            ModelPurpose::Redaction => "redaction",
        };
        table.row([
            model.id.clone(),
            purpose.to_owned(),
            format!(
                "{}x{}",
                model.input.default_width, model.input.default_height
            ),
            format!("{:.1}", model.bytes as f64 / 1e6),
            model.licence.clone(),
            model.sha256[..12].to_owned(),
            place_text(model, data_dir),
        ]);
    }
    table.print()?;
    Ok(())
}

fn show(model: &KnownModel, data_dir: &std::path::Path) -> Result<(), CommandError> {
    let state = match model.load(data_dir) {
        Ok(_) => "its hash is right".to_owned(),
        Err(error) => error.to_string(),
    };
    for (key, value) in [
        ("id", model.id.clone()),
        ("where", place_text(model, data_dir)),
        ("state", state),
        ("family", model.family.clone()),
        (
            "input",
            format!(
                "{}x{}",
                model.input.default_width, model.input.default_height
            ),
        ),
        ("classes", model.classes.len().to_string()),
        ("sha256", model.sha256.clone()),
        ("bytes", model.bytes.to_string()),
        ("licence", model.licence.clone()),
        (
            "from",
            format!(
                "{} {} at {}",
                model.origin.kind, model.origin.name, model.origin.revision
            ),
        ),
        (
            "made by",
            format!("{} ({})", model.upstream.project, model.upstream.repository),
        ),
        (
            "url",
            model.url.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        ("note", model.note.clone()),
    ] {
        output::say(format_args!("{key:<8} {value}"))?;
    }
    Ok(())
}
