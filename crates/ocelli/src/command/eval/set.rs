//! A folder of composed streams, scored together.

use std::{collections::BTreeMap, path::Path};

use ocelli_core::EventRecord;
use ocelli_eval::{
    Truth, mot,
    report::Report,
    score::{Basis, EventTally},
};

use super::{Arguments, CommandError, failed, observed, read_all_records, read_text};

/// What a truth is called after its stream.
const TRUTH: &str = ".truth.json";

/// The events of every stream against its own truth, and against the reference if there is one.
pub(super) fn report(arguments: &Arguments, folder: &Path) -> Result<Report, CommandError> {
    let Some(events) = &arguments.events else {
        let reason = "a set is scored by --events";
        return Err(CommandError::Usage(reason.to_owned()));
    };
    let found = by_stream(read_all_records(events, None)?);
    let reference = match &arguments.reference {
        None => None,
        Some(path) => Some(by_stream(read_all_records(path, None)?)),
    };
    let (mut absolute, mut relative) = (EventTally::default(), EventTally::default());
    let truths = truths(folder)?;
    for (name, truth) in &truths {
        let boxes = folder.join(format!("{name}.truth.txt"));
        let boxes = mot::read(&read_text(&boxes)?, mot::Role::Truth, arguments.label)
            .map_err(|error| failed(&boxes, &error))?;
        let told = |side: &BTreeMap<String, Vec<EventRecord>>| {
            observed(side.get(name).map_or(&[][..], Vec::as_slice))
        };
        let found = told(&found);
        absolute.add(&EventTally::new(
            &truth.account(Some(&boxes.sequence)),
            &found,
        ));
        if let Some(reference) = &reference {
            relative.add(&EventTally::new(&told(reference), &found));
        }
    }
    let mut report = Report::new(&events.display().to_string());
    let count = truths.len().to_string();
    report.conditions.push(("streams".to_owned(), count));
    report.events.push(absolute.scores(Basis::Absolute));
    if reference.is_some() {
        report.events.push(relative.scores(Basis::Relative));
    }
    Ok(report)
}

fn by_stream(records: Vec<EventRecord>) -> BTreeMap<String, Vec<EventRecord>> {
    let mut streams = BTreeMap::<String, Vec<EventRecord>>::new();
    for record in records {
        streams
            .entry(record.stream.clone())
            .or_default()
            .push(record);
    }
    streams
}

/// The truths of a folder by the names of their streams.
fn truths(folder: &Path) -> Result<BTreeMap<String, Truth>, CommandError> {
    let mut truths = BTreeMap::new();
    let entries = std::fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        let file = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = file.and_then(|file| file.strip_suffix(TRUTH)) {
            let truth = Truth::read(&read_text(&path)?).map_err(|error| failed(&path, &error))?;
            truths.insert(name.to_owned(), truth);
        }
    }
    if truths.is_empty() {
        let reason = format_args!("no truths: files that end in {TRUTH}");
        return Err(failed(folder, &reason));
    }
    Ok(truths)
}
