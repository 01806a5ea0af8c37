//! Faults of a stream's course: its times, its pauses, its parameters.

use std::time::Duration;

use ocelli_core::Codec;
use ocelli_media::simulate::{Clip, Running, SimulateError, Simulation};
use retina::codec::ParametersRef;

use crate::{
    client::{frame, tcp, udp, watch},
    clips::{Recipe, SMALL},
    raw::Raw,
};

/// Ticks from one picture to the next.
const STEP: u32 = 90_000 / 25;

async fn start(clips: Vec<Clip>, fault: &str) -> Running {
    let mut simulation = Simulation::new(clips, 2);
    simulation.faults = vec![format!("1:{fault}").parse().unwrap()];
    simulation.start().await.unwrap()
}

/// Times between the first pictures.
async fn steps(running: &Running, index: usize, count: usize) -> Vec<u32> {
    let mut raw = Raw::play(running.address(), index).await;
    let mut times = vec![raw.rtp().await.timestamp()];
    while times.len() <= count {
        let time = raw.rtp().await.timestamp();
        if time != times[times.len() - 1] {
            times.push(time);
        }
    }
    times
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]))
        .collect()
}

#[tokio::test]
async fn a_jump_of_time() {
    for (fault, jump) in [
        ("timestamp-jump=200ms/1h", 90_000 * 3600),
        (
            "timestamp-jump=200ms/-1h",
            (90_000u32 * 3600).wrapping_neg(),
        ),
    ] {
        let running = start(vec![SMALL.make().clip()], fault).await;
        let mut expected = vec![STEP; 25];
        assert_eq!(steps(&running, 0, 25).await, expected, "the other stream");
        expected[4] = STEP.wrapping_add(jump);
        assert_eq!(steps(&running, 1, 25).await, expected);
        running.stop().await;
    }
}

#[tokio::test]
async fn time_and_numbers_wrap() {
    let running = start(vec![SMALL.make().clip()], "wrap=400ms").await;
    let mut raw = Raw::play(running.address(), 1).await;
    let (mut last, mut time_wraps, mut seq_wraps) = (raw.rtp().await, 0, 0);
    for _ in 0..60 {
        let next = raw.rtp().await;
        assert_eq!(next.seq(), last.seq().wrapping_add(1));
        assert!([0, STEP].contains(&next.timestamp().wrapping_sub(last.timestamp())));
        time_wraps += u32::from(next.timestamp() < last.timestamp());
        seq_wraps += u32::from(next.seq() < last.seq());
        last = next;
    }
    assert_eq!((time_wraps, seq_wraps), (1, 1));

    // A library that knows how to count sees nothing of it.
    for transport in [tcp(), udp()] {
        let mut playing = watch(&running.url(1), transport).await;
        let mut time = frame(&mut playing).await.timestamp().timestamp();
        for _ in 0..25 {
            let next = frame(&mut playing).await;
            assert_eq!(next.timestamp().timestamp(), time + i64::from(STEP));
            assert_eq!(next.loss(), 0);
            time = next.timestamp().timestamp();
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn stalls_leave_gaps_and_end_with_a_key_picture() {
    let running = start(vec![SMALL.make().clip()], "stall=600ms/300ms").await;
    let mut playing = watch(&running.url(1), tcp()).await;
    let mut time = frame(&mut playing).await.timestamp().timestamp();
    let mut gaps = 0;
    while gaps < 2 {
        let next = frame(&mut playing).await;
        assert_eq!(next.loss(), 0, "what was not encoded is not lost");
        let step = next.timestamp().timestamp() - time;
        time = next.timestamp().timestamp();
        if step != i64::from(STEP) {
            gaps += 1;
            assert!(next.is_random_access_point());
            // At least the stall, at most up to the next key picture.
            assert!((300 * 90..=560 * 90).contains(&step), "{step}");
        }
    }
    assert!((2..=3).contains(&running.stream_counts(1).unwrap().faults));
    assert!(
        steps(&running, 0, 30)
            .await
            .iter()
            .all(|&step| step == STEP)
    );
    running.stop().await;
}

#[tokio::test]
async fn silence_is_answered() {
    let running = start(vec![SMALL.make().clip()], "silence=200ms").await;
    let mut raw = Raw::play(running.address(), 1).await;
    let mut last = raw.rtp().await;
    // Six pictures, then nothing; the other stream tells the time.
    assert_eq!(steps(&running, 0, 50).await.len(), 50);
    let url = running.url(1);
    assert_eq!(
        raw.ask("GET_PARAMETER", &url, &[]).await.unwrap().status,
        200
    );
    let first = last.timestamp();
    let rest = async {
        loop {
            last = raw.rtp().await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_millis(500), rest)
            .await
            .is_err()
    );
    assert_eq!(last.timestamp().wrapping_sub(first), 4 * STEP);
    running.stop().await;
}

#[tokio::test]
async fn the_camera_believes_it_is_1970() {
    let running = start(vec![SMALL.make().clip()], "clock-1970").await;
    let year_1970 = 2_208_988_800;
    let mut secs = Vec::new();
    for index in 0..2 {
        let mut raw = Raw::play(running.address(), index).await;
        secs.push(raw.report().await.0 - year_1970);
    }
    assert!(secs[0] > 1_700_000_000, "{secs:?}");
    assert!(secs[1] < 3600, "{secs:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_picture_without_end() {
    for codec in [Codec::H264, Codec::H265] {
        let recipe = Recipe { codec, ..SMALL };
        let running = start(vec![recipe.make().clip()], "endless-picture=200ms").await;
        let mut raw = Raw::play(running.address(), 1).await;
        let first = raw.rtp().await.timestamp();
        let (mut bytes, mut begins, mut last) = (0, 0, None);
        while bytes < 5_000_000 {
            let packet = raw.rtp().await;
            if packet.timestamp() != first.wrapping_add(5 * STEP) {
                assert_eq!(bytes, 0, "it does not end");
                continue;
            }
            let (kind, fragment) = match codec {
                Codec::H265 => ((packet.payload()[0] >> 1) & 0x3f, packet.payload()[2]),
                _ => (packet.payload()[0] & 0x1f, packet.payload()[1]),
            };
            assert!(matches!(kind, 28 | 49));
            assert_eq!(fragment & 0x40, 0, "no fragment is the last");
            assert_eq!(packet.bytes[1] & 0x80, 0, "no marker");
            if let Some(last) = last {
                assert_eq!(packet.seq().wrapping_sub(last), 1);
            }
            last = Some(packet.seq());
            begins += u32::from(fragment & 0x80 != 0);
            bytes += packet.payload().len();
        }
        assert_eq!(begins, 1);
        assert_eq!(running.stream_counts(1).unwrap().faults, 1);
        running.stop().await;
    }
}

fn dimensions(playing: &retina::client::Demuxed) -> (u32, u32) {
    match playing.streams()[0].parameters().unwrap() {
        ParametersRef::Video(video) => video.pixel_dimensions(),
        _ => panic!("not video"),
    }
}

async fn the_picture_size_changes(codec: Codec) {
    let one = Recipe { codec, ..SMALL };
    let other = Recipe {
        size: (192, 128),
        ..one
    };
    let clips = vec![one.make().clip(), other.make().clip()];
    let mut simulation = Simulation::new(clips, 1);
    simulation.faults = vec!["sps-change=600ms".parse().unwrap()];
    let running = simulation.start().await.unwrap();
    let mut playing = watch(&running.url(0), tcp()).await;
    let mut time = frame(&mut playing).await.timestamp().timestamp();
    assert_eq!(dimensions(&playing), (160, 96));
    loop {
        let next = frame(&mut playing).await;
        assert_eq!(next.timestamp().timestamp() - time, i64::from(STEP));
        assert_eq!(next.loss(), 0);
        time = next.timestamp().timestamp();
        if next.has_new_parameters() {
            assert!(next.is_random_access_point());
            break;
        }
    }
    assert_eq!(dimensions(&playing), (192, 128));
    for _ in 0..30 {
        let next = frame(&mut playing).await;
        assert_eq!(next.timestamp().timestamp() - time, i64::from(STEP));
        time = next.timestamp().timestamp();
    }
    assert_eq!(running.counts().faults, 1);
    running.stop().await;
}

#[tokio::test]
async fn the_picture_size_of_h264_changes() {
    the_picture_size_changes(Codec::H264).await;
}

#[tokio::test]
async fn the_picture_size_of_h265_changes() {
    the_picture_size_changes(Codec::H265).await;
}

#[tokio::test]
async fn a_change_needs_another_clip() {
    let clip = SMALL.make().clip();
    let mut simulation = Simulation::new(vec![clip.clone()], 3);
    simulation.faults = vec!["2:sps-change=1s".parse().unwrap()];
    let error = simulation.start().await.unwrap_err();
    assert!(matches!(error, SimulateError::NoOtherClip { stream: 2 }));

    let running = Simulation::new(vec![clip], 3).start().await.unwrap();
    let faults = vec!["sps-change=1s".parse().unwrap()];
    let error = running.set_faults(faults).await.unwrap_err();
    assert!(matches!(error, SimulateError::NoOtherClip { stream: 0 }));
    running.stop().await;
}

#[tokio::test]
async fn pictures_larger_than_any() {
    let running = start(vec![SMALL.make().clip()], "huge-picture").await;
    let sizes = async |index| {
        let mut raw = Raw::connect(running.address()).await;
        let answer = raw.ask("DESCRIBE", &running.url(index), &[]).await.unwrap();
        let described = String::from_utf8(answer.body.to_vec()).unwrap();
        let mut raw = Raw::play(running.address(), index).await;
        let mut sets = Vec::new();
        for _ in 0..60 {
            let packet = raw.rtp().await;
            if packet.payload()[0] & 0x1f == 7 {
                sets.push(packet.payload().to_vec());
            }
        }
        (described, sets)
    };
    let (clean, _) = sizes(0).await;
    let (described, sets) = sizes(1).await;
    assert_ne!(clean, described);
    assert!(sets.len() > 1);
    for set in sets {
        let rbsp = h264_reader::rbsp::decode_nal(&set).unwrap();
        let bits = h264_reader::rbsp::BitReader::new(&rbsp[..]);
        let error = h264_reader::nal::sps::SeqParameterSet::from_bits(bits).unwrap_err();
        // 4,096 by 4,096 macroblocks of 16 by 16.
        assert!(format!("{error:?}").contains("16777216"), "{error:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn faults_of_streams_that_are_not_there() {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 3);
    simulation.faults = vec!["0-2,3:silence".parse().unwrap()];
    let error = simulation.start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no stream 3 to be at fault: there are 3, counted from 0"
    );
}
