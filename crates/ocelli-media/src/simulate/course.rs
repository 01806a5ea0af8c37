//! The property that a client relies on most: whatever else goes wrong, time does not run backwards
//! unless that is the fault. Viewers are driven by hand, on a clock of the test.

use std::{
    collections::HashSet,
    io::{ErrorKind, Read as _},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use ocelli_core::{Codec, CodecParameters, WallTime, seam::SourcePacket};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    Clip, Join,
    camera::Camera,
    clip::TICKS_PER_SEC,
    dice::{Dice, Purpose},
    fault::Fault,
    link::Link,
    payload::split_packet,
    route::Route,
    strike::Faults,
    viewer::{Scratch, Viewer},
};

const SSRC: u32 = 0x0cce_1117;
const SETS: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 9, 0, 0, 0, 1, 0x68, 0xce, 1,
];

/// A clip whose pictures come at uneven times, in the order of a stream with or without B-pictures.
pub(super) fn clip() -> impl Strategy<Value = Clip> {
    let picture = (1_000i64..120_000, 4usize..3000);
    (vec(picture, 1..30), 1usize..9, any::<bool>()).prop_map(|(pictures, group, reordered)| {
        let mut dts_micros = 0;
        let times: Vec<i64> = pictures
            .iter()
            .map(|(step, _)| {
                dts_micros += step;
                dts_micros
            })
            .collect();
        let packets: Vec<_> = (0..times.len())
            .map(|at| {
                let place = at % group;
                let first = at - place;
                let last = (first + group).min(times.len()) - 1;
                // Within a group, after the key picture: P B B of each three, shown as B B P.
                let shown = match (place, (place + 2) % 3) {
                    _ if !reordered || place == 0 => at,
                    (_, 0) => (at + 2).min(last),
                    _ => at - 1,
                };
                let head = if place == 0 { 0x65 } else { 0x41 };
                let mut data = vec![0, 0, 0, 1, head];
                data.resize(5 + pictures[at].1, at as u8 | 0x80);
                SourcePacket {
                    dts_micros: times[at],
                    pts_micros: times[shown],
                    camera_wall: None,
                    key: place == 0,
                    data: data.into(),
                }
            })
            .collect();
        let parameters = CodecParameters {
            codec: Codec::H264,
            parameter_sets: Bytes::from_static(SETS),
            width: 640,
            height: 360,
            reordered,
        };
        Clip::from_packets(&parameters, &packets).unwrap()
    })
}

/// Some faults that leave the time alone.
fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let ratio = || 0.0..0.5f64;
    let fault = prop_oneof![
        ratio().prop_map(|r| format!("loss={r}")),
        ratio().prop_map(|r| format!("corrupt={r}")),
        ratio().prop_map(|r| format!("reorder={r}")),
        ratio().prop_map(|r| format!("ssrc={r}")),
        (200u32..3000, 1u32..100).prop_map(|(every, percent)| format!(
            "stall={every}ms/{}ms",
            every * percent / 100 + 1
        )),
        (0u32..3000).prop_map(|after| format!("silence={after}ms")),
        (0u32..3000).prop_map(|after| format!("sps-change={after}ms")),
        (0u32..3000).prop_map(|after| format!("wrap={after}ms")),
        (0u32..3000).prop_map(|after| format!("mute={after}ms")),
        (0u32..3000).prop_map(|after| format!("endless-picture={after}ms")),
        select(vec!["huge-picture", "clock-1970"]).prop_map(str::to_owned),
    ];
    vec(fault, 0..4).prop_map(|texts| texts.iter().map(|text| text.parse().unwrap()).collect())
}

#[derive(Debug, Clone)]
struct Step {
    /// How late the server looks at the viewer.
    late_micros: u64,
    /// Whether the client reads.
    reads: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let late_micros = prop_oneof![6 => 0u64..20_000, 1 => 0u64..6_000_000];
    let step = (late_micros, prop::bool::weighted(0.8));
    vec(
        step.prop_map(|(late_micros, reads)| Step { late_micros, reads }),
        60..300,
    )
}

/// What one viewer got.
#[derive(Default)]
struct Received {
    /// RTP times of the viewer's own packets.
    times: Vec<u32>,
    /// NTP and RTP time of the reports.
    reports: Vec<(u64, u32)>,
}

impl Received {
    fn take(&mut self, mut wire: &[u8]) {
        while let Some((packet, rest)) = split_packet(wire) {
            wire = rest;
            let u32_at = |at| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
            match packet[1] {
                0 if u32_at(12) == SSRC => self.times.push(u32_at(8)),
                0 => {}
                _ => {
                    let ntp = u64::from(u32_at(12)) << 32 | u64::from(u32_at(16));
                    self.reports.push((ntp, u32_at(20)));
                }
            }
        }
        assert!(wire.is_empty());
    }
}

/// A client's socket that does not block, and the server's end of it. Within a runtime.
pub(super) fn connect() -> (std::net::TcpStream, Rc<Link>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_nonblocking(true).unwrap();
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    let server = tokio::net::TcpStream::from_std(server).unwrap();
    (client, Rc::new(Link::new(server, None, 20_000, 0)))
}

/// Plays `clips` through `early` faults, and `late` ones from the middle on.
async fn drive(
    (clip, other): (Clip, Clip),
    (early, late): (Vec<Fault>, Vec<Fault>),
    (join, seed): (Join, u64),
    steps: &[Step],
) -> Received {
    let (mut client, link) = connect();
    let faults = Faults::new(&early, 0);
    let camera = Rc::new(Camera::new(
        0,
        (clip, Some(other)),
        (seed, true),
        faults,
        Arc::default(),
    ));
    let route = Rc::new(Route::Interleaved { rtp: 0, rtcp: 1 });
    let dice = Dice::new(seed, Purpose::Viewer, 0);
    let mut nanos = seed % 100_000_000_000;
    let mut viewer = Viewer::join(
        Rc::clone(&camera),
        (Rc::clone(&link), route),
        (SSRC, 7, dice),
        (nanos, join),
    );
    let mut wire = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        nanos = nanos.max(viewer.due_nanos() + step.late_micros * 1000);
        if index == steps.len() / 2 {
            camera.set_faults(Faults::new(&late, nanos));
        }
        let wall = || WallTime {
            micros: 1_700_000_000_000_000 + (nanos / 1000) as i64,
        };
        viewer.step(nanos, wall, &mut Scratch::default());
        let is_last = index + 1 == steps.len();
        if step.reads || is_last {
            read(&mut client, &link, &mut wire).await;
        }
    }
    let mut received = Received::default();
    received.take(&wire);
    received
}

/// Reads all that was sent.
async fn read(client: &mut std::net::TcpStream, link: &Link, wire: &mut Vec<u8>) {
    loop {
        let read = client.read_to_end(wire);
        assert_eq!(read.unwrap_err().kind(), ErrorKind::WouldBlock);
        if !link.is_waiting() {
            return;
        }
        link.stream.writable().await.unwrap();
        link.flush();
    }
}

/// How far the time of a later picture may be behind that of an earlier one: the B-pictures.
fn reorder_ticks(clip: &Clip) -> i64 {
    let (mut latest, mut behind) = (0, 0);
    for picture in &clip.0.pictures {
        latest = latest.max(picture.show_ticks);
        behind = behind.max(latest - picture.show_ticks);
    }
    behind as i64
}

/// Times on an endless line.
fn unwrap_times(times: impl IntoIterator<Item = u32>) -> Vec<i64> {
    let (mut last, mut time) = (None, 0i64);
    times
        .into_iter()
        .map(|next: u32| {
            time += i64::from(next.wrapping_sub(last.unwrap_or(next)) as i32);
            last = Some(next);
            time
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn time_runs_forwards_over_loops_and_faults(
        clips in (clip(), clip()),
        faults in (faults(), faults()),
        join in select(vec![Join::NextKey, Join::LastKey, Join::Anywhere]),
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let behind = reorder_ticks(&clips.0).max(reorder_ticks(&clips.1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let received = runtime.block_on(drive(clips, faults, (join, seed), &steps));

        let mut pictures = unwrap_times(received.times);
        pictures.dedup();
        let mut latest = i64::MIN;
        for &time in &pictures {
            prop_assert!(latest.saturating_sub(behind) <= time, "{time} after {latest}");
            latest = latest.max(time);
        }
        let distinct: HashSet<_> = pictures.iter().collect();
        prop_assert_eq!(distinct.len(), pictures.len(), "no picture shares its time");

        // Reports go on as well, and both of their clocks at the same pace.
        let rtp = unwrap_times(received.reports.iter().map(|(_, rtp)| *rtp));
        for (pair, ticks) in received.reports.windows(2).zip(rtp.windows(2)) {
            let passed = ticks[1] - ticks[0];
            prop_assert!(passed > 0);
            let told = (pair[1].0.wrapping_sub(pair[0].0)) as i64;
            let secs = told as f64 / 2f64.powi(32);
            let changed_clock = !(0.0..1e6).contains(&secs);
            prop_assert!(changed_clock || (secs * TICKS_PER_SEC as f64 - passed as f64).abs() < 3.0);
        }
    }

    #[test]
    fn the_twin_a_jump_back_is_seen(clips in (clip(), clip()), seed in any::<u64>()) {
        let step = Step { late_micros: 0, reads: true };
        let steps = vec![step; 300];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let jump = vec!["timestamp-jump=0/-1h".parse().unwrap()];
        let faults = (vec![], jump);
        let received = runtime.block_on(drive(clips, faults, (Join::NextKey, seed), &steps));
        let times = unwrap_times(received.times);
        prop_assert!(times.windows(2).any(|pair| pair[1] < pair[0] - 3500 * 90_000));
    }
}
