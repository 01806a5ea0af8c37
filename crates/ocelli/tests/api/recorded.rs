//! Whoever looks or changes something leaves an entry; about those who are watched there is none.

use std::fs;

use ocelli::{
    access::Role,
    record::{self, ReadQuery, SWEEP_STREAMS},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::site::{self, STREAMS, Site, problem};

/// The record's entries of a kind.
async fn entries(site: &Site, kind: &str) -> Vec<Value> {
    let page = site.get(&format!("/api/v1/record?deed={kind}")).await;
    page["entries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn looking_is_recorded_once_and_how_ocelli_is_is_not() {
    let site = site::start().await;
    let token = site.token_of(Role::Viewer, Some(&["north-*"])).await;
    for _ in 0..3 {
        site.get_as("/api/v1/health", &token).await;
        site.get_as("/api/v1/streams", &token).await;
        site.get_as("/api/v1/events", &token).await;
        site.get_as("/api/v1/counts?stream=north-1", &token).await;
    }
    let of = |path: &str| site.ask(Method::GET, path, &token).send();
    problem(of("/api/v1/events?stream=south-1").await.unwrap(), 404).await;
    let seen: Vec<(Value, Value, Value)> = entries(&site, "viewed")
        .await
        .iter()
        .filter(|entry| entry["user"] != "owner")
        .map(|entry| {
            assert!(entry["token"].is_string(), "{entry}");
            let deed = &entry["deed"];
            (
                deed["what"].clone(),
                deed["streams"].clone(),
                deed["number"].clone(),
            )
        })
        .collect();
    let expected = [
        (json!("/api/v1/events"), json!([]), json!(2)),
        (json!("/api/v1/counts"), json!(["north-1"]), json!(1)),
    ];
    assert_eq!(seen, expected);
    record::verify(&record::folder(site.dir.path()), &[]).unwrap();
}

#[tokio::test]
async fn a_sweep_over_many_streams_is_an_entry_and_a_look_at_some_is_none() {
    let site = site::start().await;
    {
        let mut streams = site.engine.streams.lock().unwrap();
        for number in 0..SWEEP_STREAMS {
            let mut stream = streams[STREAMS[0]].clone();
            stream.name = format!("cam-{number}").into();
            streams.insert(stream.name.to_string(), stream);
        }
    }
    for number in 0..SWEEP_STREAMS {
        site.get(&format!("/api/v1/events?stream=cam-{number}"))
            .await;
    }
    assert!(
        entries(&site, "swept").await.is_empty(),
        "the twin: ten are none"
    );
    site.get("/api/v1/counts?stream=north-1").await;
    let swept = entries(&site, "swept").await;
    assert_eq!(swept.len(), 1);
    assert_eq!(swept[0]["user"], "owner");
    assert_eq!(swept[0]["deed"]["streams"], 11);
    // Somebody else, all at once.
    let token = site.token_of(Role::Viewer, None).await;
    site.get_as("/api/v1/events", &token).await;
    assert_eq!(entries(&site, "swept").await.len(), 2);
}

#[tokio::test]
async fn logging_in_is_recorded_and_what_was_typed_is_not() {
    let site = site::start().await;
    let log_in = |path: &str, body: Value| site.client.post(site.url(path)).json(&body).send();
    for _ in 0..2 {
        let typed = json!({ "user": "canary-of-a-name", "password": "canary-of-a-password" });
        let answer = log_in("/api/v1/login", typed).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let link = json!({ "link": site.first.link.expose() });
    let answer = log_in("/api/v1/login/link", link).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let refused = entries(&site, "log_in_refused").await;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["deed"]["address"], "127.0.0.1");
    let in_now = entries(&site, "logged_in").await;
    assert_eq!(in_now.len(), 1);
    assert_eq!(in_now[0]["user"], "owner");
    assert_eq!(in_now[0]["deed"]["with"], "link");
    let mut text = String::new();
    for file in fs::read_dir(record::folder(site.dir.path())).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    for secret in ["canary", site.first.link.expose(), &site.owner()] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(
        text.contains("logged_in"),
        "the twin: what is there is found"
    );
}

#[tokio::test]
async fn changes_are_recorded_by_whom() {
    let site = site::start().await;
    let body = json!({ "name": "anna", "role": "viewer" });
    let add = || {
        site.ask(Method::POST, "/api/v1/users", &site.owner())
            .json(&body)
    };
    assert!(add().send().await.unwrap().status().is_success());
    problem(add().send().await.unwrap(), 409).await;
    let changed = entries(&site, "changed").await;
    assert_eq!(changed.len(), 1, "what was refused changed nothing");
    assert_eq!(changed[0]["user"], "owner");
    assert_eq!(
        changed[0]["deed"],
        json!({ "kind": "changed", "method": "POST", "path": "/api/v1/users" })
    );
}

#[tokio::test]
async fn nothing_is_shown_that_cannot_be_recorded() {
    let site = site::start().await;
    site.get("/api/v1/events").await;
    // In the way of every entry's signature.
    let in_the_way = record::folder(site.dir.path()).join("head.new");
    fs::create_dir(&in_the_way).unwrap();
    for _ in 0..2 {
        let asked = site.ask(Method::GET, "/api/v1/counts", &site.owner());
        problem(asked.send().await.unwrap(), 503).await;
    }
    site.get("/api/v1/health").await;
    fs::remove_dir(&in_the_way).unwrap();
    site.get("/api/v1/counts").await;
    record::verify(&record::folder(site.dir.path()), &[]).unwrap();
}

#[tokio::test]
async fn those_who_protect_read_the_record_and_a_reading_is_an_entry() {
    let site = site::start().await;
    let officer = site.token_of(Role::PrivacyOfficer, None).await;
    let page = site.get_as("/api/v1/record", &officer).await;
    let kinds: Vec<&Value> = page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["deed"]["kind"])
        .collect();
    assert_eq!(kinds, ["begun", "viewed"]);
    assert_eq!(page["entries"][1]["deed"]["what"], "/api/v1/record");
    let operator = site.token_of(Role::Operator, None).await;
    let asked = site.ask(Method::GET, "/api/v1/record", &operator);
    problem(asked.send().await.unwrap(), 403).await;
    let checkpoint = site.get_as("/api/v1/record/checkpoint", &operator).await;
    let kept: record::Checkpoint = serde_json::from_value(checkpoint).unwrap();
    assert!(kept.is_signed());
    let folder = record::folder(site.dir.path());
    record::verify(&folder, &[kept]).unwrap();
    let first = ReadQuery {
        before: Some(2),
        limit: 9,
        ..ReadQuery::default()
    };
    assert_eq!(record::read(&folder, &first).unwrap().len(), 1);
}

/// Words of the API's document, in names of parameters and fields, that ask by what somebody looks like or who it is.
fn asks_by_appearance(document: &Value) -> Vec<String> {
    const REFUSED: [&str; 12] = [
        "face",
        "appearance",
        "embedding",
        "similar",
        "gallery",
        "identity",
        "biometric",
        "person_id",
        "reid",
        "gender",
        "ethnicity",
        "license_plate",
    ];
    let mut names = Vec::new();
    let mut left = vec![document];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                names.extend(
                    fields
                        .get("properties")
                        .and_then(Value::as_object)
                        .into_iter()
                        .flat_map(|all| all.keys().cloned()),
                );
                if fields.contains_key("in") {
                    names.extend(
                        fields
                            .get("name")
                            .and_then(Value::as_str)
                            .map(str::to_owned),
                    );
                }
                left.extend(fields.values());
            }
            Value::Array(values) => left.extend(values),
            _ => {}
        }
    }
    assert!(names.len() > 100, "the document is read: {}", names.len());
    names.retain(|name| {
        REFUSED
            .iter()
            .any(|word| name.to_ascii_lowercase().contains(word))
    });
    names
}

#[tokio::test]
async fn nothing_can_be_asked_by_what_somebody_looks_like() {
    let site = site::start().await;
    let mut document = site.get("/api/openapi.json").await;
    assert_eq!(asks_by_appearance(&document), Vec::<String>::new());
    let events = &mut document["paths"]["/api/v1/events"]["get"]["parameters"];
    let planted = json!({ "name": "similar_to", "in": "query" });
    events.as_array_mut().unwrap().push(planted);
    assert_eq!(
        asks_by_appearance(&document),
        ["similar_to"],
        "the twin: one that is planted is found"
    );
}
