//! Whether an eye still works.
//!
//! Ticks queue behind packets, so an eye under load answers late without being ill. What tells is
//! whether it gets on: it counts its turns in the memory file that it shares with the parent. An
//! eye that gets nothing done while a tick waits is hung, unless it only lacks CPU time.

use std::{fs, fs::File, os::unix::fs::FileExt as _, time::Duration};

use ocelli_core::{MonoTime, StreamId};

/// An eye that has to wait for the CPU, or for its memory to be read back, gets this many times as
/// long.
const STARVED_FACTOR: u32 = 10;

/// Reading and optimising a large model is one turn: it gets this many times as long.
const LOADING_FACTOR: u32 = 60;

/// What the memory file says: see `ocelli_eye::blackbox`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// The stream that is worked on.
    pub(super) stream: Option<StreamId>,
    /// Counts what was noted.
    turns: u64,
}

/// Reads the memory file.
pub(super) fn read(file: &File) -> Noted {
    let mut bytes = [0; 16];
    if file.read_exact_at(&mut bytes, 0).is_err() {
        return Noted::default();
    }
    let half = |at: usize| {
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(half)
    };
    Noted {
        stream: half(0)
            .checked_sub(1)
            .and_then(|number| u32::try_from(number).ok())
            .map(StreamId),
        turns: half(8),
    }
}

/// State and CPU time of a process, from `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    state: char,
    cpu_ticks: u64,
}

/// Reads `/proc/PID/stat`.
pub(super) fn process(pid: u32) -> Option<Process> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Process> {
    // The second field is the name in brackets, which may hold anything.
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    let user: u64 = fields.nth(10)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Process {
        state,
        cpu_ticks: user.saturating_add(system),
    })
}

/// Judges one eye.
#[derive(Debug)]
pub(super) struct Watch {
    hang_after: Duration,
    noted: Noted,
    since: MonoTime,
    /// The process as it was when the turn was first seen.
    before: Option<Process>,
    answered: MonoTime,
    loading: bool,
}

impl Watch {
    pub(super) fn new(hang_after: Duration, now: MonoTime) -> Self {
        Self {
            hang_after,
            noted: Noted::default(),
            since: now,
            before: None,
            answered: now,
            loading: false,
        }
    }

    /// The eye answered the tick that was sent at `tick`.
    pub(super) fn answered(&mut self, tick: MonoTime) {
        self.answered = self.answered.max(tick);
    }

    /// Whether models were sent that the eye has not answered.
    pub(super) fn set_loading(&mut self, loading: bool) {
        self.loading = loading;
    }

    /// The parent itself was away: what it did not see proves nothing.
    pub(super) fn excuse(&mut self, now: MonoTime) {
        self.since = now;
        self.before = None;
    }

    /// Whether the eye hangs, and how; `last_tick` is the last that was sent.
    pub(super) fn judge(
        &mut self,
        noted: Noted,
        last_tick: MonoTime,
        now: MonoTime,
        process: impl FnOnce() -> Option<Process>,
    ) -> Option<Hang> {
        if noted != self.noted || self.answered >= last_tick {
            self.noted = noted;
            self.excuse(now);
            return None;
        }
        let process = process()?;
        let before = *self.before.get_or_insert(process);
        let stuck = Duration::from_micros(now.micros_since(self.since));
        let patience = self.hang_after * if self.loading { LOADING_FACTOR } else { 1 };
        match process.state {
            'T' | 't' if stuck >= self.hang_after => Some(Hang::Stopped),
            _ if stuck < patience => None,
            'R' | 'D' => {
                let ticks = process.cpu_ticks.saturating_sub(before.cpu_ticks);
                let busy = Duration::from_millis(ticks * 1000 / ticks_per_sec());
                let starved = busy < patience.mul_f32(0.8);
                (!starved || stuck > patience * STARVED_FACTOR).then_some(Hang::Busy)
            }
            _ => Some(Hang::Asleep),
        }
    }
}

/// How an eye hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hang {
    /// Somebody stopped it.
    Stopped,
    /// It works and gets nothing done.
    Busy,
    /// It waits for something that does not come.
    Asleep,
}

impl Hang {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped by a signal",
            Self::Busy => "busy without result",
            Self::Asleep => "asleep",
        }
    }

    /// Whether what it was working on may be to blame.
    pub(super) fn is_own_fault(self) -> bool {
        self != Self::Stopped
    }
}

fn ticks_per_sec() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANG: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> MonoTime {
        MonoTime {
            micros: millis * 1000,
        }
    }

    fn noted(turns: u64) -> Noted {
        Noted {
            stream: None,
            turns,
        }
    }

    /// Judges every 250 ms; the process is in `state` and got `cpu_share` of a core.
    fn judged(
        turns: impl Fn(u64) -> u64,
        state: char,
        cpu_share: f64,
        millis: u64,
    ) -> Option<Hang> {
        let mut watch = Watch::new(HANG, at(0));
        (1..=millis / 250).find_map(|beat| {
            let now = beat * 250;
            let cpu_ticks = (now as f64 / 1000.0 * cpu_share * ticks_per_sec() as f64) as u64;
            watch.judge(noted(turns(beat)), at(now), at(now), || {
                Some(Process { state, cpu_ticks })
            })
        })
    }

    #[test]
    fn an_eye_that_gets_on_does_not_hang() {
        assert_eq!(judged(|beat| beat, 'R', 1.0, 60_000), None);
        assert_eq!(judged(|beat| beat / 3, 'S', 0.0, 60_000), None);
    }

    #[test]
    fn stopped_sleeping_and_looping_eyes_hang() {
        assert_eq!(judged(|_| 7, 'T', 0.0, 1_500), Some(Hang::Stopped));
        assert_eq!(judged(|_| 7, 'S', 0.0, 1_500), Some(Hang::Asleep));
        assert_eq!(judged(|_| 7, 'R', 1.0, 1_500), Some(Hang::Busy));
    }

    #[test]
    fn an_eye_without_cpu_time_gets_longer() {
        assert_eq!(judged(|_| 7, 'R', 0.05, 9_000), None);
        assert_eq!(judged(|_| 7, 'R', 0.05, 12_000), Some(Hang::Busy));
    }

    #[test]
    fn a_large_model_may_take_its_time() {
        let mut watch = Watch::new(HANG, at(0));
        watch.set_loading(true);
        let process = |millis: u64| Process {
            state: 'R',
            cpu_ticks: millis * ticks_per_sec() / 1000,
        };
        for beat in 1..80 {
            let now = beat * 250;
            let judged = watch.judge(noted(7), at(now), at(now), || Some(process(now)));
            assert_eq!(judged, None);
        }
        watch.set_loading(false);
        let judged = watch.judge(noted(7), at(20_000), at(20_000), || Some(process(20_000)));
        assert_eq!(judged, Some(Hang::Busy));
    }

    #[test]
    fn an_answered_tick_excuses() {
        let mut watch = Watch::new(HANG, at(0));
        for beat in 1..100 {
            let now = at(beat * 250);
            watch.answered(now);
            assert_eq!(watch.judge(noted(7), now, now, || None), None);
        }
    }

    #[test]
    fn reads_the_memory_file_and_the_process() {
        assert_eq!(
            parse_stat("17 (a ) b) R 1 2 3 4 5 6 7 8 9 10 30 12 0 0"),
            Some(Process {
                state: 'R',
                cpu_ticks: 42
            })
        );
        assert!(process(std::process::id()).is_some());
        let file = tempfile::tempfile().unwrap();
        assert_eq!(read(&file), Noted::default());
        file.write_all_at(&[6, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0], 0)
            .unwrap();
        let noted = read(&file);
        assert_eq!((noted.stream, noted.turns), (Some(StreamId(5)), 9));
    }
}
