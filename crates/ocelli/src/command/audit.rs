//! `ocelli audit`: the record, out of the data directory.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use ocelli_core::WallTime;
use ocelli_engine::clock;

use super::{
    CommandError,
    events::time,
    output::{self, Table},
    variable,
};
use crate::{
    config::default_data_dir,
    record::{self, Checkpoint, ReadQuery, RecordError},
};

/// Show and verify the record: who looked, what was changed, exported and erased, when ocelli ran.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ocelli audit verify
  ocelli audit verify --checkpoint checkpoints.jsonl   also against what was kept elsewhere
  ocelli audit show --kind viewed --user anna --since 7d
  ocelli audit show --json --limit 1000
  ocelli audit checkpoint >> /mnt/elsewhere/checkpoints.jsonl

By itself the chain shows what was changed, taken out, put in or cut off by whoever does not hold its
key. Whoever does, or puts back an older state of all its files, is found by a checkpoint that was
kept elsewhere.")]
pub(super) struct Arguments {
    /// The data directory.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check every entry, the chain and the signature.
    Verify {
        /// A file of checkpoints that were kept elsewhere, one a line; may be given several times.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
    },
    /// Show entries, the newest last.
    Show(Show),
    /// Print the newest checkpoint, to be kept elsewhere.
    Checkpoint,
    /// Put a damaged record aside, as it is, and begin a new one.
    Renew {
        /// Why; the new record begins with it.
        #[arg(long, value_name = "REASON")]
        because: String,
    },
}

#[derive(Debug, Args)]
struct Show {
    /// Only of this kind, such as `viewed`; may be given several times.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,

    /// Only of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// From this time on, or not older than this: RFC 3339, or an age such as 2h.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<WallTime>,

    /// Before this time, or older than this.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<WallTime>,

    /// At most so many, the newest.
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// One JSON object a line, with everything.
    #[arg(long)]
    json: bool,
}

impl From<RecordError> for CommandError {
    fn from(error: RecordError) -> Self {
        Self::Failed(error.to_string())
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let data_dir = match &arguments.data {
        Some(dir) => dir.clone(),
        None => default_data_dir(&variable),
    };
    let folder = record::folder(&data_dir);
    match &arguments.action {
        Action::Verify { checkpoint } => {
            let verified = record::verify(&folder, &checkpoints(checkpoint)?)?;
            output::say(format_args!(
                "the record is whole: entries {} to {}, the last {}, signed by {}; {} checkpoints from elsewhere fit",
                verified.first, verified.last, verified.hash, verified.key, verified.checkpoints
            ))?;
            if verified.torn_bytes > 0 {
                output::say(format_args!(
                    "{} bytes behind it are an entry that is being written, or that a crash cut off",
                    verified.torn_bytes
                ))?;
            }
        }
        Action::Show(show) => {
            let query = ReadQuery {
                kinds: show.kind.clone(),
                user: show.user.clone(),
                from: show.since,
                to: show.until,
                before: None,
                limit: show.limit as usize,
            };
            print(&record::read(&folder, &query)?, show.json)?;
        }
        Action::Checkpoint => {
            let verified = record::verify(&folder, &[])?;
            let head = Checkpoint::newest(&folder)?;
            if head.n > verified.last {
                // It grew since it was verified.
                record::verify(&folder, std::slice::from_ref(&head))?;
            }
            output::say(head.to_line())?;
        }
        Action::Renew { because } => {
            let because = because.trim();
            if because.is_empty() {
                return Err(CommandError::Usage("--because needs a reason".to_owned()));
            }
            let aside = record::renew(&data_dir, clock::wall(), because)?;
            output::say(format_args!(
                "the old record stands in {}, untouched; a new one begins",
                data_dir.join(aside).display()
            ))?;
        }
    }
    Ok(())
}

fn checkpoints(files: &[PathBuf]) -> Result<Vec<Checkpoint>, CommandError> {
    let mut checkpoints = Vec::new();
    for file in files {
        let failed = |reason: &str| CommandError::Failed(format!("{}: {reason}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| failed(&error.to_string()))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            checkpoints.push(line.parse().map_err(failed)?);
        }
    }
    Ok(checkpoints)
}

fn print(entries: &[record::Entry], json: bool) -> Result<(), CommandError> {
    if json {
        for entry in entries {
            // A struct of text and numbers always serialises.
            output::say(serde_json::to_string(entry).unwrap_or_default())?;
        }
        return Ok(());
    }
    let mut table = Table::new(["N", "TIME", "WHO", "WHAT", ""]);
    for entry in entries {
        table.row([
            entry.n.to_string(),
            entry.time.clone(),
            entry.user.clone().unwrap_or_else(|| "ocelli".to_owned()),
            entry.kind().to_owned(),
            entry.told(),
        ]);
    }
    Ok(table.print()?)
}
