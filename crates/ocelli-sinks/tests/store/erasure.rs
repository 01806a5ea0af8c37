//! What is erased is gone from every byte, and nothing else is.

use std::time::Duration;

use ocelli_core::Tag;
use ocelli_sinks::store::{Store, StoreError};

use crate::stage::{
    DAY, HOUR_MS, HandClock, MINUTE_MS, START_MS, WEEK, at, event, event_files, everything,
    find_bytes, ids, open, options, runtime,
};

/// Two streams, two classes, two days.
async fn fill(store: &Store) {
    for (class, base) in [(WEEK, 0), (DAY, 1_000_000)] {
        let span = if class == WEEK {
            30 * HOUR_MS
        } else {
            6 * HOUR_MS
        };
        let events = (0..2000_u64)
            .map(|number| {
                let stream = if number % 2 == 0 { "door" } else { "yard" };
                let at_ms = START_MS - span + number as i64 * span / 2000;
                event(stream, base + number, at_ms)
            })
            .collect();
        store.append(class, events).await.unwrap();
    }
}

#[test]
fn an_erased_stretch_is_gone_and_proved_gone() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        fill(&store).await;
        let mut canary = event("door", 5_000_000, START_MS - 2 * HOUR_MS);
        let tag = 0x7a11_0123_4567_89ab_u64;
        canary.tag = Some(Tag(tag).to_string());
        canary.place = Some("a place that only this event names".to_owned());
        store.append(WEEK, vec![canary.clone()]).await.unwrap();
        let before = everything(&store).await;
        let needles = [tag.to_be_bytes().to_vec(), b"only this event".to_vec()];
        for needle in &needles {
            assert!(find_bytes(folder.path(), needle) > 0, "the twin");
        }

        let (from, to) = (START_MS - 3 * HOUR_MS, START_MS - HOUR_MS);
        let goes = |event: &ocelli_core::EventRecord| {
            let at = event.wall().unwrap().micros / 1000;
            event.stream == "door" && (from..to).contains(&at)
        };
        let expected = before.iter().filter(|event| goes(event)).count() as u64;
        let counted = store.erasable("door", at(from), at(to)).await.unwrap();
        assert_eq!(counted, expected);
        assert_eq!(everything(&store).await, before, "counting takes nothing");
        let erased = store.erase("door", at(from), at(to)).await.unwrap();
        assert_eq!(erased.events, expected);
        assert!(erased.searched_for >= expected && erased.searched_bytes > 50_000);
        assert_eq!(erased.found, 0);
        assert!(erased.files.iter().all(|file| file.lost == 0));

        let left: Vec<_> = before.into_iter().filter(|event| !goes(event)).collect();
        assert_eq!(everything(&store).await, left);
        for needle in &needles {
            assert_eq!(find_bytes(folder.path(), needle), 0);
        }
        // The rest still takes part in everything.
        let again = store.append(WEEK, left.clone()).await.unwrap();
        assert_eq!(again.stored, 0);
        store.close().await;
        let store = open(folder.path(), &clock);
        assert_eq!(everything(&store).await, left);
        store.close().await;
    });
}

#[test]
fn a_whole_stream_leaves_not_even_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        fill(&store).await;
        assert!(find_bytes(folder.path(), b"yard") > 0, "the twin");
        let from = at(START_MS - 1000 * HOUR_MS);
        let to = at(START_MS + MINUTE_MS);
        let erased = store.erase("yard", from, to).await.unwrap();
        assert_eq!((erased.events, erased.found), (2000, 0));
        assert_eq!(find_bytes(folder.path(), b"yard"), 0);
        let erased = store.erase("door", from, to).await.unwrap();
        assert_eq!((erased.events, erased.found), (2000, 0));
        assert_eq!(event_files(folder.path()), Vec::<String>::new());
        store.close().await;
    });
}

#[test]
fn new_events_come_while_old_ones_are_erased() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        fill(&store).await;
        let before = everything(&store).await.len();
        let erasing = {
            let store = store.clone();
            tokio::spawn(async move {
                let from = at(START_MS - 1000 * HOUR_MS);
                store.erase("yard", from, at(START_MS)).await.unwrap()
            })
        };
        let mut sent = 0;
        while !erasing.is_finished() {
            let events = (0..10)
                .map(|number| event("yard", 7_000_000 + sent + number, START_MS))
                .collect();
            store.append(WEEK, events).await.unwrap();
            sent += 10;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let erased = erasing.await.unwrap();
        assert_eq!(erased.events, 2000);
        let left = everything(&store).await;
        assert_eq!(left.len(), before - 2000 + sent as usize);
        let replay = left.clone();
        let appended = store.append(WEEK, replay).await.unwrap();
        assert_eq!(appended.stored, 0);
        store.close().await;
    });
}

#[test]
fn senseless_erasures_are_refused_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        fill(&store).await;
        let before = everything(&store).await;
        for (stream, from, to, reason) in [
            ("yard", START_MS, START_MS + 2 * HOUR_MS, "future"),
            ("yard", START_MS, START_MS, "after it begins"),
            ("", START_MS - 5, START_MS, "name"),
        ] {
            let refused = store.erase(stream, at(from), at(to)).await.unwrap_err();
            assert!(matches!(refused, StoreError::Invalid(_)));
            assert!(refused.to_string().contains(reason), "{refused}");
        }
        let erased = store
            .erase("no such stream", at(0), at(START_MS))
            .await
            .unwrap();
        assert_eq!((erased.events, erased.files.len()), (0, 0));
        assert_eq!(ids(&everything(&store).await), ids(&before));
        store.close().await;
    });
}

#[test]
fn an_erasure_that_was_interrupted_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        fill(&store).await;
        store.close().await;
        // What a kill right after the note leaves.
        let catalogue = rusqlite::Connection::open(folder.path().join("catalogue.db")).unwrap();
        let note = ("yard", START_MS - 1000 * HOUR_MS, START_MS);
        catalogue
            .execute("INSERT INTO erasure VALUES (?1, ?2, ?3)", note)
            .unwrap();
        drop(catalogue);
        let half = folder.path().join("events-168h-2026-11-24-0.db.rewrite");
        std::fs::write(&half, b"half a file").unwrap();
        let (store, _) = Store::open(folder.path(), options(&clock)).unwrap();
        let mut waited = 0;
        while find_bytes(folder.path(), b"yard") > 0 {
            assert!(waited < 30_000, "it does not go on");
            tokio::time::sleep(Duration::from_millis(50)).await;
            waited += 50;
        }
        assert_eq!(everything(&store).await.len(), 2000);
        store.close().await;
        assert!(!half.exists());
    });
}
