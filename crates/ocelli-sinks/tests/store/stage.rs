//! A clock turned by hand, made-up events, and a store in a folder of its own.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    },
};

use ocelli_core::{EventKind, EventRecord, Label, MonoTime, Tag, WallSource, WallTime};
use ocelli_sinks::store::{
    Clock, EventPage, EventQuery, Order, PAGE_MAX, Positions, RetentionClass, Store, StoreOptions,
};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
/// 2026-11-24T08:30:00Z.
pub(crate) const START_MS: i64 = 1_795_509_000_000;
pub(crate) const WEEK: RetentionClass = RetentionClass { hours: 168 };
pub(crate) const DAY: RetentionClass = RetentionClass { hours: 24 };

/// A wall clock and a running clock that only move when told to.
pub(crate) struct HandClock {
    wall_ms: AtomicI64,
    running_ms: AtomicU64,
}

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            wall_ms: AtomicI64::new(START_MS),
            running_ms: AtomicU64::new(1000),
        })
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.wall_ms.load(SeqCst)
    }

    /// Time passes.
    pub(crate) fn run(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, SeqCst);
        self.running_ms.fetch_add(ms as u64, SeqCst);
    }

    /// Somebody sets the wall clock.
    pub(crate) fn jump(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, SeqCst);
    }
}

impl Clock for HandClock {
    fn wall(&self) -> WallTime {
        at(self.now_ms())
    }

    fn running(&self) -> MonoTime {
        MonoTime {
            micros: self.running_ms.load(SeqCst) * 1000,
        }
    }
}

pub(crate) fn at(ms: i64) -> WallTime {
    WallTime { micros: ms * 1000 }
}

pub(crate) fn options(clock: &Arc<HandClock>) -> StoreOptions {
    StoreOptions {
        positions: Positions::Exact,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        ..StoreOptions::default()
    }
}

/// Opens a store that has no damage.
pub(crate) fn open(folder: &Path, clock: &Arc<HandClock>) -> Store {
    let (store, damage) = Store::open(folder, options(clock)).unwrap();
    assert_eq!(damage, []);
    store
}

/// An event whose fields all follow from its number.
pub(crate) fn event(stream: &str, number: u64, at_ms: i64) -> EventRecord {
    let kind = EventKind::ALL[number as usize % EventKind::ALL.len()];
    let label = Label::ALL[number as usize % Label::ALL.len()];
    let mix = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    EventRecord {
        id: format!("{:016x}-{number:x}", 0x0123_4567_89ab_cdef_u64),
        stream: stream.to_owned(),
        kind,
        tag: Some(Tag(mix).to_string()),
        label: (!number.is_multiple_of(7)).then_some(label),
        score: (mix % 1001) as f32 / 1000.0,
        bbox: [0.1, 0.2, 0.25, 0.5],
        time: at(at_ms).to_rfc3339(),
        time_source: WallSource::Receive,
        media_secs: at_ms.rem_euclid(HOUR_MS) as f64 / 1e3,
        coverage: 1.0,
        rule: number
            .is_multiple_of(3)
            .then(|| format!("rule-{}", number % 5)),
        place: number
            .is_multiple_of(3)
            .then(|| format!("place-{}", number % 4)),
        reason: None,
        direction: None,
        dwell_secs: number.is_multiple_of(4).then_some(12.34),
        speed_kmh: None,
        count: None,
        count_out: None,
        appeared_inside: false,
    }
}

/// All pages of an answer, one after the other.
pub(crate) async fn all(store: &Store, query: EventQuery) -> (Vec<EventRecord>, Vec<String>) {
    let mut events = Vec::new();
    let mut damaged = Vec::new();
    let mut query = query;
    loop {
        let EventPage {
            events: page,
            next,
            damaged: named,
        } = store.query(query.clone()).await.unwrap();
        assert!(page.len() <= query.limit);
        assert!(next.is_none() || page.len() == query.limit);
        events.extend(page);
        damaged.extend(named);
        if next.is_none() {
            damaged.sort();
            damaged.dedup();
            return (events, damaged);
        }
        // As text, as it comes back from outside.
        query.after = next.map(|cursor| cursor.to_string().parse().unwrap());
    }
}

/// Everything that the store shows, oldest first.
pub(crate) async fn everything(store: &Store) -> Vec<EventRecord> {
    let query = EventQuery {
        order: Order::OldestFirst,
        limit: PAGE_MAX,
        ..EventQuery::default()
    };
    let (events, damaged) = all(store, query).await;
    assert_eq!(damaged, Vec::<String>::new());
    events
}

/// Names of the store's event files, with what SQLite keeps beside them.
pub(crate) fn event_files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("events-"))
        .collect();
    names.sort();
    names
}

/// How often some bytes stand in the files of a folder.
pub(crate) fn find_bytes(folder: &Path, wanted: &[u8]) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            // One that goes meanwhile holds nothing.
            let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
            bytes
                .windows(wanted.len())
                .filter(|part| *part == wanted)
                .count()
        })
        .sum()
}

pub(crate) fn ids(events: &[EventRecord]) -> Vec<String> {
    events.iter().map(|event| event.id.clone()).collect()
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Numbers that look random (Steele, Lea and Flood: `SplitMix64`), the same for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mix = self.0;
        mix = (mix ^ (mix >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mix = (mix ^ (mix >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mix ^ (mix >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// How often something random is tried: more in the long run (`OCELLI_TEST_LONG=1`).
pub(crate) fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("OCELLI_TEST_LONG").is_some() {
        long
    } else {
        short
    }
}

/// This test program, told to run one of its tests again with a folder to work in.
pub(crate) fn this_program(test: &str, folder: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(AGAIN, folder);
    command
}

/// The folder that [`this_program`] was given, in the process that it started.
pub(crate) fn told_folder() -> Option<std::path::PathBuf> {
    std::env::var_os(AGAIN).map(Into::into)
}

const AGAIN: &str = "OCELLI_STORE_TEST_FOLDER";
