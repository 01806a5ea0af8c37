//! What is erased is gone: from answers, from memory, and from every byte on the disk.

use std::{fs, path::Path};

use ocelli::{access::Role, record};
use ocelli_core::{EventKind, EventRecord, Label, Tag, WallTime};
use ocelli_sinks::store::RetentionClass;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{
    events::event,
    site::{self, Site, problem},
};

/// Names of zones that stand in no other event.
const CANARY: &str = "canary-7f3a91c04be2";
const SPARED: &str = "spared-5d80e1a2f63b";

async fn store(site: &Site) {
    let of = |stream: &str, place: &str, first: u64| -> Vec<EventRecord> {
        let events = (first..first + 20).map(|number| EventRecord {
            place: Some(place.to_owned()),
            ..event(stream, number, EventKind::Entered, Label::Person)
        });
        events.collect()
    };
    let class = RetentionClass { hours: 24 };
    for (stream, place, first) in [("north-1", CANARY, 0), ("north-2", SPARED, 100)] {
        let stored = site
            .store
            .append(class, of(stream, place, first))
            .await
            .unwrap();
        assert_eq!(stored.stored, 20);
    }
}

/// How many files below a folder hold a text.
fn holding(folder: &Path, text: &str) -> usize {
    let mut number = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            number += holding(&path, text);
        } else {
            let bytes = fs::read(&path).unwrap();
            let found = bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes());
            number += usize::from(found);
        }
    }
    number
}

async fn erase(site: &Site, token: &str, stream: &str, body: &Value) -> Response {
    let path = format!("/api/v1/streams/{stream}/erase");
    let asked = site.ask(Method::POST, &path, token).json(body);
    asked.send().await.unwrap()
}

#[tokio::test]
async fn an_erasure_leaves_no_byte_and_is_recorded_with_its_proof() {
    let site = site::start().await;
    store(&site).await;
    let data_dir = site.dir.path();
    assert!(
        holding(data_dir, CANARY) > 0,
        "the twin: it is there before"
    );
    let (class, tag) = (RetentionClass { hours: 24 }, Tag(77));
    for stream in ["north-1", "north-2"] {
        let at = WallTime::from_rfc3339("2026-11-24T08:00:00Z").unwrap();
        let put = site.stills.put(class, stream, tag, at, vec![1; 2000]);
        assert!(put.await.unwrap());
    }
    let officer = site.token_of(Role::PrivacyOfficer, None).await;
    let range = json!({ "from": "2026-11-24T00:00:00Z", "to": "2026-11-24T08:30:00Z" });
    let mut counted = range.clone();
    counted["only_count"] = true.into();
    let answer: Value = erase(&site, &officer, "north-1", &counted)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&answer["done"], &answer["events"]),
        (&json!(false), &json!(20))
    );
    assert!(holding(data_dir, CANARY) > 0, "counting erases nothing");

    let answer = erase(&site, &officer, "north-1", &range).await;
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["done"], true);
    assert_eq!(answer["events"], 20);
    assert_eq!(answer["found"], 0);
    assert_eq!(answer["stills"], 1);
    assert_eq!(site.stills.get("north-1", tag).await.unwrap(), None);
    let spared = site.stills.get("north-2", tag).await.unwrap();
    assert!(spared.is_some(), "the twin");
    assert!(answer["searched_for"].as_u64().unwrap() >= 20, "{answer}");
    assert!(
        answer["searched_bytes"].as_u64().unwrap() > 1000,
        "{answer}"
    );
    assert_eq!(holding(data_dir, CANARY), 0);
    assert!(
        holding(data_dir, SPARED) > 0,
        "the twin: another stream's are there"
    );
    let left = site.get("/api/v1/events?stream=north-1").await;
    assert_eq!(left["events"], json!([]));
    let spared = site.get("/api/v1/events?stream=north-2").await;
    assert_eq!(spared["events"].as_array().unwrap().len(), 20);

    let page = site
        .get("/api/v1/record?deed=erased&deed=erasure_asked")
        .await;
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["deed"]["kind"], "erasure_asked");
    assert_eq!(entries[1]["deed"]["events"], 20);
    assert_eq!(entries[1]["deed"]["found"], 0);
    assert_eq!(entries[1]["user"], "privacy_officer-every");
    record::verify(&record::folder(data_dir), &[]).unwrap();
}

#[tokio::test]
async fn what_cannot_be_erased_is_refused_and_nothing_is_lost() {
    let site = site::start().await;
    store(&site).await;
    let officer = site
        .token_of(Role::PrivacyOfficer, Some(&["north-*"]))
        .await;
    for (from, to) in [
        ("2026-11-24T00:00:00Z", "2026-11-24T12:00:00Z"),
        ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"),
        ("yesterday", "2026-11-24T08:00:00Z"),
    ] {
        let body = json!({ "from": from, "to": to });
        problem(erase(&site, &officer, "north-1", &body).await, 422).await;
    }
    let past = json!({ "from": "2026-11-24T00:00:00Z", "to": "2026-11-24T08:30:00Z" });
    problem(erase(&site, &officer, "south-1", &past).await, 404).await;
    let operator = site.token_of(Role::Operator, None).await;
    problem(erase(&site, &operator, "north-1", &past).await, 403).await;
    let page = site.get("/api/v1/events?limit=1000").await;
    assert_eq!(page["events"].as_array().unwrap().len(), 40);
    let asked = site.get("/api/v1/record?deed=erasure_asked").await;
    assert_eq!(asked["entries"], json!([]));
}
