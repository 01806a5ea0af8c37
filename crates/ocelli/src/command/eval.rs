//! `ocelli eval`: scores what was found against the truth.

mod set;
mod strip;

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use ocelli_core::{EventRecord, Label};
use ocelli_eval::{
    Account, Evaluation, Observer, Sequence, Truth, mot,
    report::Report,
    score::{CountTruth, Likeness},
    truth::Passes,
};

use super::{CommandError, output};

/// The most bytes of a file that is read whole.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// Score boxes, events and counts against a truth.
///
/// Boxes are MOT challenge text: HOTA, IDF1, MOTA. Passages, crossings and entries are matched
/// one-to-one: recall, precision and tags for each true passage, by length. Thresholds are fixed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ocelli eval --truth gt.txt --boxes found.txt --rate 7 --size 768x576
  ocelli eval --truth gt.txt --truth-events truth.json --boxes found.txt --events found.jsonl
  ocelli eval --truth gt.txt --detections found.txt
  ocelli eval --reference every-picture.jsonl --events found.jsonl --json
  ocelli eval --set city --events found.jsonl --reference every-picture.jsonl
  ocelli eval --truth gt.txt --boxes found.txt --rate 7 --size 768x576 --draw strip.png --at 10,12.5

Exit codes: 0 scored, 1 a file cannot be read or used, 2 the command line is wrong.")]
pub(super) struct Arguments {
    /// True boxes: MOT text.
    #[arg(long, value_name = "MOT")]
    truth: Option<PathBuf>,

    /// True passages, crossings and stays: JSON, as the composer writes it.
    #[arg(long, value_name = "JSON")]
    truth_events: Option<PathBuf>,

    /// Events of a run that looks at every picture, one JSON object a line: gives the relative
    /// figures.
    #[arg(long, value_name = "JSONL")]
    reference: Option<PathBuf>,

    /// Expected counts at lines and in zones: JSON. Without it those of the true events.
    #[arg(long, value_name = "JSON")]
    counts: Option<PathBuf>,

    /// Boxes that were found: MOT text.
    #[arg(long, value_name = "MOT")]
    boxes: Option<PathBuf>,

    /// Detections that were found, as `ocelli run --detections` writes them: MOT text whose second
    /// field says nothing. Gives recall and precision by score.
    #[arg(long, value_name = "MOT")]
    detections: Option<PathBuf>,

    /// Events that were found, one JSON object a line.
    #[arg(long, value_name = "JSONL")]
    events: Option<PathBuf>,

    /// A folder of composed streams: the events of each stream are scored against its
    /// NAME.truth.json and NAME.truth.txt, and all are pooled.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["truth", "truth_events", "counts", "boxes", "detections", "stream", "draw"])]
    set: Option<PathBuf>,

    /// Only the events of this stream.
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,

    /// Pictures a second, unless the true events say it.
    #[arg(long)]
    rate: Option<f64>,

    /// Width and height of the pictures in pixels, unless the true events say it.
    #[arg(long, value_name = "WxH")]
    size: Option<PictureSize>,

    /// Score boxes at every N-th picture only, from the first on: those that were looked at.
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,

    /// What boxes without a class are.
    #[arg(long, default_value = "person")]
    label: Label,

    /// Let a box of one label be an object of another.
    #[arg(long)]
    any_label: bool,

    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,

    /// Draw truth and what was found as a strip of pictures: a PNG file. Persons are solid blocks.
    #[arg(long, value_name = "PNG")]
    draw: Option<PathBuf>,

    /// Background of the strip: a PNG file of the scene with nobody in it.
    #[arg(long, value_name = "PNG", requires = "draw")]
    plate: Option<PathBuf>,

    /// Moments of the strip, in seconds; without it 12 over the whole time.
    #[arg(long, value_name = "SECS", value_delimiter = ',', requires = "draw")]
    at: Vec<f64>,

    /// Cells in a row of the strip.
    #[arg(long, default_value_t = 4, requires = "draw")]
    columns: usize,
}

/// Pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PictureSize {
    width: f64,
    height: f64,
}

impl FromStr for PictureSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text.split_once('x').and_then(|(width, height)| {
            let side = |text: &str| text.parse::<u16>().ok().filter(|side| *side > 0);
            Some((side(width)?, side(height)?))
        });
        let (width, height) = sides.ok_or_else(|| format!("`{text}`, expected e.g. 640x360"))?;
        Ok(Self {
            width: width.into(),
            height: height.into(),
        })
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    if let Some(folder) = &arguments.set {
        return print(arguments, &set::report(arguments, folder)?);
    }
    let inputs = Inputs::read(arguments)?;
    let evaluation = inputs.evaluation(arguments)?;
    let mut report = evaluation.report(&subject(arguments));
    if arguments.every > 1 {
        let every = format!("every {}th", arguments.every);
        report.conditions.push(("pictures".to_owned(), every));
    }
    let scored = !report.tracking.is_empty()
        || !report.detections.is_empty()
        || !report.events.is_empty()
        || report.counts.is_some();
    if !scored {
        return Err(CommandError::Usage(
            "nothing to compare: give a truth (--truth, --truth-events, --reference or --counts) \
             and what was found (--boxes, --detections, --events)"
                .to_owned(),
        ));
    }
    if let Some(path) = &arguments.draw {
        let png = strip::strip(&inputs, arguments, &evaluation)?;
        std::fs::write(path, png).map_err(|error| failed(path, &error))?;
    }
    print(arguments, &report)
}

fn print(arguments: &Arguments, report: &Report) -> Result<(), CommandError> {
    if arguments.json {
        output::say(report.json())?;
    } else {
        output::say(report.table().trim_end())?;
    }
    Ok(())
}

fn subject(arguments: &Arguments) -> String {
    let found = [&arguments.boxes, &arguments.detections, &arguments.events];
    let found = found.into_iter().find_map(Option::as_ref);
    found.map_or_else(String::new, |path| path.display().to_string())
}

fn failed(path: &Path, reason: &dyn std::fmt::Display) -> CommandError {
    CommandError::failed(format!("{}: {reason}", path.display()))
}

fn read_text(path: &Path) -> Result<String, CommandError> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| failed(path, &error))?;
    file.take(FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| failed(path, &error))?;
    if text.len() as u64 == FILE_BYTES_MAX {
        return Err(failed(path, &"larger than 2 GiB"));
    }
    Ok(text)
}

/// The files, read.
#[derive(Default)]
struct Inputs {
    true_boxes: Option<Sequence>,
    found_boxes: Option<Sequence>,
    detections: Option<Sequence>,
    truth: Option<Truth>,
    passes: Option<Passes>,
    counts: Option<CountTruth>,
    records: Vec<EventRecord>,
    reference: Option<Vec<EventRecord>>,
}

impl Inputs {
    fn read(arguments: &Arguments) -> Result<Self, CommandError> {
        let mut inputs = Self::default();
        let boxes = |path: &PathBuf, role| -> Result<Sequence, CommandError> {
            let text = read_text(path)?;
            let read = mot::read(&text, role, arguments.label);
            Ok(read.map_err(|error| failed(path, &error))?.sequence)
        };
        if let Some(path) = &arguments.truth {
            inputs.true_boxes = Some(boxes(path, mot::Role::Truth)?);
        }
        if let Some(path) = &arguments.boxes {
            inputs.found_boxes = Some(boxes(path, mot::Role::Found)?);
        }
        if let Some(path) = &arguments.detections {
            inputs.detections = Some(boxes(path, mot::Role::Detections)?);
        }
        if let Some(path) = &arguments.truth_events {
            let text = read_text(path)?;
            match Passes::read(&text) {
                Ok(passes) => inputs.passes = Some(passes),
                Err(_other_shape) => {
                    let truth = Truth::read(&text).map_err(|error| failed(path, &error))?;
                    inputs.truth = Some(truth);
                }
            }
        }
        if let Some(path) = &arguments.counts {
            let counts = CountTruth::read(&read_text(path)?);
            inputs.counts = Some(counts.map_err(|error| failed(path, &error))?);
        } else if arguments.events.is_some() {
            inputs.counts = inputs.truth.as_ref().map(Truth::counts);
        }
        if let Some(path) = &arguments.events {
            inputs.records = read_records(path, arguments.stream.as_deref())?;
        }
        if let Some(path) = &arguments.reference {
            inputs.reference = Some(read_records(path, arguments.stream.as_deref())?);
        }
        Ok(inputs)
    }

    /// Pictures a second and their size, if anybody says.
    fn frame(&self, arguments: &Arguments) -> Option<(f64, PictureSize)> {
        let rate = self.truth.as_ref().map(|truth| truth.rate);
        let size = self.truth.as_ref().map(|truth| PictureSize {
            width: truth.width.into(),
            height: truth.height.into(),
        });
        let rate = arguments.rate.or(rate).filter(|rate| *rate > 0.0)?;
        Some((rate, arguments.size.or(size)?))
    }

    fn evaluation(&self, arguments: &Arguments) -> Result<Evaluation, CommandError> {
        let frame = self.frame(arguments);
        let account = |boxes: &Sequence| {
            frame.map(|(rate, size)| Account::of_sequence(boxes, rate, size.width, size.height))
        };
        let truth = match (&self.truth, &self.passes) {
            (Some(truth), _) => Some(truth.account(self.true_boxes.as_ref())),
            (None, Some(passes)) => Some(passes.account()),
            (None, None) => self.true_boxes.as_ref().and_then(account),
        };
        let told = arguments.events.is_some().then(|| observed(&self.records));
        let found = match (self.found_boxes.as_ref().and_then(account), told) {
            // Boxes tell passages better, only events tell what happened at lines and zones.
            (Some(boxes), Some(told)) => Some(Account {
                passages: boxes.passages,
                ..told
            }),
            (boxes, told) => boxes.or(told),
        };
        if self.found_boxes.is_some() && found.is_none() && self.true_boxes.is_none() {
            let reason = "boxes become passages with --rate and --size";
            return Err(CommandError::Usage(reason.to_owned()));
        }
        let looked = |boxes: &Sequence| match arguments.every {
            0 | 1 => boxes.clone(),
            every => {
                let chosen: Vec<usize> = (0..boxes.pictures.len()).step_by(every).collect();
                boxes.at(&chosen)
            }
        };
        Ok(Evaluation {
            true_boxes: self.true_boxes.as_ref().map(looked),
            found_boxes: self.found_boxes.as_ref().map(looked),
            detections: self.detections.as_ref().map(looked),
            likeness: if arguments.any_label {
                Likeness::AnyLabel
            } else {
                Likeness::SameLabel
            },
            truth,
            reference: self.reference.as_deref().map(observed),
            found,
            counts: self.counts.clone(),
            records: self.records.clone(),
        })
    }
}

fn read_records(path: &Path, stream: Option<&str>) -> Result<Vec<EventRecord>, CommandError> {
    let records = read_all_records(path, stream)?;
    if let [first, rest @ ..] = &records[..]
        && let Some(other) = rest.iter().find(|record| record.stream != first.stream)
    {
        let (one, two) = (&first.stream, &other.stream);
        let reason =
            format_args!("events of several streams, `{one}` and `{two}`: choose with --stream");
        return Err(failed(path, &reason));
    }
    Ok(records)
}

/// The records of one stream or of all, in order of time.
fn read_all_records(path: &Path, stream: Option<&str>) -> Result<Vec<EventRecord>, CommandError> {
    let text = read_text(path)?;
    let mut records = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let record: EventRecord = serde_json::from_str(line).map_err(|error| {
            let line = number + 1;
            failed(path, &format_args!("not an event on line {line}: {error}"))
        })?;
        if stream.is_none_or(|name| name == record.stream) {
            records.push(record);
        }
    }
    // `ocelli events` gives the newest first.
    records.sort_by(|a, b| {
        let by_time = a.media_secs.total_cmp(&b.media_secs);
        by_time.then_with(|| number(&a.id).cmp(&number(&b.id)))
    });
    Ok(records)
}

/// The number of an event in its scene: the second part of its name.
fn number(id: &str) -> u64 {
    let number = id.rsplit('-').next();
    number
        .and_then(|text| u64::from_str_radix(text, 16).ok())
        .unwrap_or_default()
}

fn observed(records: &[EventRecord]) -> Account {
    let mut observer = Observer::default();
    for record in records {
        observer.record(record);
    }
    observer.account()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(
            "640x360".parse(),
            Ok(PictureSize {
                width: 640.0,
                height: 360.0
            })
        );
        for text in ["640", "0x3", "640x", "640x360x2", "-1x4"] {
            assert!(text.parse::<PictureSize>().is_err(), "{text}");
        }
    }
}
