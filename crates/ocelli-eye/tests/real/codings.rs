//! Cameras that code their pictures in less usual ways.

use ocelli_core::{Codec, EventKind, settings::GateKind};
use ocelli_engine::StreamState;

use crate::bench::{Bench, cameras, clip, clip_named, plan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_on_jpeg_cameras_become_events() {
    let Some(clip) = clip_named("people_on_jpeg_cameras_become_events", "vtest-mjpeg.mov") else {
        return;
    };
    let running = cameras(clip, 1).await;
    for gate in [GateKind::Always, GateKind::Keyframes] {
        let bench = Bench::start(vec![plan("jpeg", &running.url(0), gate)]).await;
        bench
            .until("tags", |bench| bench.count(EventKind::Appeared) >= 3)
            .await;
        let status = bench.engine.stream("jpeg").unwrap();
        assert_eq!(status.codec, Some((Codec::Mjpeg, 640, 360)));
        assert_eq!(status.ledger.settled.corrupt, 0, "{status:#?}");
        bench.engine.stop().await;
    }
    running.stop().await;
}

/// Whatever the gate: where there are no key pictures, all is decoded, and the stream says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_key_pictures_are_decoded_and_say_so() {
    let test = "streams_without_key_pictures_are_decoded_and_say_so";
    let (Some(refreshed), Some(usual)) = (clip_named(test, "vtest-refresh.mp4"), clip(test)) else {
        return;
    };
    let (refreshed, usual) = (cameras(refreshed, 1).await, cameras(usual, 1).await);
    let mut frequent = plan("refreshed", &refreshed.url(0), GateKind::Keyframes);
    frequent.settings.keys_every_secs = 0.2;
    let bench = Bench::start(vec![
        frequent,
        plan("usual", &usual.url(0), GateKind::Keyframes),
    ])
    .await;
    let reason = |bench: &Bench, name: &str| {
        let status = bench.engine.stream(name).unwrap();
        (status.state == StreamState::Live).then_some(status.reason)
    };
    bench
        .until("it says so", |bench| {
            reason(bench, "refreshed").is_some_and(|said| said.contains("no key pictures"))
        })
        .await;
    bench
        .until("tags", |bench| bench.count(EventKind::Appeared) >= 3)
        .await;
    bench
        .until("both are decoded", |bench| {
            let pictures = |name| bench.engine.stream(name).unwrap().pictures;
            // Far more than the six places at which its refreshes begin.
            pictures("refreshed") >= 200 && pictures("usual") >= 2
        })
        .await;
    assert_eq!(reason(&bench, "usual").as_deref(), Some(""), "the twin");
    let usual_pictures = bench.engine.stream("usual").unwrap().pictures;
    assert!(
        usual_pictures < 50,
        "only its key pictures: {usual_pictures}"
    );
    bench.engine.stop().await;
    refreshed.stop().await;
    usual.stop().await;
}
