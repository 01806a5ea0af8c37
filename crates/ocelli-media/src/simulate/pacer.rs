//! Sends every picture when it is due: one queue for all viewers, ordered by time.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ocelli_core::WallTime;
use tokio::sync::Notify;

use super::{
    camera::Clock,
    viewer::{Scratch, Viewer},
};

/// After so many pictures the connections get their turn.
const PICTURES_A_TURN: usize = 64;

/// The due pictures of all viewers.
pub(super) struct Pacer {
    clock: Clock,
    queue: RefCell<Queue>,
    /// A viewer came whose picture may be due before all others.
    changed: Notify,
}

/// Names a viewer for as long as it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ViewerId {
    slot: usize,
    serial: u64,
}

#[derive(Default)]
struct Queue {
    /// (due, who); exactly one entry for each viewer, and old ones of viewers who left.
    due: BinaryHeap<Reverse<(u64, ViewerId)>>,
    slots: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Slot {
    serial: u64,
    viewer: Option<Viewer>,
}

impl Queue {
    /// Clients who play and pause all the time do not make the queue longer and longer.
    fn forget_the_gone(&mut self) {
        if self.due.len() <= 2 * self.slots.len() {
            return;
        }
        let slots = &self.slots;
        self.due.retain(|Reverse((_, id))| {
            let slot = &slots[id.slot];
            slot.serial == id.serial && slot.viewer.is_some()
        });
    }
}

impl Pacer {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            queue: RefCell::default(),
            changed: Notify::new(),
        }
    }

    /// Starts to send.
    pub(super) fn add(&self, viewer: Viewer) -> ViewerId {
        let mut queue = self.queue.borrow_mut();
        let slot = queue.free.pop().unwrap_or_else(|| {
            queue.slots.push(Slot::default());
            queue.slots.len() - 1
        });
        queue.slots[slot].serial += 1;
        let id = ViewerId {
            slot,
            serial: queue.slots[slot].serial,
        };
        let due = viewer.due_nanos();
        queue.slots[slot].viewer = Some(viewer);
        queue.forget_the_gone();
        queue.due.push(Reverse((due, id)));
        self.changed.notify_one();
        id
    }

    /// Stops to send.
    pub(super) fn remove(&self, id: ViewerId) -> Option<Viewer> {
        let mut queue = self.queue.borrow_mut();
        let slot = queue.slots.get_mut(id.slot)?;
        if slot.serial != id.serial {
            return None;
        }
        let viewer = slot.viewer.take()?;
        queue.free.push(id.slot);
        Some(viewer)
    }

    /// Sends for ever.
    pub(super) async fn run(&self) {
        let mut scratch = Scratch::default();
        loop {
            let next = self.send_due(&mut scratch);
            let far = Duration::from_hours(1).as_nanos() as u64;
            let until = next.unwrap_or_else(|| self.clock.nanos() + far);
            if until <= self.clock.nanos() {
                // Pictures are still due, but requests wait as well.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep_until(self.clock.instant(until)) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Sends what is due, up to a turn's worth. Returns when the next picture is due.
    fn send_due(&self, scratch: &mut Scratch) -> Option<u64> {
        let mut guard = self.queue.borrow_mut();
        let queue = &mut *guard;
        for _ in 0..PICTURES_A_TURN {
            let mut entry = queue.due.peek_mut()?;
            let Reverse((due, id)) = *entry;
            let nanos = self.clock.nanos();
            if due > nanos {
                return Some(due);
            }
            let slot = &mut queue.slots[id.slot];
            match &mut slot.viewer {
                Some(viewer) if slot.serial == id.serial => {
                    viewer.step(nanos, wall_now, scratch);
                    // Replaced in place: the heap sifts once.
                    entry.0.0 = viewer.due_nanos();
                }
                _ => drop(std::collections::binary_heap::PeekMut::pop(entry)),
            }
        }
        queue.due.peek().map(|Reverse((due, _))| *due)
    }
}

/// The machine's clock, which a camera's sender reports tell.
#[expect(
    clippy::disallowed_methods,
    reason = "a sender report states the wall time"
)]
fn wall_now() -> WallTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    WallTime {
        micros: since.as_micros() as i64,
    }
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, sync::Arc};

    use proptest::{
        strategy::{Strategy as _, ValueTree as _},
        test_runner::TestRunner,
    };

    use super::*;
    use crate::simulate::{
        Join,
        camera::Camera,
        course,
        dice::{Dice, Purpose},
        route::Route,
        strike::Faults,
    };

    #[tokio::test]
    async fn those_who_come_and_go_leave_nothing_behind() {
        let mut runner = TestRunner::deterministic();
        let clip = course::clip().new_tree(&mut runner).unwrap().current();
        let camera = Rc::new(Camera::new(
            0,
            (clip, None),
            (0, false),
            Faults::default(),
            Arc::default(),
        ));
        let (_client, link) = course::connect();
        let route = Rc::new(Route::Interleaved { rtp: 0, rtcp: 1 });
        let join = || {
            let dice = Dice::new(0, Purpose::Viewer, 0);
            let far_nanos = 1_000_000_000_000;
            let ways = (Rc::clone(&link), Rc::clone(&route));
            Viewer::join(
                Rc::clone(&camera),
                ways,
                (1, 1, dice),
                (far_nanos, Join::NextKey),
            )
        };
        let pacer = Pacer::new(Clock::started_now());
        let stays: Vec<_> = (0..3).map(|_| pacer.add(join())).collect();
        for _ in 0..1000 {
            let comes = pacer.add(join());
            assert!(pacer.remove(comes).is_some());
            assert!(pacer.remove(comes).is_none());
        }
        let queue = pacer.queue.borrow();
        assert_eq!(queue.slots.len(), 4);
        assert!(queue.due.len() <= 9, "{}", queue.due.len());
        for id in stays {
            let entries = queue
                .due
                .iter()
                .filter(|Reverse((_, due))| *due == id)
                .count();
            assert_eq!(entries, 1);
        }
    }
}
