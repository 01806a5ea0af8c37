//! Takes what the engine gives out: events to the store, then to whoever watches; boxes at once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use ocelli_core::{EventKind, EventRecord, Tag, WallTime, wire::StillPurpose};
use ocelli_engine::{BoxUpdate, DetectionUpdate, Output};
use ocelli_sinks::{
    stills::Stills,
    store::{APPEND_MAX, Positions, RetentionClass, Store, StoreError},
};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use crate::{Configuration, Hub};

/// Messages that are taken at a time: what comes while the store writes is kept in one go.
const TAKEN_MAX: usize = 512;
/// Positions of a tag between its first and its last are kept for so long at most.
pub const TRAIL_HOURS_MAX: u32 = 24;

/// How long the events of each stream are kept. A stream that is taken away leaves its last
/// events behind, so names are never forgotten.
#[derive(Clone, Default)]
pub struct Classes(Arc<Mutex<BTreeMap<Arc<str>, RetentionClass>>>);

impl Classes {
    /// Learns what a configuration says.
    pub fn learn(&self, configuration: &Configuration) {
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in configuration.streams.values() {
            let hours = stream.retention.hours();
            classes.insert(Arc::clone(&stream.name), RetentionClass { hours });
        }
    }

    fn of(&self, stream: &str) -> Option<RetentionClass> {
        let classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        classes.get(stream).copied()
    }
}

/// The newest plate of each stream: in memory only, as the eyes make them anew.
#[derive(Debug, Clone, Default)]
pub struct Plates(Arc<Mutex<BTreeMap<Arc<str>, Bytes>>>);

impl Plates {
    /// Takes a plate.
    pub fn put(&self, stream: Arc<str>, jpeg: Bytes) {
        let mut plates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plates.insert(stream, jpeg);
    }

    /// The plate of a stream.
    pub fn get(&self, stream: &str) -> Option<Bytes> {
        let plates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plates.get(stream).cloned()
    }

    /// Forgets the plates of streams that are no more.
    pub fn keep_only(&self, configuration: &Configuration) {
        let mut plates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plates.retain(|name, _| configuration.streams.contains_key(name));
    }
}

/// Sees what was looked at, e.g. to write it down.
pub trait Onlooker: Send {
    /// One look was taken.
    fn look(&mut self, update: &BoxUpdate);

    /// What a look found, where streams are asked for it.
    fn detections(&mut self, update: &DetectionUpdate);
}

/// What [`keep`] works with.
pub struct Keeper {
    /// Where events are kept.
    pub store: Store,
    /// Where stills of tags are kept.
    pub stills: Stills,
    /// The empty scenes.
    pub plates: Plates,
    /// For how long.
    pub classes: Classes,
    /// Who watches.
    pub hub: Hub,
    /// Who sees every look.
    pub onlooker: Option<Box<dyn Onlooker>>,
}

/// Runs until the engine has ended, which `ended` says, and everything that it gave out is kept.
pub async fn keep(keeper: Keeper, mut output: Receiver<Output>, ended: CancellationToken) {
    let Keeper {
        store,
        stills,
        plates,
        classes,
        hub,
        mut onlooker,
    } = keeper;
    let mut taken = Vec::with_capacity(TAKEN_MAX);
    let mut trouble = Trouble::of("events");
    let mut still_trouble = Trouble::of("stills");
    loop {
        let number = tokio::select! {
            biased;
            number = output.recv_many(&mut taken, TAKEN_MAX) => number,
            () = ended.cancelled() => 0,
        };
        if number == 0 {
            return;
        }
        let mut events = Vec::new();
        let mut fresh = Vec::new();
        for output in taken.drain(..) {
            match output {
                Output::Events { records } => events.extend(records),
                Output::Boxes(update) => {
                    if let Some(onlooker) = &mut onlooker {
                        onlooker.look(&update);
                    }
                    hub.send_boxes(Arc::new(update));
                }
                Output::Detections(update) => {
                    if let Some(onlooker) = &mut onlooker {
                        onlooker.detections(&update);
                    }
                }
                Output::Still {
                    stream,
                    at: _,
                    wall,
                    purpose,
                    jpeg,
                } => match purpose {
                    StillPurpose::Tag(tag) => fresh.push((stream, tag, wall, jpeg)),
                    StillPurpose::Plate => plates.put(stream, jpeg),
                    // Nobody asks for live pictures yet.
                    StillPurpose::Live => {}
                },
            }
        }
        for (class, events) in by_class(&events, &classes) {
            for events in events.chunks(APPEND_MAX) {
                trouble.note(store.append(class, events.to_vec()).await.err());
            }
        }
        for (stream, tag, wall, jpeg) in fresh {
            still_trouble.note(keep_still(&stills, &classes, &stream, tag, (wall, jpeg)).await);
        }
        for mut event in events {
            // An event says the same wherever it is read.
            Positions::default().limit(&mut event);
            hub.send_event(Arc::new(event));
        }
    }
}

/// Keeps a still for as long as the events of its stream.
async fn keep_still(
    stills: &Stills,
    classes: &Classes,
    stream: &str,
    tag: Tag,
    (wall, jpeg): (WallTime, Bytes),
) -> Option<StoreError> {
    let class = classes.of(stream)?;
    stills
        .put(class, stream, tag, wall, jpeg.into())
        .await
        .err()
}

fn by_class(
    events: &[EventRecord],
    classes: &Classes,
) -> BTreeMap<RetentionClass, Vec<EventRecord>> {
    let mut sorted: BTreeMap<RetentionClass, Vec<EventRecord>> = BTreeMap::new();
    for event in events {
        // Every stream is learnt before it starts; nothing is kept for which nobody said how long.
        if let Some(class) = classes.of(&event.stream) {
            let class = class_of(event.kind, class);
            sorted.entry(class).or_default().push(event.clone());
        }
    }
    sorted
}

/// Where a tag went is kept for a day at most, however long the rest is: following is made hard.
fn class_of(kind: EventKind, class: RetentionClass) -> RetentionClass {
    match kind {
        EventKind::Updated => RetentionClass {
            hours: class.hours.min(TRAIL_HOURS_MAX),
        },
        _ => class,
    }
}

/// Says once that events are dropped, and once that they are kept again. How many were dropped
/// is counted by the store.
struct Trouble {
    what: &'static str,
    dropping: bool,
}

impl Trouble {
    fn of(what: &'static str) -> Self {
        Self {
            what,
            dropping: false,
        }
    }

    fn note(&mut self, error: Option<StoreError>) {
        match error {
            None if self.dropping => {
                self.dropping = false;
                tracing::info!("{} are kept again", self.what);
            }
            Some(error) if !self.dropping => {
                self.dropping = true;
                tracing::error!("{} are dropped: {error}", self.what);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_tag_went_is_kept_for_a_day_at_most() {
        let week = RetentionClass { hours: 7 * 24 };
        let hour = RetentionClass { hours: 1 };
        for kind in EventKind::ALL {
            let kept = class_of(kind, week).hours;
            let expected = if kind == EventKind::Updated {
                24
            } else {
                7 * 24
            };
            assert_eq!(kept, expected, "{kind:?}");
            assert_eq!(class_of(kind, hour), hour);
        }
    }
}
