//! Events and counts that are stored.

use std::collections::BTreeSet;

use ocelli::access::Role;
use ocelli_core::{
    BBox, Direction, Event, EventDetail, EventId, EventKind, EventRecord, Label, MediaTime,
    StreamId, Tag, WallSource, WallTime,
};
use ocelli_sinks::store::RetentionClass;
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{self, Site, now, problem};

/// An event of a stream, so many seconds after the beginning.
pub(crate) fn event(stream: &str, number: u64, kind: EventKind, label: Label) -> EventRecord {
    let at = 10 * number as i64;
    let crossed = kind == EventKind::Crossed;
    let event = Event {
        id: EventId {
            epoch: stream.bytes().map(u64::from).sum(),
            number,
        },
        stream: StreamId(0),
        kind,
        tag: Some(Tag(number / 2)),
        label: Some(label),
        score: 0.5,
        bbox: BBox {
            x: 0.5,
            y: 0.5,
            w: 0.125,
            h: 0.25,
        },
        at: MediaTime::from_secs(at as f64),
        wall: WallTime {
            micros: now().micros - 3_600_000_000 + at * 1_000_000,
        },
        wall_source: WallSource::Receive,
        coverage: 1.0,
        detail: EventDetail {
            rule: crossed.then(|| "door".to_owned()),
            place: crossed.then(|| "door".to_owned()),
            direction: crossed.then_some(Direction::Right),
            ..EventDetail::default()
        },
    };
    EventRecord::new(&event, stream)
}

/// Stores 60 events on three streams: appeared and crossed in turn, persons and cars.
pub(crate) async fn store_some(site: &Site) {
    for stream in site::STREAMS {
        let events = (0..20).map(|number| {
            let kind = [EventKind::Appeared, EventKind::Crossed][number as usize % 2];
            let label = [Label::Person, Label::Car][number as usize / 2 % 2];
            event(stream, number, kind, label)
        });
        let class = RetentionClass { hours: 24 };
        let appended = site.store.append(class, events.collect()).await.unwrap();
        assert_eq!(appended.stored, 20);
    }
}

fn ids(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect()
}

/// All ids over all pages, and how many pages there were.
async fn walk(site: &Site, query: &str, token: &str) -> (Vec<String>, usize) {
    let mut all = Vec::new();
    let mut after = String::new();
    for pages in 1.. {
        let page = site
            .get_as(&format!("/api/v1/events?{query}{after}"), token)
            .await;
        all.extend(ids(&page));
        let Some(next) = page["next"].as_str() else {
            return (all, pages);
        };
        after = format!("&after={next}");
    }
    unreachable!()
}

#[tokio::test]
async fn pages_hold_every_event_once_in_either_order() {
    let site = site::start().await;
    store_some(&site).await;
    let owner = site.owner();
    let (newest, pages) = walk(&site, "limit=7", &owner).await;
    assert_eq!((newest.len(), pages), (60, 9));
    let mut oldest = walk(&site, "limit=11&order=oldest", &owner).await.0;
    oldest.reverse();
    assert_eq!(newest, oldest);
    assert_eq!(newest.iter().collect::<BTreeSet<_>>().len(), 60);
}

#[tokio::test]
async fn filters_hold() {
    let site = site::start().await;
    store_some(&site).await;
    let owner = site.owner();
    for (query, expected) in [
        ("", 60),
        ("stream=north-1", 20),
        ("stream=north-1&stream=south-1", 40),
        ("stream=nowhere", 0),
        ("kind=crossed", 30),
        ("kind=crossed&kind=appeared", 60),
        ("kind=gone", 0),
        ("label=car", 30),
        ("label=car&kind=crossed&stream=north-2", 5),
        ("rule=door", 30),
        ("place=door&label=person", 15),
        ("place=gate", 0),
        ("tag=0000000000003", 6),
        ("from=2026-11-24T07:30:00Z&to=2026-11-24T07:30:20Z", 6),
        ("from=2026-11-24T07:33:10Z", 3),
        ("to=2026-11-24T07:30:00Z", 0),
    ] {
        let (found, _pages) = walk(&site, &format!("limit=1000&{query}"), &owner).await;
        assert_eq!(found.len(), expected, "{query}");
    }
}

#[tokio::test]
async fn only_events_within_reach_are_found_whatever_is_asked() {
    let site = site::start().await;
    store_some(&site).await;
    let token = site
        .token_of(Role::PrivacyOfficer, Some(&["south-*"]))
        .await;
    for query in ["limit=1000", "limit=1000&kind=crossed", "limit=3"] {
        let page = site
            .get_as(&format!("/api/v1/events?{query}"), &token)
            .await;
        let events = page["events"].as_array().unwrap();
        assert!(!events.is_empty());
        assert!(events.iter().all(|event| event["stream"] == "south-1"));
    }
    let (found, _pages) = walk(&site, "limit=6", &token).await;
    assert_eq!(found.len(), 20);
    let counts = site.get_as("/api/v1/counts?by=stream", &token).await;
    let counts = counts["buckets"].as_array().unwrap();
    assert!(counts.iter().all(|bucket| bucket["stream"] == "south-1"));
    assert!(!counts.is_empty());
    for path in [
        "/api/v1/events?stream=north-1",
        "/api/v1/events?stream=south-1&stream=north-1",
        "/api/v1/counts?stream=north-1",
    ] {
        problem(
            site.ask(Method::GET, path, &token).send().await.unwrap(),
            404,
        )
        .await;
    }
    // A cursor of somebody who sees more leads no further.
    let next = site.get("/api/v1/events?limit=1").await["next"].clone();
    let path = format!("/api/v1/events?limit=1000&after={}", next.as_str().unwrap());
    let page = site.get_as(&path, &token).await;
    assert!(
        page["events"]
            .as_array()
            .unwrap()
            .iter()
            .all(|event| event["stream"] == "south-1")
    );
    let nothing = site.token_of(Role::Viewer, Some(&["east-*"])).await;
    let page = site.get_as("/api/v1/events", &nothing).await;
    assert_eq!(
        page,
        json!({ "events": [] }),
        "no stream in reach is not every stream"
    );
    let counts = site.get_as("/api/v1/counts", &nothing).await;
    assert_eq!(counts, json!({ "buckets": [] }));
}

#[tokio::test]
async fn counts_come_in_buckets() {
    let site = site::start().await;
    store_some(&site).await;
    let counts = site
        .get("/api/v1/counts?by=kind&by=direction&bucket_secs=300&stream=north-1")
        .await;
    assert_eq!(
        counts["buckets"],
        json!([
            { "start": "2026-11-24T07:30:00.000Z", "kind": "appeared", "events": 10 },
            { "start": "2026-11-24T07:30:00.000Z", "kind": "crossed", "direction": "right", "events": 10 },
        ])
    );
    let minutes = site.get("/api/v1/counts?bucket_secs=60&kind=crossed").await;
    let minutes = minutes["buckets"].as_array().unwrap();
    assert_eq!(minutes.len(), 4);
    let sum: u64 = minutes
        .iter()
        .map(|bucket| bucket["events"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, 30);
}

#[tokio::test]
async fn questions_that_make_no_sense_are_told() {
    let site = site::start().await;
    for path in [
        "/api/v1/events?kind=gossiped",
        "/api/v1/events?label=face",
        "/api/v1/events?order=random",
        "/api/v1/events?after=not-a-cursor",
        "/api/v1/events?from=yesterday",
        "/api/v1/events?limit=1001",
        "/api/v1/events?limit=-1",
        "/api/v1/events?where=1",
        "/api/v1/counts?bucket_secs=0",
        "/api/v1/counts?bucket_secs=1&from=2020-01-01T00:00:00Z",
        "/api/v1/counts?from=2026-11-25T00:00:00Z&to=2026-11-24T00:00:00Z",
        "/api/v1/counts?by=colour",
    ] {
        let answer = site
            .ask(Method::GET, path, &site.owner())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 422, "{path}");
        problem(answer, 422).await;
    }
    let next = site.get("/api/v1/events?limit=1").await["next"].clone();
    assert_eq!(
        next,
        Value::Null,
        "the twin: an empty store has no next page"
    );
}
