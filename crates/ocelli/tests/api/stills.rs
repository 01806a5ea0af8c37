//! Stills of events and plates of streams, by those who may see them.

use std::sync::Arc;

use ocelli::access::Role;
use ocelli_core::{EventKind, EventRecord, Label, Tag};
use ocelli_sinks::store::RetentionClass;
use reqwest::{Method, header};
use serde_json::json;

use crate::{
    events::event,
    site::{self, Site, problem},
};

const CLASS: RetentionClass = RetentionClass { hours: 24 };

fn tagged(stream: &str, number: u64, tag: u64) -> EventRecord {
    EventRecord {
        tag: Some(Tag(tag).to_string()),
        ..event(stream, number, EventKind::Appeared, Label::Person)
    }
}

/// Keeps an event, and a still of its tag.
async fn keep(site: &Site, event: &EventRecord) {
    let stored = site.store.append(CLASS, vec![event.clone()]).await;
    assert_eq!(stored.unwrap().stored, 1);
    let tag = event.tag.as_deref().unwrap().parse().unwrap();
    let jpeg = format!("the still of {}", event.stream).into_bytes();
    let put = site
        .stills
        .put(CLASS, &event.stream, tag, event.wall().unwrap(), jpeg);
    assert!(put.await.unwrap());
}

#[tokio::test]
async fn a_still_is_shown_for_every_event_of_its_tag() {
    let site = site::start().await;
    let first = tagged("north-1", 1, 5);
    keep(&site, &first).await;
    let later = tagged("north-1", 2, 5);
    let stored = site.store.append(CLASS, vec![later.clone()]).await;
    assert_eq!(stored.unwrap().stored, 1);
    // One that is only remembered yet.
    let fresh = tagged("north-1", 3, 5);
    site.hub.send_event(Arc::new(fresh.clone()));
    for event in [&first, &later, &fresh] {
        let path = format!("/api/v1/events/{}/still", event.id);
        let answer = site.ask(Method::GET, &path, &site.owner()).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200, "{}", event.id);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "image/jpeg");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.text().await.unwrap(), "the still of north-1");
    }
}

#[tokio::test]
async fn what_is_beyond_reach_has_no_still_and_looks_are_recorded() {
    let site = site::start().await;
    let (north, south) = (tagged("north-1", 1, 5), tagged("south-1", 1, 6));
    let without = tagged("south-1", 2, 7);
    keep(&site, &north).await;
    keep(&site, &south).await;
    site.store
        .append(CLASS, vec![without.clone()])
        .await
        .unwrap();
    let viewer = site.token_of(Role::Viewer, Some(&["south-*"])).await;
    let ask = |id: &str| {
        let path = format!("/api/v1/events/{id}/still");
        site.ask(Method::GET, &path, &viewer).send()
    };
    assert_eq!(ask(&south.id).await.unwrap().status(), 200, "the twin");
    for id in [&north.id, &without.id, "nothing", "1-1"] {
        let body = problem(ask(id).await.unwrap(), 404).await;
        let detail = format!("there is no event with a still `{id}`");
        assert_eq!(body["detail"], json!(detail));
    }
    let page = site.get("/api/v1/record?deed=viewed").await;
    let looks = page["entries"].as_array().unwrap().iter().filter(|entry| {
        entry["deed"]["what"] == "/api/v1/events/{id}/still"
            && entry["deed"]["streams"] == json!(["south-1"])
    });
    assert_eq!(looks.count(), 1);
}

#[tokio::test]
async fn a_plate_is_shown_to_those_who_see_the_stream() {
    let site = site::start().await;
    let viewer = site.token_of(Role::Viewer, Some(&["south-*"])).await;
    let ask = |name: &str| {
        let path = format!("/api/v1/streams/{name}/plate");
        site.ask(Method::GET, &path, &viewer).send()
    };
    let answer = ask("south-1").await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "image/jpeg");
    assert_eq!(answer.text().await.unwrap(), "the plate of south-1");
    problem(ask("north-1").await.unwrap(), 404).await;
}
