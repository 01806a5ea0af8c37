//! Nineteen twentieths of an eye's CPU time taken away and then given back, under the whole program.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use super::*;
use crate::{
    faulty::{cameras, looks, resident_kb, watch},
    live::wait_until,
    running::{Access, children},
};

const STREAMS: usize = 8;
/// Resident memory that the eye's shortage may cost the parent.
const MEMORY_KB_MAX: u64 = 50_000;

/// Stops the process nineteen twentieths of the time, far shorter than what counts as hung.
struct Hog {
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Hog {
    fn on(pid: u32) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
        let signal = move |signal| rustix::process::kill_process(pid, signal).unwrap();
        let stops = move || {
            while !seen.load(Relaxed) {
                signal(rustix::process::Signal::STOP);
                thread::sleep(Duration::from_millis(190));
                signal(rustix::process::Signal::CONT);
                thread::sleep(Duration::from_millis(10));
            }
        };
        let thread = thread::Builder::new().name("hog".into()).spawn(stops);
        Self {
            ended,
            thread: Some(thread.unwrap()),
        }
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The least coverage of all streams, in hundredths.
fn least_coverage(access: &Access) -> u64 {
    let text = access.metrics();
    (0..STREAMS)
        .map(|stream| {
            let name = format!("ocelli_stream_coverage_ratio{{stream=\"s{stream}\"}} ");
            let value = text.lines().find_map(|line| line.strip_prefix(&name));
            value.map_or(0, |value| (value.parse::<f64>().unwrap() * 100.0) as u64)
        })
        .min()
        .unwrap()
}

#[test]
fn an_eye_without_cpu_time_sheds_and_recovers() {
    let Some(clip) = clip("an_eye_without_cpu_time_sheds_and_recovers") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (_cameras, port) = cameras(&clip, 0, &[]);
    let (running, access) = watch(dir.path(), port, STREAMS);
    wait_until("all are covered", || least_coverage(&access) >= 90);
    let memory_kb = resident_kb(running.0.id());
    let eyes = children(running.0.id());
    assert_eq!(eyes.len(), 1, "{eyes:?}");

    let hog = Hog::on(eyes[0]);
    wait_until("coverage falls", || least_coverage(&access) < 60);
    // It goes on working, on each stream.
    let before: Vec<u64> = (0..STREAMS).map(|stream| looks(&access, stream)).collect();
    wait_until("no stream starves", || {
        (0..STREAMS).all(|stream| looks(&access, stream) > before[stream] + 3)
    });
    let now_kb = resident_kb(running.0.id());
    assert!(
        now_kb < memory_kb + MEMORY_KB_MAX,
        "{memory_kb} kB before, {now_kb} kB now"
    );
    drop(hog);

    wait_until("coverage returns", || least_coverage(&access) >= 90);
    // Short of time is not hung: nobody was killed for it.
    assert_eq!(access.metric("ocelli_eye_starts_total"), 1);
    assert_eq!(children(running.0.id()), eyes);
}
