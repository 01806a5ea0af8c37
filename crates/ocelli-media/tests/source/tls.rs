//! Cameras within TLS, with certificates that they signed themselves.

use ocelli_core::{Secret, StageError};
use ocelli_media::{
    simulate::{Credentials, Running, Simulation},
    source,
};
use serde_json::{Value, json};

use crate::cameras::{H264, Made, camera, clip, error, packet, plays_the_clip, request, start};

async fn sealed(made: &Made) -> Running {
    let mut simulation = Simulation::new(vec![made.clip.clone()], 2);
    simulation.tls = true;
    simulation.start().await.unwrap()
}

/// A camera that lets nobody watch without a password.
async fn guarded(made: &Made) -> Running {
    let mut simulation = Simulation::new(vec![made.clip.clone()], 1);
    simulation.tls = true;
    simulation.credentials = Some(Credentials::new("viewer", Secret::new("hunter2")));
    simulation.start().await.unwrap()
}

fn pinned(running: &Running) -> Value {
    json!({ "tls_fingerprint": running.tls_fingerprint().unwrap() })
}

#[tokio::test]
async fn a_pinned_camera_plays() {
    let made = clip(H264);
    let running = sealed(&made).await;
    assert!(running.url(0).starts_with("rtsps://"));
    let options = pinned(&running);
    plays_the_clip(&made, running, options).await;
}

#[tokio::test]
async fn a_pinned_camera_asks_for_a_password() {
    let made = clip(H264);
    let running = guarded(&made).await;
    let url = running.url(0);
    let with = |login: &str| url.replace("://", &format!("://{login}@"));
    let mut stream = camera(&with("viewer:hunter2"), pinned(&running)).open();
    assert!(packet(&mut stream).await.unwrap().key);
    let wrong = error(&mut camera(&with("viewer:guess"), pinned(&running)).open()).await;
    assert!(wrong.to_string().contains("wrong user"), "{wrong}");
    assert!(running.counts().refused > 0, "requests without a login");
    running.stop().await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_named_in_the_error() {
    let made = clip(H264);
    let running = guarded(&made).await;
    let url = running.url(0).replace("://", "://viewer:hunter2@");
    let refused = error(&mut camera(&url, json!({})).open()).await;
    assert!(matches!(refused, StageError::Rejected(_)), "{refused}");
    let said = refused.to_string();
    let advice = format!("tls_fingerprint: {}", running.tls_fingerprint().unwrap());
    assert!(
        said.contains(&advice) && !said.contains("hunter2"),
        "{said}"
    );
    assert_eq!(running.counts().refused, 0, "not even a request was sent");
    running.stop().await;
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_refused() {
    let made = clip(H264);
    let (before, after) = (sealed(&made).await, sealed(&made).await);
    let refused = error(&mut camera(&after.url(0), pinned(&before)).open()).await;
    assert!(matches!(refused, StageError::Rejected(_)), "{refused}");
    let said = refused.to_string();
    assert!(said.contains("another certificate"), "{said}");
    assert!(said.contains(&after.tls_fingerprint().unwrap()), "{said}");
}

#[tokio::test]
async fn a_port_without_tls_says_so() {
    let made = clip(H264);
    let running = start(&made, "").await;
    assert_eq!(running.tls_fingerprint(), None);
    let url = running.url(0).replace("rtsp:", "rtsps:");
    let refused = error(&mut camera(&url, json!({})).open()).await;
    assert!(matches!(refused, StageError::Rejected(_)), "{refused}");
    assert!(refused.to_string().contains("no TLS here"), "{refused}");
    running.stop().await;
}

#[test]
fn what_cannot_be_kept_secret_is_refused_before() {
    let print = "ab".repeat(32);
    for (url, options, why) in [
        (
            "rtsps://cam/a",
            json!({ "transport": "udp" }),
            "`transport`",
        ),
        (
            "rtsp://cam/a",
            json!({ "tls_fingerprint": print }),
            "`rtsps:`",
        ),
        (
            "rtsps://cam/a",
            json!({ "tls_fingerprint": "ab" }),
            "64 hexadecimal",
        ),
    ] {
        let refused = source::build(request(url, options)).err().unwrap();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let twin = json!({ "tls_fingerprint": print, "transport": "tcp" });
    assert!(source::build(request("rtsps://cam/a", twin)).is_ok());
}
