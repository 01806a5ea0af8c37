//! `ocelli run`: watches.

use std::{
    fs::File,
    io::BufWriter,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use ocelli_core::{accounting::DropReason, settings::GateKind};
use ocelli_engine::{BoxUpdate, DetectionUpdate};

use super::{CommandError, output, variable};
use crate::{
    Configuration,
    config::{LoadOptions, default_data_dir, load, trial},
    keep::Onlooker,
    log,
    mot::{Counted, MotWriter, Pictures},
    run::{Overrides, RunError, RunOptions, Summary, Tap},
};

/// Watch cameras and recordings, or run a configuration.
///
/// With a configuration (a file that ends in .yaml or .yml), everything stands there, and a change
/// of the file is applied while it runs: only the streams that differ are touched, and a file with
/// an error changes nothing. SIGHUP reads it again at once.
///
/// With addresses or recordings, the built-in profile `trial` is used: the API on this machine
/// only, no event kept for longer than an hour, no pictures.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = "\
Examples:
  ocelli run                                        run ./ocelli.yaml
  ocelli run rtsp://viewer:secret@camera.local/main
  ocelli run clip.mp4 other.mkv --exit-at-end
  ocelli run clip.mp4 --mot clip.txt --every-picture --seed 1
  ocelli run clip.mp4 --detections found.txt --every-picture
  ocelli run clip.mp4 --paced --loop                like a live camera

A password on the command line can be seen by every user of the machine; in a configuration it can
come from the environment.

Signals: SIGINT and SIGTERM end in order, SIGHUP reads the configuration again.

Exit codes: 0 ended in order, 1 it did not work or a recording could not be looked at, 2 the
configuration or the command line is wrong.")]
pub(super) struct Arguments {
    /// A configuration, or addresses of cameras and paths of recordings.
    #[arg(value_name = "CONFIG | URL | FILE")]
    what: Vec<String>,

    /// The directory where events and the API's token are kept; it goes before the file's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Address and port of the API; it goes before the file's.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Number of eyes, the processes that decode and detect; it goes before the file's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    eyes: Option<u16>,

    /// The detector, for addresses and recordings: the id of a model (`ocelli models`).
    #[arg(long, value_name = "ID")]
    detector: Option<String>,

    /// When pictures are decoded, of all streams (`ocelli kinds gates`).
    #[arg(long, value_name = "GATE", value_parser = gate)]
    gate: Option<GateKind>,

    /// Look at every picture, of all streams.
    #[arg(long)]
    every_picture: bool,

    /// Play recordings at their own pace, like live cameras.
    #[arg(long)]
    paced: bool,

    /// Play recordings again and again.
    #[arg(long = "loop")]
    looped: bool,

    /// End when all recordings have, and say what was seen.
    #[arg(long, conflicts_with = "looped")]
    exit_at_end: bool,

    /// Write the tracks of a recording to this file, as MOT challenge text:
    /// frame,id,left,top,width,height,conf,-1,-1,-1. Ends with the recording.
    #[arg(long, value_name = "FILE", conflicts_with = "looped")]
    mot: Option<PathBuf>,

    /// Write all that the detector found in a recording to this file, before anything is made of it:
    /// frame,-1,left,top,width,height,score,label,1. For `ocelli eval --detections`.
    #[arg(long, value_name = "FILE", conflicts_with = "looped")]
    detections: Option<PathBuf>,

    /// Make tags and events the same in every run. For tests: tags can be foretold.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Let eyes start where the system lacks a part of their sandbox. Say why.
    #[arg(long, value_name = "REASON")]
    best_effort: Option<String>,
}

fn gate(text: &str) -> Result<GateKind, String> {
    let found = GateKind::ALL.into_iter().find(|(name, _, _)| *name == text);
    found.map(|(_, _, gate)| gate).ok_or_else(|| {
        let names = GateKind::ALL.map(|(name, _, _)| name).join(", ");
        format!("expected one of: {names}")
    })
}

pub(super) fn run(arguments: &Arguments, filter: Option<&str>) -> Result<(), CommandError> {
    log::start(filter, "info").map_err(|error| CommandError::Usage(error.to_string()))?;
    let overrides = Overrides {
        data_dir: arguments.data.clone(),
        listen: arguments.listen,
        eyes: arguments.eyes.map(usize::from),
        gate: arguments.gate,
        every_picture: arguments.every_picture,
        tell_detections: arguments.detections.is_some(),
        paced: arguments.paced,
        looped: arguments.looped,
        best_effort_because: arguments.best_effort.clone(),
    };
    let mut configuration = configuration(arguments)?;
    overrides.apply(&mut configuration);
    let writes = arguments.mot.is_some() || arguments.detections.is_some();
    let exit_at_end = arguments.exit_at_end || writes;
    let (tap, onlooker) = if writes {
        let (tap, onlooker) = writer(arguments, &configuration)?;
        (Some(tap), Some(onlooker))
    } else {
        (None, None)
    };
    let options = RunOptions {
        configuration,
        overrides,
        seed: arguments.seed,
        exit_at_end,
        // Who waits for the end of a recording wants no page, unless an address is given for it.
        api: !exit_at_end || arguments.listen.is_some(),
        tap,
        onlooker,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("ocelli")
        .enable_all()
        .build()?;
    let summary = runtime
        .block_on(crate::run::run(options, &variable))
        .map_err(|error| failure(&error))?;
    if exit_at_end {
        tell(&summary)?;
    }
    Ok(())
}

fn failure(error: &RunError) -> CommandError {
    match error {
        // A configuration that asks for what cannot be made.
        RunError::Stream(_) => CommandError::Usage(error.to_string()),
        _ => CommandError::Failed(error.to_string()),
    }
}

/// The configuration that is named, or one for the addresses.
fn configuration(arguments: &Arguments) -> Result<Configuration, CommandError> {
    let is_file = |text: &str| {
        Path::new(text)
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"))
            && !text.contains("://")
    };
    let file = match arguments.what.as_slice() {
        [] if Path::new("ocelli.yaml").is_file() => Some("ocelli.yaml"),
        [] => {
            let reason = "nothing to watch: name a configuration, an address or a recording, such \
                          as `ocelli run rtsp://viewer:secret@camera.local/main`";
            return Err(CommandError::Usage(reason.to_owned()));
        }
        [one] if is_file(one) => Some(one.as_str()),
        _ => None,
    };
    if let Some(file) = file {
        if arguments.detector.is_some() {
            let reason =
                "--detector is for addresses and recordings: a configuration names its own";
            return Err(CommandError::Usage(reason.to_owned()));
        }
        let options = LoadOptions {
            data_dir: arguments.data.clone(),
            variables: &variable,
        };
        return Ok(load(Path::new(file), &options)?);
    }
    let data_dir = match &arguments.data {
        Some(dir) => dir.clone(),
        None => default_data_dir(&variable),
    };
    let trial = trial(&arguments.what, arguments.detector.as_deref(), data_dir);
    let trial = trial.map_err(CommandError::Usage)?;
    tracing::info!(
        "profile `trial`: the API on this machine only, no event kept for longer than an hour, no \
         pictures"
    );
    Ok(trial)
}

/// Writes tracks, detections or both of the only stream.
fn writer(
    arguments: &Arguments,
    configuration: &Configuration,
) -> Result<(Tap, Box<dyn Onlooker>), CommandError> {
    let [stream] = configuration.streams.values().collect::<Vec<_>>()[..] else {
        let reason = "--mot and --detections take one recording";
        return Err(CommandError::Usage(reason.to_owned()));
    };
    if stream.detect_url.as_ref().unwrap_or(&stream.url).scheme() != "file" {
        let reason =
            "--mot and --detections take a recording: pictures of a camera have no numbers";
        return Err(CommandError::Usage(reason.to_owned()));
    }
    let pictures = Pictures::default();
    let open = |file: &Option<PathBuf>| -> Result<_, CommandError> {
        let Some(file) = file else { return Ok(None) };
        let to = File::create(file)
            .map_err(|error| CommandError::Failed(format!("{}: {error}", file.display())))?;
        Ok(Some(MotWriter::new(BufWriter::new(to), pictures.clone())))
    };
    let writer = Writer {
        tracks: open(&arguments.mot)?,
        detections: open(&arguments.detections)?,
    };
    let tap: Tap = Box::new(move |source| Arc::new(Counted::new(source, pictures.clone())));
    Ok((tap, Box::new(writer)))
}

struct Writer {
    tracks: Option<MotWriter<BufWriter<File>>>,
    detections: Option<MotWriter<BufWriter<File>>>,
}

impl Onlooker for Writer {
    fn look(&mut self, update: &BoxUpdate) {
        if let Some(tracks) = &mut self.tracks
            && let Err(error) = tracks.look(update.at, &update.boxes)
        {
            tracing::error!("MOT text cannot be written: {error}");
        }
    }

    fn detections(&mut self, update: &DetectionUpdate) {
        if let Some(detections) = &mut self.detections
            && let Err(error) = detections.detections(update.at, &update.items)
        {
            tracing::error!("detections cannot be written: {error}");
        }
    }
}

/// What was seen, for whoever waited for the end. An error if a recording could not be looked at.
fn tell(summary: &Summary) -> Result<(), CommandError> {
    for stream in &summary.streams {
        output::say(format_args!(
            "{}: {}, {} pictures, {} looks, {} events",
            stream.name,
            stream.state.as_str(),
            stream.pictures,
            stream.looks_taken,
            stream.events
        ))?;
        let settled = &stream.ledger.settled;
        let lost: Vec<String> = DropReason::ALL
            .into_iter()
            .map(|reason| (reason.as_str(), settled.dropped_for(reason)))
            .chain([
                ("corrupt", settled.corrupt),
                ("unsettled", stream.ledger.held()),
            ])
            .filter(|(_, packets)| *packets > 0)
            .map(|(reason, packets)| format!("{packets} {reason}"))
            .collect();
        if !lost.is_empty() {
            output::say(format_args!("  packets not looked at: {}", lost.join(", ")))?;
        }
    }
    let failed: Vec<String> = summary
        .failed()
        .map(|stream| format!("{}: {}", stream.name, stream.reason))
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Failed(failed.join("\n")))
    }
}
