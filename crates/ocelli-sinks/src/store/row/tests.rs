//! Rows read what was written, and nothing else.

use proptest::{option, prelude::*, sample::select};

use super::*;

const KEY: Key = Key {
    stream: 3,
    at: 40_000_000,
    epoch: 1,
    number: 4711,
};

fn plain() -> Body {
    Body {
        kind: EventKind::Updated,
        label: Some(Label::Person),
        score: 0.877,
        bbox: Cells::around([0.1, 0.2, 0.1, 0.3]).bbox(),
        coverage: 1.0,
        time_source: WallSource::Receive,
        media_secs: 40_123.456,
        rule: None,
        place: None,
        reason: None,
        direction: None,
        dwell_secs: None,
        speed_kmh: None,
        count: None,
        count_out: None,
        appeared_inside: false,
        time: None,
        odd_tag: None,
    }
}

#[test]
fn a_plain_body_is_small() {
    let mut out = Vec::new();
    plain().write(&KEY, Some(7), &mut out);
    assert_eq!(out.len(), 15);
    assert_eq!(Body::read(&KEY, Some(7), &out), Some(plain()));
}

#[test]
fn every_flipped_bit_is_seen() {
    let body = Body {
        rule: Some(2),
        place: Some(300),
        dwell_secs: Some(12.34),
        ..plain()
    };
    let mut out = Vec::new();
    body.write(&KEY, Some(7), &mut out);
    for bit in 0..out.len() * 8 {
        let mut flipped = out.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Body::read(&KEY, Some(7), &flipped), None, "bit {bit}");
    }
    assert_eq!(
        Body::read(
            &Key {
                number: 4710,
                ..KEY
            },
            Some(7),
            &out
        ),
        None
    );
    assert_eq!(Body::read(&KEY, Some(6), &out), None);
    assert_eq!(Body::read(&KEY, None, &out), None);
    assert_eq!(Body::read(&KEY, Some(7), &out), Some(body), "the twin");
}

fn finite() -> impl Strategy<Value = f32> {
    prop_oneof![
        (0_u32..=1000).prop_map(|steps| number(u64::from(steps), 1e3)),
        (0_u32..=10_000).prop_map(|steps| number(u64::from(steps), 1e4)),
        any::<f32>().prop_filter("finite", |value| value.is_finite()),
    ]
}

prop_compose! {
    fn bodies()(
        (kind, label) in (select(EventKind::ALL.to_vec()), option::of(select(Label::ALL.to_vec()))),
        (score, coverage) in (finite(), finite()),
        bbox in proptest::array::uniform4(finite()),
        camera: bool,
        media_secs in prop_oneof![
            any::<i32>().prop_map(|millis| f64::from(millis) / 1e3),
            any::<f64>().prop_filter("finite", |value| value.is_finite()),
        ],
        (rule, place) in (option::of(any::<u32>()), option::of(any::<u32>())),
        reason in 0_u8..5,
        direction in 0_u8..3,
        (dwell_secs, speed_kmh) in (option::of(finite()), option::of(finite())),
        (count, count_out) in (option::of(any::<u32>()), option::of(any::<u32>())),
        appeared_inside in any::<bool>(),
        (time, odd_tag) in (option::of(".{0,20}"), option::of(".{0,20}")),
    ) -> Body {
        Body {
            kind, label, score, bbox, coverage, media_secs, rule, place,
            time_source: if camera { WallSource::Camera } else { WallSource::Receive },
            reason: code::reason(reason).unwrap(),
            direction: code::direction(direction).unwrap(),
            dwell_secs, speed_kmh, count, count_out, appeared_inside, time, odd_tag,
        }
    }
}

proptest! {
    #[test]
    fn every_body_reads_what_was_written(body in bodies(), tag: Option<u64>, number: u64) {
        let key = Key { number, ..KEY };
        let mut out = Vec::new();
        body.write(&key, tag, &mut out);
        prop_assert_eq!(Body::read(&key, tag, &out), Some(body));
    }

    #[test]
    fn any_bytes_are_read_without_harm(mut any: Vec<u8>) {
        let sum = checksum(&KEY, None, &any);
        any.extend_from_slice(&sum.to_le_bytes());
        let _: Option<Body> = Body::read(&KEY, None, &any);
    }
}
