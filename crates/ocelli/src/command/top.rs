//! `ocelli top`: the streams of a running ocelli, live.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use clap::Args;
use serde::Deserialize;

use super::{
    CommandError,
    client::{Client, ClientArguments},
    output::{self, Table},
};
use crate::record::Checkpoint;

/// Streams of one answer.
const PAGE: usize = 1000;
/// Longest reason that is shown, in letters.
const REASON_MAX: usize = 60;

/// Show the streams of a running ocelli: state, looks, coverage, lag, CPU, what is shed.
#[derive(Debug, Args)]
#[command(after_help = "\
Columns:
  LOOKS/S   pictures looked at, a second
  COVERAGE  looks taken of looks wanted
  LAG       from a packet's arrival to the end of its look
  CPU       of one core, in the eye
  TAGS      objects in view
  SHED      packets that were dropped, by reason

Examples:
  ocelli top
  ocelli top --once --sort cpu
  ocelli top --state unavailable --state rejected")]
pub(super) struct Arguments {
    #[command(flatten)]
    client: ClientArguments,

    /// Print the table once and end.
    #[arg(long)]
    once: bool,

    /// Only streams in this state; may be given several times.
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,

    /// Order of the streams.
    #[arg(long, value_enum, default_value = "name")]
    sort: Sort,

    /// Seconds between two looks.
    #[arg(long, value_name = "SECS", default_value = "1", value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Sort {
    Name,
    Cpu,
    Coverage,
    Lag,
}

#[derive(Debug, Deserialize)]
struct Page {
    streams: Vec<Stream>,
    next: Option<String>,
}

/// What of a stream is shown.
#[derive(Debug, Deserialize)]
struct Stream {
    name: String,
    state: String,
    #[serde(default)]
    reason: String,
    looks_per_sec: f32,
    coverage: f32,
    lag_millis: f32,
    cpu_millis_per_sec: f32,
    tags: u64,
    events: u64,
    packets: Packets,
    #[serde(default)]
    attention: String,
    #[serde(default)]
    sight: Option<Sight>,
    #[serde(default)]
    long_gop: bool,
}

#[derive(Debug, Deserialize)]
struct Sight {
    class: String,
}

impl Stream {
    /// How much it is looked at; of a quiet one also what is seen between its key pictures.
    fn attention(&self) -> String {
        match &self.sight {
            Some(sight) if self.attention == "quiet" => format!("quiet, {}", sight.class),
            _ if self.attention.is_empty() => "-".to_owned(),
            _ => self.attention.clone(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Packets {
    dropped: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Health {
    status: String,
    problems: Vec<String>,
    version: String,
    coverage: Option<f64>,
    eyes_ready: usize,
    eyes: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let client = Client::new(&arguments.client)?;
    if arguments.once || !io::stdout().is_terminal() {
        for line in screen(&client, arguments)? {
            output::say(line)?;
        }
        return Ok(());
    }
    // A runtime only for the signal: without it, Ctrl-C would leave the terminal as it is.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _screen = AlternateScreen::enter()?;
    runtime.block_on(async {
        loop {
            let lines = screen(&client, arguments)?;
            draw(&lines)?;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(arguments.every)) => {}
                interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
            }
        }
    })
}

/// Everything there is to show, line by line.
fn screen(client: &Client, arguments: &Arguments) -> Result<Vec<String>, CommandError> {
    let health: Health = client.get("/api/v1/health", &[])?;
    let checkpoint: Checkpoint = client.get("/api/v1/record/checkpoint", &[])?;
    let mut streams = streams(client, &arguments.state)?;
    match arguments.sort {
        Sort::Name => {}
        Sort::Cpu => streams.sort_by(|a, b| b.cpu_millis_per_sec.total_cmp(&a.cpu_millis_per_sec)),
        Sort::Coverage => streams.sort_by(|a, b| a.coverage.total_cmp(&b.coverage)),
        Sort::Lag => streams.sort_by(|a, b| b.lag_millis.total_cmp(&a.lag_millis)),
    }
    let cpu: f32 = streams.iter().map(|stream| stream.cpu_millis_per_sec).sum();
    let mut lines = vec![format!(
        "ocelli {}  {}  {} streams  eyes {}/{}  coverage {}  CPU {:.0} %",
        health.version,
        health.status,
        streams.len(),
        health.eyes_ready,
        health.eyes,
        health
            .coverage
            .map_or_else(|| "-".to_owned(), |ratio| format!("{:.0} %", ratio * 100.0)),
        cpu / 10.0,
    )];
    lines.push(format!(
        "record  {} entries, the last {} of {}",
        checkpoint.n,
        &checkpoint.hash.get(..16).unwrap_or_default(),
        checkpoint.time
    ));
    lines.extend(health.problems.iter().map(|problem| format!("! {problem}")));
    lines.push(String::new());
    lines.extend(table(&streams).lines());
    Ok(lines)
}

fn streams(client: &Client, states: &[String]) -> Result<Vec<Stream>, CommandError> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(states.iter().map(|state| ("state", state.clone())));
        query.extend(after.take().map(|name| ("after", name)));
        let page: Page = client.get("/api/v1/streams", &query)?;
        all.extend(page.streams);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

fn table(streams: &[Stream]) -> Table {
    let mut table = Table::new([
        "STREAM",
        "STATE",
        "ATTENTION",
        "LOOKS/S",
        "COVERAGE",
        "LAG",
        "CPU",
        "TAGS",
        "EVENTS",
        "SHED",
        "",
    ]);
    for stream in streams {
        let dropped = stream.packets.dropped.iter();
        let shed: Vec<String> = dropped
            .map(|(reason, number)| format!("{reason} {number}"))
            .collect();
        let mut note: String = stream.reason.chars().take(REASON_MAX).collect();
        if note.is_empty() && stream.long_gop {
            "few key pictures: shorten the camera's interval".clone_into(&mut note);
        }
        table.row([
            stream.name.clone(),
            stream.state.clone(),
            stream.attention(),
            format!("{:.1}", stream.looks_per_sec),
            format!("{:.0} %", stream.coverage * 100.0),
            format!("{:.0} ms", stream.lag_millis),
            format!("{:.1} %", stream.cpu_millis_per_sec / 10.0),
            stream.tags.to_string(),
            stream.events.to_string(),
            if shed.is_empty() {
                "-".to_owned()
            } else {
                shed.join(", ")
            },
            note,
        ]);
    }
    table
}

/// The terminal's second screen, left when this is dropped.
struct AlternateScreen;

impl AlternateScreen {
    fn enter() -> io::Result<Self> {
        io::stdout().write_all(b"\x1b[?1049h\x1b[?25l")?;
        Ok(Self)
    }
}

impl Drop for AlternateScreen {
    fn drop(&mut self) {
        // The terminal is gone.
        drop(io::stdout().write_all(b"\x1b[?25h\x1b[?1049l"));
    }
}

/// Draws what fits from the upper left corner.
fn draw(lines: &[String]) -> io::Result<()> {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    let (columns, rows) = size.map_or((80, 24), |size| (size.ws_col.into(), size.ws_row.into()));
    let mut text = "\x1b[H".to_owned();
    for line in lines.iter().take(rows) {
        text.extend(line.chars().take(columns));
        text.push_str("\x1b[K\r\n");
    }
    text.push_str("\x1b[J");
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.trim_end_matches("\r\n").as_bytes())?;
    stdout.flush()
}
