//! Where events get their name, time and place.

use ocelli_core::{
    BBox, Event, EventDetail, EventId, EventKind, Label, MediaTime, StreamId, Track, WallSource,
    WallTime,
};

/// When something happened, and how well the stream was looked at then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Media time.
    pub at: MediaTime,
    /// Wall time.
    pub wall: WallTime,
    /// Where `wall` came from.
    pub wall_source: WallSource,
    /// Looks taken over looks wanted, 0..1.
    pub coverage: f32,
}

/// Names the events of one scene: counts for ever, over a restart too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) stream: StreamId,
    pub(crate) epoch: u64,
    pub(crate) next: u64,
}

/// Takes events in order.
pub struct Emitter<'a> {
    ids: &'a mut Ids,
    moment: Moment,
    events: &'a mut Vec<Event>,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(ids: &'a mut Ids, moment: Moment, events: &'a mut Vec<Event>) -> Self {
        Self {
            ids,
            moment,
            events,
        }
    }

    /// Now.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Something happened to a tag.
    pub fn tag(&mut self, kind: EventKind, track: &Track, detail: EventDetail) {
        let event = Event {
            tag: Some(track.tag),
            label: Some(track.label),
            score: track.score,
            bbox: track.bbox,
            ..self.blank(kind, detail)
        };
        self.events.push(event);
    }

    /// Something happened to the stream, or to a part of it.
    pub fn stream(
        &mut self,
        kind: EventKind,
        label: Option<Label>,
        bbox: BBox,
        detail: EventDetail,
    ) {
        let event = Event {
            label,
            bbox,
            ..self.blank(kind, detail)
        };
        self.events.push(event);
    }

    fn blank(&mut self, kind: EventKind, detail: EventDetail) -> Event {
        let number = self.ids.next;
        self.ids.next += 1;
        Event {
            id: EventId {
                epoch: self.ids.epoch,
                number,
            },
            stream: self.ids.stream,
            kind,
            tag: None,
            label: None,
            score: 0.0,
            bbox: BBox::default(),
            at: self.moment.at,
            wall: self.moment.wall,
            wall_source: self.moment.wall_source,
            coverage: self.moment.coverage,
            detail,
        }
    }
}
