//! Bytes on the disk change, or go: what is left is true, what is missing is named, and new events
//! are kept.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ocelli_core::EventRecord;
use ocelli_sinks::store::{EventQuery, PAGE_MAX, Store};

use crate::stage::{
    DAY, HOUR_MS, HandClock, Random, START_MS, WEEK, all, event, event_files, ids, open, options,
    rounds, runtime,
};

const LAST_BATCH: u64 = 50;

/// Two weeks' and a day's class, several streams, batch by batch; the last batch is the newest.
async fn fill(store: &Store) -> Vec<EventRecord> {
    let mut sent = Vec::new();
    for batch in 0..20_u64 {
        let events: Vec<EventRecord> = (0..LAST_BATCH)
            .map(|number| {
                let number = batch * LAST_BATCH + number;
                let stream = ["a", "b", "c"][number as usize % 3];
                event(
                    stream,
                    number,
                    START_MS - HOUR_MS / 2 + number as i64 * 1000,
                )
            })
            .collect();
        let class = if batch % 2 == 0 { WEEK } else { DAY };
        store.append(class, events.clone()).await.unwrap();
        sent.extend(events);
    }
    sent
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // SQLite makes it anew; a crash leaves it in whatever state.
        if !name.ends_with("-shm") {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Everything by pages in both orders of the clock; which files were named.
async fn look(store: &Store) -> (Vec<EventRecord>, Vec<String>) {
    let query = EventQuery {
        limit: PAGE_MAX,
        ..EventQuery::default()
    };
    all(store, query).await
}

struct Outcome {
    missing: Vec<String>,
    named: Vec<String>,
}

/// Opens what is left, and checks what holds whatever happened: nothing that was not sent, and new
/// events are kept beside it.
fn reopen(folder: &Path, clock: &Arc<HandClock>, sent: &[EventRecord]) -> Outcome {
    runtime().block_on(async {
        let (store, damage) = Store::open(folder, options(clock)).unwrap();
        let by_id: BTreeMap<&String, &EventRecord> =
            sent.iter().map(|event| (&event.id, event)).collect();
        let (found, mut named) = look(&store).await;
        for event in &found {
            assert_eq!(
                by_id.get(&event.id),
                Some(&event),
                "served what was not sent"
            );
        }
        named.extend(damage.into_iter().map(|damage| damage.file));
        for class in [DAY, WEEK] {
            let new: Vec<EventRecord> = (0..10)
                .map(|number| {
                    let number = 1_000_000 + u64::from(class.hours) * 100 + number;
                    event("new", number, START_MS)
                })
                .collect();
            let appended = store.append(class, new.clone()).await.unwrap();
            assert_eq!(appended.stored, new.len());
            let query = EventQuery {
                streams: vec!["new".to_owned()],
                ..EventQuery::default()
            };
            let kept = ids(&all(&store, query).await.0);
            assert!(ids(&new).iter().all(|id| kept.contains(id)));
        }
        named.extend(store.status().damage.into_iter().map(|damage| damage.file));
        store.close().await;
        let found = ids(&found);
        let missing = ids(sent).into_iter().filter(|id| !found.contains(id));
        Outcome {
            missing: missing.collect(),
            named,
        }
    })
}

/// A file with one flipped bit.
fn flip(path: &Path, random: &mut Random) -> u64 {
    let mut bytes = std::fs::read(path).unwrap();
    let at = random.below(bytes.len() as u64);
    bytes[at as usize] ^= 1 << random.below(8);
    std::fs::write(path, bytes).unwrap();
    at
}

fn pick(folder: &Path, random: &mut Random, takes: impl Fn(&str) -> bool) -> PathBuf {
    let names: Vec<String> = event_files(folder)
        .into_iter()
        .filter(|name| takes(name))
        .filter(|name| std::fs::metadata(folder.join(name)).unwrap().len() > 0)
        .collect();
    folder.join(&names[random.below(names.len() as u64) as usize])
}

fn is_db(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|suffix| suffix == "db")
}

fn db_name(path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.trim_end_matches("-wal").to_owned()
}

/// A store that was closed in order, and one as a kill leaves it.
fn originals(folder: &Path) -> (PathBuf, PathBuf, Vec<EventRecord>, Arc<HandClock>) {
    let clock = HandClock::new();
    let (open_folder, killed) = (folder.join("closed"), folder.join("killed"));
    let sent = runtime().block_on(async {
        let store = open(&open_folder, &clock);
        let sent = fill(&store).await;
        copy(&open_folder, &killed);
        store.close().await;
        sent
    });
    (open_folder, killed, sent, clock)
}

#[test]
fn undamaged_copies_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (closed, killed, sent, clock) = originals(folder.path());
    for original in [closed, killed] {
        let outcome = reopen(&original, &clock, &sent);
        assert_eq!(outcome.missing, Vec::<String>::new());
        assert_eq!(outcome.named, Vec::<String>::new());
    }
}

#[test]
fn one_flipped_bit_in_a_closed_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (closed, _, sent, clock) = originals(folder.path());
    let mut random = Random(1);
    for round in 0..rounds(40, 1000) {
        let copied = folder.path().join(round.to_string());
        copy(&closed, &copied);
        let path = pick(&copied, &mut random, is_db);
        let at = flip(&path, &mut random);
        let outcome = reopen(&copied, &clock, &sent);
        assert!(
            outcome.named.contains(&db_name(&path)),
            "byte {at} of {path:?}"
        );
        std::fs::remove_dir_all(copied).unwrap();
    }
}

#[test]
fn one_flipped_bit_after_a_kill_is_named_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let (_, killed, sent, clock) = originals(folder.path());
    let mut random = Random(2);
    let mut named = 0;
    for round in 0..rounds(60, 1000) {
        let copied = folder.path().join(round.to_string());
        copy(&killed, &copied);
        let path = pick(&copied, &mut random, |_| true);
        let at = flip(&path, &mut random);
        let outcome = reopen(&copied, &clock, &sent);
        let is_named = outcome.named.contains(&db_name(&path));
        named += usize::from(is_named);
        // The last commit of a log cannot be told from one that a power cut tore.
        let last =
            outcome.missing.len() as u64 <= LAST_BATCH && db_name(&path) != *path.to_str().unwrap();
        assert!(
            is_named || outcome.missing.is_empty() || last,
            "byte {at} of {path:?}: {} are missing",
            outcome.missing.len()
        );
        std::fs::remove_dir_all(copied).unwrap();
    }
    assert!(named > 10, "{named}");
}

#[test]
fn a_truncated_or_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (closed, killed, sent, clock) = originals(folder.path());
    let mut random = Random(3);
    for round in 0..rounds(30, 500) {
        let copied = folder.path().join(round.to_string());
        copy(if round % 2 == 0 { &closed } else { &killed }, &copied);
        let path = pick(&copied, &mut random, is_db);
        let length = std::fs::metadata(&path).unwrap().len();
        if round % 5 == 0 {
            std::fs::remove_file(&path).unwrap();
        } else {
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            let to = if round % 5 == 1 {
                0
            } else {
                random.below(length)
            };
            file.set_len(to).unwrap();
        }
        let outcome = reopen(&copied, &clock, &sent);
        // After a kill the log may hold all of it.
        let whole = round % 2 == 1 && outcome.missing.is_empty();
        assert!(
            whole || outcome.named.contains(&db_name(&path)),
            "round {round} {path:?}"
        );
        std::fs::remove_dir_all(copied).unwrap();
    }
}

#[test]
fn a_flipped_bit_under_an_open_store_never_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (closed, _, sent, clock) = originals(folder.path());
    let mut random = Random(4);
    let mut named_ever = 0;
    for round in 0..rounds(20, 500) {
        let copied = folder.path().join(round.to_string());
        copy(&closed, &copied);
        runtime().block_on(async {
            let (store, _) = Store::open(&copied, options(&clock)).unwrap();
            assert_eq!(look(&store).await.0.len(), sent.len());
            let path = pick(&copied, &mut random, is_db);
            flip(&path, &mut random);
            // Another one: what the first connections hold in memory is still true.
            let other = Store::open_to_read(&copied).unwrap();
            for store in [&store, &other] {
                let (found, named) = look(store).await;
                assert!(found.iter().all(|event| sent.contains(event)));
                assert!(found.len() == sent.len() || named.contains(&db_name(&path)));
                named_ever += usize::from(!named.is_empty());
            }
            store.close().await;
        });
        std::fs::remove_dir_all(copied).unwrap();
    }
    assert!(named_ever > 5, "{named_ever}");
}

#[test]
fn an_erasure_takes_a_damaged_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let (closed, _, sent, clock) = originals(folder.path());
    let mut random = Random(5);
    for round in 0..rounds(20, 300) {
        let copied = folder.path().join(round.to_string());
        copy(&closed, &copied);
        let path = pick(&copied, &mut random, is_db);
        flip(&path, &mut random);
        runtime().block_on(async {
            let (store, _) = Store::open(&copied, options(&clock)).unwrap();
            look(&store).await;
            let from = crate::stage::at(START_MS - 2 * HOUR_MS);
            let to = crate::stage::at(START_MS + HOUR_MS);
            let erased = store.erase("a", from, to).await.unwrap();
            assert_eq!(erased.found, 0);
            let (left, named) = look(&store).await;
            assert!(
                left.iter()
                    .all(|event| event.stream != "a" && sent.contains(event))
            );
            assert_eq!(named, Vec::<String>::new(), "what was damaged went");
            store.close().await;
        });
        std::fs::remove_dir_all(copied).unwrap();
    }
}
