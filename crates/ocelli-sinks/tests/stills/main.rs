//! Stills are closed, age with their events, and are destroyed for good.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

#[path = "../store/stage.rs"]
#[expect(dead_code, reason = "the store's tests take the rest of it")]
mod stage;

use std::{path::Path, sync::Arc};

use ocelli_core::{EventRecord, Tag, WallTime};
use ocelli_sinks::{
    stills::{StillOptions, Stills},
    store::{RetentionClass, Store, StoreError},
};
use stage::{
    DAY, HOUR_MS, HandClock, MINUTE_MS, START_MS, WEEK, at, event, find_bytes, open, runtime,
};

const CANARY: &[u8] = b"a canary in the pixels of a still";

fn jpeg() -> Vec<u8> {
    [&[0xFF, 0xD8, 0xFF], CANARY, &[7; 2000], &[0xFF, 0xD9]].concat()
}

fn tag_of(event: &EventRecord) -> Tag {
    event.tag.as_deref().unwrap().parse().unwrap()
}

struct Kept {
    store: Store,
    stills: Stills,
    clock: Arc<HandClock>,
}

fn kept(folder: &Path) -> Kept {
    let clock = HandClock::new();
    let options = StillOptions {
        clock: Arc::clone(&clock) as _,
        ..StillOptions::default()
    };
    let (stills, damage) = Stills::open(&folder.join("stills"), options).unwrap();
    assert!(damage.is_empty(), "{damage:?}");
    let store = open(&folder.join("events"), &clock);
    Kept {
        store,
        stills,
        clock,
    }
}

impl Kept {
    /// An event and the still of its tag.
    async fn put(&self, class: RetentionClass, stream: &str, number: u64, ms: i64) -> Tag {
        let event = event(stream, number, ms);
        let tag = tag_of(&event);
        self.store.append(class, vec![event]).await.unwrap();
        let put = self.stills.put(class, stream, tag, at(ms), jpeg()).await;
        assert!(put.unwrap());
        tag
    }

    async fn retain(&self) -> Vec<String> {
        self.store.retain(at(self.clock.now_ms())).await.unwrap();
        let retained = self.stills.retain(&self.store).await.unwrap();
        assert!(retained.failed.is_empty());
        retained.gone
    }
}

/// The keys of all stills: bytes 24 to 56 of each slot.
fn keys(folder: &Path) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(folder.join("stills")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path().join("keys")).unwrap();
        keys.extend(bytes.chunks(128).map(|slot| slot[24..56].to_vec()));
    }
    keys
}

/// How often a byte string stands in the files of the stills.
fn found(folder: &Path, needle: &[u8]) -> usize {
    let mut found = 0;
    for entry in std::fs::read_dir(folder.join("stills")).unwrap() {
        found += find_bytes(&entry.unwrap().path(), needle);
    }
    found
}

#[test]
fn a_still_comes_back_whole_once_and_closed_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let kept = kept(folder.path());
        let tag = kept.put(WEEK, "door", 1, START_MS).await;
        let again = kept.stills.put(WEEK, "door", tag, at(START_MS), jpeg());
        assert!(!again.await.unwrap(), "a replay is the same still");
        assert_eq!(kept.stills.get("door", tag).await.unwrap(), Some(jpeg()));
        assert_eq!(kept.stills.get("yard", tag).await.unwrap(), None);
        assert_eq!(kept.stills.get("door", Tag(1)).await.unwrap(), None);
        assert_eq!(found(folder.path(), CANARY), 0);
        assert_eq!(found(folder.path(), &keys(folder.path())[0]), 1, "the twin");
        // After a restart.
        let (again, damage) =
            Stills::open(&folder.path().join("stills"), StillOptions::default()).unwrap();
        assert!(damage.is_empty());
        assert_eq!(again.get("door", tag).await.unwrap(), Some(jpeg()));
        kept.store.close().await;
    });
}

#[test]
fn stills_go_with_the_events_of_their_class_and_no_key_is_left() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let kept = kept(folder.path());
        let short = kept.put(DAY, "door", 1, START_MS).await;
        let long = kept.put(WEEK, "door", 2, START_MS).await;
        let before = keys(folder.path());
        let ciphertext = folder.path().join("stills/24h-2026-11-24T08/000000.still");
        let saved = std::fs::read(&ciphertext).unwrap();
        for _ in 0..20 {
            kept.clock.run(HOUR_MS);
            assert!(kept.retain().await.is_empty());
        }
        assert_eq!(kept.stills.get("door", short).await.unwrap(), Some(jpeg()));
        for _ in 0..6 {
            kept.clock.run(HOUR_MS);
            kept.retain().await;
        }
        assert_eq!(kept.stills.get("door", short).await.unwrap(), None);
        assert_eq!(kept.stills.get("door", long).await.unwrap(), Some(jpeg()));
        assert!(!ciphertext.exists());
        let left = before.iter().filter(|key| found(folder.path(), key) > 0);
        assert_eq!(left.count(), 1, "that of the other class");
        assert_eq!(find_bytes(folder.path(), &saved), 0);
        // The twin: with its key the saved ciphertext would open, without it it is noise.
        assert!(saved.len() > jpeg().len() && !saved.windows(33).any(|bytes| bytes == CANARY));
        kept.store.close().await;
    });
}

#[test]
fn a_forward_jump_of_the_clock_destroys_nothing() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let kept = kept(folder.path());
        let tag = kept.put(DAY, "door", 1, START_MS).await;
        kept.clock.jump(400 * 24 * HOUR_MS);
        kept.clock.run(MINUTE_MS);
        assert!(kept.retain().await.is_empty());
        assert_eq!(kept.stills.get("door", tag).await.unwrap(), Some(jpeg()));
        kept.store.close().await;
    });
}

#[test]
fn an_erased_stretch_is_destroyed_and_proved() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let kept = kept(folder.path());
        let mut tags = Vec::new();
        for number in 0..40_u64 {
            let stream = if number % 2 == 0 { "door" } else { "yard" };
            let ms = START_MS - number as i64 * MINUTE_MS;
            tags.push((stream, kept.put(WEEK, stream, number, ms).await, ms));
        }
        let before = keys(folder.path());
        let (from, to) = (START_MS - 30 * MINUTE_MS, START_MS - 10 * MINUTE_MS);
        let erased = kept.stills.erase("door", at(from), at(to)).await.unwrap();
        assert_eq!(erased.stills, 10);
        assert_eq!(erased.found, 0);
        assert!(erased.searched_bytes > 30 * 2000);
        let left = before.iter().filter(|key| found(folder.path(), key) > 0);
        assert_eq!(left.count(), 30);
        for (stream, tag, ms) in &tags {
            let goes = *stream == "door" && (from..to).contains(ms);
            let still = kept.stills.get(stream, *tag).await.unwrap();
            assert_eq!(still.is_none(), goes, "{stream} {ms}");
        }
        // A number is not used again, and what is left opens after a restart.
        let late = kept.put(WEEK, "door", 99, START_MS).await;
        let (again, _) =
            Stills::open(&folder.path().join("stills"), StillOptions::default()).unwrap();
        assert_eq!(again.get("door", late).await.unwrap(), Some(jpeg()));
        assert_eq!(again.get("yard", tags[1].1).await.unwrap(), Some(jpeg()));
        let refused = kept.stills.erase("door", at(to), at(from)).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))));
        kept.store.close().await;
    });
}

#[test]
fn what_was_changed_is_named_and_never_served() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let kept = kept(folder.path());
        let first = kept.put(WEEK, "door", 1, START_MS).await;
        let second = kept.put(WEEK, "door", 2, START_MS).await;
        let period = folder.path().join("stills/168h-2026-11-24");
        let path = period.join("000000.still");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[500] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let read = kept.stills.get("door", first).await;
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
        // One still under the name of another.
        std::fs::copy(period.join("000001.still"), &path).unwrap();
        assert!(kept.stills.get("door", first).await.is_err());
        assert!(kept.stills.get("door", second).await.is_ok());
        let mut keys = std::fs::read(period.join("keys")).unwrap();
        keys[128 + 30] ^= 1;
        std::fs::write(period.join("keys"), &keys).unwrap();
        assert!(kept.stills.get("door", second).await.is_err());
        let (_, damage) =
            Stills::open(&folder.path().join("stills"), StillOptions::default()).unwrap();
        assert_eq!(damage.len(), 1, "{damage:?}");
        kept.store.close().await;
    });
}

#[test]
fn the_oldest_periods_go_beyond_the_quota() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let clock = HandClock::new();
        let options = StillOptions {
            bytes_max: 5000,
            clock: Arc::clone(&clock) as _,
        };
        let (stills, _) = Stills::open(&folder.path().join("stills"), options).unwrap();
        let store = open(&folder.path().join("events"), &clock);
        let kept = Kept {
            store,
            stills,
            clock,
        };
        for day in 0..3 {
            kept.put(WEEK, "door", day, kept.clock.now_ms()).await;
            kept.clock.run(24 * HOUR_MS);
        }
        assert_eq!(kept.retain().await, ["168h-2026-11-24"]);
        kept.store.close().await;
    });
}

#[test]
fn an_event_is_found_by_its_id_while_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let kept = kept(folder.path());
        let events: Vec<EventRecord> = (0..300)
            .map(|number| event("door", number, START_MS - number as i64 * MINUTE_MS))
            .collect();
        kept.store.append(DAY, events.clone()).await.unwrap();
        for wanted in [&events[0], &events[299]] {
            let found = kept.store.find(&wanted.id).await.unwrap();
            assert_eq!(found.as_ref(), Some(wanted));
        }
        for nothing in [
            "",
            "-",
            "0123456789abcdef-ffff",
            "x-1",
            "1-1",
            "00000000000000001-1",
        ] {
            assert_eq!(kept.store.find(nothing).await.unwrap(), None, "{nothing}");
        }
        kept.clock.run(23 * HOUR_MS);
        kept.retain().await;
        let gone = kept.store.find(&events[299].id).await.unwrap();
        assert_eq!(gone, None, "its time has passed");
        assert!(kept.store.find(&events[0].id).await.unwrap().is_some());
        kept.store.close().await;
    });
}

#[test]
fn what_cannot_be_a_still_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let kept = kept(folder.path());
        let put = |class, stream: &'static str, bytes| {
            let stills = kept.stills.clone();
            async move {
                let at = WallTime::default();
                stills.put(class, stream, Tag(1), at, vec![0; bytes]).await
            }
        };
        let long = "x".repeat(65).leak();
        for (class, stream, bytes) in [
            (RetentionClass { hours: 0 }, "door", 10),
            (DAY, long, 10),
            (DAY, "", 10),
            (DAY, "door", 600_000),
        ] {
            let refused = put(class, stream, bytes).await;
            assert!(matches!(refused, Err(StoreError::Invalid(_))));
        }
        assert!(put(DAY, "door", 10).await.unwrap());
        kept.store.close().await;
    });
}
