//! `ocelli check`: says everything that is wrong with a configuration.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, output, variable};
use crate::config::{Configuration, LoadOptions, load};

/// Check a configuration and name every error with its file and line.
///
/// Nothing is connected and nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ocelli check ocelli.yaml
  ocelli check --quiet ocelli.yaml && systemctl reload ocelli

Exit codes: 0 it is right, 2 it is not.")]
pub(super) struct Arguments {
    /// The file.
    #[arg(default_value = "ocelli.yaml")]
    file: PathBuf,

    /// The data directory; it goes before the file's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Say nothing when it is right.
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let options = LoadOptions {
        data_dir: arguments.data.clone(),
        variables: &variable,
    };
    let configuration = load(&arguments.file, &options)?;
    if !arguments.quiet {
        report(&configuration)?;
    }
    Ok(())
}

fn report(configuration: &Configuration) -> Result<(), CommandError> {
    let mut table = output::Table::new(["STREAM", "PROFILE", "KEPT", "DETECTOR", "ADDRESS"]);
    for stream in configuration.streams.values() {
        let address = stream.detect_url.as_ref().unwrap_or(&stream.url);
        let off = if stream.enabled { "" } else { " (off)" };
        table.row([
            format!("{}{off}", stream.name),
            stream.profile.clone().unwrap_or_else(|| "-".to_owned()),
            stream.retention.to_string(),
            stream.settings.detector.clone(),
            address.to_string(),
        ]);
    }
    table.print()?;
    let number = configuration.streams.len();
    let s = if number == 1 { "" } else { "s" };
    output::say(format_args!("\n{number} stream{s}"))?;
    for (name, detector) in &configuration.detectors {
        let settings = &detector.settings;
        output::say(format_args!(
            "detector {name}: {} {}x{}, sha256 {}",
            settings.family, settings.input_width, settings.input_height, detector.sha256
        ))?;
    }
    for sink in configuration.sinks.values() {
        output::say(format_args!("sink {}: {}", sink.name, sink.kind))?;
    }
    output::say(format_args!("data in {}", configuration.data_dir.display()))?;
    output::say(format_args!("API at {}", configuration.api.listen))?;
    Ok(())
}
