//! What clients cannot do to the server.

use std::time::Duration;

use ocelli_media::simulate::Simulation;
use tokio::net::TcpStream;

use crate::{
    client::{frame, tcp, watch, within},
    clips::SMALL,
    raw::Raw,
};

#[tokio::test]
async fn a_viewer_who_does_not_read_loses_pictures_and_sees_it() {
    let mut recipe = SMALL;
    recipe.size = (320, 192);
    recipe.kbit_per_sec = 30_000;
    let mut simulation = Simulation::new(vec![recipe.make().clip()], 2);
    simulation.queue_bytes_max = 200_000;
    let running = simulation.start().await.unwrap();
    let mut raw = Raw::play(running.address(), 0).await;
    let mut last = raw.rtp().await;
    within("lost pictures", async {
        while running.stream_counts(0).unwrap().dropped < 10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let mut missing = 0;
    while missing == 0 {
        let next = raw.rtp().await;
        missing += next.seq().wrapping_sub(last.seq()) - 1;
        last = next;
    }
    // It goes on where decoding can start.
    let kind = last.payload()[0] & 0x1f;
    assert!(
        matches!(kind, 5..=8) || last.payload()[1] & 0x1f == 5,
        "{kind}"
    );
    assert_eq!(running.stream_counts(1).unwrap().dropped, 0);
    running.stop().await;
}

#[tokio::test]
async fn one_who_asks_and_does_not_listen_is_not_answered_for_ever() {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 2);
    // One answer alone fills the queue.
    simulation.faults = vec!["1:sdp-bomb=8000000".parse().unwrap()];
    let running = simulation.start().await.unwrap();
    let mut raw = Raw::connect(running.address()).await;
    let asked = 40;
    let mut requests = String::new();
    for _ in 0..asked {
        requests += &raw.request("DESCRIBE", &running.url(1), &[]);
    }
    raw.send(requests.as_bytes()).await.unwrap();
    let mut other = watch(&running.url(0), tcp()).await;
    for _ in 0..20 {
        frame(&mut other).await;
    }
    let composed = running.stream_counts(1).unwrap().faults;
    assert!((1..4).contains(&composed), "{composed} answers wait");
    // All come to one who listens, in order.
    for cseq in 1..=asked {
        let answer = raw.answer().await.unwrap();
        assert_eq!(answer.header("CSeq"), Some(&*cseq.to_string()));
    }
    running.stop().await;
}

#[tokio::test]
async fn no_more_connections_than_allowed() {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 1);
    simulation.connections_max = 3;
    let running = simulation.start().await.unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Raw::play(running.address(), 0).await);
    }
    let mut refused = Raw::connect(running.address()).await;
    // Closed, or reset where the request came first.
    assert!(refused.ask("OPTIONS", "*", &[]).await.is_err());
    held.pop();
    within("room", async {
        while Raw::connect(running.address())
            .await
            .ask("OPTIONS", "*", &[])
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn what_is_no_request_ends_the_connection() {
    let running = Simulation::new(vec![SMALL.make().clip()], 1)
        .start()
        .await
        .unwrap();
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00",
        &"A".repeat(20_000).into_bytes(),
    ] {
        let mut raw = Raw::connect(running.address()).await;
        raw.send(garbage).await.unwrap();
        // In order, or reset where bytes were left unread.
        drop(raw.read_to_end().await);
    }
    let mut playing = watch(&running.url(0), tcp()).await;
    frame(&mut playing).await;
    running.stop().await;
}

#[tokio::test]
async fn idle_sessions_end() {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 1);
    simulation.session_timeout = Duration::from_secs(1);
    let running = simulation.start().await.unwrap();
    let mut idle = Raw::play(running.address(), 0).await;
    let mut alive = Raw::play(running.address(), 0).await;
    let url = running.url(0);
    let until_closed = idle.read_to_end();
    let keeping_alive = async {
        loop {
            assert_eq!(
                alive.ask("GET_PARAMETER", &url, &[]).await.unwrap().status,
                200
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        ended = until_closed => drop(ended),
        () = keeping_alive => {}
    }
    assert_eq!(
        alive.ask("GET_PARAMETER", &url, &[]).await.unwrap().status,
        200
    );
    assert_eq!(running.counts().viewers, 1);
    running.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let running = Simulation::new(vec![SMALL.make().clip()], 1)
        .start()
        .await
        .unwrap();
    let url = running.url(0);
    let track = format!("{url}/trackID=0");
    let tcp = ("Transport", "RTP/AVP/TCP;interleaved=0-1");
    let mut raw = Raw::connect(running.address()).await;
    for (method, url, headers, status) in [
        ("DESCRIBE", &*running.url(1), &[][..], 404),
        ("PLAY", &*url, &[], 455),
        ("PLAY", &*url, &[("Session", "other")], 454),
        ("SETUP", &*track, &[("Transport", "RTP/AVP;multicast")], 461),
        ("SETUP", &*track, &[], 461),
        ("SETUP", &*url, &[tcp], 459),
        ("RECORD", &*url, &[], 405),
        ("DANCE", &*url, &[], 501),
        ("OPTIONS", "*", &[("Require", "funny-ext")], 551),
        ("SETUP", &*track, &[tcp], 200),
        ("SETUP", &*track, &[tcp], 455),
        ("PLAY", &*url, &[], 200),
        ("PLAY", &*url, &[], 200),
        ("PAUSE", &*url, &[], 200),
        ("PLAY", &*url, &[], 200),
        ("TEARDOWN", &*url, &[], 200),
    ] {
        let answer = raw.ask(method, url, headers).await.unwrap();
        assert_eq!(answer.status, status, "{method} {url} {headers:?}");
    }
    assert_eq!(running.counts().viewers, 0);
    running.stop().await;
}

#[tokio::test]
async fn the_port_is_free_after_the_end() {
    let clip = SMALL.make().clip();
    let running = Simulation::new(vec![clip.clone()], 1)
        .start()
        .await
        .unwrap();
    let address = running.address();
    let mut raw = Raw::play(address, 0).await;
    raw.rtp().await;
    running.stop().await;
    drop(raw.read_to_end().await);
    assert!(TcpStream::connect(address).await.is_err());
    let mut again = Simulation::new(vec![clip], 1);
    again.listen = address;
    let running = again.start().await.unwrap();
    assert_eq!(running.address(), address);
    let mut raw = Raw::play(address, 0).await;
    raw.rtp().await;
    running.stop().await;
}
