//! What happens now, for everyone who watches.

use std::sync::Arc;

use ocelli_core::{EventRecord, MediaTime, WallTime, wire::TrackBox};
use tokio::sync::broadcast;

/// Events that a slow subscriber may be behind before it loses the oldest.
const EVENTS_MAX: usize = 4096;
/// Box updates that a slow subscriber may be behind before it loses the oldest.
const BOXES_MAX: usize = 1024;

/// The confirmed tracks of one stream after one look.
#[derive(Debug, Clone)]
pub struct BoxUpdate {
    /// Name of the stream.
    pub stream: Arc<str>,
    /// Media time of the look.
    pub at: MediaTime,
    /// Wall time of the look.
    pub wall: WallTime,
    /// The tracks.
    pub boxes: Vec<TrackBox>,
}

/// Hands out events and boxes as they come. A subscriber that is too slow misses some and is told
/// how many ([`broadcast::error::RecvError::Lagged`]); nobody waits for it.
///
/// Events are handed out after they are stored.
#[derive(Debug, Clone)]
pub struct Hub {
    events: broadcast::Sender<Arc<EventRecord>>,
    boxes: broadcast::Sender<Arc<BoxUpdate>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            events: broadcast::Sender::new(EVENTS_MAX),
            boxes: broadcast::Sender::new(BOXES_MAX),
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

    /// Hands out an event.
    pub fn send_event(&self, event: Arc<EventRecord>) {
        // An error means that nobody watches.
        drop(self.events.send(event));
    }

    /// Hands out what is where.
    pub fn send_boxes(&self, update: Arc<BoxUpdate>) {
        drop(self.boxes.send(update));
    }
}
