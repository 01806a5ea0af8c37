//! Which events are asked for, in the terms of one file.

use std::collections::BTreeSet;

use ocelli_core::{EventKind, Label};

use super::{
    StoreError, code,
    read::{Reader, Row},
    row::plain_tag,
    tally::Sort,
};

/// Which events are asked for. Empty lists and `None` ask for all.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter<'a> {
    pub(crate) streams: &'a [String],
    pub(crate) kinds: &'a [EventKind],
    pub(crate) labels: &'a [Label],
    pub(crate) tag: Option<&'a str>,
    pub(crate) rule: Option<&'a str>,
    pub(crate) place: Option<&'a str>,
}

/// The same with the numbers of one file's dictionary.
pub(crate) struct FileFilter {
    /// `None`: all.
    pub(crate) streams: Option<Vec<u32>>,
    kinds: Vec<u8>,
    labels: Vec<u8>,
    rule: Option<u32>,
    place: Option<u32>,
    tag: Option<Tag>,
}

enum Tag {
    Plain(u64),
    Odd(String),
}

impl Filter<'_> {
    /// In the terms of a file. Ok(None): nothing in it can be asked for.
    pub(crate) fn in_file(&self, reader: &Reader) -> Result<Option<FileFilter>, StoreError> {
        let names = &reader.dictionary;
        let word = |text: Option<&str>| match text {
            None => Some(None),
            Some(text) => names.words.number(text).map(Some),
        };
        let (Some(rule), Some(place)) = (word(self.rule), word(self.place)) else {
            return Ok(None);
        };
        let mut streams: Option<BTreeSet<u32>> = (!self.streams.is_empty()).then(|| {
            self.streams
                .iter()
                .filter_map(|stream| names.streams.number(stream))
                .collect()
        });
        let tag = self.tag.map(|text| match plain_tag(text) {
            Some(number) => Tag::Plain(number),
            None => Tag::Odd(text.to_owned()),
        });
        if let Some(Tag::Plain(number)) = tag {
            let seen: BTreeSet<u32> = reader.streams_of_tag(number)?.into_iter().collect();
            streams = Some(match streams {
                None => seen,
                Some(asked) => &asked & &seen,
            });
        }
        if streams.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(None);
        }
        Ok(Some(FileFilter {
            streams: streams.map(|streams| streams.into_iter().collect()),
            kinds: self.kinds.iter().map(|&kind| code::of_kind(kind)).collect(),
            labels: self
                .labels
                .iter()
                .map(|&label| code::of_label(Some(label)))
                .collect(),
            rule,
            place,
            tag,
        }))
    }
}

impl FileFilter {
    /// Whether events of this sort are asked for, as far as a sort tells.
    pub(crate) fn takes_sort(&self, sort: &Sort) -> bool {
        fn named(asked: &[u8], code: u8) -> bool {
            asked.is_empty() || asked.contains(&code)
        }
        fn same(asked: Option<u32>, found: Option<u32>) -> bool {
            asked.is_none() || asked == found
        }
        named(&self.kinds, sort.kind)
            && named(&self.labels, sort.label)
            && same(self.rule, sort.rule)
            && same(self.place, sort.place)
    }

    /// Whether a sort tells all: no tag is asked for.
    pub(crate) fn is_by_sort(&self) -> bool {
        self.tag.is_none()
    }

    pub(crate) fn takes(&self, row: &Row) -> bool {
        let tag = match &self.tag {
            None => true,
            Some(Tag::Plain(number)) => row.tag == Some(*number),
            Some(Tag::Odd(text)) => row.body.odd_tag.as_ref() == Some(text),
        };
        tag && self.takes_sort(&Sort::of(&row.body, row.key.at))
    }
}
