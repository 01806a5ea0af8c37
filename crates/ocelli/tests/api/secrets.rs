//! Canary secrets: in no answer, no log line and no file.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
};

use ocelli::access::Role;
use reqwest::{Method, header};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::site;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|have| have == text.as_bytes())
}

/// The bytes of all files but the configuration's own.
fn read_all(dir: &Path, bytes: &mut Vec<u8>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, bytes);
        } else if path.extension().is_none_or(|kind| kind != "yaml") {
            bytes.extend(fs::read(path).unwrap());
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_an_answer_a_log_or_a_file() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let site = site::start().await;
    let viewer = site.token_of(Role::Viewer, None).await;
    let mut secrets = vec![
        site.owner(),
        viewer.clone(),
        site.first.link.expose().to_owned(),
        "canary-of-the-camera".to_owned(),
        "canary-of-a-password".to_owned(),
    ];
    let link = json!({ "link": site.first.link.expose() });
    let session = site.client.post(site.url("/api/v1/login/link")).json(&link);
    let session = session.send().await.unwrap();
    let cookie = session.headers()[header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    secrets.push(cookie.split_once('=').unwrap().1.to_owned());
    let mut answers = Vec::new();
    let document = site.get("/api/openapi.json").await;
    for (template, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path = template
                .replace("{name}", "north-1")
                .replace("{user}", "owner")
                .replace("{group}", "north")
                .replace("{id}", "000000000000");
            if template == "/api/v1/logout" || path == "/api/v1/users/owner/link" {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let login = json!({ "user": "owner", "password": "canary-of-a-password" });
            for token in [&site.owner(), &viewer] {
                let request = site.ask(method.clone(), &path, token).json(&login);
                answers.extend(request.send().await.unwrap().bytes().await.unwrap());
            }
            let request = site
                .client
                .request(method, site.url(&path))
                .header(header::COOKIE, &cookie)
                .json(&login);
            answers.extend(request.send().await.unwrap().bytes().await.unwrap());
        }
    }
    let ticket = site
        .ask(Method::POST, "/api/v1/tickets", &viewer)
        .send()
        .await;
    let ticket: serde_json::Value = ticket.unwrap().json().await.unwrap();
    let ticket = ticket["ticket"].as_str().unwrap();
    let path = format!("/api/v1/boxes/live?stream=north-1&ticket={ticket}");
    let unopened = site.client.get(site.url(&path)).send().await.unwrap();
    answers.extend(unopened.bytes().await.unwrap());
    secrets.push(ticket.to_owned());
    let logged = log.0.lock().unwrap().clone();
    let mut files = Vec::new();
    read_all(site.dir.path(), &mut files);
    for secret in &secrets {
        assert!(!holds(&answers, secret), "an answer holds {secret}");
        assert!(!holds(&logged, secret), "the log holds {secret}");
        assert!(!holds(&files, secret), "a file holds {secret}");
    }
    for (bytes, planted) in [
        (&answers, "rtsp://192.0.2.1/north-1"),
        (&logged, "/api/v1/streams"),
        (&files, "viewer-every"),
    ] {
        assert!(holds(bytes, planted), "the twin: {planted} is found");
    }
}
