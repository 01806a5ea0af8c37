//! `ocelli erase`: takes what a stream saw out of the store, and proves it.

use std::path::PathBuf;

use clap::Args;
use ocelli_core::WallTime;
use ocelli_engine::clock;
use ocelli_sinks::{
    stills::{StillOptions, Stills},
    store::{Store, StoreError, StoreOptions},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    CommandError,
    client::{Client, ClientArguments},
    events::time,
    output,
};
use crate::{
    access::Right,
    record::{Deed, Record},
    run::{STILLS_FOLDER, STORE_FOLDER},
};

/// Erase the events and stills of one stream in a range of time.
///
/// The files that hold them are written anew without them, the old ones are overwritten and removed,
/// and every byte of the store is searched for what was erased. It cannot be undone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ocelli erase --stream lobby --from 2026-11-24T08:00:00Z --to 2026-11-24T09:00:00Z
  ocelli erase --stream lobby --from 2h --to 1h --only-count   how many events there are
  ocelli erase --stream lobby --from 7d --to 0s --store /var/lib/ocelli   while ocelli does not run

Times are RFC 3339 in UTC, or an age such as 90s, 15m, 2h, 3d.")]
pub(super) struct Arguments {
    #[command(flatten)]
    client: ClientArguments,

    /// Erase in this data directory, of an ocelli that does not run.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// The stream; it need not exist any longer.
    #[arg(long, value_name = "NAME")]
    stream: String,

    /// From this time on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: WallTime,

    /// Before this time; not in the future.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: WallTime,

    /// Say how many events there are, and erase nothing.
    #[arg(long)]
    only_count: bool,
}

/// What became of it.
#[derive(Debug, Deserialize)]
struct Outcome {
    done: bool,
    events: u64,
    #[serde(default)]
    stills: u64,
    files: Vec<String>,
    searched_for: u64,
    searched_bytes: u64,
    found: u64,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let outcome = if let Some(dir) = &arguments.store {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(in_files(arguments, dir))?
    } else {
        let client = Client::with(&arguments.client, &[Right::View, Right::Protect])?;
        let body = json!({
            "from": arguments.from.to_rfc3339(),
            "to": arguments.to.to_rfc3339(),
            "only_count": arguments.only_count,
        });
        client.post(&["api", "v1", "streams", &arguments.stream, "erase"], &body)?
    };
    tell(arguments, &outcome)
}

fn tell(arguments: &Arguments, outcome: &Outcome) -> Result<(), CommandError> {
    let (from, to) = (arguments.from.to_rfc3339(), arguments.to.to_rfc3339());
    let range = format!("`{}` from {from} to {to}", arguments.stream);
    if arguments.only_count {
        output::say(format_args!(
            "{} events of {range}; nothing was erased",
            outcome.events
        ))?;
        return Ok(());
    }
    if !outcome.done {
        output::say(format_args!(
            "the erasure of {range} goes on; `ocelli audit show --kind erased` says when it is done"
        ))?;
        return Ok(());
    }
    output::say(format_args!(
        "erased {} events and {} stills of {range}; {} files were written anew or removed",
        outcome.events,
        outcome.stills,
        outcome.files.len()
    ))?;
    output::say(format_args!(
        "proof: {} byte strings of them were looked for in all {} bytes of the store, and found {} times",
        outcome.searched_for, outcome.searched_bytes, outcome.found
    ))?;
    if outcome.found > 0 {
        return Err(CommandError::failed(
            "something of what was erased is still there",
        ));
    }
    Ok(())
}

/// Erases where no ocelli runs.
async fn in_files(arguments: &Arguments, dir: &std::path::Path) -> Result<Outcome, CommandError> {
    let folder = dir.join(STORE_FOLDER);
    if !folder.is_dir() {
        return Err(CommandError::Failed(format!(
            "{}: there are no events",
            folder.display()
        )));
    }
    let failed = |error: StoreError| match error {
        StoreError::Invalid(reason) => CommandError::Usage(reason),
        error => CommandError::Failed(format!("{}: {error}", folder.display())),
    };
    let (stream, from, to) = (&arguments.stream, arguments.from, arguments.to);
    let (store, _damage) = Store::open(&folder, StoreOptions::default()).map_err(failed)?;
    let events = store.erasable(stream, from, to).await.map_err(failed)?;
    let mut outcome = Outcome {
        done: false,
        events,
        stills: 0,
        files: Vec::new(),
        searched_for: 0,
        searched_bytes: 0,
        found: 0,
    };
    if !arguments.only_count {
        let record = Record::open(dir, clock::wall)?;
        let (said_from, said_to) = (from.to_rfc3339(), to.to_rfc3339());
        let asked = Deed::ErasureAsked {
            stream: stream.clone(),
            from: said_from.clone(),
            to: said_to.clone(),
        };
        record.note_now(None, &asked)?;
        let folder = dir.join(STILLS_FOLDER);
        let (stills, _damage) = Stills::open(&folder, StillOptions::default()).map_err(failed)?;
        let stills = stills.erase(stream, from, to).await.map_err(failed)?;
        let mut erased = store.erase(stream, from, to).await.map_err(failed)?;
        stills.add_to(&mut erased);
        let done = Deed::Erased {
            stream: stream.clone(),
            from: said_from,
            to: said_to,
            events: erased.events,
            searched_bytes: erased.searched_bytes,
            found: erased.found,
        };
        record.note_now(None, &done)?;
        outcome = Outcome {
            done: true,
            events: erased.events,
            stills: stills.stills,
            files: erased.files.into_iter().map(|file| file.file).collect(),
            searched_for: erased.searched_for,
            searched_bytes: erased.searched_bytes,
            found: erased.found,
        };
    }
    store.close().await;
    Ok(outcome)
}
