//! Only those who know the password watch.

use ocelli_core::Secret;
use ocelli_media::simulate::{AuthScheme, Credentials, Running, Simulation};

use crate::{
    client::{frame, play, tcp, udp, within},
    clips::SMALL,
};

async fn start(schemes: &[AuthScheme]) -> Running {
    let credentials = Credentials {
        schemes: schemes.to_vec(),
        ..Credentials::new("viewer", Secret::new("canary-7261"))
    };
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 2);
    simulation.credentials = Some(credentials);
    simulation.start().await.unwrap()
}

/// The status that refuses a client, if it is refused.
async fn status(running: &Running, credentials: Option<(&str, &str)>) -> Option<u16> {
    match within("PLAY", play(&running.url(1), tcp(), credentials)).await {
        Ok(mut playing) => {
            frame(&mut playing).await;
            None
        }
        Err(error) => Some(error.status_code().unwrap()),
    }
}

#[tokio::test]
async fn each_scheme_admits_the_right_password_only() {
    use AuthScheme::{Basic, DigestMd5, DigestSha256};
    for schemes in [
        &[Basic][..],
        &[DigestMd5],
        &[DigestSha256],
        &[DigestSha256, DigestMd5],
    ] {
        let running = start(schemes).await;
        assert_eq!(
            status(&running, Some(("viewer", "canary-7261"))).await,
            None
        );
        for wrong in [
            None,
            Some(("viewer", "guess")),
            Some(("admin", "canary-7261")),
        ] {
            assert_eq!(
                status(&running, wrong).await,
                Some(401),
                "{schemes:?}, {wrong:?}"
            );
        }
        assert!(running.stream_counts(1).unwrap().refused >= 3);
        assert_eq!(running.stream_counts(0).unwrap().refused, 0);
        running.stop().await;
    }
}

#[tokio::test]
async fn udp_with_digest() {
    let running = start(&[AuthScheme::DigestMd5]).await;
    let credentials = Some(("viewer", "canary-7261"));
    let mut playing = within("PLAY", play(&running.url(0), udp(), credentials))
        .await
        .unwrap();
    assert!(frame(&mut playing).await.is_random_access_point());
    running.stop().await;
}

#[tokio::test]
async fn no_password_is_right_where_that_is_the_fault() {
    let running = start(&[AuthScheme::DigestMd5]).await;
    let right = Some(("viewer", "canary-7261"));
    let fault = "1:unauthorized".parse().unwrap();
    running.set_faults(vec![fault]).await.unwrap();
    assert_eq!(status(&running, right).await, Some(401));
    assert!(running.stream_counts(1).unwrap().faults > 0);
    running.set_faults(vec![]).await.unwrap();
    assert_eq!(
        status(&running, right).await,
        None,
        "the twin without the fault"
    );
    running.stop().await;
}

#[tokio::test]
async fn no_password_is_right_where_none_is_asked_for() {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 2);
    simulation.faults = vec!["1:unauthorized".parse().unwrap()];
    let running = simulation.start().await.unwrap();
    for credentials in [None, Some(("viewer", "x"))] {
        assert_eq!(status(&running, credentials).await, Some(401));
    }
    let mut other = play(&running.url(0), tcp(), None).await.unwrap();
    frame(&mut other).await;
    running.stop().await;
}

#[test]
fn the_password_is_not_printed() {
    let credentials = Credentials::new("viewer", Secret::new("canary-7261"));
    let mut simulation = Simulation::new(vec![], 0);
    simulation.credentials = Some(credentials);
    let printed = format!("{simulation:?}");
    assert!(!printed.contains("canary"), "{printed}");
    assert!(printed.contains("viewer"), "the twin: the user is there");
}
