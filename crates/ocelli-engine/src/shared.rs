//! What all tasks of one engine share.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ocelli_core::StreamId;
use tokio::sync::Notify;

use crate::{
    EngineOptions, ModelPlan,
    cell::{Cell, Inner, Place, Seat},
    clock,
    eye::Slot,
    hold::HoldBudget,
    keys::Keys,
    output::Outlet,
    pacer::Pacer,
    placement::{Load, place_one},
};

/// The engine's inside.
///
/// Locks are taken in this order, and none is held across a wait: a cell, then one of the map of
/// streams, a slot, an outbox.
pub(crate) struct Shared {
    pub(crate) options: EngineOptions,
    pub(crate) budget: HoldBudget,
    pub(crate) keys: Keys,
    pub(crate) pacer: Pacer,
    pub(crate) outlet: Outlet,
    pub(crate) slots: Vec<Slot>,
    pub(crate) models: Mutex<Vec<ModelPlan>>,
    pub(crate) moves: AtomicU64,
    /// A stream came to its end, or an eye became ready or failed.
    pub(crate) progress: Notify,
    streams: Mutex<Arc<BTreeMap<StreamId, Arc<Cell>>>>,
    lives: AtomicU64,
}

impl Shared {
    pub(crate) fn new(options: EngineOptions, models: Vec<ModelPlan>, outlet: Outlet) -> Self {
        Self {
            budget: HoldBudget::new(options.hold_bytes_max),
            keys: Keys::new(options.seed),
            pacer: Pacer::default(),
            outlet,
            slots: (0..options.eyes.max(1)).map(|_| Slot::default()).collect(),
            models: Mutex::new(models),
            moves: AtomicU64::new(0),
            progress: Notify::new(),
            streams: Mutex::default(),
            lives: AtomicU64::new(1),
            options,
        }
    }

    /// All streams as they are now.
    pub(crate) fn streams(&self) -> Arc<BTreeMap<StreamId, Arc<Cell>>> {
        Arc::clone(&self.lock_streams())
    }

    /// The stream with this number.
    pub(crate) fn stream(&self, id: StreamId) -> Option<Arc<Cell>> {
        self.lock_streams().get(&id).cloned()
    }

    pub(crate) fn insert(&self, cell: Arc<Cell>) {
        Arc::make_mut(&mut self.lock_streams()).insert(cell.id, cell);
    }

    pub(crate) fn remove(&self, id: StreamId) {
        Arc::make_mut(&mut self.lock_streams()).remove(&id);
    }

    fn lock_streams(&self) -> MutexGuard<'_, Arc<BTreeMap<StreamId, Arc<Cell>>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn models(&self) -> MutexGuard<'_, Vec<ModelPlan>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for one more process of an eye.
    pub(crate) fn next_life(&self) -> u64 {
        self.lives.fetch_add(1, Ordering::Relaxed)
    }

    /// What each eye that can work carries.
    pub(crate) fn loads(&self) -> Vec<Load> {
        let mut streams = vec![0; self.slots.len()];
        for cell in self.streams().values() {
            streams[cell.lock().home] += 1;
        }
        let slots = self.slots.iter().enumerate();
        let all: Vec<_> = slots
            .map(|(eye, slot)| (slot.is_failing(), slot.load(eye, streams[eye])))
            .collect();
        let sound: Vec<_> = all
            .iter()
            .filter(|(failing, _)| !failing)
            .map(|(_, load)| *load)
            .collect();
        if sound.is_empty() {
            all.into_iter().map(|(_, load)| load).collect()
        } else {
            sound
        }
    }

    /// Gives the stream a place, if it has none, wants one, and its eye is ready.
    pub(crate) fn seat(&self, cell: &Cell, inner: &mut Inner) {
        if !matches!(inner.seat, Seat::None) || !inner.wants_eye() {
            return;
        }
        let Some((life, outbox)) = self.slots[inner.home].ready_life() else {
            return;
        };
        let place = Place {
            stream: cell.id,
            eye: inner.home,
            life,
            outbox,
        };
        if let Err(error) = inner.adopt(place, &self.keys, (clock::mono(), clock::wall())) {
            // Without chance no tag is anonymous: the stream waits for another try.
            tracing::error!(stream = %cell.name, %error, "no random numbers");
        }
    }

    /// The eye gave the stream up, or is gone: it is seated anew, or forgotten.
    pub(crate) fn unseated(&self, cell: &Cell, inner: &mut Inner) {
        if inner.removed {
            self.remove(cell.id);
        } else {
            self.seat(cell, inner);
        }
    }

    /// An eye became ready: those whose home it is move in.
    pub(crate) fn move_in(&self, eye: usize) {
        for cell in self.streams().values() {
            let mut inner = cell.lock();
            if inner.home == eye {
                self.seat(cell, &mut inner);
                drop(inner);
                cell.changed.notify_waiters();
            }
        }
    }

    /// An eye died: all that was on its way there is settled.
    pub(crate) fn move_out(&self, life: u64) {
        for cell in self.streams().values() {
            let mut inner = cell.lock();
            if inner.is_in(life) {
                inner.seat_lost();
                // It may have a new home already, where it was on its way to.
                self.unseated(cell, &mut inner);
                drop(inner);
                cell.changed.notify_waiters();
            }
        }
    }

    /// An eye does not come up: its streams find another home where there is one.
    pub(crate) fn evacuate(&self, eye: usize) {
        let mut loads = self.loads();
        loads.retain(|load| load.eye != eye);
        for cell in self.streams().values() {
            let mut inner = cell.lock();
            if inner.home == eye
                && let Some(home) = place_one(&mut loads)
            {
                inner.home = home;
                self.seat(cell, &mut inner);
                drop(inner);
                cell.changed.notify_waiters();
            }
        }
    }
}
