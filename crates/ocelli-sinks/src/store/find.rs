//! Finds one event by its id.

use ocelli_core::{EventRecord, WallTime};

use super::{
    StoreError,
    query::{self, EventQuery, PAGE_MAX},
    shared::Shared,
};

/// An id as the store writes it: `<epoch>-<number>` in hexadecimal.
#[derive(Clone, Copy)]
pub(crate) struct Id {
    epoch: u64,
    number: u64,
}

impl Id {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (epoch, number) = text.split_once('-')?;
        let digits = |part: &str| (1..=16).contains(&part.len());
        if !digits(epoch) || !digits(number) {
            return None;
        }
        Some(Self {
            epoch: u64::from_str_radix(epoch, 16).ok()?,
            number: u64::from_str_radix(number, 16).ok()?,
        })
    }
}

/// Looks through the files, the youngest of each class first. What has expired is not found.
pub(crate) fn run(shared: &Shared, id: Id) -> Result<Option<EventRecord>, StoreError> {
    let text = format!("{:016x}-{:x}", id.epoch, id.number);
    for file in shared.files().values().rev() {
        let Some(opened) = shared.open(file)? else {
            continue;
        };
        let reader = opened.reader()?;
        let Some(epoch) = reader.dictionary.epoch_number(id.epoch) else {
            continue;
        };
        let Some((stream, at)) = reader.place_of(epoch, id.number)? else {
            continue;
        };
        let Some(stream) = reader.dictionary.streams.text(stream) else {
            continue;
        };
        let at_ms = file.name.start_ms + at;
        let question = EventQuery {
            streams: vec![stream.as_ref().to_owned()],
            from: Some(time(at_ms)),
            to: Some(time(at_ms + 1)),
            limit: PAGE_MAX,
            ..EventQuery::default()
        };
        drop(opened);
        let page = query::run(shared, &question)?;
        return Ok(page.events.into_iter().find(|event| event.id == text));
    }
    Ok(None)
}

fn time(ms: i64) -> WallTime {
    WallTime {
        micros: ms.saturating_mul(1000),
    }
}
