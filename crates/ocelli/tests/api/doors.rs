//! Every door is locked: the routes of the document, walked.

use ocelli::access::{GroupEntry, Right, Role};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::site::{self, Site, problem};

/// One operation of the document.
#[derive(Debug, Clone)]
struct Operation {
    method: Method,
    /// With names filled in.
    path: String,
    template: String,
    open: bool,
    right: Option<String>,
    socket: bool,
}

async fn operations(site: &Site) -> Vec<Operation> {
    let document = site.get("/api/openapi.json").await;
    let mut operations = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = template
                .replace("{name}", site::STREAMS[0])
                .replace("{user}", "nobody")
                .replace("{group}", "north")
                .replace("{id}", "000000000000");
            assert!(!path.contains('{'), "{template}");
            operations.push(Operation {
                method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                path,
                template: template.clone(),
                open: operation["security"] == json!([]),
                right: operation["x-right"].as_str().map(str::to_owned),
                socket: operation["responses"]["426"].is_object(),
            });
        }
    }
    assert!(operations.len() > 20, "{}", operations.len());
    operations
}

#[tokio::test]
async fn only_what_says_nothing_is_open() {
    let site = site::start().await;
    let mut open = Vec::new();
    for operation in operations(&site).await {
        let answer = site
            .client
            .request(operation.method.clone(), site.url(&operation.path))
            .send()
            .await
            .unwrap();
        if operation.open {
            open.push(operation.template);
            continue;
        }
        assert_eq!(
            answer.headers()[header::WWW_AUTHENTICATE],
            "Bearer realm=\"ocelli\""
        );
        problem(answer, 401).await;
        let wrong = site.ask(operation.method, &operation.path, "ocelli_wrong");
        problem(wrong.send().await.unwrap(), 401).await;
    }
    open.sort();
    let expected = [
        "/api/v1/login",
        "/api/v1/login/link",
        "/api/v1/notices",
        "/healthz",
        "/notices",
        "/notices/{id}",
        "/readyz",
    ];
    assert_eq!(open, expected);
}

#[tokio::test]
async fn what_is_open_says_ok_and_no_more() {
    let site = site::start().await;
    for path in ["/healthz", "/readyz"] {
        let answer = site.client.get(site.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "ok\n");
    }
}

#[tokio::test]
async fn paths_that_are_not_there_are_locked_too() {
    let site = site::start().await;
    for path in [
        "/nothing",
        "/api/v1/nothing",
        "/api/v2/streams",
        "/api/v1/streams/",
    ] {
        let answer = site.client.get(site.url(path)).send().await.unwrap();
        problem(answer, 401).await;
        let answer = site.ask(Method::GET, path, &site.owner()).send().await;
        problem(answer.unwrap(), 404).await;
    }
    let answer = site
        .ask(Method::DELETE, "/api/v1/streams", &site.owner())
        .send()
        .await
        .unwrap();
    assert!(
        answer.headers()[header::ALLOW]
            .to_str()
            .unwrap()
            .contains("GET")
    );
    problem(answer, 405).await;
}

#[tokio::test]
async fn another_host_is_not_served() {
    let site = site::start().await;
    for operation in operations(&site).await {
        let answer = site
            .ask(operation.method, &operation.path, &site.owner())
            .header(header::HOST, "evil.example")
            .send()
            .await
            .unwrap();
        if operation.path == "/healthz" {
            assert_eq!(answer.status(), StatusCode::OK);
        } else {
            problem(answer, 421).await;
        }
    }
    let known = site
        .ask(Method::GET, "/api/v1/me", &site.owner())
        .header(header::HOST, "localhost")
        .send()
        .await
        .unwrap();
    assert_eq!(
        known.status(),
        StatusCode::OK,
        "the twin: a known name is served"
    );
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_it() {
    let site = site::start().await;
    for (path, token) in [
        ("/healthz", String::new()),
        ("/api/v1/streams", site.owner()),
        ("/api/v1/nothing", site.owner()),
        ("/api/v1/streams", "wrong".to_owned()),
    ] {
        let answer = site.ask(Method::GET, path, &token).send().await.unwrap();
        let headers = answer.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("default-src 'none'")
        );
        assert!(!headers.contains_key("access-control-allow-origin"));
        assert!(!headers.contains_key("server"));
    }
}

/// What a role gets for an operation: whether the table let it through.
async fn passes(site: &Site, operation: &Operation, token: &str) -> bool {
    let request = site.ask(operation.method.clone(), &operation.path, token);
    let status = request.send().await.unwrap().status();
    assert_ne!(status, StatusCode::UNAUTHORIZED, "{operation:?}");
    status != StatusCode::FORBIDDEN
}

/// Route x role: each right lets exactly its routes through.
#[tokio::test]
async fn the_table_holds_for_every_route_and_role() {
    let site = site::start().await;
    let mut refused = 0;
    for role in Role::ALL {
        let token = site.token_of(role, None).await;
        for operation in operations(&site).await {
            // The first is about whoever is logged in, and says so to a token.
            if operation.open || operation.template == "/api/v1/me/password" {
                continue;
            }
            let has = operation.right.as_deref().is_none_or(|right| {
                role.rights()
                    .list()
                    .iter()
                    .any(|have| have.as_str() == right)
            });
            // Without a body most of these go no further; that they are let in is what counts.
            let own_tokens =
                operation.template == "/api/v1/tokens" && operation.method == Method::POST;
            if own_tokens {
                continue;
            }
            assert_eq!(
                passes(&site, &operation, &token).await,
                has,
                "{role:?} {operation:?}"
            );
            refused += usize::from(!has);
        }
    }
    assert!(refused > 20, "{refused}");
}

/// Route x foreign stream: beyond reach nothing exists, whatever the role.
#[tokio::test]
async fn foreign_streams_do_not_exist() {
    let site = site::start().await;
    for role in Role::ALL {
        let token = site.token_of(role, Some(&["south-*"])).await;
        for operation in operations(&site).await {
            if !operation.template.contains("{name}") {
                continue;
            }
            let ask = |path: String| site.ask(operation.method.clone(), &path, &token).send();
            let answer = ask(operation.path.clone()).await.unwrap();
            if answer.status() == StatusCode::FORBIDDEN {
                continue;
            }
            let foreign = problem(answer, 404).await;
            let nowhere = operation.template.replace("{name}", "north-9");
            let nowhere = problem(ask(nowhere).await.unwrap(), 404).await;
            let same = |body: &Value| {
                body.to_string()
                    .replace("north-1", "x")
                    .replace("north-9", "x")
            };
            assert_eq!(same(&foreign), same(&nowhere));
            let own = operation.template.replace("{name}", "south-1");
            let own = ask(own).await.unwrap().status();
            assert_ne!(own, StatusCode::NOT_FOUND, "the twin: {operation:?}");
        }
        let list = site.get_as("/api/v1/streams", &token).await;
        let names: Vec<&str> = list["streams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stream| stream["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["south-1"], "{role:?}");
        let health = site.get_as("/api/v1/health", &token).await;
        assert_eq!(health["streams"], json!({ "live": 1 }));
        let whole = site.ask(Method::GET, "/api/v1/users", &token).send().await;
        problem(whole.unwrap(), 403).await;
    }
}

#[tokio::test]
async fn a_scope_is_all_that_a_token_has() {
    let site = site::start().await;
    let scrape = site.token_for("owner", &[Right::Measure]).await;
    let metrics = site
        .ask(Method::GET, "/metrics", &scrape)
        .send()
        .await
        .unwrap();
    assert_eq!(metrics.status(), StatusCode::OK);
    let streams = site
        .ask(Method::GET, "/api/v1/streams", &scrape)
        .send()
        .await;
    let body = problem(streams.unwrap(), 403).await;
    assert_eq!(body["detail"], "this needs the right `view`");
}

#[tokio::test]
async fn sockets_are_told_to_be_sockets() {
    let site = site::start().await;
    let mut sockets = 0;
    for operation in operations(&site).await {
        if !operation.socket {
            continue;
        }
        sockets += 1;
        let path = format!("{}?stream=north-1", operation.path);
        let answer = site.ask(Method::GET, &path, &site.owner()).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.headers()[header::UPGRADE], "websocket");
        problem(answer, 426).await;
    }
    assert!(sockets > 0);
}

#[tokio::test]
async fn a_lost_group_takes_its_streams_along() {
    let site = site::start().await;
    let token = site.token_of(Role::Viewer, Some(&["north-*"])).await;
    let sees = async || {
        let list = site.get_as("/api/v1/streams", &token).await;
        list["streams"].as_array().unwrap().len()
    };
    assert_eq!(sees().await, 2);
    let narrow = GroupEntry {
        name: "viewer-north-*".to_owned(),
        streams: vec!["north-1".to_owned()],
    };
    site.access.put_group(narrow).await.unwrap();
    assert_eq!(sees().await, 1);
    site.access
        .remove_group("viewer-north-*".to_owned())
        .await
        .unwrap();
    assert_eq!(sees().await, 0);
}
