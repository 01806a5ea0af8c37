//! Which streams commit which fault.

use std::{ops::RangeInclusive, str::FromStr};

use ocelli_core::Codec;

use super::{
    Clip, SimulateError,
    dice::{Dice, Purpose},
    fault::Fault,
    fault_text::{self, FaultError},
};

/// Some of the streams.
#[derive(Debug, Clone, PartialEq)]
pub enum Streams {
    /// All of them.
    All,
    /// Those in any of these ranges of indices.
    Indices(Vec<RangeInclusive<usize>>),
    /// Each with this probability, drawn from the seed.
    Share(f64),
}

/// A fault and the streams that commit it, written `FAULT`, or `STREAMS:FAULT` where `STREAMS` is
/// a list of indices and ranges, or a share: `3:mute`, `0-9,12:loss=1%`, `10%:reset=30s`.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// Who.
    pub streams: Streams,
    /// What.
    pub fault: Fault,
}

impl Streams {
    /// Those of `streams` streams that may be one of them.
    fn candidates(&self, streams: usize) -> impl Iterator<Item = usize> {
        (0..streams).filter(|index| match self {
            Self::Indices(_) => self.contain(*index, 0, 0),
            Self::All | Self::Share(_) => true,
        })
    }

    /// Whether stream `index` is one of them. `rule` tells apart the shares of several rules.
    pub(super) fn contain(&self, index: usize, seed: u64, rule: usize) -> bool {
        match self {
            Self::All => true,
            Self::Indices(ranges) => ranges.iter().any(|range| range.contains(&index)),
            Self::Share(ratio) => {
                let which = (rule as u64) << 32 | index as u64;
                Dice::new(seed, Purpose::Choice, which).hits(*ratio)
            }
        }
    }
}

/// Refuses rules that `streams` streams of `clips` cannot follow.
pub(super) fn check(
    rules: &[FaultRule],
    clips: &[Clip],
    streams: usize,
) -> Result<(), SimulateError> {
    for rule in rules {
        if let Streams::Indices(ranges) = &rule.streams
            && let Some(beyond) = ranges.iter().find(|range| *range.end() >= streams)
        {
            return Err(SimulateError::NoSuchStream {
                stream: *beyond.end(),
                streams,
            });
        }
        let is_lonely = |index: &usize| other_clip(clips, *index).is_none();
        if let Fault::SpsChange { .. } = rule.fault
            && let Some(stream) = rule.streams.candidates(streams).find(is_lonely)
        {
            return Err(SimulateError::NoOtherClip { stream });
        }
        let is_jpeg = |index: &usize| clips[index % clips.len()].codec() == Codec::Mjpeg;
        if let Fault::HugePicture | Fault::EndlessPicture { .. } = rule.fault
            && let Some(stream) = rule.streams.candidates(streams).find(is_jpeg)
        {
            return Err(SimulateError::NotOfJpeg { stream });
        }
    }
    Ok(())
}

/// What the stream `index` goes on with after [`Fault::SpsChange`]: the next clip of its codec.
pub(super) fn other_clip(clips: &[Clip], index: usize) -> Option<&Clip> {
    let own = index % clips.len();
    let codec = clips[own].codec();
    (1..clips.len())
        .map(|step| &clips[(own + step) % clips.len()])
        .find(|clip| clip.codec() == codec)
}

impl From<Fault> for FaultRule {
    /// On all streams.
    fn from(fault: Fault) -> Self {
        Self {
            streams: Streams::All,
            fault,
        }
    }
}

impl FromStr for FaultRule {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        // A colon may also stand in a value.
        let name_end = text.find('=').unwrap_or(text.len());
        let Some(colon) = text[..name_end].find(':') else {
            return Ok(text.parse::<Fault>()?.into());
        };
        let streams = text[..colon].trim();
        Ok(Self {
            streams: parse_streams(streams).map_err(|problem| FaultError {
                problem,
                text: text.to_owned(),
            })?,
            fault: text[colon + 1..].parse()?,
        })
    }
}

fn parse_streams(text: &str) -> Result<Streams, String> {
    if text.ends_with('%') {
        return fault_text::ratio(Some(text)).map(Streams::Share);
    }
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(first..=last)
    };
    text.split(',')
        .map(range)
        .collect::<Option<_>>()
        .map(Streams::Indices)
        .ok_or_else(|| "streams are written `3`, `0-9`, `0-9,12` or `10%`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(rule: &str, seed: u64) -> Vec<usize> {
        let rule: FaultRule = rule.parse().unwrap();
        (0..1000)
            .filter(|&index| rule.streams.contain(index, seed, 0))
            .collect()
    }

    #[test]
    fn streams_are_chosen() {
        assert_eq!(struck("mute", 1).len(), 1000);
        assert_eq!(struck("7:mute", 1), [7]);
        assert_eq!(struck("0-2, 5,9 - 10:loss=1%", 1), [0, 1, 2, 5, 9, 10]);
        let tenth = struck("10%:mute", 1);
        assert!((70..130).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, struck("10%:mute", 1), "the same seed");
        assert_ne!(tenth, struck("10%:mute", 2), "another seed");
        assert_eq!(struck("0%:mute", 1).len(), 0);
    }

    #[test]
    fn values_may_hold_colons() {
        let rule: FaultRule = "redirect=rtsp://10.0.0.1:554/x".parse().unwrap();
        assert_eq!(rule.streams, Streams::All);
        let rule: FaultRule = "1:redirect=rtsp://10.0.0.1:554/x".parse().unwrap();
        assert_eq!(rule.streams, Streams::Indices(vec![1..=1]));
    }

    #[test]
    fn errors() {
        for text in ["a:mute", ":mute", "5-3:mute", "1,:mute", "-1:mute"] {
            let message = text.parse::<FaultRule>().unwrap_err().to_string();
            assert_eq!(
                message,
                format!("streams are written `3`, `0-9`, `0-9,12` or `10%`: `{text}`")
            );
        }
        assert!("200%:mute".parse::<FaultRule>().is_err());
        assert!("1:nonsense".parse::<FaultRule>().is_err());
    }
}
