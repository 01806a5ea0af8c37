//! What arrives is the clip, looped, with monotone times.

use ocelli_core::Codec;
use ocelli_media::simulate::{Clip, Simulation};
use retina::client::Transport;

use crate::{
    client::{frame, next, tcp, udp, watch},
    clips::{Made, PICTURES_PER_SEC, Recipe, SMALL, units},
};

async fn plays(made: &Made, transport: Transport) {
    plays_as(made, made.clip(), transport).await;
}

/// Plays two and a half loops of `clip`, and compares them with what was made, byte by byte.
pub(crate) async fn plays_as(made: &Made, clip: Clip, transport: Transport) {
    let running = Simulation::new(vec![clip], 1).start().await.unwrap();
    let clip = made.units();
    let mut playing = watch(&running.url(0), transport).await;
    let first = frame(&mut playing).await;
    assert!(first.is_random_access_point());
    let start = units(first.data());
    let mut at = (0..clip.len())
        .find(|&at| made.packets[at].key && clip[at] == start)
        .expect("the first picture is a key picture of the clip");
    let mut time = first.timestamp().timestamp();
    let ticks = 90_000 / i64::from(PICTURES_PER_SEC);
    let shown = |at: usize| (made.packets[at].pts_micros - made.packets[0].dts_micros) * 9 / 100;
    for _ in 0..clip.len() * 5 / 2 {
        let next = frame(&mut playing).await;
        let before = at;
        at = (at + 1) % clip.len();
        assert_eq!(next.loss(), 0);
        assert_eq!(units(next.data()), clip[at], "picture {at}");
        let looped = if at == 0 {
            clip.len() as i64 * ticks
        } else {
            0
        };
        let step = next.timestamp().timestamp() - time;
        assert!(
            (step - (shown(at) + looped - shown(before))).abs() <= 1,
            "{step} ticks before picture {at}"
        );
        time = next.timestamp().timestamp();
    }
    let counts = running.counts();
    assert_eq!(counts.viewers, 1);
    assert_eq!(counts.dropped, 0);
    assert!(counts.pictures > clip.len() as u64 * 5 / 2);
    running.stop().await;
}

#[tokio::test]
async fn h264_by_tcp() {
    plays(&SMALL.make(), tcp()).await;
}

#[tokio::test]
async fn h264_by_udp() {
    plays(&SMALL.make(), udp()).await;
}

#[tokio::test]
async fn h264_with_b_pictures() {
    let recipe = Recipe {
        b_pictures: true,
        group: 10,
        ..SMALL
    };
    let made = recipe.make();
    assert!(made.packets.iter().any(|p| p.pts_micros > p.dts_micros));
    plays(&made, tcp()).await;
}

#[tokio::test]
async fn h265_by_tcp_and_udp() {
    let recipe = Recipe {
        codec: Codec::H265,
        ..SMALL
    };
    let made = recipe.make();
    plays(&made, tcp()).await;
    plays(&made, udp()).await;
}

#[tokio::test]
async fn reports_tell_when_a_picture_was_taken() {
    let running = Simulation::new(vec![SMALL.make().clip()], 1)
        .start()
        .await
        .unwrap();
    for transport in [tcp(), udp()] {
        let mut playing = watch(&running.url(0), transport).await;
        let mut reports = Vec::new();
        let mut picture = next(&mut playing, &mut reports).await.unwrap();
        while reports.is_empty() {
            picture = next(&mut playing, &mut reports).await.unwrap();
        }
        let report = reports[0].pkts().next().unwrap();
        let report = report.as_sender_report().unwrap().unwrap();
        let behind = (picture.timestamp().timestamp() as u32).wrapping_sub(report.rtp_timestamp());
        // The report came with the first picture, or soon after.
        assert!((behind as i32).abs() < 20 * 90_000, "{behind}");
        let told_secs = (report.ntp_timestamp().0 >> 32) as i64 - 2_208_988_800;
        assert!((told_secs - wall_secs()).abs() < 100, "{told_secs}");
    }
    running.stop().await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with what a camera tells"
)]
fn wall_secs() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs() as i64
}
