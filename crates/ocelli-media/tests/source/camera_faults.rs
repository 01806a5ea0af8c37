//! What cameras do wrong, and what must hold.

use std::{net::Ipv4Addr, time::Duration};

use ocelli_core::{
    ErrorClass, Secret, StageError,
    seam::{SourceItem, SourceStream},
};
use ocelli_media::simulate::{AuthScheme, Credentials, Running, Simulation};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::cameras::{
    H264, H265, LIMIT, Made, camera, clip, error, is_whole, next, packet, place, start, within,
};

fn watch(running: &Running, options: serde_json::Value) -> SourceStream {
    camera(&running.url(1), options).open()
}

/// Counts over so many packets: lost, corrupt.
async fn counts(stream: &mut SourceStream, packets: usize) -> (u64, u64) {
    let (mut lost, mut corrupt, mut seen) = (0, 0, 0);
    while seen < packets {
        match next(stream).await.unwrap() {
            SourceItem::Packet(_) => seen += 1,
            SourceItem::Lost { packets } => lost += packets,
            SourceItem::Corrupt { .. } => corrupt += 1,
            _ => {}
        }
    }
    (lost, corrupt)
}

#[tokio::test]
async fn loss_is_counted_and_no_picture_is_patched() {
    let made = clip(H264);
    let running = start(&made, "loss=10%").await;
    for transport in ["tcp", "udp"] {
        let mut stream = watch(&running, json!({ "transport": transport }));
        let (mut lost, mut whole) = (0, 0);
        while lost < 10 {
            match next(&mut stream).await.unwrap() {
                SourceItem::Lost { packets } => lost += packets,
                SourceItem::Packet(packet) => {
                    assert!(is_whole(&made, &packet), "a picture of the clip");
                    whole += 1;
                }
                SourceItem::Corrupt { reason } => panic!("{reason}"),
                _ => {}
            }
        }
        assert!(whole > 0);
        let mut other = camera(&running.url(0), json!({ "transport": transport })).open();
        assert_eq!(counts(&mut other, 30).await, (0, 0), "the twin: no loss");
    }
    running.stop().await;
}

#[tokio::test]
async fn late_packets_are_put_in_order() {
    let made = clip(H264);
    let running = start(&made, "reorder=10%").await;
    let mut stream = watch(&running, json!({ "transport": "udp" }));
    let (lost, corrupt) = counts(&mut stream, 100).await;
    assert_eq!((lost, corrupt), (0, 0));
    assert!(
        running.stream_counts(1).unwrap().faults > 5,
        "the twin: packets were late"
    );
    running.stop().await;
}

#[tokio::test]
async fn packets_of_other_sessions_are_left_aside() {
    let made = clip(H264);
    let running = start(&made, "ssrc=30%").await;
    for transport in ["tcp", "udp"] {
        let mut stream = watch(&running, json!({ "transport": transport }));
        let first = packet(&mut stream).await.unwrap();
        let mut at = place(&made, &first).unwrap();
        for _ in 0..60 {
            let SourceItem::Packet(packet) = next(&mut stream).await.unwrap() else {
                panic!("nothing but packets");
            };
            at = (at + 1) % made.given.packets.len();
            assert_eq!(place(&made, &packet), Some(at));
        }
    }
    assert!(
        running.stream_counts(1).unwrap().faults > 10,
        "the twin: strangers came"
    );
    running.stop().await;
}

#[tokio::test]
async fn damaged_bytes_do_not_end_a_stream() {
    let made = clip(H264);
    let running = start(&made, "corrupt=20%").await;
    let mut stream = watch(&running, json!({}));
    let mut damaged = 0;
    while damaged < 10 {
        match next(&mut stream).await.unwrap() {
            SourceItem::Packet(packet) if place(&made, &packet).is_none() => damaged += 1,
            SourceItem::Corrupt { .. } => damaged += 1,
            _ => {}
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn times_wrap_and_jump() {
    let made = clip(H264);
    let running = start(&made, "wrap=500ms").await;
    let mut stream = watch(&running, json!({}));
    let mut last = packet(&mut stream).await.unwrap();
    for _ in 0..40 {
        let next = packet(&mut stream).await.unwrap();
        assert!((next.dts_micros - last.dts_micros - 40_000).abs() < 50);
        last = next;
    }
    running.stop().await;

    let running = start(&made, "timestamp-jump=500ms/1h").await;
    let mut stream = watch(&running, json!({}));
    let mut last = packet(&mut stream).await.unwrap().dts_micros;
    let mut jumps = 0;
    for _ in 0..40 {
        let next = packet(&mut stream).await.unwrap();
        assert_eq!(next.dts_micros, next.pts_micros);
        jumps += u32::from(next.dts_micros - last > 1_000_000_000);
        last = next.dts_micros;
    }
    assert_eq!(jumps, 1, "the camera's time as it says it");
    running.stop().await;
}

#[tokio::test]
async fn parameters_change() {
    let made = clip(H264);
    let other = clip(&[H264, &["-s", "320x192"]].concat());
    let mut simulation = Simulation::new(vec![made.clip.clone(), other.clip.clone()], 2);
    simulation.faults = vec!["0:sps-change=500ms".parse().unwrap()];
    let running = simulation.start().await.unwrap();
    let mut stream = camera(&running.url(0), json!({})).open();
    let mut sizes = Vec::new();
    while sizes.len() < 2 {
        if let SourceItem::Parameters(parameters) = next(&mut stream).await.unwrap() {
            sizes.push((parameters.width, parameters.height));
        }
    }
    assert_eq!(sizes, [(160, 96), (320, 192)]);
    assert!(
        packet(&mut stream).await.unwrap().key,
        "the packet that they hold for"
    );
    running.stop().await;
}

/// The fault ends the stream with an error of this class that says this.
async fn ends(made: &Made, fault: &str, class: ErrorClass, says: &str) {
    let running = start(made, fault).await;
    let error = error(&mut watch(&running, json!({}))).await;
    assert_eq!(error.class(), class, "{fault}: {error}");
    assert!(error.to_string().contains(says), "{fault}: {error}");
    running.stop().await;
}

#[tokio::test]
async fn what_needs_a_person_is_rejected() {
    let made = clip(H264);
    for (fault, says) in [
        ("huge-picture", "65536x65536"),
        ("header-bomb=1000000", "headers"),
        ("sdp-bomb=10000000", "body"),
        (
            "redirect=rtsp://169.254.169.254/latest",
            "redirects to 169.254.169.254",
        ),
        ("control-url=rtsp://169.254.169.254/latest", "another host"),
        ("unauthorized", "user and password"),
    ] {
        ends(&made, fault, ErrorClass::Rejected, says).await;
    }
    ends(
        &clip(H265),
        "huge-picture",
        ErrorClass::Rejected,
        "65536x65536",
    )
    .await;
}

#[tokio::test]
async fn what_may_pass_is_unavailable() {
    let made = clip(H264);
    ends(&made, "reset=1s", ErrorClass::Unavailable, "failed").await;
    ends(&made, "garbage=500ms", ErrorClass::Unavailable, "").await;
}

#[tokio::test]
async fn silence_ends_a_stream() {
    let made = clip(H264);
    tokio::join!(
        ends(
            &made,
            "silence=500ms",
            ErrorClass::Unavailable,
            "no picture for 10 s"
        ),
        ends(
            &made,
            "mute=0s",
            ErrorClass::Unavailable,
            "does not answer within 10 s"
        ),
        ends(
            &made,
            "slow=1",
            ErrorClass::Unavailable,
            "does not answer within 10 s"
        ),
    );
}

#[tokio::test]
async fn a_picture_without_end_is_given_up() {
    let made = clip(H264);
    let running = start(&made, "endless-picture=500ms").await;
    let mut stream = watch(&running, json!({}));
    let reason = loop {
        if let SourceItem::Corrupt { reason } = next(&mut stream).await.unwrap() {
            break reason;
        }
    };
    assert!(reason.contains("more than 4 MB"), "{reason}");
    running.stop().await;
}

const CANARY: &str = "c4n4ry-7d1f/:@ %";

#[tokio::test]
async fn passwords() {
    let made = clip(H264);
    for scheme in [
        AuthScheme::DigestSha256,
        AuthScheme::DigestMd5,
        AuthScheme::Basic,
    ] {
        let mut simulation = Simulation::new(vec![made.clip.clone()], 1);
        let mut credentials = Credentials::new("viewer@site", Secret::new(CANARY));
        credentials.schemes = vec![scheme];
        simulation.credentials = Some(credentials);
        let running = simulation.start().await.unwrap();
        let with = |user_info: &str| {
            running
                .url(0)
                .replacen("://", &format!("://{user_info}"), 1)
        };
        let right = with("viewer%40site:c4n4ry-7d1f%2F%3A%40%20%25@");
        let source = camera(&right, json!({}));
        assert!(packet(&mut source.open()).await.is_ok(), "{scheme:?}");
        assert!(!source.address().contains("c4n4ry"));
        for wrong in [
            with("viewer%40site:wrong-c4n4ry@"),
            with("viewer%40site@"),
            running.url(0),
        ] {
            let source = camera(&wrong, json!({}));
            let error = error(&mut source.open()).await;
            assert!(matches!(error, StageError::Rejected(_)), "{error}");
            for text in [error.to_string(), format!("{error:?}"), source.address()] {
                assert!(!text.contains("c4n4ry"), "{text}");
            }
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn what_is_no_camera() {
    let made = clip(H264);
    let running = start(&made, "").await;
    let url = running.url(0).replace("/cam/0", "/cam/99");
    let missing = error(&mut camera(&url, json!({})).open()).await;
    assert!(
        matches!(&missing, StageError::Rejected(text) if text.contains("404")),
        "{missing}"
    );
    running.stop().await;

    // Nobody listens.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("rtsp://{}/", listener.local_addr().unwrap());
    drop(listener);
    let refused = error(&mut camera(&url, json!({})).open()).await;
    assert_eq!(refused.class(), ErrorClass::Unavailable, "{refused}");

    for (answer, class, says) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], ErrorClass::Rejected, "not an RTSP server"),
        (b"", ErrorClass::Unavailable, "closed"),
        (
            b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 45\r\n\r\nv=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 VP9/90000",
            ErrorClass::Rejected,
            "unsupported codec `VP9`",
        ),
        (b"RTSP/1.0 503 Busy\r\nCSeq: 1\r\n\r\n", ErrorClass::Unavailable, "503"),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("rtsp://{}/", listener.local_addr().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer).await.unwrap();
        };
        let mut stream = camera(&url, json!({})).open();
        let (error, ()) = tokio::join!(error(&mut stream), within("a client", server));
        assert_eq!(error.class(), class, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn limits_fit() {
    assert!(LIMIT > 10 * Duration::from_secs(10));
}
