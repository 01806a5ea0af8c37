//! Answers how many events there are, in buckets of time.

use std::collections::BTreeMap;

use ocelli_core::{Direction, EventKind, Label, WallTime};

use super::{
    StoreError, code,
    filter::Filter,
    query::{check_names, millis_up, retrying},
    shared::Shared,
    tally::{SLOT_MS, SLOTS, Sort},
    walk::{Broken, Plan, Walk},
};

/// Most buckets of time in one answer.
pub const BUCKETS_MAX: i64 = 10_000;
/// Most rows in one answer: buckets that hold something, by what they are split by.
pub const ROWS_MAX: usize = 200_000;

/// What counts are split by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own, and any may be asked together"
)]
pub struct SplitBy {
    /// By stream.
    pub stream: bool,
    /// By kind of event.
    pub kind: bool,
    /// By label.
    pub label: bool,
    /// By zone or line.
    pub place: bool,
    /// By direction across a line.
    pub direction: bool,
}

/// Which events are counted, and how. Empty lists and `None` ask for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountQuery {
    /// Names of streams.
    pub streams: Vec<String>,
    /// Kinds of events.
    pub kinds: Vec<EventKind>,
    /// Labels.
    pub labels: Vec<Label>,
    /// Name of a rule.
    pub rule: Option<String>,
    /// Name of a zone or line.
    pub place: Option<String>,
    /// Events filed at this time or later.
    pub from: WallTime,
    /// Events filed before this time.
    pub to: WallTime,
    /// Length of a bucket. Buckets begin at multiples of it since 1970. Multiples of 300 are
    /// fast.
    pub bucket_secs: u32,
    /// What each bucket is split by.
    pub by: SplitBy,
}

/// The number of events of one sort in one bucket of time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CountBucket {
    /// When the bucket begins: microseconds since 1970.
    #[serde(serialize_with = "as_rfc3339")]
    pub start: WallTime,
    /// The stream, where split by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The kind, where split by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventKind>,
    /// The label, where split by it and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// The zone or line, where split by it and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The direction, where split by it and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// How many.
    pub events: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn as_rfc3339<S: serde::Serializer>(time: &WallTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339())
}

/// Counts, and the files that could not be read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Those that are not zero, by time.
    pub buckets: Vec<CountBucket>,
    /// Names of the files that could not be read whole: something may be missing.
    pub damaged: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    start_ms: i64,
    stream: Option<String>,
    kind: u8,
    label: u8,
    place: Option<String>,
    direction: u8,
}

impl CountQuery {
    fn bucket_ms(&self) -> i64 {
        i64::from(self.bucket_secs) * 1000
    }

    fn check(&self) -> Result<(), StoreError> {
        let invalid = |text: String| Err(StoreError::Invalid(text));
        check_names(&self.streams)?;
        if self.bucket_secs == 0 {
            return invalid("buckets of 0 seconds".to_owned());
        }
        if self.from >= self.to {
            return invalid("the range ends before it begins".to_owned());
        }
        let span = self.to.micros.saturating_sub(self.from.micros) / 1000;
        if span / self.bucket_ms() > BUCKETS_MAX {
            return invalid(format!("more than {BUCKETS_MAX} buckets"));
        }
        Ok(())
    }

    /// The group of a sort in the bucket that holds `at_ms`.
    fn group(&self, at_ms: i64, sort: &Sort, stream: &str, place: Option<String>) -> Group {
        let by = self.by;
        let code = |by: bool, code: u8| if by { code } else { 0 };
        Group {
            start_ms: at_ms.div_euclid(self.bucket_ms()) * self.bucket_ms(),
            stream: by.stream.then(|| stream.to_owned()),
            kind: code(by.kind, sort.kind),
            label: code(by.label, sort.label),
            place,
            direction: code(by.direction, sort.direction),
        }
    }

    /// Whether a slot lies in one bucket.
    fn takes_slots(&self) -> bool {
        self.bucket_ms() % SLOT_MS == 0
    }
}

/// Counts.
pub(crate) fn run(shared: &Shared, query: &CountQuery) -> Result<Counts, StoreError> {
    query.check()?;
    retrying(|| count(shared, query))
}

fn count(shared: &Shared, query: &CountQuery) -> Result<Counts, Broken> {
    let filter = Filter {
        streams: &query.streams,
        kinds: &query.kinds,
        labels: &query.labels,
        tag: None,
        rule: query.rule.as_deref(),
        place: query.place.as_deref(),
    };
    let (from_ms, to_ms) = (millis_up(query.from), millis_up(query.to));
    let plan = Plan::new(shared, from_ms, to_ms);
    let mut walk = Walk::new(shared, &plan, filter);
    let mut groups: BTreeMap<Group, u64> = BTreeMap::new();
    for &hour in plan.hours.keys() {
        let cells = walk.hour(hour)?;
        for slot in 0..SLOTS {
            let start_ms = cells.slot_start_ms(slot);
            if start_ms >= to_ms || start_ms + SLOT_MS <= from_ms || !cells.may_hold(slot) {
                continue;
            }
            let mut found: Vec<(Group, usize, Option<u32>, u64)> = Vec::new();
            let place = |sort: &Sort| sort.place.filter(|_| query.by.place);
            if query.takes_slots() && walk.is_tallied(&cells, slot) {
                walk.sorts(&cells, slot, |file, stream, sort, count| {
                    let group = query.group(start_ms, sort, stream, None);
                    found.push((group, file, place(sort), u64::from(count)));
                })?;
            } else {
                walk.slot(&cells, slot, |row| {
                    let sort = Sort::of(&row.row.body, row.row.key.at);
                    let group = query.group(row.at_ms, &sort, row.stream, None);
                    found.push((group, row.file, place(&sort), 1));
                })?;
            }
            for (mut group, file, place, count) in found {
                group.place = walk.word(file, place);
                *groups.entry(group).or_default() += count;
            }
        }
        if groups.len() > ROWS_MAX {
            return Err(Broken::Failed(StoreError::Invalid(format!(
                "more than {ROWS_MAX} counts: ask for a shorter range or fewer splits"
            ))));
        }
    }
    let bucket = |(group, events): (Group, u64)| CountBucket {
        start: WallTime {
            micros: group.start_ms * 1000,
        },
        stream: group.stream,
        kind: code::kind(group.kind).filter(|_| query.by.kind),
        label: code::label(group.label).ok().flatten(),
        place: group.place,
        direction: code::direction(group.direction).ok().flatten(),
        events,
    };
    Ok(Counts {
        buckets: groups.into_iter().map(bucket).collect(),
        damaged: walk.damaged(),
    })
}
