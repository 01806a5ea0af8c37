//! `ocelli schema`: the JSON Schema of the configuration.

use clap::Args;

use super::{CommandError, output};

/// Print the JSON Schema of the configuration, for editors.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ocelli schema > ocelli.schema.json
  and as the first line of ocelli.yaml:
  # yaml-language-server: $schema=ocelli.schema.json")]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(&crate::config::schema())
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    output::say(text)?;
    Ok(())
}
