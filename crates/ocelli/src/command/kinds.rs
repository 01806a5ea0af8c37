//! `ocelli kinds`: every component that a configuration can name.

use clap::{Args, ValueEnum};
use ocelli_core::{
    Label,
    settings::{DETECTOR_FAMILIES, DecoderKind, GateKind},
};
use ocelli_media::source::{SOURCES, SourceKind};
use ocelli_scene::rule::RULES;
use ocelli_sinks::sink::{SINKS, SinkKind};

use super::{CommandError, output};

/// List what a configuration can name: sources, gates, decoders, detectors, rules, sinks, labels.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ocelli kinds
  ocelli kinds rules")]
pub(super) struct Arguments {
    /// Only these.
    of: Option<Group>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    Sources,
    Gates,
    Decoders,
    Detectors,
    Rules,
    Sinks,
    Labels,
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Self::Sources => "sources: by the scheme of `url`",
            Self::Gates => "gates: `gate` of a stream or profile",
            Self::Decoders => "decoders: `decoder` of a stream or profile",
            Self::Detectors => "detector families: `family` of a detector",
            Self::Rules => "rules: in `rules` of a stream or profile",
            Self::Sinks => "sinks: in `sinks`, by name",
            Self::Labels => "labels: in `labels` of a stream, profile, mask or rule",
        }
    }

    /// Names and what they do.
    fn entries(self) -> Vec<(String, String)> {
        let own = |(name, summary): (&str, &str)| (name.to_owned(), summary.to_owned());
        match self {
            Self::Sources => SOURCES.iter().map(|kind| source(kind)).collect(),
            Self::Gates => GateKind::ALL
                .map(|(name, summary, _)| own((name, summary)))
                .to_vec(),
            Self::Decoders => DecoderKind::ALL
                .map(|(name, summary, _)| own((name, summary)))
                .to_vec(),
            Self::Detectors => DETECTOR_FAMILIES.map(own).to_vec(),
            Self::Rules => RULES
                .iter()
                .map(|kind| own((kind.name, kind.summary)))
                .collect(),
            Self::Sinks => SINKS.iter().map(|kind| sink(kind)).collect(),
            Self::Labels => {
                let names = Label::ALL.map(Label::as_str).join(", ");
                vec![(names, String::new())]
            }
        }
    }
}

/// A source, with its schemes and its options.
fn source(kind: &SourceKind) -> (String, String) {
    let summary = with_options(kind.summary, &(kind.options_schema)());
    (kind.schemes.join(", "), summary)
}

/// A sink, with its options.
fn sink(kind: &SinkKind) -> (String, String) {
    let summary = with_options(kind.summary, &(kind.options_schema)());
    (kind.name.to_owned(), summary)
}

fn with_options(summary: &str, schema: &serde_json::Value) -> String {
    let options: Vec<&str> = schema
        .get("properties")
        .and_then(|properties| properties.as_object())
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    format!("{summary} (options: {})", options.join(", "))
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let groups = match arguments.of {
        Some(group) => vec![group],
        None => Group::value_variants().to_vec(),
    };
    for (index, group) in groups.into_iter().enumerate() {
        if index > 0 {
            output::say("")?;
        }
        output::say(group.title())?;
        let entries = group.entries();
        let width = entries
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0);
        for (name, summary) in entries {
            let line = format!("  {name:width$}  {summary}");
            output::say(line.trim_end())?;
        }
    }
    Ok(())
}
