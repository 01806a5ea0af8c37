//! Faults of single packets, as clients see them.

use std::collections::BTreeSet;

use ocelli_media::simulate::{Running, Simulation};

use crate::{
    client::{frame, next, tcp, udp, watch},
    clips::{Made, Recipe, SMALL, units},
    raw::{Frame, Raw},
};

/// Many packets for each picture.
const LARGE: Recipe = Recipe {
    size: (320, 192),
    kbit_per_sec: 3000,
    ..SMALL
};

async fn start(made: &Made, fault: &str) -> Running {
    let mut simulation = Simulation::new(vec![made.clip()], 2);
    simulation.faults = vec![format!("1:{fault}").parse().unwrap()];
    simulation.start().await.unwrap()
}

/// The first packets of a stream.
async fn packets(running: &Running, index: usize, count: usize) -> Vec<Frame> {
    let mut raw = Raw::play(running.address(), index).await;
    let mut packets = Vec::new();
    while packets.len() < count {
        packets.push(raw.rtp().await);
    }
    packets
}

/// How many numbers are missing in a run.
fn missing(packets: &[Frame]) -> u64 {
    packets
        .windows(2)
        .map(|pair| u64::from(pair[1].seq().wrapping_sub(pair[0].seq())) - 1)
        .sum()
}

#[tokio::test]
async fn loss() {
    let running = start(&LARGE.make(), "loss=10%").await;
    let lost = missing(&packets(&running, 1, 300).await);
    assert!((10..80).contains(&lost), "{lost}");
    assert!(running.stream_counts(1).unwrap().faults >= lost);
    assert_eq!(
        missing(&packets(&running, 0, 300).await),
        0,
        "the other stream"
    );
    assert_eq!(running.stream_counts(0).unwrap().faults, 0);

    // The library counts the same way, by either transport.
    for transport in [tcp(), udp()] {
        let mut playing = watch(&running.url(1), transport).await;
        let mut lost = 0;
        while lost < 10 {
            lost += u64::from(frame(&mut playing).await.loss());
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn reordering_by_udp() {
    let made = LARGE.make();
    let running = start(&made, "reorder=5%").await;
    // A library that takes packets as they come sees loss, as the late ones are skipped.
    let mut playing = watch(&running.url(1), udp()).await;
    let mut lost = 0;
    while lost < 5 {
        lost += u64::from(frame(&mut playing).await.loss());
    }
    let mut other = watch(&running.url(0), udp()).await;
    for _ in 0..made.packets.len() {
        assert_eq!(frame(&mut other).await.loss(), 0);
    }
    running.stop().await;
}

#[tokio::test]
async fn tcp_keeps_the_order() {
    let running = start(&LARGE.make(), "reorder=50%").await;
    assert_eq!(missing(&packets(&running, 1, 300).await), 0);
    running.stop().await;
}

#[tokio::test]
async fn corruption() {
    let made = LARGE.make();
    let clean: BTreeSet<Vec<u8>> = made.units().into_iter().flatten().collect();
    let running = start(&made, "corrupt=3%").await;
    for (index, is_spoiled) in [(0, false), (1, true)] {
        let mut playing = watch(&running.url(index), tcp()).await;
        let mut damaged = 0;
        for _ in 0..2 * made.packets.len() {
            let picture = match next(&mut playing, &mut Vec::new()).await {
                Ok(picture) => picture,
                // The header of a fragment was struck.
                Err(_) if is_spoiled => {
                    damaged += 1;
                    break;
                }
                Err(error) => panic!("{error}"),
            };
            let whole = units(picture.data())
                .iter()
                .all(|unit| clean.contains(unit));
            damaged += u32::from(!whole);
        }
        assert_eq!(damaged > 0, is_spoiled, "stream {index}: {damaged}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_foreign_source() {
    let running = start(&LARGE.make(), "ssrc=5%").await;
    let packets = packets(&running, 1, 400).await;
    let own = packets[0].ssrc();
    let (own, foreign): (Vec<_>, Vec<_>) =
        packets.into_iter().partition(|packet| packet.ssrc() == own);
    assert!((5..60).contains(&foreign.len()), "{}", foreign.len());
    assert_eq!(missing(&own), 0, "the stream itself is whole");
    let sources: BTreeSet<u32> = foreign.iter().map(Frame::ssrc).collect();
    assert_eq!(sources.len(), 1);

    let mut playing = watch(&running.url(1), tcp()).await;
    let error = loop {
        if let Err(error) = next(&mut playing, &mut Vec::new()).await {
            break error.to_string();
        }
    };
    assert!(error.contains("wrong ssrc"), "{error}");
    running.stop().await;
}

#[tokio::test]
async fn garbage() {
    let running = start(&SMALL.make(), "garbage=400ms").await;
    let mut playing = watch(&running.url(1), tcp()).await;
    frame(&mut playing).await;
    let error = loop {
        if let Err(error) = next(&mut playing, &mut Vec::new()).await {
            break error;
        }
    };
    assert!(error.status_code().is_none(), "{error}");
    assert!(running.stream_counts(1).unwrap().faults > 0);
    running.stop().await;
}
