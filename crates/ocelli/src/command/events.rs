//! `ocelli events`: what happened, from a running ocelli or from its files.

mod follow;
mod print;

use std::path::PathBuf;

use clap::Args;
use ocelli_core::{EventKind, EventRecord, Label, WallTime};
use ocelli_engine::clock;
use ocelli_sinks::store::{Cursor, EventQuery, Order, PAGE_MAX, Store};
use serde::Deserialize;

use self::{
    follow::Follow,
    print::{Form, print},
};
use super::{
    CommandError,
    client::{Client, ClientArguments},
    output,
};
use crate::run::STORE_FOLDER;

/// Show what happened: as a table, as JSON lines or as CSV.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ocelli events                                     the latest 50
  ocelli events --kind crossed --since 1h --limit 1000
  ocelli events --stream lobby --label person --json
  ocelli events --store /var/lib/ocelli --csv > events.csv
  ocelli events --follow --kind entered --kind left

Times are RFC 3339 in UTC (2026-11-24T08:30:00Z), or an age such as 90s, 15m, 2h, 3d.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    client: ClientArguments,

    /// Read the files in this data directory instead of asking a running ocelli.
    #[arg(long, value_name = "DIR", conflicts_with = "follow")]
    store: Option<PathBuf>,

    /// Only of this stream; may be given several times.
    #[arg(long, value_name = "NAME")]
    stream: Vec<String>,

    /// Only of this kind; may be given several times.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<EventKind>,

    /// Only with this label; may be given several times.
    #[arg(long, value_name = "LABEL")]
    label: Vec<Label>,

    /// Only of this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// Only of this rule.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,

    /// Only of this zone or line.
    #[arg(long, value_name = "NAME")]
    place: Option<String>,

    /// From this time on, or not older than this.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<WallTime>,

    /// Before this time, or older than this.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<WallTime>,

    /// The earliest first.
    #[arg(long)]
    oldest_first: bool,

    /// At most so many.
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,

    /// One JSON object a line, with everything.
    #[arg(long, conflicts_with = "csv")]
    json: bool,

    /// Comma-separated values with a first row of names.
    #[arg(long)]
    csv: bool,

    /// Go on with what happens, until Ctrl-C.
    #[arg(short, long, conflicts_with_all = ["oldest_first", "until"])]
    follow: bool,
}

fn kind(text: &str) -> Result<EventKind, String> {
    let found = EventKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text);
    found.ok_or_else(|| {
        let names = EventKind::ALL.map(EventKind::as_str).join(", ");
        format!("expected one of: {names}")
    })
}

/// RFC 3339, or an age.
pub(super) fn time(text: &str) -> Result<WallTime, String> {
    if let Some(time) = WallTime::from_rfc3339(text) {
        return Ok(time);
    }
    let wrong = || "expected a time such as 2026-11-24T08:30:00Z, or an age such as 15m".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let secs: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_error| wrong())?;
    let age_micros = i64::from(number) * secs * 1_000_000;
    Ok(WallTime {
        micros: clock::wall().micros - age_micros,
    })
}

#[derive(Debug, Deserialize)]
struct Page {
    events: Vec<EventRecord>,
    next: Option<String>,
}

/// Where events are asked for.
enum Origin {
    Api(Client),
    Files(Store, tokio::runtime::Runtime),
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let origin = match &arguments.store {
        None => Origin::Api(Client::new(&arguments.client)?),
        Some(dir) => {
            let folder = dir.join(STORE_FOLDER);
            let store = Store::open_to_read(&folder)
                .map_err(|error| CommandError::Failed(format!("{}: {error}", folder.display())))?;
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            Origin::Files(store, runtime)
        }
    };
    let form = match (arguments.json, arguments.csv) {
        (true, _) => Form::Json,
        (_, true) => Form::Csv,
        _ => Form::Table,
    };
    if !arguments.follow {
        return print(&gather(&origin, arguments)?, form, true);
    }
    let mut ask = |from: WallTime, after: Option<&str>| {
        let from = arguments.since.map_or(from, |since| since.max(from));
        ask(&origin, arguments, Some(from), PAGE_MAX, after)
    };
    // What is there already is known before any of it is shown: nothing falls between.
    let mut follow = Follow::begin(clock::wall(), &mut ask)?;
    let events = gather(&origin, arguments)?;
    follow.know(&events);
    print(&events, form, true)?;
    follow.run(form, &mut ask)
}

/// As many events as are asked for; those to be followed come in the order in which they happened.
fn gather(origin: &Origin, arguments: &Arguments) -> Result<Vec<EventRecord>, CommandError> {
    let wanted = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let mut events = Vec::new();
    let mut after = None;
    while events.len() < wanted {
        let limit = (wanted - events.len()).min(PAGE_MAX);
        let page = ask(origin, arguments, arguments.since, limit, after.as_deref())?;
        events.extend(page.events);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if arguments.follow {
        events.reverse();
    }
    Ok(events)
}

fn ask(
    origin: &Origin,
    arguments: &Arguments,
    since: Option<WallTime>,
    limit: usize,
    after: Option<&str>,
) -> Result<Page, CommandError> {
    match origin {
        Origin::Api(client) => {
            let order = if arguments.oldest_first {
                "oldest"
            } else {
                "newest"
            };
            let mut query = vec![("limit", limit.to_string()), ("order", order.to_owned())];
            query.extend(arguments.stream.iter().map(|name| ("stream", name.clone())));
            query.extend(
                arguments
                    .kind
                    .iter()
                    .map(|kind| ("kind", kind.as_str().to_owned())),
            );
            query.extend(
                arguments
                    .label
                    .iter()
                    .map(|label| ("label", label.to_string())),
            );
            for (name, value) in [
                ("tag", &arguments.tag),
                ("rule", &arguments.rule),
                ("place", &arguments.place),
            ] {
                query.extend(value.iter().map(|value| (name, value.clone())));
            }
            query.extend(since.map(|time| ("from", time.to_rfc3339())));
            query.extend(arguments.until.map(|time| ("to", time.to_rfc3339())));
            query.extend(after.map(|cursor| ("after", cursor.to_owned())));
            client.get("/api/v1/events", &query)
        }
        Origin::Files(store, runtime) => {
            let failed =
                |error: ocelli_sinks::store::StoreError| CommandError::Failed(error.to_string());
            let query = EventQuery {
                streams: arguments.stream.clone(),
                kinds: arguments.kind.clone(),
                labels: arguments.label.clone(),
                tag: arguments.tag.clone(),
                rule: arguments.rule.clone(),
                place: arguments.place.clone(),
                from: since,
                to: arguments.until,
                order: if arguments.oldest_first {
                    Order::OldestFirst
                } else {
                    Order::NewestFirst
                },
                limit,
                after: after
                    .map(str::parse::<Cursor>)
                    .transpose()
                    .map_err(failed)?,
            };
            let page = runtime.block_on(store.query(query)).map_err(failed)?;
            for file in &page.damaged {
                output::complain(&format_args!(
                    "ocelli: {file} is damaged: events may be missing"
                ));
            }
            Ok(Page {
                events: page.events,
                next: page.next.map(|cursor| cursor.to_string()),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_instants_or_ages() {
        assert_eq!(
            time("1970-01-01T00:00:01Z"),
            Ok(WallTime { micros: 1_000_000 })
        );
        let age = clock::wall().micros - time("2h").unwrap().micros;
        assert!((age - 7_200_000_000).abs() < 60_000_000, "{age}");
        for wrong in ["", "h", "2w", "yesterday", "-2h", "é"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
