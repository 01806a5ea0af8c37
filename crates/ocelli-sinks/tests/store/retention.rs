//! Files go when their time has passed, whatever the wall clock says, and nothing of them stays.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use ocelli_sinks::store::{Damage, RetentionClass, Store, StoreOptions};

use crate::stage::{
    DAY, HOUR_MS, HandClock, MINUTE_MS, START_MS, WEEK, at, event, event_files, everything,
    find_bytes, ids, open, options, runtime,
};

const HOUR: RetentionClass = RetentionClass { hours: 1 };

/// Minutes pass, and the store is told of each.
async fn run(store: &Store, clock: &HandClock, minutes: i64) -> Vec<String> {
    let mut expired = Vec::new();
    for _ in 0..minutes {
        clock.run(MINUTE_MS);
        let retained = store.retain(at(clock.now_ms())).await.unwrap();
        assert_eq!(retained.failed, Vec::<String>::new());
        expired.extend(retained.expired);
    }
    expired
}

/// One event under each of these numbers, filed now.
async fn put(store: &Store, class: RetentionClass, clock: &HandClock, number: u64) {
    let mut event = event("a", number, clock.now_ms());
    event.place = Some(format!("canary-{number}"));
    let appended = store.append(class, vec![event]).await.unwrap();
    assert_eq!(appended.stored, 1);
}

fn canaries(folder: &Path, number: u64) -> usize {
    find_bytes(folder, format!("canary-{number}").as_bytes())
}

#[test]
fn what_expired_is_neither_shown_nor_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        put(&store, DAY, &clock, 1).await;
        put(&store, HOUR, &clock, 2).await;
        assert_eq!(everything(&store).await.len(), 2);
        assert!(canaries(folder.path(), 1) > 0 && canaries(folder.path(), 2) > 0);

        // 08:30 + 1 h: the event of the hour is no longer shown; its file covers 08:00 to 09:00.
        assert_eq!(run(&store, &clock, 59).await, Vec::<String>::new());
        assert_eq!(everything(&store).await.len(), 2);
        assert_eq!(run(&store, &clock, 1).await, Vec::<String>::new());
        assert_eq!(everything(&store).await.len(), 1);
        assert!(
            canaries(folder.path(), 2) > 0,
            "the twin: it is still there"
        );
        let expired = run(&store, &clock, 30).await;
        assert_eq!(expired, ["events-1h-2026-11-24T08-0.db"]);
        assert_eq!(canaries(folder.path(), 2), 0);
        assert!(canaries(folder.path(), 1) > 0);

        // 10:00 of the first day; the other file covers 08:00 to 09:00 of it, too.
        assert_eq!(run(&store, &clock, 23 * 60 - 1).await, Vec::<String>::new());
        assert_eq!(run(&store, &clock, 1).await.len(), 1);
        assert_eq!(event_files(folder.path()), Vec::<String>::new());
        assert_eq!(canaries(folder.path(), 1), 0);
        assert_eq!(everything(&store).await, []);
        assert_eq!(store.status().files, 0);
        store.close().await;
        assert_eq!(canaries(folder.path(), 1), 0);
    });
}

#[test]
fn no_deleted_file_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        put(&store, HOUR, &clock, 1).await;
        assert_eq!(everything(&store).await.len(), 1);
        let open_files = |wanted: &str| {
            std::fs::read_dir("/proc/self/fd")
                .unwrap()
                .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
                .filter(|path| path.starts_with(folder.path()))
                .filter(|path| path.to_string_lossy().contains(wanted))
                .count()
        };
        assert!(open_files("events-1h") > 0, "the twin");
        run(&store, &clock, 120).await;
        assert_eq!(open_files("events-1h"), 0);
        store.close().await;
    });
}

#[test]
fn a_jump_ahead_deletes_nothing_until_it_has_lasted_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        put(&store, DAY, &clock, 1).await;
        run(&store, &clock, 5).await;
        clock.jump(1000 * HOUR_MS);
        assert_eq!(run(&store, &clock, 30).await, Vec::<String>::new());
        clock.jump(-1000 * HOUR_MS);
        assert_eq!(run(&store, &clock, 120).await, Vec::<String>::new());
        assert_eq!(everything(&store).await.len(), 1);

        clock.jump(1000 * HOUR_MS);
        assert_eq!(run(&store, &clock, 60).await, Vec::<String>::new());
        // Events made meanwhile are filed under the clock that people see, and live their time.
        put(&store, DAY, &clock, 2).await;
        let expired = run(&store, &clock, 2).await;
        assert_eq!(expired, ["events-24h-2026-11-24T08-0.db"]);
        assert_eq!(ids(&everything(&store).await).len(), 1);
        assert_eq!(run(&store, &clock, 22 * 60).await, Vec::<String>::new());
        assert_eq!(run(&store, &clock, 4 * 60).await.len(), 1);
        store.close().await;
    });
}

#[test]
fn a_jump_back_keeps_nothing_longer() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        put(&store, DAY, &clock, 1).await;
        clock.jump(-5000 * HOUR_MS);
        put(&store, DAY, &clock, 2).await;
        assert_eq!(
            run(&store, &clock, 24 * 60 + 29).await,
            Vec::<String>::new()
        );
        // 08:30 in a file that ends at 09:00; the other one began at 16:30 of another day.
        assert_eq!(run(&store, &clock, 2).await.len(), 2);
        assert_eq!(event_files(folder.path()), Vec::<String>::new());
        store.close().await;
    });
}

#[test]
fn time_counts_over_restarts_and_while_away() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let mut store = open(folder.path(), &clock);
        put(&store, DAY, &clock, 1).await;
        for _ in 0..6 {
            run(&store, &clock, 3 * 60).await;
            store.close().await;
            store = open(folder.path(), &clock);
        }
        assert_eq!(everything(&store).await.len(), 1, "18 hours");
        store.close().await;
        clock.run(30 * HOUR_MS);
        let store = open(folder.path(), &clock);
        // 48 hours by the wall clock alone: it is believed after an hour.
        put(&store, DAY, &clock, 2).await;
        assert_eq!(run(&store, &clock, 59).await, Vec::<String>::new());
        assert_eq!(run(&store, &clock, 2).await.len(), 1);
        assert_eq!(everything(&store).await.len(), 1);
        store.close().await;
    });
}

#[test]
fn the_oldest_go_when_the_quota_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let options = StoreOptions {
            bytes_max: Some(1 << 20),
            ..options(&clock)
        };
        let (store, _) = Store::open(folder.path(), options).unwrap();
        let mut over = Vec::new();
        let mut sent = Vec::new();
        for hour in 0..30 {
            let events: Vec<_> = (0..2000)
                .map(|number| event("a", hour * 2000 + number, clock.now_ms()))
                .collect();
            sent.extend(ids(&events));
            store.append(WEEK, events).await.unwrap();
            clock.run(HOUR_MS);
            let retained = store.retain(at(clock.now_ms())).await.unwrap();
            over.extend(retained.over_quota);
            // A file is begun at an eighth of the quota, and one batch may follow.
            assert!(store.status().bytes < 5 << 18, "{}", store.status().bytes);
        }
        // `events-168h-2026-11-24-` and the number of the part.
        let key = |name: &String| (name[..23].to_owned(), name.len(), name.clone());
        assert!(over.len() > 3 && over.is_sorted_by_key(key), "{over:?}");
        let left = ids(&everything(&store).await);
        assert!(!left.is_empty());
        assert_eq!(left, sent[sent.len() - left.len()..], "the newest stay");
        store.close().await;
        let small = StoreOptions {
            bytes_max: Some(1000),
            ..StoreOptions::default()
        };
        assert!(Store::open(folder.path(), small).is_err());
    });
}

#[test]
fn a_killed_removal_is_ended_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        put(&store, HOUR, &clock, 1).await;
        store.close().await;
        // What a kill between the note and the unlink leaves.
        let catalogue = rusqlite::Connection::open(folder.path().join("catalogue.db")).unwrap();
        let marked = mark_going(&catalogue);
        drop(catalogue);
        assert_eq!(marked, 1);
        let store = open(folder.path(), &clock);
        assert_eq!(everything(&store).await, [], "it is not shown any more");
        run(&store, &clock, 1).await;
        assert_eq!(event_files(folder.path()), Vec::<String>::new());
        store.close().await;
    });
}

/// Sets the mark of a removal, with the checksum that the row needs.
fn mark_going(catalogue: &rusqlite::Connection) -> usize {
    let (name, created, expires, sum, bytes): (String, i64, i64, u32, u64) = catalogue
        .query_row(
            "SELECT name, created, expires, seal_sum, seal_bytes FROM file",
            (),
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get::<_, i64>(4)? as u64,
                ))
            },
        )
        .unwrap();
    let damage: Option<String> = None;
    let seal = Some((sum, bytes));
    let text = format!("{name} {created} {expires} {seal:?} true {damage:?}");
    let row_sum = i64::from(crc32fast::hash(text.as_bytes()));
    catalogue
        .execute("UPDATE file SET going = 1, sum = ?1", [row_sum])
        .unwrap()
}

#[test]
fn a_lost_catalogue_is_made_anew_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        for number in 0..5 {
            put(&store, DAY, &clock, number).await;
            run(&store, &clock, 60).await;
        }
        let before = everything(&store).await;
        store.close().await;
        let path = folder.path().join("catalogue.db");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(5000);
        std::fs::write(&path, bytes).unwrap();
        // With a clock that is years ahead, too.
        clock.jump(40_000 * HOUR_MS);
        let (store, damage) = Store::open(folder.path(), options(&clock)).unwrap();
        let named: Vec<&str> = damage.iter().map(|Damage { file, .. }| &**file).collect();
        assert_eq!(named, ["catalogue.db"]);
        assert_eq!(everything(&store).await, before);
        let replayed = before.clone();
        let appended = store.append(DAY, replayed).await.unwrap();
        assert_eq!(appended.duplicates, before.len());
        assert_eq!(run(&store, &clock, 59).await, Vec::<String>::new());
        store.close().await;
    });
}

#[test]
fn an_event_of_1970_is_filed_under_now_and_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        let mut old = event("a", 1, 0);
        old.time = "1970-01-01T00:00:07Z".to_owned();
        let future = event("a", 2, START_MS + 2 * HOUR_MS);
        let batch = vec![old.clone(), future.clone(), old.clone()];
        let appended = store.append(DAY, batch.clone()).await.unwrap();
        assert_eq!((appended.stored, appended.duplicates), (2, 1));
        assert_eq!(everything(&store).await, [old.clone(), future.clone()]);
        // Two hours later the second one is filed under its own time, as far as anybody can see.
        run(&store, &clock, 120).await;
        let appended = store.append(DAY, batch).await.unwrap();
        assert_eq!((appended.stored, appended.duplicates), (0, 3));
        let both: BTreeSet<String> = ids(&everything(&store).await).into_iter().collect();
        assert_eq!(both.len(), 2);
        store.close().await;
        drop(Arc::clone(&clock));
    });
}
