//! Messages from an eye: believed no further than needed.

use std::sync::Arc;

use ocelli_core::{
    Event, EventRecord, StreamId,
    wire::{FromEye, StillPurpose},
};

use super::Slot;
use crate::{
    cell::{Cell, Foreign, Inner},
    clock,
    output::{BoxUpdate, DetectionUpdate, Output},
    shared::Shared,
};

/// The longest name of a rule or place that an eye may send: configuration allows no longer ones.
const NAME_BYTES_MAX: usize = 1024;

/// A message that an eye in order does not send. Its process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Violation {
    #[error("it spoke of a stream that it does not have, or settled packets twice")]
    Foreign,
    #[error("it sent an event that is not one of its stream")]
    Event,
    #[error("it sent a still that nobody asked for")]
    Still,
    #[error("it told detections that nobody asked for")]
    Detections,
    #[error("it sent `Ready` twice")]
    Ready,
}

impl From<Foreign> for Violation {
    fn from(_: Foreign) -> Self {
        Self::Foreign
    }
}

/// One process of an eye, as the receiving end sees it.
pub(super) struct Receiver<'a> {
    pub(super) shared: &'a Shared,
    pub(super) slot: &'a Slot,
    pub(super) life: u64,
}

impl Receiver<'_> {
    /// Acts on one message. `Ready` and `Health` are the caller's.
    pub(super) async fn take(&self, message: FromEye) -> Result<(), Violation> {
        match message {
            FromEye::Ready { .. } => return Err(Violation::Ready),
            FromEye::Health(health) => self.slot.health(&health),
            FromEye::ModelLoaded { id, result } => {
                let mut inner = self.slot.lock();
                let models = &mut inner.status.models;
                models.retain(|(known, _)| *known != id);
                models.push((id, result));
            }
            FromEye::Want { stream, want } => {
                let cell = self.own(stream)?;
                let mut inner = cell.lock();
                // An answer that crossed a `Release` on its way.
                if inner.eye().is_some() {
                    inner.set_want(want, &self.shared.budget);
                }
                drop(inner);
                cell.changed.notify_waiters();
            }
            FromEye::Attention { stream, attention } => {
                self.own(stream)?.lock().attention = attention;
            }
            FromEye::Counts { counts } => {
                for (stream, counts) in counts {
                    self.own(stream)?.lock().count(&counts)?;
                }
            }
            FromEye::SceneState { stream, state } => {
                self.own(stream)?.lock().scene = Some((state, clock::mono()));
            }
            FromEye::Released { stream, state } => {
                let cell = self.own(stream)?;
                let mut inner = cell.lock();
                inner.released(state, clock::mono())?;
                self.shared.unseated(&cell, &mut inner);
                drop(inner);
                cell.changed.notify_waiters();
            }
            FromEye::Ended { stream } => {
                let cell = self.own(stream)?;
                cell.lock().ended();
                cell.changed.notify_waiters();
                self.shared.progress.notify_waiters();
            }
            FromEye::Unfit {
                stream,
                reason,
                bug,
            } => {
                let cell = self.own(stream)?;
                if bug {
                    cell.quarantine(&reason);
                } else {
                    cell.unfit(reason);
                }
                self.shared.progress.notify_waiters();
            }
            other => return self.give_out(other).await,
        }
        Ok(())
    }

    /// Gives out what is for others.
    async fn give_out(&self, message: FromEye) -> Result<(), Violation> {
        let outlet = &self.shared.outlet;
        match message {
            FromEye::Events {
                stream,
                events,
                state,
            } => {
                let cell = self.own(stream)?;
                if !events.iter().all(|event| is_sound(event, stream)) {
                    return Err(Violation::Event);
                }
                {
                    let mut inner = cell.lock();
                    inner.figures.events += events.len() as u64;
                    if let Some(state) = state {
                        inner.scene = Some((state, clock::mono()));
                    }
                }
                let records = events
                    .iter()
                    .map(|event| EventRecord::new(event, &cell.name))
                    .collect();
                outlet.events(records, cell.pace).await;
            }
            FromEye::Boxes {
                stream,
                at,
                wall,
                boxes,
            } => {
                let cell = self.own(stream)?;
                cell.lock().figures.tags = boxes.len();
                if self.shared.options.boxes {
                    let update = BoxUpdate {
                        stream: Arc::clone(&cell.name),
                        at,
                        wall,
                        boxes,
                    };
                    outlet.boxes(update, cell.pace).await;
                }
            }
            FromEye::Detections { stream, at, items } => {
                let cell = self.own(stream)?;
                if !cell.lock().plan.settings.tell_detections {
                    return Err(Violation::Detections);
                }
                let update = DetectionUpdate {
                    stream: Arc::clone(&cell.name),
                    at,
                    items,
                };
                outlet.detections(update, cell.pace).await;
            }
            FromEye::Still {
                stream,
                at,
                wall,
                purpose,
                jpeg,
            } => {
                let cell = self.own(stream)?;
                if purpose == StillPurpose::Live && !cell.lock().was_shown {
                    return Err(Violation::Still);
                }
                if !cell.lock().takes_still(purpose, &jpeg, clock::mono()) {
                    return Ok(());
                }
                let still = Output::Still {
                    stream: Arc::clone(&cell.name),
                    at,
                    wall,
                    purpose,
                    jpeg: jpeg.into(),
                };
                outlet.still(still).await;
            }
            // The others have no way out.
            _ => {}
        }
        Ok(())
    }

    /// The stream, if it is in this process.
    fn own(&self, stream: StreamId) -> Result<Arc<Cell>, Violation> {
        let cell = self.shared.stream(stream).ok_or(Violation::Foreign)?;
        let own = Inner::is_in(&cell.lock(), self.life);
        own.then_some(cell).ok_or(Violation::Foreign)
    }
}

fn is_sound(event: &Event, stream: StreamId) -> bool {
    let short = |name: &Option<String>| {
        name.as_ref()
            .is_none_or(|name| name.len() <= NAME_BYTES_MAX)
    };
    event.stream == stream && short(&event.detail.rule) && short(&event.detail.place)
}
