//! Cameras, looked at before they are added.

use std::time::Duration;

use ocelli_core::{Codec, Secret, StageError};
use ocelli_media::{
    probe::{ProbeOptions, probe},
    simulate::{Credentials, Simulation},
    source::Reach,
};

use crate::cameras::{H264, H264_B, clip, start, within};

fn options() -> ProbeOptions {
    ProbeOptions {
        watch: Duration::from_secs(2),
        ..ProbeOptions::new(Reach::Operator)
    }
}

#[tokio::test]
async fn a_camera_is_described() {
    let running = start(&clip(H264_B), "").await;
    let report = within("a report", probe(&running.url(0), &options()))
        .await
        .unwrap();
    let seen = &report.seen;
    assert_eq!(
        (seen.codec, seen.width, seen.height),
        (Codec::H264, 160, 96)
    );
    let rate = seen.rate.unwrap();
    assert!((23.0..27.0).contains(&rate), "{rate}");
    let gop = seen.gop_secs.unwrap();
    assert!((0.3..0.5).contains(&gop), "{gop}");
    assert!(seen.kbit_per_sec.unwrap() > 10.0);
    assert!(seen.b_pictures && report.advice.iter().any(|line| line.contains("B pictures")));
    assert_eq!(report.url.as_str(), running.url(0));
    running.stop().await;
}

#[tokio::test]
async fn the_path_of_a_bare_host_is_found() {
    let made = clip(H264);
    let mut simulation = Simulation::new(vec![made.clip.clone()], 1);
    simulation.credentials = Some(Credentials::new("viewer", Secret::new("canary-81")));
    let running = simulation.start().await.unwrap();
    let host = running.address();
    let options = options();
    let right = format!("viewer:canary-81@{host}");
    let report = within("a report", probe(&right, &options)).await.unwrap();
    assert_eq!(report.url.as_str(), running.url(0));
    assert!(report.tried.len() > 10, "{:?}", report.tried);
    assert!(!report.seen.b_pictures);

    // A wrong password is tried once.
    let refused = running.counts().refused;
    let error = within(
        "an error",
        probe(&format!("viewer:wrong-81@{host}"), &options),
    )
    .await;
    let error = error.unwrap_err();
    assert!(matches!(error, StageError::Rejected(_)), "{error}");
    assert!(!error.to_string().contains("81@"), "{error}");
    assert!(running.counts().refused <= refused + 2);
    running.stop().await;
}

#[tokio::test]
async fn who_may_not_connect_may_not_look() {
    let remote = ProbeOptions::new(Reach::Remote { files_below: None });
    for address in ["127.0.0.1", "rtsp://169.254.169.254/latest"] {
        let error = within("an error", probe(address, &remote))
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("may not be connected to"),
            "{error}"
        );
    }
}
