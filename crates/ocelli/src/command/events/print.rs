//! Events as a table, as JSON lines, as CSV.

use ocelli_core::EventRecord;

use super::super::{
    CommandError,
    output::{self, Table},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    Json,
    Csv,
}

/// Prints events; the first time with headings.
pub(super) fn print(events: &[EventRecord], form: Form, first: bool) -> Result<(), CommandError> {
    match form {
        Form::Json => {
            for event in events {
                let line = serde_json::to_string(event)
                    .map_err(|error| CommandError::Failed(error.to_string()))?;
                output::say(line)?;
            }
        }
        Form::Csv => {
            if first {
                output::say(COLUMNS.join(","))?;
            }
            for event in events {
                output::say(cells(event).map(|cell| quoted(&cell)).join(","))?;
            }
        }
        Form::Table => {
            let mut table = Table::new(["TIME", "STREAM", "KIND", "LABEL", "TAG", "RULE", "WHAT"]);
            for event in events {
                table.row(row(event));
            }
            table
                .lines()
                .skip(usize::from(!first))
                .try_for_each(output::say)?;
        }
    }
    Ok(())
}

fn row(event: &EventRecord) -> [String; 7] {
    let text = |value: Option<String>| value.unwrap_or_default();
    let mut what = Vec::new();
    what.extend(event.place.as_ref().map(|place| format!("at {place}")));
    what.extend(named(event.direction).map(|way| format!("to the {way}")));
    what.extend(named(event.reason));
    what.extend(event.appeared_inside.then(|| "appeared inside".to_owned()));
    what.extend(event.dwell_secs.map(|secs| format!("{secs:.1} s")));
    what.extend(event.speed_kmh.map(|speed| format!("{speed:.0} km/h")));
    what.extend(event.count.map(|count| format!("count {count}")));
    what.extend(event.count_out.map(|count| format!("out {count}")));
    [
        event.time.clone(),
        event.stream.clone(),
        event.kind.as_str().to_owned(),
        text(event.label.map(|label| label.to_string())),
        text(event.tag.clone()),
        text(event.rule.clone()),
        what.join(", "),
    ]
}

/// The name that a value has in JSON.
fn named<T: serde::Serialize>(value: Option<T>) -> Option<String> {
    match serde_json::to_value(value?).ok()? {
        serde_json::Value::String(name) => Some(name),
        _ => None,
    }
}

const COLUMNS: [&str; 18] = [
    "id",
    "stream",
    "kind",
    "tag",
    "label",
    "score",
    "x",
    "y",
    "w",
    "h",
    "time",
    "media_secs",
    "coverage",
    "rule",
    "place",
    "direction",
    "dwell_secs",
    "reason",
];

fn cells(event: &EventRecord) -> [String; 18] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let [x, y, w, h] = event.bbox.map(|side| side.to_string());
    [
        event.id.clone(),
        event.stream.clone(),
        event.kind.as_str().to_owned(),
        text(&event.tag),
        event
            .label
            .map(|label| label.to_string())
            .unwrap_or_default(),
        event.score.to_string(),
        x,
        y,
        w,
        h,
        event.time.clone(),
        event.media_secs.to_string(),
        event.coverage.to_string(),
        text(&event.rule),
        text(&event.place),
        named(event.direction).unwrap_or_default(),
        event
            .dwell_secs
            .map(|secs| secs.to_string())
            .unwrap_or_default(),
        named(event.reason).unwrap_or_default(),
    ]
}

/// As RFC 4180 has it.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(quoted("a b"), "a b");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
