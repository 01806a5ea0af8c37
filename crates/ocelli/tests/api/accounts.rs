//! Users, sessions, tokens and tickets over the wire.

use std::time::Duration;

use ocelli::{
    access::Role,
    api::{ApiOptions, Rate, serve::ServeLimits},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::site::{self, Site, problem};

fn cookie_of(answer: &Response) -> String {
    let line = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(line.contains(attribute), "{line}");
    }
    line.split(';').next().unwrap().to_owned()
}

/// A request of the own page.
fn own_page(site: &Site, method: Method, path: &str, cookie: &str) -> RequestBuilder {
    site.client
        .request(method, site.url(path))
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
}

async fn log_in_by_link(site: &Site) -> String {
    let body = json!({ "link": site.first.link.expose() });
    let answer = site
        .client
        .post(site.url("/api/v1/login/link"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    cookie_of(&answer)
}

async fn log_in(site: &Site, user: &str, password: &str) -> Response {
    let body = json!({ "user": user, "password": password });
    let request = site.client.post(site.url("/api/v1/login")).json(&body);
    request.send().await.unwrap()
}

#[tokio::test]
async fn the_owner_comes_by_link_and_then_by_password() {
    let site = site::start().await;
    let cookie = log_in_by_link(&site).await;
    let again = json!({ "link": site.first.link.expose() });
    let again = site
        .client
        .post(site.url("/api/v1/login/link"))
        .json(&again);
    problem(again.send().await.unwrap(), 401).await;
    let me = own_page(&site, Method::GET, "/api/v1/me", &cookie);
    let me: Value = me.send().await.unwrap().json().await.unwrap();
    assert_eq!(me["user"], "owner");
    assert_eq!(me["role"], "owner");
    assert_eq!(me.get("token"), None);
    let password = own_page(&site, Method::PUT, "/api/v1/me/password", &cookie)
        .json(&json!({ "new": "a long enough password" }))
        .send()
        .await
        .unwrap();
    assert_eq!(password.status(), StatusCode::NO_CONTENT);
    let answer = log_in(&site, "owner", "a long enough passwort").await;
    problem(answer, 401).await;
    let answer = log_in(&site, "owner", "a long enough password").await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let second = cookie_of(&answer);
    let out = own_page(&site, Method::POST, "/api/v1/logout", &second)
        .send()
        .await
        .unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert!(
        out.headers()[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    let gone = own_page(&site, Method::GET, "/api/v1/me", &second)
        .send()
        .await;
    problem(gone.unwrap(), 401).await;
    let first = own_page(&site, Method::GET, "/api/v1/me", &cookie)
        .send()
        .await;
    assert_eq!(
        first.unwrap().status(),
        StatusCode::OK,
        "the twin: the other runs on"
    );
}

#[tokio::test]
async fn another_site_cannot_use_the_cookie() {
    let site = site::start().await;
    let cookie = log_in_by_link(&site).await;
    let send = |name: &'static str, value: String| {
        site.client
            .post(site.url("/api/v1/tickets"))
            .header(header::COOKIE, &cookie)
            .header(name, value)
            .send()
    };
    let fits = send("origin", format!("http://{}", site.address))
        .await
        .unwrap();
    assert_eq!(fits.status(), StatusCode::CREATED);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("x-other", "1"),
    ] {
        problem(send(name, value.to_owned()).await.unwrap(), 403).await;
    }
    // Nor can it log somebody in as somebody else.
    let foreign = site
        .client
        .post(site.url("/api/v1/login"))
        .header("sec-fetch-site", "cross-site")
        .json(&json!({ "user": "owner", "password": "x" }))
        .send()
        .await
        .unwrap();
    problem(foreign, 403).await;
}

#[tokio::test]
async fn guessing_is_slow() {
    let site = site::start().await;
    let mut told = None;
    for _ in 0..30 {
        let answer = log_in(&site, "owner", "a wrong password").await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers().contains_key(header::RETRY_AFTER));
            told = Some(problem(answer, 429).await);
            break;
        }
        problem(answer, 401).await;
    }
    assert!(told.is_some());
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down() {
    let options = ApiOptions {
        refusals: Rate {
            burst: 1.0,
            per_sec: 0.001,
        },
        ..ApiOptions::default()
    };
    let site = site::start_with(options, ServeLimits::default(), site::CONFIGURATION).await;
    let attempts = async |number: u32| {
        let begun = Instant::now();
        for _ in 0..number {
            let answer = site.ask(Method::GET, "/api/v1/me", "wrong").send().await;
            problem(answer.unwrap(), 401).await;
        }
        begun.elapsed()
    };
    attempts(1).await;
    assert!(attempts(4).await >= Duration::from_secs(1));
    // Whoever shares the address and has a good token is not held up, and none is locked out.
    site.get("/api/v1/me").await;
}

#[tokio::test]
async fn users_are_managed() {
    let site = site::start().await;
    let owner = site.owner();
    let ask = |method: Method, path: &str| site.ask(method, path, &owner);
    let group = ask(Method::PUT, "/api/v1/groups/north")
        .json(&json!({ "streams": ["north-*"] }))
        .send()
        .await
        .unwrap();
    assert_eq!(group.status(), StatusCode::OK);
    let anna = json!({ "name": "anna", "role": "viewer", "groups": ["north"] });
    let made = ask(Method::POST, "/api/v1/users")
        .json(&anna)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = made.json().await.unwrap();
    let taken = ask(Method::POST, "/api/v1/users").json(&anna).send().await;
    problem(taken.unwrap(), 409).await;
    let link = site
        .client
        .post(site.url("/api/v1/login/link"))
        .json(&json!({ "link": made["link"] }))
        .send()
        .await
        .unwrap();
    let cookie = cookie_of(&link);
    let list = own_page(&site, Method::GET, "/api/v1/streams", &cookie);
    let list: Value = list.send().await.unwrap().json().await.unwrap();
    assert_eq!(list["streams"].as_array().unwrap().len(), 2);
    let changed = ask(Method::PUT, "/api/v1/users/anna")
        .json(&json!({ "role": "operator" }))
        .send()
        .await
        .unwrap();
    let changed: Value = changed.json().await.unwrap();
    assert_eq!(changed["role"], "operator");
    assert_eq!(changed.get("groups"), None);
    let removed = ask(Method::DELETE, "/api/v1/users/anna")
        .send()
        .await
        .unwrap();
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    let gone = own_page(&site, Method::GET, "/api/v1/me", &cookie)
        .send()
        .await;
    problem(gone.unwrap(), 401).await;
    let last = ask(Method::DELETE, "/api/v1/users/owner").send().await;
    problem(last.unwrap(), 422).await;
    let nobody = ask(Method::GET, "/api/v1/users/nobody").send().await;
    problem(nobody.unwrap(), 404).await;
}

#[tokio::test]
async fn a_token_makes_none_that_may_more() {
    let site = site::start().await;
    let viewer = site.token_of(Role::Viewer, None).await;
    let token = |scopes: Value| json!({ "name": "more", "scopes": scopes });
    let make = |token: &str, body: Value| {
        site.ask(Method::POST, "/api/v1/tokens", token)
            .json(&body)
            .send()
    };
    problem(make(&viewer, token(json!(["view"]))).await.unwrap(), 403).await;
    let narrow = site
        .token_for("owner", &[ocelli::access::Right::Administer])
        .await;
    problem(make(&narrow, token(json!(["operate"]))).await.unwrap(), 422).await;
    let made = make(&site.owner(), token(json!(["measure"])))
        .await
        .unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = made.json().await.unwrap();
    let text = made["token"].as_str().unwrap();
    assert_eq!(
        site.get_as("/api/v1/me", text).await["rights"],
        json!(["measure"])
    );
    let list = site.get("/api/v1/tokens").await;
    assert!(!list.to_string().contains(text));
    let id = made["id"].as_str().unwrap();
    let path = format!("/api/v1/tokens/{id}");
    problem(
        site.ask(Method::DELETE, &path, &viewer)
            .send()
            .await
            .unwrap(),
        404,
    )
    .await;
    let ended = site
        .ask(Method::DELETE, &path, &site.owner())
        .send()
        .await
        .unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    problem(
        site.ask(Method::GET, "/api/v1/me", text)
            .send()
            .await
            .unwrap(),
        401,
    )
    .await;
}

#[tokio::test]
async fn bodies_that_are_wrong_are_told_where() {
    let site = site::start().await;
    let owner = site.owner();
    let post = |kind: &'static str, body: &'static str| {
        site.ask(Method::POST, "/api/v1/users", &owner)
            .header(header::CONTENT_TYPE, kind)
            .body(body)
            .send()
    };
    problem(post("text/plain", "{}").await.unwrap(), 415).await;
    problem(post("application/json", "{").await.unwrap(), 400).await;
    let role = r#"{"name":"a","role":"king"}"#;
    let body = problem(post("application/json", role).await.unwrap(), 422).await;
    assert_eq!(body["errors"][0]["at"], "/role");
    let more = r#"{"name":"a","role":"viewer","admin":true}"#;
    let body = problem(
        post("application/json; charset=utf-8", more).await.unwrap(),
        422,
    )
    .await;
    assert_eq!(body["errors"][0]["at"], "/admin");
}
