//! The API as the configuration starts it.

use std::{sync::Arc, time::Duration};

use ocelli::{
    Hub,
    api::{Running, Served, launch},
    edit::Editor,
    record::{Record, RecordError},
};
use ocelli_sinks::{
    stills::{StillOptions, Stills},
    store::{Store, StoreError, StoreOptions},
};
use reqwest::Certificate;
use tokio::{sync::watch, time::timeout};

use crate::site;

/// What was served lets go of it a moment after the last answer.
async fn opened_record(dir: &tempfile::TempDir) -> Record {
    for _ in 0..1000 {
        match Record::open(dir.path(), site::now) {
            Err(RecordError::Busy(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            opened => return opened.unwrap(),
        }
    }
    panic!("the record stays open");
}

async fn launched(dir: &tempfile::TempDir, api: &str) -> Running {
    let text = format!("{}\n{api}", site::CONFIGURATION);
    let configuration = site::configured(dir, &text);
    let opened = async {
        loop {
            match Store::open(&dir.path().join("events"), StoreOptions::default()) {
                Err(StoreError::Busy) => tokio::time::sleep(Duration::from_millis(20)).await,
                opened => return opened.unwrap().0,
            }
        }
    };
    let store = timeout(Duration::from_secs(20), opened).await.unwrap();
    let (_sender, receiver) = watch::channel(Arc::new(configuration));
    let served = Served {
        engine: site::engine(),
        store,
        stills: Stills::open(&dir.path().join("stills"), StillOptions::default())
            .unwrap()
            .0,
        plates: ocelli::keep::Plates::default(),
        hub: Hub::default(),
        record: opened_record(dir).await,
        editor: Editor::new().0,
        configuration: receiver,
        sinks: ocelli::sinks::SinkBoard::default(),
        started: site::now(),
    };
    launch(served, dir.path()).await.unwrap()
}

#[tokio::test]
async fn the_first_start_says_how_to_get_in_and_the_second_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let api = "api: { listen: '127.0.0.1:0', token: a-token-of-the-configuration }";
    let running = launched(&dir, api).await;
    assert!(!running.secure);
    let url = format!("{}/api/v1/me", running.url());
    let client = site::client();
    let first = running.first.as_ref().unwrap().token.clone();
    for (token, status) in [
        (first.expose(), 200),
        ("a-token-of-the-configuration", 200),
        ("another-token-than-that", 401),
    ] {
        let answer = client.get(&url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
    running.stop().await;
    // What was served lets go of the store a moment after the last answer.
    let running = launched(&dir, api).await;
    assert!(running.first.is_none());
    let url = format!("{}/api/v1/me", running.url());
    let answer = client
        .get(&url)
        .bearer_auth(first.expose())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    running.stop().await;
}

#[tokio::test]
async fn with_a_certificate_it_speaks_tls_only() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    file("c.pem", &made.cert.pem());
    file("k.pem", &made.signing_key.serialize_pem());
    let api = "api: { listen: '127.0.0.1:0', tls: { certificate: c.pem, key: k.pem } }";
    let running = launched(&dir, api).await;
    assert!(running.secure);
    let trusting = site::client_builder()
        .tls_certs_only([Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()])
        .build()
        .unwrap();
    let port = running.address.port();
    let answer = trusting
        .get(format!("https://localhost:{port}/healthz"))
        .send()
        .await;
    assert_eq!(answer.unwrap().text().await.unwrap(), "ok\n");
    let link = running.first.as_ref().unwrap().link.clone();
    let answer = trusting
        .post(format!("https://localhost:{port}/api/v1/login/link"))
        .json(&serde_json::json!({ "link": link.expose() }))
        .send()
        .await
        .unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; Secure"), "{cookie}");
    let plain = site::client();
    let answer = plain
        .get(format!("http://localhost:{port}/healthz"))
        .send()
        .await;
    assert!(answer.is_err());
    running.stop().await;
}
