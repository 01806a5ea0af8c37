//! A process that writes is killed at any moment: what it was told is kept is kept, once.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use ocelli_core::EventRecord;
use ocelli_sinks::store::{Clock as _, RetentionClass, Store, StoreOptions, SystemClock};

use crate::stage::{
    MINUTE_MS, Random, at, event, everything, rounds, runtime, this_program, told_folder,
};

const NAME: &str = "kill::what_was_acknowledged_survives_a_kill_and_comes_once";
const CLASS: RetentionClass = RetentionClass { hours: 24 };
const BASE: &str = "OCELLI_STORE_TEST_BASE_MS";
const FIRST: &str = "OCELLI_STORE_TEST_FIRST";

/// The event with a number: on one of three streams, somewhere in ten hours.
fn numbered(number: u64, base_ms: i64) -> EventRecord {
    let stream = ["a", "b", "c"][number as usize % 3];
    let minutes = (number.wrapping_mul(7919) % 600) as i64;
    let mut event = event(stream, number, base_ms - minutes * MINUTE_MS);
    // The box as the grid has it.
    event.bbox = [0.0938, 0.3889, 0.0938, 0.2778];
    event
}

fn from_env<T: std::str::FromStr>(name: &str) -> T {
    let text = std::env::var(name).unwrap();
    text.parse().ok().unwrap()
}

/// Writes until it is killed, and says what it does.
fn write_for_ever(folder: &Path) {
    let base_ms: i64 = from_env(BASE);
    let mut next: u64 = from_env(FIRST);
    let mut random = Random(next);
    // Ends the line that the test program began.
    say("");
    runtime().block_on(async {
        let (store, damage) = Store::open(folder, StoreOptions::default()).unwrap();
        assert_eq!(damage, []);
        loop {
            let end = next + 1 + random.below(60);
            let events = (next..end).map(|number| numbered(number, base_ms));
            say(&format!("try {next} {end}"));
            let appended = store.append(CLASS, events.collect()).await.unwrap();
            assert_eq!(appended.refused, []);
            say(&format!("ack {next} {end}"));
            if random.below(20) == 0 {
                store.retain(SystemClock.wall()).await.unwrap();
            }
            if random.below(50) == 0 {
                // Of a stream that is not there, and of one that is, where nothing was.
                let nothing = (at(base_ms - 700 * MINUTE_MS), at(base_ms - 601 * MINUTE_MS));
                store.erase("a", nothing.0, nothing.1).await.unwrap();
            }
            next = end;
        }
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// What a writer said until it was killed.
#[derive(Default)]
struct Said {
    tried: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
}

impl Said {
    fn listen(child: &mut Child) -> std::thread::JoinHandle<Self> {
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::Builder::new()
            .name("listen".to_owned())
            .spawn(move || {
                let mut said = Self::default();
                for line in out.lines().map_while(Result::ok) {
                    let words: Vec<&str> = line.split(' ').collect();
                    // A line that was cut by the kill says nothing.
                    if let [word, first, end] = words[..]
                        && let (Ok(first), Ok(end)) = (first.parse::<u64>(), end.parse::<u64>())
                    {
                        match word {
                            "try" => said.tried.extend(first..end),
                            "ack" => said.acknowledged.extend(first..end),
                            _ => {}
                        }
                    }
                }
                said
            })
            .unwrap()
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_comes_once() {
    if let Some(folder) = told_folder() {
        return write_for_ever(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let base_ms = SystemClock.wall().micros / 1000;
    let mut random = Random(base_ms as u64);
    println!("seed {base_ms}");
    let mut acknowledged = BTreeSet::new();
    let mut tried = BTreeSet::new();
    let mut next = 1;
    for round in 0..rounds(8, 200) {
        let mut child = this_program(NAME, folder.path())
            .env(BASE, base_ms.to_string())
            .env(FIRST, next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let listening = Said::listen(&mut child);
        std::thread::sleep(Duration::from_millis(30 + random.below(500)));
        child.kill().unwrap();
        child.wait().unwrap();
        let said = listening.join().unwrap();
        acknowledged.extend(said.acknowledged);
        tried.extend(said.tried);
        // The next writer begins with what this one may not have finished.
        next = acknowledged.last().copied().unwrap_or(0) + 1;
        check(
            folder.path(),
            base_ms,
            &tried,
            &acknowledged,
            round % 3 == 0,
        );
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
}

/// Everything acknowledged is there, as it was, once; and so it is after a replay of everything.
fn check(
    folder: &Path,
    base_ms: i64,
    tried: &BTreeSet<u64>,
    acknowledged: &BTreeSet<u64>,
    replay: bool,
) {
    runtime().block_on(async {
        let (store, damage) = Store::open(folder, StoreOptions::default()).unwrap();
        assert_eq!(damage, []);
        let found = everything(&store).await;
        let by_id: BTreeMap<String, &EventRecord> = found
            .iter()
            .map(|event| (event.id.clone(), event))
            .collect();
        assert_eq!(by_id.len(), found.len(), "none twice");
        for &number in acknowledged {
            let event = numbered(number, base_ms);
            assert_eq!(by_id.get(&event.id), Some(&&event), "{number} is lost");
        }
        let all: Vec<EventRecord> = tried
            .iter()
            .map(|&number| numbered(number, base_ms))
            .collect();
        let known: BTreeSet<&String> = all.iter().map(|event| &event.id).collect();
        assert!(by_id.keys().all(|id| known.contains(id)), "none made up");
        if replay {
            let mut stored = 0;
            for batch in all.chunks(5000) {
                stored += store.append(CLASS, batch.to_vec()).await.unwrap().stored;
            }
            assert_eq!(stored, all.len() - found.len());
            assert_eq!(everything(&store).await.len(), all.len());
        }
        store.close().await;
    });
}
