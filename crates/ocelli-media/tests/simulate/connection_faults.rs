//! Faults of the connection: what a client meets before and beside the pictures.

use std::{io::ErrorKind, time::Duration};

use ocelli_media::simulate::{Running, Simulation};
use retina::client::{Session, SessionOptions};
use tokio::{io::AsyncReadExt as _, time::Instant};

use crate::{
    client::{frame, next, play, tcp, udp, watch, within},
    clips::SMALL,
    raw::Raw,
};

/// Long enough for anything that is not held back.
const A_WHILE: Duration = Duration::from_millis(600);

async fn start(fault: &str) -> Running {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 2);
    simulation.faults = vec![format!("1:{fault}").parse().unwrap()];
    simulation.start().await.unwrap()
}

/// The other stream is as it should be.
async fn other_plays(running: &Running) {
    let mut other = watch(&running.url(0), tcp()).await;
    for _ in 0..10 {
        assert_eq!(frame(&mut other).await.loss(), 0);
    }
    assert_eq!(running.stream_counts(0).unwrap().faults, 0);
}

#[tokio::test]
async fn a_mute_camera_accepts_and_says_nothing() {
    let running = start("mute").await;
    let mut raw = Raw::connect(running.address()).await;
    let request = raw.request("DESCRIBE", &running.url(1), &[]);
    raw.send(request.as_bytes()).await.unwrap();
    assert!(tokio::time::timeout(A_WHILE, raw.answer()).await.is_err());
    other_plays(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn a_camera_goes_mute_while_it_plays() {
    let running = start("loss=0").await;
    let mut raw = Raw::play(running.address(), 1).await;
    raw.rtp().await;
    let mute = vec!["1:mute".parse().unwrap()];
    running.set_faults(mute).await.unwrap();
    // What was under way comes still.
    let rest = async { while raw.frame().await.is_ok() {} };
    assert!(tokio::time::timeout(A_WHILE, rest).await.is_err());
    assert!(tokio::time::timeout(A_WHILE, raw.frame()).await.is_err());
    let request = raw.request("OPTIONS", &running.url(1), &[]);
    raw.send(request.as_bytes()).await.unwrap();
    assert!(tokio::time::timeout(A_WHILE, raw.answer()).await.is_err());
    running.stop().await;
}

#[tokio::test]
async fn connections_are_reset() {
    let running = start("loss=0").await;
    let mut raw = Raw::play(running.address(), 1).await;
    raw.rtp().await;
    let mut playing = watch(&running.url(1), tcp()).await;
    frame(&mut playing).await;
    let reset = vec!["1:reset=100ms".parse().unwrap()];
    running.set_faults(reset).await.unwrap();
    let error = raw.read_to_end().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    while next(&mut playing, &mut Vec::new()).await.is_ok() {}
    assert_eq!(running.stream_counts(1).unwrap().faults, 2);
    assert_eq!(running.stream_counts(1).unwrap().viewers, 0);
    other_plays(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn answers_trickle() {
    let running = start("slow=40").await;
    let mut raw = Raw::connect(running.address()).await;
    let asked = Instant::now();
    let request = raw.request("OPTIONS", &running.url(1), &[]);
    raw.send(request.as_bytes()).await.unwrap();
    let mut head = [0; 80];
    within("bytes", raw.stream.read_exact(&mut head))
        .await
        .unwrap();
    // The first step leaves at once.
    assert!(asked.elapsed() > Duration::from_millis(1800));
    assert!(head.starts_with(b"RTSP/1.0 200 OK\r\n"));
    other_plays(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn clients_are_sent_elsewhere() {
    let running = start("redirect=rtsp://169.254.0.1/x").await;
    let mut raw = Raw::connect(running.address()).await;
    let answer = raw.ask("DESCRIBE", &running.url(1), &[]).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("Location"), Some("rtsp://169.254.0.1/x"));
    let error = play(&running.url(1), tcp(), None).await.err().unwrap();
    assert_eq!(error.status_code(), Some(302));
    other_plays(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn descriptions_of_any_size() {
    let running = start("sdp-bomb=3000000").await;
    let mut raw = Raw::connect(running.address()).await;
    let bomb = raw.ask("DESCRIBE", &running.url(1), &[]).await.unwrap();
    assert!((3_000_000..3_000_100).contains(&bomb.body.len()));
    let plain = raw.ask("DESCRIBE", &running.url(0), &[]).await.unwrap();
    assert!(plain.body.len() < 2000);
    // It is valid, only long.
    let url = running.url(1).parse().unwrap();
    let session = within(
        "DESCRIBE",
        Session::describe(url, SessionOptions::default()),
    )
    .await;
    assert_eq!(session.unwrap().streams().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn headers_of_any_size() {
    let running = start("header-bomb=100000").await;
    let mut raw = Raw::connect(running.address()).await;
    for (index, bytes) in [(0, None), (1, Some(100_000))] {
        let url = running.url(index);
        let answer = raw.ask("DESCRIBE", &url, &[]).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("X-Padding").map(str::len), bytes);
        assert!(answer.body.starts_with(b"v=0\r\n"));
    }
    running.stop().await;
}

#[tokio::test]
async fn the_track_is_elsewhere() {
    let running = start("control-url=rtsp://169.254.0.1/x").await;
    let mut raw = Raw::connect(running.address()).await;
    for (index, control) in [(0, "trackID=0"), (1, "rtsp://169.254.0.1/x")] {
        let answer = raw.ask("DESCRIBE", &running.url(index), &[]).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let last = text.lines().last().unwrap();
        assert_eq!(last, format!("a=control:{control}"));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_camera_disappears_and_returns() {
    let running = start("away=2s/1s").await;
    for transport in [tcp(), udp()] {
        // It may be gone when we come.
        let mut playing = returned(&running, transport).await;
        while next(&mut playing, &mut Vec::new()).await.is_ok() {}
    }
    // Both have met the reset by now; the camera is gone.
    let mut raw = Raw::connect(running.address()).await;
    let answer = raw.ask("OPTIONS", &running.url(1), &[]).await;
    if let Err(error) = answer {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let mut playing = returned(&running, tcp()).await;
    frame(&mut playing).await;
    other_plays(&running).await;
    running.stop().await;
}

/// Plays as soon as it is there.
async fn returned(
    running: &Running,
    transport: retina::client::Transport,
) -> retina::client::Demuxed {
    within("the camera's return", async {
        loop {
            match play(&running.url(1), transport.clone(), None).await {
                Ok(playing) => return playing,
                Err(_gone) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn faults_come_and_go_under_a_viewer() {
    let running = Simulation::new(vec![SMALL.make().clip()], 2)
        .start()
        .await
        .unwrap();
    let mut raw = Raw::play(running.address(), 1).await;
    raw.rtp().await;
    running
        .set_faults(vec!["1:silence".parse().unwrap()])
        .await
        .unwrap();
    let mut pictures = running.stream_counts(1).unwrap().pictures;
    other_plays(&running).await;
    assert_eq!(running.stream_counts(1).unwrap().pictures, pictures);
    running.set_faults(vec![]).await.unwrap();
    while running.stream_counts(1).unwrap().pictures < pictures + 10 {
        raw.rtp().await;
    }
    running
        .set_faults(vec!["1:reset".parse().unwrap()])
        .await
        .unwrap();
    let error = raw.read_to_end().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    pictures = running.stream_counts(1).unwrap().pictures;
    other_plays(&running).await;
    assert_eq!(running.stream_counts(1).unwrap().pictures, pictures);
    running.stop().await;
}
