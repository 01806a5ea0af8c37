//! What happens now, for everyone who watches.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ocelli_core::{EventRecord, WallTime};
pub use ocelli_engine::BoxUpdate;
use tokio::sync::{broadcast, watch};

/// Events that a slow subscriber may be behind before it loses the oldest.
const EVENTS_MAX: usize = 4096;
/// Box updates that a slow subscriber may be behind before it loses the oldest.
const BOXES_MAX: usize = 1024;
/// Events that are remembered, for whoever was away for a moment.
const REMEMBERED_MAX: usize = 16_384;

/// Hands out events and boxes as they come. A subscriber that is too slow misses some and is told
/// how many ([`broadcast::error::RecvError::Lagged`]); nobody waits for it.
///
/// Events are handed out after they are stored.
#[derive(Debug, Clone)]
pub struct Hub {
    events: broadcast::Sender<Arc<EventRecord>>,
    boxes: broadcast::Sender<Arc<BoxUpdate>>,
    recent: Arc<Recent>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            events: broadcast::Sender::new(EVENTS_MAX),
            boxes: broadcast::Sender::new(BOXES_MAX),
            recent: Arc::new(Recent::new(REMEMBERED_MAX)),
        }
    }
}

impl Hub {
    /// Every event from now on.
    pub fn subscribe_events(&self) -> broadcast::Receiver<Arc<EventRecord>> {
        self.events.subscribe()
    }

    /// Every box update from now on.
    pub fn subscribe_boxes(&self) -> broadcast::Receiver<Arc<BoxUpdate>> {
        self.boxes.subscribe()
    }

    /// The last events, in the order in which they were handed out.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Hands out an event.
    pub fn send_event(&self, event: Arc<EventRecord>) {
        self.recent.push(Arc::clone(&event));
        // An error means that nobody watches.
        drop(self.events.send(event));
    }

    /// Hands out what is where.
    pub fn send_boxes(&self, update: Arc<BoxUpdate>) {
        drop(self.boxes.send(update));
    }
}

/// The last events, in the order in which they were handed out. A position is the number of
/// events that were handed out before it, since the program started.
#[derive(Debug)]
pub struct Recent {
    events: Mutex<Remembered>,
    newest: watch::Sender<u64>,
    most: usize,
}

#[derive(Debug, Default)]
struct Remembered {
    /// Position of the first event that is still here.
    first: u64,
    events: VecDeque<Arc<EventRecord>>,
}

impl Remembered {
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

impl Recent {
    fn new(most: usize) -> Self {
        Self {
            events: Mutex::default(),
            newest: watch::Sender::new(0),
            most,
        }
    }

    fn events(&self) -> MutexGuard<'_, Remembered> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: Arc<EventRecord>) {
        let end = {
            let mut remembered = self.events();
            if remembered.events.len() >= self.most {
                remembered.events.pop_front();
                remembered.first += 1;
            }
            remembered.events.push_back(event);
            remembered.end()
        };
        self.newest.send_replace(end);
    }

    /// The position behind the newest event; it changes with every event.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The position of the oldest event that is remembered.
    pub fn oldest(&self) -> u64 {
        self.events().first
    }

    /// The position behind the event of this name, if it is remembered.
    pub fn behind(&self, id: &str) -> Option<u64> {
        let remembered = self.events();
        let back = remembered
            .events
            .iter()
            .rev()
            .position(|event| event.id == id)?;
        Some(remembered.end() - back as u64)
    }

    /// Forgets what a stream did from a time to before another, and everything before the last of
    /// it.
    pub fn forget(&self, stream: &str, from: WallTime, to: WallTime) {
        let mut remembered = self.events();
        let last = remembered.events.iter().rposition(|event| {
            let wall = event.wall().unwrap_or_default();
            event.stream == stream && wall >= from && wall < to
        });
        if let Some(last) = last {
            remembered.events.drain(..=last);
            remembered.first += last as u64 + 1;
        }
    }

    /// At most `most` events from `position` on. `None`: the first of them is forgotten.
    pub fn from(&self, position: u64, most: usize) -> Option<Vec<Arc<EventRecord>>> {
        let remembered = self.events();
        let skip = position.checked_sub(remembered.first)?;
        let events = remembered.events.iter().skip(skip as usize).take(most);
        Some(events.cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::{Event, EventDetail, EventId, EventKind, StreamId};

    use super::*;

    fn event(number: u64) -> Arc<EventRecord> {
        let event = Event {
            id: EventId { epoch: 1, number },
            stream: StreamId(0),
            kind: EventKind::Appeared,
            tag: None,
            label: None,
            score: 0.0,
            bbox: ocelli_core::BBox::default(),
            at: ocelli_core::MediaTime::default(),
            wall: WallTime::default(),
            wall_source: ocelli_core::WallSource::Receive,
            coverage: 1.0,
            detail: EventDetail::default(),
        };
        Arc::new(EventRecord::new(&event, "lobby"))
    }

    #[test]
    fn positions_stay_while_old_events_are_forgotten() {
        let recent = Recent::new(10);
        for number in 0..25 {
            recent.push(event(number));
        }
        assert_eq!(*recent.newest().borrow(), 25);
        assert_eq!(recent.behind(&event(14).id), None);
        assert_eq!(recent.behind(&event(15).id), Some(16));
        assert_eq!(recent.behind(&event(24).id), Some(25));
        assert!(recent.from(14, 100).is_none());
        let numbers = |position, most| -> Vec<String> {
            let events = recent.from(position, most).unwrap();
            events.iter().map(|event| event.id.clone()).collect()
        };
        assert_eq!(numbers(15, 2), [event(15).id.clone(), event(16).id.clone()]);
        assert_eq!(numbers(24, 9), [event(24).id.clone()]);
        assert!(numbers(25, 9).is_empty());
        let (begin, end) = (WallTime { micros: 0 }, WallTime { micros: 1 });
        recent.forget("another", begin, end);
        recent.forget("lobby", end, WallTime { micros: 2 });
        assert_eq!(numbers(24, 9).len(), 1, "nothing of that was asked for");
        recent.forget("lobby", begin, end);
        assert!(recent.from(24, 9).is_none());
        assert_eq!(recent.behind(&event(24).id), None);
        assert!(numbers(25, 9).is_empty(), "positions stay");
    }
}
