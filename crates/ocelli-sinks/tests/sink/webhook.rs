//! Webhooks against a real server on this machine.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Redirect, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ocelli_core::seam::Sink;
use ocelli_sinks::sink::build;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stage::{event, request};

const SECRET: &str = "0123456789abcdef0123";

/// What arrived: path, headers, body.
type Arrived = (String, BTreeMap<String, String>, String);

#[derive(Default)]
struct Server {
    arrived: Mutex<Vec<Arrived>>,
    /// Answers that are given first: 302 redirects to `/elsewhere`.
    answers: Mutex<Vec<u16>>,
}

async fn take(
    State(server): State<Arc<Server>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let arrived = (uri.to_string(), headers, body);
    server.arrived.lock().unwrap().push(arrived);
    match server.answers.lock().unwrap().pop() {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(302) => Redirect::to("/elsewhere").into_response(),
        Some(status) => StatusCode::from_u16(status).unwrap().into_response(),
    }
}

impl Server {
    fn start(listener: TcpListener, answers: &[u16]) -> Arc<Self> {
        let server = Arc::new(Self::default());
        server.answers.lock().unwrap().extend(answers.iter().rev());
        let routes = Router::new().fallback(take).with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        server
    }

    /// Waits until so many requests have arrived.
    async fn arrived(&self, count: usize) -> Vec<Arrived> {
        for _ in 0..600 {
            let arrived = self.arrived.lock().unwrap().clone();
            if arrived.len() >= count {
                return arrived;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} of {count} arrived", self.arrived.lock().unwrap().len());
    }
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
    (listener, url)
}

fn sink(folder: &Path, options: &Value) -> Box<dyn Sink> {
    build("webhook", request(folder, options)).unwrap()
}

fn signature(headers: &BTreeMap<String, String>, body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let text = format!(
        "{}.{}.{body}",
        headers["webhook-id"], headers["webhook-timestamp"]
    );
    mac.update(text.as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn events_arrive_signed_and_are_repeated_until_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = listener().await;
    let server = Server::start(listener, &[503]);
    let options = json!({"url": url, "secret": SECRET, "kinds": ["crossed"]});
    let mut sink = sink(folder.path(), &options);
    let crossed = event(json!({"kind": "crossed", "place": "door", "direction": "right"}));
    sink.deliver(&[event(json!({})), crossed.clone()])
        .await
        .unwrap();
    let arrived = server.arrived(2).await;
    assert_eq!(arrived[0].1["webhook-id"], arrived[1].1["webhook-id"]);
    for (path, headers, body) in &arrived {
        assert_eq!(path, "/hook?a=b");
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["webhook-signature"], signature(headers, body));
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body, json!({"version": 1, "events": [crossed]}));
    }
    // Nothing wanted, nothing sent; and a message that arrived does not come again.
    sink.deliver(&[event(json!({}))]).await.unwrap();
    sink.deliver(&[crossed]).await.unwrap();
    let arrived = server.arrived(3).await;
    assert_ne!(arrived[2].1["webhook-id"], arrived[1].1["webhook-id"]);
}

#[tokio::test]
async fn what_waits_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (closed, url) = listener().await;
    let address = closed.local_addr().unwrap();
    drop(closed);
    let options = json!({"url": url, "secret": SECRET, "template": "{{ event.label }} at {{ event.place }}: {{ event.score }}", "content_type": "text/plain"});
    let mut first = sink(folder.path(), &options);
    for place in ["door", "gate"] {
        let events = [event(json!({"place": place, "kind": "entered"}))];
        first.deliver(&events).await.unwrap();
    }
    drop(first);
    let server = Server::start(TcpListener::bind(address).await.unwrap(), &[]);
    let _second = sink(folder.path(), &options);
    let arrived = server.arrived(2).await;
    let bodies: Vec<&str> = arrived.iter().map(|(_, _, body)| &**body).collect();
    assert_eq!(bodies, ["person at door: 0.877", "person at gate: 0.877"]);
    assert_eq!(arrived[0].1["content-type"], "text/plain");
}

#[tokio::test]
async fn a_refused_message_lets_others_pass_and_redirects_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = listener().await;
    let server = Server::start(listener, &[400, 302]);
    let mut sink = sink(folder.path(), &json!({"url": url, "secret": SECRET}));
    for place in ["refused", "redirected", "taken"] {
        let events = [event(json!({"place": place, "kind": "entered"}))];
        sink.deliver(&events).await.unwrap();
    }
    let arrived = server.arrived(3).await;
    assert!(arrived[2].2.contains("taken"));
    assert!(arrived.iter().all(|(path, ..)| path == "/hook?a=b"));
}

#[tokio::test]
async fn senseless_configurations_are_refused_without_their_secret() {
    let folder = tempfile::tempdir().unwrap();
    let good = json!({"url": "https://hooks.site.example/", "secret": SECRET});
    assert!(build("webhook", request(folder.path(), &good)).is_ok());
    for (field, value, why) in [
        ("secret", json!("short"), "under 16 bytes"),
        ("keep_hours", json!(0), "expected 1 to 720"),
        ("template", json!("{{ event.label "), "`template` is wrong"),
        ("kinds", json!(["sneezed"]), "unknown variant"),
        ("url", json!("http://169.254.169.254/"), "link-local"),
        ("url", json!("https://a:hunter2@b/"), "password"),
    ] {
        let mut options = good.clone();
        options[field] = value;
        let refused = build("webhook", request(folder.path(), &options));
        let said = refused.err().unwrap().to_string();
        assert!(said.contains(why), "{said}");
        assert!(!said.contains("hunter2") && !said.contains(SECRET));
    }
    for template in [
        "{{ event.nothing }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
    ] {
        let mut options = good.clone();
        options["template"] = template.into();
        let mut sink = sink(folder.path(), &options);
        let failed = sink.deliver(&[event(json!({}))]).await.unwrap_err();
        assert!(
            failed.to_string().contains("the template fails"),
            "{failed}"
        );
    }
}
