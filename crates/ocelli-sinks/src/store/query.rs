//! Answers which events there are, page by page.

use std::sync::Arc;

use ocelli_core::{EventKind, EventRecord, Label, WallTime};

use super::{
    StoreError,
    cursor::{Cursor, Place},
    filter::Filter,
    row::{Body, rfc3339},
    shared::Shared,
    tally::{SLOT_MS, SLOTS},
    walk::{Broken, Found, Plan, Walk},
};

/// Most events on a page.
pub const PAGE_MAX: usize = 1000;
/// Most names in a list of a query.
pub const NAMES_MAX: usize = 1024;
/// A query that meets a file being rewritten begins anew, at most so many times.
const ATTEMPTS: usize = 8;

/// In which order events come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The latest first.
    #[default]
    NewestFirst,
    /// The earliest first.
    OldestFirst,
}

/// Which events are wanted. Empty lists and `None` ask for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// Names of streams.
    pub streams: Vec<String>,
    /// Kinds of events.
    pub kinds: Vec<EventKind>,
    /// Labels.
    pub labels: Vec<Label>,
    /// One tag.
    pub tag: Option<String>,
    /// Name of a rule.
    pub rule: Option<String>,
    /// Name of a zone or line.
    pub place: Option<String>,
    /// Events filed at this time or later.
    pub from: Option<WallTime>,
    /// Events filed before this time.
    pub to: Option<WallTime>,
    /// In which order.
    pub order: Order,
    /// Most events on the page, 1 to [`PAGE_MAX`].
    pub limit: usize,
    /// Where the last page ended.
    pub after: Option<Cursor>,
}

impl Default for EventQuery {
    fn default() -> Self {
        Self {
            streams: Vec::new(),
            kinds: Vec::new(),
            labels: Vec::new(),
            tag: None,
            rule: None,
            place: None,
            from: None,
            to: None,
            order: Order::NewestFirst,
            limit: 100,
            after: None,
        }
    }
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// In the order that was asked for: by time, then stream and id.
    pub events: Vec<EventRecord>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// Names of the files that could not be read whole: something may be missing.
    pub damaged: Vec<String>,
}

/// A time in milliseconds since 1970, rounded up.
pub(crate) fn millis_up(time: WallTime) -> i64 {
    time.micros.div_euclid(1000) + i64::from(time.micros.rem_euclid(1000) > 0)
}

impl EventQuery {
    fn check(&self) -> Result<(), StoreError> {
        let invalid = |text: String| Err(StoreError::Invalid(text));
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return invalid(format!(
                "a limit of {}: expected 1 to {PAGE_MAX}",
                self.limit
            ));
        }
        check_names(&self.streams)?;
        if self.after.as_ref().is_some_and(|at| at.order != self.order) {
            return invalid("the cursor is of the other order".to_owned());
        }
        Ok(())
    }

    fn filter(&self) -> Filter<'_> {
        Filter {
            streams: &self.streams,
            kinds: &self.kinds,
            labels: &self.labels,
            tag: self.tag.as_deref(),
            rule: self.rule.as_deref(),
            place: self.place.as_deref(),
        }
    }

    /// The range that is left after the cursor: from, to.
    fn range_ms(&self) -> (i64, i64) {
        let mut from = self.from.map_or(i64::MIN, millis_up);
        let mut to = self.to.map_or(i64::MAX, millis_up);
        if let Some(Cursor { place, .. }) = &self.after {
            match self.order {
                Order::NewestFirst => to = to.min(place.at_ms.saturating_add(1)),
                Order::OldestFirst => from = from.max(place.at_ms),
            }
        }
        (from, to)
    }
}

pub(crate) fn check_names(streams: &[String]) -> Result<(), StoreError> {
    if streams.len() <= NAMES_MAX {
        return Ok(());
    }
    Err(StoreError::Invalid(format!(
        "{} streams in one query: expected at most {NAMES_MAX}",
        streams.len()
    )))
}

/// Answers a query.
pub(crate) fn run(shared: &Shared, query: &EventQuery) -> Result<EventPage, StoreError> {
    query.check()?;
    retrying(|| page(shared, query))
}

/// Does something again while files are taken away from under it.
pub(crate) fn retrying<T>(mut attempt: impl FnMut() -> Result<T, Broken>) -> Result<T, StoreError> {
    for _ in 0..ATTEMPTS {
        match attempt() {
            Ok(done) => return Ok(done),
            Err(Broken::Failed(error)) => return Err(error),
            Err(Broken::Anew) => {}
        }
    }
    Err(StoreError::Io {
        file: "the store".to_owned(),
        reason: "its files change faster than they can be read".to_owned(),
    })
}

struct Hit {
    place: Place,
    body: Body,
    tag: Option<u64>,
    file: usize,
}

impl Hit {
    fn of(found: Found<'_>) -> Self {
        Self {
            place: Place {
                at_ms: found.at_ms,
                stream: Arc::clone(found.stream),
                epoch: found.epoch,
                number: found.row.key.number,
            },
            body: found.row.body,
            tag: found.row.tag,
            file: found.file,
        }
    }

    fn record(self, walk: &Walk<'_>) -> EventRecord {
        let rule = walk.word(self.file, self.body.rule);
        let place = walk.word(self.file, self.body.place);
        record(&self.place, self.tag, self.body, rule, place)
    }
}

/// The record that a row stands for.
pub(crate) fn record(
    at: &Place,
    tag: Option<u64>,
    body: Body,
    rule: Option<String>,
    place: Option<String>,
) -> EventRecord {
    EventRecord {
        id: format!("{:016x}-{:x}", at.epoch, at.number),
        stream: at.stream.as_ref().to_owned(),
        kind: body.kind,
        tag: body
            .odd_tag
            .or_else(|| tag.map(|tag| ocelli_core::Tag(tag).to_string())),
        label: body.label,
        score: body.score,
        bbox: body.bbox,
        time: body.time.unwrap_or_else(|| rfc3339(at.at_ms)),
        time_source: body.time_source,
        media_secs: body.media_secs,
        coverage: body.coverage,
        rule,
        place,
        reason: body.reason,
        direction: body.direction,
        dwell_secs: body.dwell_secs,
        speed_kmh: body.speed_kmh,
        count: body.count,
        count_out: body.count_out,
        appeared_inside: body.appeared_inside,
    }
}

fn page(shared: &Shared, query: &EventQuery) -> Result<EventPage, Broken> {
    let (from_ms, to_ms) = query.range_ms();
    let plan = Plan::new(shared, from_ms, to_ms);
    let mut walk = Walk::new(shared, &plan, query.filter());
    let mut events = Vec::new();
    let mut last = None;
    let mut more = false;
    let mut hours: Vec<i64> = plan.hours.keys().copied().collect();
    if query.order == Order::NewestFirst {
        hours.reverse();
    }
    'hours: for hour in hours {
        let cells = walk.hour(hour)?;
        for step in 0..SLOTS {
            let slot = match query.order {
                Order::NewestFirst => SLOTS - 1 - step,
                Order::OldestFirst => step,
            };
            let start_ms = cells.slot_start_ms(slot);
            if start_ms >= to_ms || start_ms + SLOT_MS <= from_ms || !cells.may_hold(slot) {
                continue;
            }
            let room = query.limit - events.len();
            let mut hits = Hits::new(query, room + 1);
            walk.slot(&cells, slot, |found| hits.push(Hit::of(found)))?;
            let mut hits = hits.sorted();
            more = hits.len() > room;
            hits.truncate(room);
            for hit in hits {
                last = Some(hit.place.clone());
                events.push(hit.record(&walk));
            }
            if more {
                break 'hours;
            }
        }
    }
    let next = last.filter(|_| more).map(|place| Cursor {
        order: query.order,
        place,
    });
    Ok(EventPage {
        events,
        next,
        damaged: walk.damaged(),
    })
}

/// The first few hits of a slot, in order.
struct Hits<'q> {
    query: &'q EventQuery,
    room: usize,
    found: Vec<Hit>,
}

impl<'q> Hits<'q> {
    fn new(query: &'q EventQuery, room: usize) -> Self {
        Self {
            query,
            room,
            found: Vec::new(),
        }
    }

    fn push(&mut self, hit: Hit) {
        let after = match (&self.query.after, self.query.order) {
            (None, _) => true,
            (Some(cursor), Order::NewestFirst) => hit.place < cursor.place,
            (Some(cursor), Order::OldestFirst) => hit.place > cursor.place,
        };
        if !after {
            return;
        }
        self.found.push(hit);
        // However many there are, only a few pages of them are held.
        if self.found.len() >= self.room * 2 + 4096 {
            self.sort();
        }
    }

    fn sort(&mut self) {
        match self.query.order {
            Order::NewestFirst => self.found.sort_by(|a, b| b.place.cmp(&a.place)),
            Order::OldestFirst => self.found.sort_by(|a, b| a.place.cmp(&b.place)),
        }
        // One event can stand in two files only where one of them was damaged.
        self.found.dedup_by(|a, b| a.place == b.place);
        self.found.truncate(self.room);
    }

    fn sorted(mut self) -> Vec<Hit> {
        self.sort();
        self.found
    }
}
