//! Published counts do not show anyone.

use ocelli_core::{EventKind, EventRecord, Label};
use ocelli_sinks::store::RetentionClass;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    events::event,
    site::{self, Site, problem},
};

/// Stores what so many tags did on a stream: each crosses three times, in the hour before now's.
async fn store(site: &Site, stream: &str, tags: u64, place: &str) {
    let events: Vec<EventRecord> = (0..3 * tags)
        .map(|number| EventRecord {
            tag: Some(format!("{stream}-{}", number % tags)),
            place: Some(place.to_owned()),
            time: "2026-11-24T07:40:00.000Z".to_owned(),
            ..event(stream, number, EventKind::Crossed, Label::Person)
        })
        .collect();
    let class = RetentionClass { hours: 24 };
    let stored = site.store.append(class, events).await.unwrap();
    assert_eq!(stored.stored as u64, 3 * tags);
}

const WHOLE_DAY: &str = "from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z";

async fn exported(site: &Site, more: &str) -> Vec<Value> {
    let path = format!("/api/v1/exports/counts?kind=crossed&{WHOLE_DAY}&{more}");
    let export = site.get(&path).await;
    let counts = export["counts"].as_array().unwrap().iter();
    counts
        .filter(|count| count["label"] == "person")
        .cloned()
        .collect()
}

#[tokio::test]
async fn few_tags_are_left_out_however_often_they_came_and_however_it_is_asked() {
    let site = site::start().await;
    store(&site, "north-1", 9, "door").await;
    store(&site, "north-2", 10, "door").await;
    let sum = |counts: &[Value]| {
        counts
            .iter()
            .map(|count| count["tags"].as_i64().unwrap())
            .sum::<i64>()
    };
    for every in ["hour", "day"] {
        let few = exported(&site, &format!("stream=north-1&place=door&every={every}")).await;
        assert_eq!(sum(&few), 0, "{few:?}");
        let enough = exported(&site, &format!("stream=north-2&place=door&every={every}")).await;
        assert_eq!(sum(&enough), 10, "the twin: ten tags are ten, not thirty");
        let other = exported(&site, &format!("stream=north-2&place=gate&every={every}")).await;
        assert_eq!(sum(&other), 0);
    }
    let day = exported(&site, "stream=north-2&place=door&every=day").await;
    assert_eq!(day.len(), 1);
    assert_eq!(day[0]["left_out_hours"], 7, "of eight hours that are over");
    let page = site.get("/api/v1/record?deed=exported").await;
    assert_eq!(page["entries"].as_array().unwrap().len(), 7);
    assert_eq!(page["entries"][0]["deed"]["streams"], json!(["north-1"]));
}

#[tokio::test]
async fn noise_is_the_same_again_and_days_are_sums_of_hours() {
    let configuration = format!("{}exports: {{ epsilon: 0.5 }}\n", site::CONFIGURATION);
    let options = ocelli::api::ApiOptions::default();
    let limits = ocelli::api::serve::ServeLimits::default();
    let site = site::start_with(options, limits, &configuration).await;
    store(&site, "north-1", 40, "door").await;
    let hours = exported(&site, "stream=north-1&place=door").await;
    assert_eq!(
        hours.len(),
        8,
        "hours without anybody are published as well"
    );
    assert!(
        hours
            .iter()
            .any(|hour| hour["start"] != "2026-11-24T07:00:00.000Z" && hour["tags"] != 0)
    );
    assert_eq!(exported(&site, "stream=north-1&place=door").await, hours);
    let day = exported(&site, "stream=north-1&place=door&every=day").await;
    let sum: i64 = hours
        .iter()
        .map(|hour| hour["tags"].as_i64().unwrap())
        .sum();
    assert_eq!(day[0]["tags"], sum);
    assert!((sum - 40).abs() < 60, "{sum}");
}

#[tokio::test]
async fn what_goes_on_is_not_exported_and_nonsense_is_refused() {
    let site = site::start().await;
    store(&site, "north-1", 20, "door").await;
    let now = "/api/v1/exports/counts?from=2026-11-24T08:00:00Z&to=2026-11-24T09:00:00Z";
    assert_eq!(
        site.get(now).await["counts"],
        json!([]),
        "this hour is not over"
    );
    for (query, status) in [
        ("kind=crossed", 422),
        ("kind=gone&place=door", 422),
        ("tag=north-1-0", 422),
        ("every=minute", 422),
        ("stream=elsewhere", 404),
    ] {
        let path = format!("/api/v1/exports/counts?{WHOLE_DAY}&{query}");
        let asked = site.ask(Method::GET, &path, &site.owner());
        problem(asked.send().await.unwrap(), status).await;
    }
    let path = "/api/v1/exports/counts?from=2001-01-01T00:00:00Z&to=2026-11-24T00:00:00Z";
    problem(
        site.ask(Method::GET, path, &site.owner())
            .send()
            .await
            .unwrap(),
        422,
    )
    .await;
}
