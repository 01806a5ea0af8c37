//! What comes out of the engine.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use ocelli_core::{
    Detection, EventKind, EventRecord, Label, MediaTime, WallTime,
    seam::Pace,
    wire::{StillPurpose, TrackBox},
};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

/// Messages that may wait for whoever takes them.
const MESSAGES_MAX: usize = 4096;
/// Boxes of live streams leave this much room to events.
const ROOM_FOR_EVENTS: usize = MESSAGES_MAX / 4;

/// One thing that the engine gives out.
///
/// Of recordings nothing is ever dropped: the reader waits. Of live streams, what finds no room is
/// dropped and counted.
#[derive(Debug, Clone)]
pub enum Output {
    /// Things happened on one stream, in order.
    Events {
        /// At least one.
        records: Vec<EventRecord>,
    },
    /// What is where, after a look.
    Boxes(BoxUpdate),
    /// What a look found, of streams that are asked for it.
    Detections(DetectionUpdate),
    /// A redacted, encoded picture.
    Still {
        /// Name of the stream.
        stream: Arc<str>,
        /// Media time of the picture.
        at: MediaTime,
        /// Wall time of the picture.
        wall: WallTime,
        /// What it is for.
        purpose: StillPurpose,
        /// JPEG.
        jpeg: Bytes,
    },
}

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

/// All that a detector found in one look, before anything is made of it.
#[derive(Debug, Clone)]
pub struct DetectionUpdate {
    /// Name of the stream.
    pub stream: Arc<str>,
    /// Media time of the look.
    pub at: MediaTime,
    /// What was found, of every label, down to the detector's low threshold.
    pub items: Vec<Detection>,
}

/// Events by name of their kind and label, for order.
type Tally = BTreeMap<(&'static str, Option<Label>), (EventKind, u64)>;

/// The way out, and what was dropped in front of it.
pub(crate) struct Outlet {
    sender: Sender<Output>,
    events_dropped: AtomicU64,
    boxes_dropped: AtomicU64,
    stills_dropped: AtomicU64,
    tally: Mutex<Tally>,
}

impl Outlet {
    pub(crate) fn new() -> (Self, Receiver<Output>) {
        let (sender, receiver) = channel(MESSAGES_MAX);
        let outlet = Self {
            sender,
            events_dropped: AtomicU64::new(0),
            boxes_dropped: AtomicU64::new(0),
            stills_dropped: AtomicU64::new(0),
            tally: Mutex::default(),
        };
        (outlet, receiver)
    }

    /// Gives events out, and counts them by kind and label.
    pub(crate) async fn events(&self, records: Vec<EventRecord>, pace: Pace) {
        if records.is_empty() {
            return;
        }
        self.count(&records);
        let number = records.len() as u64;
        self.give(
            Output::Events { records },
            pace,
            0,
            &self.events_dropped,
            number,
        )
        .await;
    }

    /// Gives boxes out.
    pub(crate) async fn boxes(&self, update: BoxUpdate, pace: Pace) {
        let output = Output::Boxes(update);
        self.give(output, pace, ROOM_FOR_EVENTS, &self.boxes_dropped, 1)
            .await;
    }

    /// Gives detections out; what is dropped counts as boxes.
    pub(crate) async fn detections(&self, update: DetectionUpdate, pace: Pace) {
        let output = Output::Detections(update);
        self.give(output, pace, ROOM_FOR_EVENTS, &self.boxes_dropped, 1)
            .await;
    }

    /// Gives a still out. Nobody waits for one.
    pub(crate) async fn still(&self, still: Output) {
        let dropped = &self.stills_dropped;
        self.give(still, Pace::Live, ROOM_FOR_EVENTS, dropped, 1)
            .await;
    }

    async fn give(
        &self,
        output: Output,
        pace: Pace,
        room_left: usize,
        dropped: &AtomicU64,
        number: u64,
    ) {
        let refused = match pace {
            Pace::Live if self.sender.capacity() <= room_left => true,
            Pace::Live => match self.sender.try_send(output) {
                Ok(()) => false,
                Err(TrySendError::Full(_) | TrySendError::Closed(_)) => true,
            },
            // An error means that nobody takes anything any more.
            Pace::Recording => self.sender.send(output).await.is_err(),
        };
        if refused {
            dropped.fetch_add(number, Ordering::Relaxed);
        }
    }

    fn count(&self, records: &[EventRecord]) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            let key = (record.kind.as_str(), record.label);
            tally.entry(key).or_insert((record.kind, 0)).1 += 1;
        }
    }

    /// Events so far, by kind and label.
    pub(crate) fn tally(&self) -> Vec<((EventKind, Option<Label>), u64)> {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally
            .iter()
            .map(|(&(_, label), &(kind, number))| ((kind, label), number))
            .collect()
    }

    /// Events, boxes and stills that were dropped.
    pub(crate) fn dropped(&self) -> [u64; 3] {
        [
            &self.events_dropped,
            &self.boxes_dropped,
            &self.stills_dropped,
        ]
        .map(|dropped| dropped.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update() -> BoxUpdate {
        BoxUpdate {
            stream: "door".into(),
            at: MediaTime::default(),
            wall: WallTime::default(),
            boxes: Vec::new(),
        }
    }

    #[tokio::test]
    async fn live_boxes_leave_room_and_recordings_wait() {
        let (outlet, mut receiver) = Outlet::new();
        for _ in 0..MESSAGES_MAX {
            outlet.boxes(update(), Pace::Live).await;
        }
        assert_eq!(outlet.dropped(), [0, ROOM_FOR_EVENTS as u64, 0]);
        let all_given = async {
            for _ in 0..2 * MESSAGES_MAX {
                outlet.boxes(update(), Pace::Recording).await;
            }
        };
        let mut taken = 0;
        let all_taken = async {
            while taken < 3 * MESSAGES_MAX - ROOM_FOR_EVENTS {
                receiver.recv().await.unwrap();
                taken += 1;
            }
        };
        tokio::join!(all_given, all_taken);
        assert_eq!(outlet.dropped(), [0, ROOM_FOR_EVENTS as u64, 0]);
        assert!(receiver.try_recv().is_err(), "each came once");
    }
}
