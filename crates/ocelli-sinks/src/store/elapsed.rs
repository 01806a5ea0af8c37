//! How much time has passed for the store's files, whatever the wall clock says.
//!
//! While the process runs, the running clock is the truth. Wall time only tells how long it did
//! *not* run, and a wall clock may be wrong: what it claims beyond the running clock counts as
//! elapsed only after the claim has stood for an hour. A wall clock that goes back takes nothing
//! back: elapsed time never shrinks, so nothing is kept longer for it.

use ocelli_core::{MonoTime, WallTime};

/// A claim of the wall clock becomes elapsed time after this long.
pub(crate) const BELIEVED_AFTER_MICROS: i64 = 3_600_000_000;

/// A step of the wall clock that is no jump: the running clock is right about it.
const STEP_MICROS: i64 = 60_000_000;

/// More claims than this are joined.
const JUMPS_MAX: usize = 64;

/// The wall clock went ahead of the running clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Jump {
    /// By how much.
    pub(crate) micros: i64,
    /// Elapsed time when that was noticed.
    pub(crate) since: i64,
}

/// What is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Saved {
    /// Elapsed time of the store since it was made, in microseconds.
    pub(crate) elapsed: i64,
    /// Wall time when that was written, in microseconds.
    pub(crate) wall: i64,
    /// Claims that are not believed yet, oldest first.
    pub(crate) jumps: Vec<Jump>,
}

/// Elapsed time.
#[derive(Debug, Clone)]
pub(crate) struct Elapsed {
    saved: Saved,
    running: u64,
}

/// What a [`Elapsed::tick`] brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticked {
    /// Whether the list of claims changed: to be written at once.
    pub(crate) changed: bool,
    /// Claims that count from now on, in this order: what was made since then gets as much longer
    /// to live, since it did not age meanwhile.
    pub(crate) believed: Vec<Jump>,
}

impl Elapsed {
    /// Goes on from what was saved, or begins.
    pub(crate) fn begin(saved: Option<Saved>, wall: WallTime, running: MonoTime) -> Self {
        let mut elapsed = Self {
            saved: saved.unwrap_or(Saved {
                elapsed: 0,
                wall: wall.micros,
                jumps: Vec::new(),
            }),
            running: running.micros,
        };
        let claim = wall.micros.saturating_sub(elapsed.saved.wall);
        elapsed.saved.wall = wall.micros;
        elapsed.claim(claim);
        elapsed
    }

    /// Elapsed microseconds.
    pub(crate) fn micros(&self) -> i64 {
        self.saved.elapsed
    }

    /// What to keep.
    pub(crate) fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, wall: WallTime, running: MonoTime) -> Ticked {
        let ran = running.micros.saturating_sub(self.running);
        self.running = self.running.max(running.micros);
        let ran = i64::try_from(ran).unwrap_or(i64::MAX);
        self.saved.elapsed = self.saved.elapsed.saturating_add(ran);
        let claim = wall
            .micros
            .saturating_sub(self.saved.wall)
            .saturating_sub(ran);
        self.saved.wall = wall.micros;
        let mut ticked = Ticked::default();
        if claim.abs() > STEP_MICROS {
            self.claim(claim);
            ticked.changed = true;
        }
        while let Some(jump) = self.due() {
            self.saved.elapsed = self.saved.elapsed.saturating_add(jump.micros);
            for later in &mut self.saved.jumps {
                if later.since >= jump.since {
                    later.since = later.since.saturating_add(jump.micros);
                }
            }
            ticked.changed = true;
            ticked.believed.push(jump);
        }
        ticked
    }

    /// Takes the oldest claim that has stood for long enough.
    fn due(&mut self) -> Option<Jump> {
        let now = self.saved.elapsed;
        let due = |jump: &Jump| now.saturating_sub(jump.since) >= BELIEVED_AFTER_MICROS;
        let at = self.saved.jumps.iter().position(due)?;
        Some(self.saved.jumps.remove(at))
    }

    fn claim(&mut self, micros: i64) {
        if micros > 0 {
            let since = self.saved.elapsed;
            self.saved.jumps.push(Jump { micros, since });
            if self.saved.jumps.len() > JUMPS_MAX
                && let Some(oldest) = self.saved.jumps.first().copied()
            {
                self.saved.jumps.remove(0);
                // The joined claim stands since the later of the two: believed late, never early.
                if let Some(next) = self.saved.jumps.first_mut() {
                    next.micros = next.micros.saturating_add(oldest.micros);
                }
            }
            return;
        }
        let mut back = micros.saturating_neg();
        while back > 0
            && let Some(last) = self.saved.jumps.last_mut()
        {
            let taken = back.min(last.micros);
            last.micros -= taken;
            back -= taken;
            if last.micros == 0 {
                self.saved.jumps.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;
    const HOUR: i64 = 60 * MINUTE;
    const START: i64 = 1_795_509_000_000_000;

    struct Hand {
        wall: i64,
        running: u64,
        elapsed: Elapsed,
        believed: i64,
    }

    impl Hand {
        fn new() -> Self {
            let (wall, running) = (WallTime { micros: START }, MonoTime { micros: 500 });
            Self {
                wall: START,
                running: 500,
                elapsed: Elapsed::begin(None, wall, running),
                believed: 0,
            }
        }

        fn jump(&mut self, micros: i64) {
            self.wall += micros;
        }

        fn run(&mut self, micros: i64) {
            for _ in 0..micros / MINUTE {
                self.wall += MINUTE;
                self.running += MINUTE as u64;
                let wall = WallTime { micros: self.wall };
                let running = MonoTime {
                    micros: self.running,
                };
                let ticked = self.elapsed.tick(wall, running);
                self.believed += ticked.believed.iter().map(|jump| jump.micros).sum::<i64>();
            }
        }

        /// Stops the process for some time and starts it again.
        fn restart(&mut self, away: i64) {
            self.wall += away;
            self.running = 3;
            let wall = WallTime { micros: self.wall };
            let saved = self.elapsed.saved().clone();
            self.elapsed = Elapsed::begin(Some(saved), wall, MonoTime { micros: 3 });
        }
    }

    #[test]
    fn it_runs_with_the_running_clock() {
        let mut hand = Hand::new();
        hand.run(3 * HOUR);
        assert_eq!(hand.elapsed.micros(), 3 * HOUR);
        assert_eq!(hand.believed, 0);
    }

    #[test]
    fn a_jump_ahead_counts_after_an_hour_and_not_before() {
        let mut hand = Hand::new();
        hand.jump(1000 * HOUR);
        hand.run(HOUR);
        assert_eq!(hand.elapsed.micros(), HOUR);
        hand.run(2 * MINUTE);
        assert_eq!(hand.elapsed.micros(), 1001 * HOUR + 2 * MINUTE);
        assert_eq!(hand.believed, 1000 * HOUR);
    }

    #[test]
    fn a_jump_that_goes_back_within_the_hour_never_counts() {
        let mut hand = Hand::new();
        hand.jump(HOUR);
        hand.run(30 * MINUTE);
        hand.jump(-HOUR);
        hand.run(10 * HOUR);
        assert_eq!(hand.elapsed.micros(), 10 * HOUR + 30 * MINUTE);
    }

    #[test]
    fn a_jump_back_takes_nothing_back() {
        let mut hand = Hand::new();
        hand.run(5 * HOUR);
        hand.jump(-4000 * HOUR);
        hand.run(5 * HOUR);
        assert_eq!(hand.elapsed.micros(), 10 * HOUR);
    }

    #[test]
    fn time_away_counts_once_it_has_been_claimed_for_an_hour() {
        let mut hand = Hand::new();
        hand.run(HOUR);
        hand.restart(48 * HOUR);
        hand.run(30 * MINUTE);
        // Restarting does not begin the hour anew.
        hand.restart(0);
        hand.run(20 * MINUTE);
        assert_eq!(hand.elapsed.micros(), HOUR + 50 * MINUTE);
        hand.run(11 * MINUTE);
        assert_eq!(hand.elapsed.micros(), 50 * HOUR + MINUTE);
    }

    #[test]
    fn a_later_jump_waits_its_own_hour() {
        let mut hand = Hand::new();
        hand.jump(2 * HOUR);
        hand.run(59 * MINUTE);
        hand.jump(9000 * HOUR);
        hand.run(40 * MINUTE);
        assert_eq!(hand.elapsed.micros(), 2 * HOUR + 99 * MINUTE);
        hand.run(22 * MINUTE);
        assert_eq!(hand.elapsed.micros(), 9002 * HOUR + 121 * MINUTE);
    }

    #[test]
    fn many_restarts_stay_bounded_and_lose_nothing() {
        let mut hand = Hand::new();
        for _ in 0..500 {
            hand.restart(2 * MINUTE);
        }
        assert!(hand.elapsed.saved().jumps.len() <= JUMPS_MAX);
        hand.run(2 * HOUR);
        assert_eq!(hand.elapsed.micros(), 1000 * MINUTE + 2 * HOUR);
    }
}
