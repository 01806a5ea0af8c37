//! What happens once a second: rates, the change of day, and balance between the eyes.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ocelli_core::{MonoTime, StreamId};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    clock,
    keys::day_of,
    placement::{share_out, unbalanced},
    rates::Lap,
    shared::Shared,
};

const PERIOD: Duration = Duration::from_secs(1);

/// After a move, loads have to be measured anew before the next is planned, in microseconds.
const SETTLE_MICROS: u64 = 10_000_000;

/// Runs for ever.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut beat = interval(PERIOD);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lap = Lap::default();
    let mut day = day_of(clock::wall());
    let mut balance = Balance::default();
    loop {
        beat.tick().await;
        let now = clock::mono();
        let secs = lap.take(now);
        for cell in shared.streams().values() {
            cell.lock().beat(secs);
        }
        for slot in &shared.slots {
            slot.beat(secs);
        }
        let today = day_of(clock::wall());
        if today != day {
            day = today;
            rekey(&shared);
        }
        balance.turn(&shared, now);
    }
}

/// Midnight in UTC: tags of the next day share nothing with those of the last.
fn rekey(shared: &Shared) {
    for cell in shared.streams().values() {
        if let Err(error) = cell.lock().rekey(&shared.keys, clock::wall()) {
            tracing::error!(stream = %cell.name, %error, "no random numbers: the key of tags stays");
        }
    }
}

/// Moves of streams that are planned and not begun.
#[derive(Default)]
struct Balance {
    planned: VecDeque<(StreamId, usize)>,
    last: Option<MonoTime>,
}

impl Balance {
    fn turn(&mut self, shared: &Shared, now: MonoTime) {
        let settled = self
            .last
            .is_none_or(|last| now.micros_since(last) >= SETTLE_MICROS);
        if self.planned.is_empty() && settled {
            self.plan(shared);
        }
        let streams = shared.streams();
        // At most one in a hundred in a second.
        for _ in 0..streams.len().div_ceil(100) {
            let Some((stream, to)) = self.planned.pop_front() else {
                return;
            };
            if let Some(cell) = streams.get(&stream) {
                cell.lock().move_to = Some(to);
                shared.moves.fetch_add(1, Ordering::Relaxed);
                self.last = Some(now);
            }
        }
    }

    fn plan(&mut self, shared: &Shared) {
        let Some((from, to, cpu)) = unbalanced(&shared.loads()) else {
            return;
        };
        let mut candidates = Vec::new();
        for cell in shared.streams().values() {
            let inner = cell.lock();
            if inner.eye() == Some(from) {
                candidates.push((cell.id, inner.eye_cpu_load()));
            }
        }
        self.planned = share_out(candidates, cpu)
            .into_iter()
            .map(|stream| (stream, to))
            .collect();
    }
}
