//! Streams that are added, changed and removed through the API.

use std::{fs, os::unix::fs::PermissionsExt as _};

use ocelli::{config::ADDED_FILE, edit::Stored};
use ocelli_core::Secret;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::site::{self, Site, problem};

const NEW: (&str, &str) = ("if-none-match", "*");

fn path(name: &str) -> String {
    format!("/api/v1/streams/{name}/settings")
}

async fn put(site: &Site, name: &str, (header, value): (&str, &str), body: Value) -> Response {
    let request = site.ask(Method::PUT, &path(name), &site.owner());
    let request = request.header(header, value).json(&body);
    request.send().await.unwrap()
}

async fn delete(site: &Site, name: &str, tag: &str) -> Response {
    let request = site.ask(Method::DELETE, &path(name), &site.owner());
    request.header("if-match", tag).send().await.unwrap()
}

/// The tag of an answer that worked, and its body.
async fn tagged(answer: Response, status: u16) -> (String, Value) {
    assert_eq!(answer.status().as_u16(), status);
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    (tag, answer.json().await.unwrap())
}

async fn show(site: &Site, name: &str) -> (String, Value) {
    let request = site.ask(Method::GET, &path(name), &site.owner());
    tagged(request.send().await.unwrap(), 200).await
}

fn camera() -> Value {
    json!({ "url": "rtsp://192.0.2.9/main", "profile": "doors", "user": "viewer", "password": "canary-added" })
}

#[tokio::test]
async fn a_stream_is_added_changed_and_removed() {
    let site = site::start().await;
    let (tag, body) = tagged(put(&site, "west-1", NEW, camera()).await, 201).await;
    assert_eq!(body["of_file"], false);
    assert_eq!(body["purpose"], "test the API");
    assert_eq!(body["own"]["url"], "rtsp://192.0.2.9/main");
    assert_eq!(body["has_credentials"], true);
    assert!(!body.to_string().contains("canary"), "{body}");
    let stream = site.configuration.borrow().streams["west-1"].clone();
    assert!(stream.from_api);
    let file = site.dir.path().join(ADDED_FILE);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let line = json!([{ "line": { "name": "gate", "points": [[0.5, 0.0], [0.5, 1.0]] } }]);
    let changed = json!({ "url": "rtsp://192.0.2.9/sub", "profile": "doors", "rules": line });
    let changed = put(&site, "west-1", ("if-match", &tag), changed).await;
    let (tag, body) = tagged(changed, 200).await;
    assert_eq!(body["scene"]["rules"], line);
    assert_eq!(body["has_credentials"], true, "what is not sent stays");
    let scene = site.get("/api/v1/streams/west-1/scene").await;
    assert_eq!(scene["rules"], line);
    let stream = site.configuration.borrow().streams["west-1"].clone();
    assert_eq!(stream.password, Some(Secret::new("canary-added")));

    assert_eq!(delete(&site, "west-1", &tag).await.status(), 204);
    assert!(!site.configuration.borrow().streams.contains_key("west-1"));
    problem(delete(&site, "west-1", &tag).await, 404).await;
    assert!(!fs::read_to_string(&file).unwrap().contains("canary"));
}

#[tokio::test]
async fn the_second_of_two_editors_is_told() {
    let site = site::start().await;
    let (first, _body) = tagged(put(&site, "west-1", NEW, camera()).await, 201).await;
    let mut change = camera();
    change["look_rate"] = json!(2.5);
    let answer = put(&site, "west-1", ("if-match", &first), change.clone()).await;
    let (second, _body) = tagged(answer, 200).await;
    assert_ne!(first, second);
    problem(
        put(&site, "west-1", ("if-match", &first), camera()).await,
        412,
    )
    .await;
    problem(put(&site, "west-1", NEW, camera()).await, 412).await;
    problem(
        put(&site, "west-1", ("if-match", "*, nothing"), json!({})).await,
        422,
    )
    .await;
    problem(put(&site, "west-2", ("if-match", "*"), camera()).await, 404).await;
    problem(delete(&site, "west-1", &first).await, 412).await;
    let request = site.ask(Method::PUT, &path("west-1"), &site.owner());
    problem(request.json(&change).send().await.unwrap(), 428).await;
    let request = site.ask(Method::DELETE, &path("west-1"), &site.owner());
    problem(request.send().await.unwrap(), 428).await;
    // A stream that comes again is not taken for the one before.
    assert_eq!(delete(&site, "west-1", &second).await.status(), 204);
    let (third, body) = tagged(put(&site, "west-1", NEW, camera()).await, 201).await;
    assert!(![first, second].contains(&third));
    assert!(body["own"]["look_rate"].is_null());
}

#[tokio::test]
async fn addresses_that_the_api_may_not_reach_are_refused_with_the_reason() {
    let site = site::start().await;
    for (url, part) in [
        ("rtsp://127.0.0.1/main", "loopback"),
        ("rtsp://[::1]:8554/main", "loopback"),
        ("rtsp://0x7f.1/main", "loopback"),
        ("rtsp://169.254.169.254/main", "link"),
        ("rtsp://100.100.100.200/main", "metadata"),
        ("file:///etc/passwd", "recordings"),
        ("clip.mp4", "recordings"),
        ("exec://ls", "no source"),
        ("http://192.0.2.1/", "no source"),
    ] {
        for key in ["url", "detect_url"] {
            let mut body = camera();
            body[key] = json!(url);
            let told = problem(put(&site, "west-1", NEW, body).await, 422).await;
            let wrong = told["errors"].to_string();
            assert!(wrong.contains(part), "{url}: {wrong}");
            assert_eq!(told["errors"][0]["at"], format!("/{key}"), "{url}: {wrong}");
        }
        let look = site.ask(Method::POST, "/api/v1/probe", &site.owner());
        let look = look.json(&json!({ "address": url })).send().await.unwrap();
        problem(look, 422).await;
    }
    assert!(!site.dir.path().join(ADDED_FILE).exists());
}

#[tokio::test]
async fn what_cannot_be_is_told_with_its_place() {
    let site = site::start().await;
    for (key, value, at) in [
        ("profile", json!("dors"), "/profile"),
        ("look_rate", json!(1000), "/look_rate"),
        ("labels", json!(["person", "face"]), "/labels/1"),
        ("zones", json!({ "a/b": [[0, 0], [1, 1]] }), "/zones/a~1b"),
        (
            "rules",
            json!([{ "line": { "name": "x", "points": [[0, 0]] } }]),
            "/rules/0",
        ),
        ("rules", json!([{ "teleport": {} }]), "/rules/0"),
    ] {
        let mut body = camera();
        body[key] = value;
        let told = problem(put(&site, "west-1", NEW, body).await, 422).await;
        let first = told["errors"][0]["at"].as_str().unwrap().to_owned();
        assert_eq!(first, at, "{told}");
        assert!(!told.to_string().contains("canary"));
    }
    let mut nothing = camera();
    nothing.as_object_mut().unwrap().remove("profile");
    let told = problem(put(&site, "west-1", NEW, nothing).await, 422).await;
    for part in ["purpose", "retention"] {
        assert!(told["errors"].to_string().contains(part), "{told}");
    }
    problem(put(&site, "-west", NEW, camera()).await, 422).await;
}

#[tokio::test]
async fn the_environment_is_not_read() {
    let site = site::start().await;
    let mut body = camera();
    body["password"] = json!("${HOME}");
    assert_eq!(put(&site, "west-1", NEW, body).await.status(), 201);
    let stream = site.configuration.borrow().streams["west-1"].clone();
    assert_eq!(stream.password, Some(Secret::new("${HOME}")));
}

#[tokio::test]
async fn a_stream_of_the_file_gets_zones_and_keeps_its_address() {
    let site = site::start().await;
    let (tag, body) = show(&site, "north-1").await;
    assert_eq!(tag, "\"0\"");
    assert_eq!((&body["of_file"], &body["own"]), (&json!(true), &json!({})));
    let zones = json!({ "desk": [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0]] });
    let over = json!({ "zones": zones, "enabled": false });
    let (tag, body) = tagged(put(&site, "north-1", ("if-match", &tag), over).await, 200).await;
    assert_eq!(body["scene"]["zones"], zones);
    let stream = site.configuration.borrow().streams["north-1"].clone();
    assert!(!stream.enabled && !stream.from_api);
    assert_eq!(stream.password, Some(Secret::new("canary-of-the-camera")));
    for key in ["url", "password", "retention", "profile"] {
        let over = json!({ "zones": zones, key: "rtsp://192.0.2.66/" });
        let told = put(&site, "north-1", ("if-match", &tag), over).await;
        let told = problem(told, 422).await;
        assert!(
            told["errors"].to_string().contains("changed there"),
            "{told}"
        );
    }
    assert_eq!(delete(&site, "north-1", &tag).await.status(), 204);
    assert!(site.configuration.borrow().streams["north-1"].enabled);
    let told = problem(delete(&site, "north-1", "\"0\"").await, 409).await;
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("configuration file")
    );
}

#[tokio::test]
async fn a_broken_configuration_file_is_named_and_nothing_is_written() {
    let site = site::start().await;
    fs::write(
        site.dir.path().join("ocelli.yaml"),
        "streams: { a: { url: 5 } }",
    )
    .unwrap();
    let told = problem(put(&site, "west-1", NEW, camera()).await, 409).await;
    assert!(told["detail"].as_str().unwrap().contains("ocelli check"));
    let stored = Stored::read(&site.dir.path().join(ADDED_FILE)).unwrap();
    assert_eq!(stored, Stored::default());
}

#[tokio::test]
async fn a_password_does_not_go_to_another_camera() {
    let site = site::start().await;
    let (tag, _body) = tagged(put(&site, "west-1", NEW, camera()).await, 201).await;
    let elsewhere = json!({ "url": "rtsp://192.0.2.66/main", "profile": "doors" });
    let told = put(&site, "west-1", ("if-match", &tag), elsewhere.clone()).await;
    let told = problem(told, 422).await;
    assert_eq!(told["errors"][0]["at"], "/url");
    let mut without = elsewhere;
    without["user"] = json!("");
    without["password"] = json!("");
    let (_tag, body) = tagged(put(&site, "west-1", ("if-match", &tag), without).await, 200).await;
    assert_eq!(body["has_credentials"], false);
}
