//! The store against a list in memory: whatever is appended, in whatever order and however often,
//! each query gives what the list gives.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ocelli_core::{Direction, EventKind, EventRecord, GoneReason, Label, Tag, WallSource};
use ocelli_sinks::store::{
    Appended, CountQuery, EventQuery, Order, Positions, RetentionClass, SplitBy, Store,
};
use proptest::{option, prelude::*, sample::select};

use crate::stage::{
    DAY, HOUR_MS, HandClock, MINUTE_MS, START_MS, WEEK, all, at, event, everything, open, options,
    runtime,
};

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        (0_u32..=1000).prop_map(|steps| (f64::from(steps) / 1e3) as f32),
        (0_u32..=10_000).prop_map(|steps| (f64::from(steps) / 1e4) as f32),
        -1e30_f32..1e30,
    ]
}

/// Times around now, mostly within what is kept.
fn time() -> impl Strategy<Value = (i64, bool)> {
    let near = (-3 * 24 * 60..50_i64).prop_map(|minutes| START_MS + minutes * MINUTE_MS);
    let crowded = (0..20_i64).prop_map(|ms| START_MS + ms);
    let absurd = select(vec![0, START_MS - 400 * 24 * HOUR_MS, START_MS * 2]);
    let fraction = any::<bool>();
    (prop_oneof![6 => near, 3 => crowded, 1 => absurd], fraction)
}

prop_compose! {
    fn events()(
        (stream, epoch) in (select(vec!["a", "b", "lobby/ü"]), 0_u64..3),
        (at_ms, odd_time) in time(),
        (kind, label) in (select(EventKind::ALL.to_vec()), option::of(select(Label::ALL.to_vec()))),
        tag in option::of(prop_oneof![
            any::<u64>().prop_map(|tag| Tag(tag).to_string()),
            (0_u64..3).prop_map(|tag| Tag(tag).to_string()),
            select(vec!["odd".to_owned(), String::new()]),
        ]),
        (score, coverage, bbox) in (number(), number(), proptest::array::uniform4(number())),
        (camera, media_secs) in (any::<bool>(), -1e9_f64..1e9),
        (rule, place) in (option::of(select(vec!["r", "both"])), option::of(select(vec!["p", "both"]))),
        (left, direction) in (any::<bool>(), option::of(any::<bool>())),
        (dwell_secs, speed_kmh) in (option::of(number()), option::of(number())),
        (count, count_out) in (option::of(any::<u32>()), option::of(any::<u32>())),
        appeared_inside in any::<bool>(),
    ) -> EventRecord {
        let time = if odd_time {
            at(at_ms).to_rfc3339().replace('Z', "+00:00")
        } else {
            at(at_ms).to_rfc3339()
        };
        EventRecord {
            id: format!("{epoch:016x}-"),
            stream: stream.to_owned(),
            kind, tag, label, score, bbox, time, media_secs, coverage,
            time_source: if camera { WallSource::Camera } else { WallSource::Receive },
            rule: rule.map(str::to_owned),
            place: place.map(str::to_owned),
            reason: left.then_some(GoneReason::Left),
            direction: direction.map(|right| if right { Direction::Right } else { Direction::Left }),
            dwell_secs, speed_kmh, count, count_out, appeared_inside,
        }
    }
}

/// What the store is to hold: when each event is filed, and the event.
#[derive(Default)]
struct Model {
    events: BTreeMap<(i64, String, String), EventRecord>,
    ids: BTreeSet<String>,
}

impl Model {
    /// Whether it is new.
    fn append(&mut self, class: RetentionClass, event: &EventRecord, now_ms: i64) -> bool {
        if !self.ids.insert(event.id.clone()) {
            return false;
        }
        let own = event.wall().unwrap().micros.div_euclid(1000);
        let kept = own > now_ms - i64::from(class.hours) * HOUR_MS && own <= now_ms + HOUR_MS;
        let filed = if kept { own } else { now_ms };
        let (epoch, number) = event.id.split_once('-').unwrap();
        let id = format!("{epoch}{number:0>16}");
        let key = (filed, event.stream.clone(), id);
        self.events.insert(key, event.clone());
        true
    }

    fn query(&self, query: &EventQuery) -> Vec<EventRecord> {
        let from = query.from.map_or(i64::MIN, |time| time.micros / 1000);
        let to = query.to.map_or(i64::MAX, |time| time.micros / 1000);
        let takes = |event: &EventRecord| {
            (query.streams.is_empty() || query.streams.contains(&event.stream))
                && (query.kinds.is_empty() || query.kinds.contains(&event.kind))
                && (query.labels.is_empty()
                    || event
                        .label
                        .is_some_and(|label| query.labels.contains(&label)))
                && (query.tag.is_none() || query.tag == event.tag)
                && (query.rule.is_none() || query.rule == event.rule)
                && (query.place.is_none() || query.place == event.place)
        };
        let mut events: Vec<EventRecord> = self
            .events
            .iter()
            .filter(|((filed, ..), event)| (from..to).contains(filed) && takes(event))
            .map(|(_, event)| event.clone())
            .collect();
        if query.order == Order::NewestFirst {
            events.reverse();
        }
        events
    }
}

prop_compose! {
    fn queries(tags: Vec<String>)(
        streams in proptest::collection::vec(select(vec!["a", "b", "lobby/ü", "none"]), 0..3),
        kinds in proptest::collection::vec(select(EventKind::ALL.to_vec()), 0..4),
        labels in proptest::collection::vec(select(Label::ALL.to_vec()), 0..4),
        tag in option::weighted(0.2, select(tags)),
        rule in option::weighted(0.2, select(vec!["r", "both", "none"])),
        place in option::weighted(0.2, select(vec!["p", "both", "none"])),
        from in option::of(-4000..100_i64),
        to in option::of(-4000..100_i64),
        oldest: bool,
        limit in 1_usize..30,
    ) -> EventQuery {
        EventQuery {
            streams: streams.into_iter().map(str::to_owned).collect(),
            kinds, labels, tag,
            rule: rule.map(str::to_owned),
            place: place.map(str::to_owned),
            from: from.map(|minutes| at(START_MS + minutes * MINUTE_MS)),
            to: to.map(|minutes| at(START_MS + minutes * MINUTE_MS)),
            order: if oldest { Order::OldestFirst } else { Order::NewestFirst },
            limit,
            after: None,
        }
    }
}

async fn append(store: &Store, model: &mut Model, class: RetentionClass, batch: &[EventRecord]) {
    let new = batch
        .iter()
        .filter(|event| model.append(class, event, START_MS))
        .count();
    let appended = store.append(class, batch.to_vec()).await.unwrap();
    let expected = Appended {
        stored: new,
        duplicates: batch.len() - new,
        refused: vec![],
    };
    assert_eq!(appended, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_store_is_as_good_as_a_list(
        events in proptest::collection::vec((events(), any::<bool>(), any::<bool>()), 1..120),
        batch in 1_usize..20,
        queries in proptest::collection::vec(queries(vec![
            "odd".to_owned(), String::new(), Tag(0).to_string(), Tag(1).to_string(),
        ]), 12),
        restart: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let clock = HandClock::new();
        runtime().block_on(async {
            let mut store = open(folder.path(), &clock);
            let mut model = Model::default();
            let mut numbered: Vec<(EventRecord, RetentionClass, bool)> = Vec::new();
            for (number, (mut event, week, again)) in events.into_iter().enumerate() {
                event.id = format!("{}{number:x}", event.id);
                numbered.push((event, if week { WEEK } else { DAY }, again));
            }
            for class in [WEEK, DAY] {
                let of_class: Vec<EventRecord> = numbered
                    .iter()
                    .filter(|(_, of, _)| *of == class)
                    .map(|(event, ..)| event.clone())
                    .collect();
                for batch in of_class.chunks(batch) {
                    append(&store, &mut model, class, batch).await;
                }
            }
            if restart {
                store.close().await;
                store = open(folder.path(), &clock);
            }
            // A replay, also after the stream changed to another class.
            let again: Vec<EventRecord> = numbered
                .iter()
                .filter(|(.., again)| *again)
                .map(|(event, ..)| event.clone())
                .collect();
            for class in [DAY, WEEK] {
                append(&store, &mut model, class, &again).await;
            }
            for query in queries {
                let (found, damaged) = all(&store, query.clone()).await;
                assert_eq!(found, model.query(&query), "{query:?}");
                assert_eq!(damaged, Vec::<String>::new());
            }
            check_counts(&store, &model).await;
            store.close().await;
        });
    }
}

/// Counts agree with the list, whether tallies or rows tell them.
async fn check_counts(store: &Store, model: &Model) {
    for (bucket_secs, from, to) in [
        (3600, START_MS - 72 * HOUR_MS, START_MS + HOUR_MS),
        (300, START_MS - 13 * HOUR_MS - 1234, START_MS + 7),
        (7, START_MS - MINUTE_MS, START_MS + MINUTE_MS),
    ] {
        let by = SplitBy {
            stream: true,
            kind: true,
            label: true,
            place: true,
            direction: true,
        };
        let query = CountQuery {
            streams: vec!["a".to_owned(), "b".to_owned()],
            kinds: vec![],
            labels: vec![],
            rule: None,
            place: None,
            from: at(from),
            to: at(to),
            bucket_secs,
            by,
        };
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for ((filed, ..), event) in &model.events {
            if (from..to).contains(filed) && event.stream != "lobby/ü" {
                let bucket = i64::from(bucket_secs) * 1000;
                let start = at(filed.div_euclid(bucket) * bucket);
                let group = (
                    start,
                    Some(&event.stream),
                    Some(event.kind),
                    event.label,
                    &event.place,
                    event.direction,
                );
                *expected.entry(format!("{group:?}")).or_default() += 1;
            }
        }
        let counts = store.counts(query).await.unwrap();
        let found: BTreeMap<String, u64> = counts
            .buckets
            .iter()
            .map(|bucket| {
                let group = (
                    bucket.start,
                    bucket.stream.as_ref(),
                    bucket.kind,
                    bucket.label,
                    &bucket.place,
                    bucket.direction,
                );
                (format!("{group:?}"), bucket.events)
            })
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn pages_are_whole_while_events_come_and_files_go() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        // Old ones that will expire meanwhile, then those that stay.
        let old: Vec<EventRecord> = (0..300)
            .map(|number| event("a", number, START_MS - 23 * HOUR_MS + number as i64))
            .collect();
        let stay: Vec<EventRecord> = (1000..4000)
            .map(|number| {
                let stream = ["a", "b", "c"][number as usize % 3];
                event(stream, number, START_MS - (number as i64 % 300) * MINUTE_MS)
            })
            .collect();
        for batch in [&old, &stay] {
            store.append(DAY, batch.clone()).await.unwrap();
        }
        let ended = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let writing = tokio::spawn({
            let (store, clock, ended) = (store.clone(), Arc::clone(&clock), Arc::clone(&ended));
            async move {
                let mut number = 10_000;
                while !ended.load(std::sync::atomic::Ordering::SeqCst) {
                    let now = clock.now_ms();
                    // New ones, and late ones all over the day.
                    let batch = (number..number + 20)
                        .map(|number| {
                            event("b", number, now - (number as i64 % 50) * 7 * MINUTE_MS)
                        })
                        .collect();
                    number += 20;
                    store.append(DAY, batch).await.unwrap();
                    if clock.now_ms() < START_MS + 3 * HOUR_MS {
                        clock.run(MINUTE_MS);
                    }
                    store.retain(at(clock.now_ms())).await.unwrap();
                }
            }
        });
        let stayed: BTreeSet<String> = stay.iter().map(|event| event.id.clone()).collect();
        let mut round = 0;
        while round < 20 || clock.now_ms() < START_MS + 3 * HOUR_MS {
            let order = [Order::NewestFirst, Order::OldestFirst][round % 2];
            let query = EventQuery {
                order,
                limit: 37 + round % 100,
                ..EventQuery::default()
            };
            let (events, damaged) = all(&store, query).await;
            assert_eq!(damaged, Vec::<String>::new());
            let ids: BTreeSet<String> = events.iter().map(|event| event.id.clone()).collect();
            assert_eq!(ids.len(), events.len(), "none comes twice");
            assert!(stayed.is_subset(&ids), "none that stayed is left out");
            let mut sorted = events.clone();
            sorted.sort_by_key(EventRecord::wall);
            if order == Order::NewestFirst {
                sorted.reverse();
            }
            let times = |events: &[EventRecord]| -> Vec<String> {
                events.iter().map(|event| event.time.clone()).collect()
            };
            assert_eq!(times(&sorted), times(&events));
            round += 1;
        }
        ended.store(true, std::sync::atomic::Ordering::SeqCst);
        writing.await.unwrap();
        let left = everything(&store).await;
        let old: BTreeSet<String> = old.into_iter().map(|event| event.id).collect();
        assert!(left.iter().all(|event| !old.contains(&event.id)), "expired");
        store.close().await;
    });
}

#[test]
fn positions_are_kept_on_the_grid_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let mut options = options(&clock);
        options.positions = Positions::default();
        let (store, _) = Store::open(folder.path(), options).unwrap();
        let mut sent = event("a", 1, START_MS);
        sent.bbox = [0.1234, 0.4321, 0.0421, 0.2001];
        store.append(DAY, vec![sent.clone()]).await.unwrap();
        let kept = everything(&store).await;
        // 32 columns: 0.1234 is in column 3, 0.1655 in column 5; 18 rows: 7 to 11.
        sent.bbox = [0.0938, 0.3889, 0.0938, 0.2778];
        assert_eq!(kept, [sent]);
        store.close().await;
    });
}

#[test]
fn senseless_questions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    runtime().block_on(async {
        let store = open(folder.path(), &clock);
        let none = RetentionClass { hours: 0 };
        let refused = store.append(none, vec![event("a", 1, START_MS)]).await;
        assert!(refused.unwrap_err().to_string().contains("0 hours"));
        for limit in [0, 1001] {
            let query = EventQuery {
                limit,
                ..EventQuery::default()
            };
            let refused = store.query(query).await.unwrap_err().to_string();
            assert!(refused.contains("expected 1 to 1000"), "{refused}");
        }
        let mut odd = event("a", 2, START_MS);
        odd.score = f32::NAN;
        let batch = vec![odd, event("a", 3, START_MS)];
        let appended = store.append(DAY, batch).await.unwrap();
        assert_eq!(appended.stored, 1);
        assert_eq!(appended.refused.len(), 1);
        assert_eq!(store.status().refused, 1);
        assert!(Store::open(folder.path(), options(&clock)).is_err(), "busy");
        store.close().await;
        assert!(
            store
                .append(DAY, vec![event("a", 4, START_MS)])
                .await
                .is_err()
        );
    });
}
