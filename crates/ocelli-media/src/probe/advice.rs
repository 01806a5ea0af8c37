//! What to change in a camera, said of what was seen.

use ocelli_core::Codec;

use super::Seen;

/// Groups longer than this make a stream that turns attentive wait.
const GOP_SECS_MAX: f64 = 4.0;
/// Streams with more pixels cost several times what a sub-stream does.
const PIXELS_MAX: u64 = 1280 * 720;
/// More pictures a second than this are paid for and not looked at.
const RATE_MAX: f64 = 26.0;
/// Traffic that varies less than this from second to second is kept constant by the camera.
const VARIATION_CONSTANT: f64 = 0.08;
/// What constant traffic of a small stream is at least; below it the scene may just be still.
const CONSTANT_KBIT_PER_SEC: f64 = 200.0;

/// Lines for people: lowercase phrases, each with what to do.
pub fn advice(seen: &Seen) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |line: String| lines.push(line);
    if u64::from(seen.width) * u64::from(seen.height) > PIXELS_MAX {
        say(format!(
            "{}x{} is a main stream: analyse the sub-stream (640x360 or so) as `detect_url`",
            seen.width, seen.height
        ));
    }
    match seen.gop_secs {
        _ if seen.codec == Codec::Mjpeg => say(
            "MJPEG costs a whole decode for each picture: choose H.264 or H.265 if the camera can"
                .to_owned(),
        ),
        Some(secs) if secs > GOP_SECS_MAX => say(format!(
            "{secs:.1} s from key picture to key picture: set the I-frame interval to 2 s"
        )),
        Some(_) => {}
        None => say(format!(
            "no second key picture within {:.0} s: set the I-frame interval to 2 s, and switch off \
             smart codecs and intra refresh",
            seen.secs
        )),
    }
    if seen.codec == Codec::H265 {
        say(
            "H.265 costs more to decode, and what changes in it cannot be seen before decoding: \
             choose H.264 for the stream that is analysed"
                .to_owned(),
        );
    }
    if seen.b_pictures {
        say("B pictures delay what is seen: choose a profile without them".to_owned());
    }
    if seen.rate.is_some_and(|rate| rate > RATE_MAX) {
        say(
            "more than 25 pictures a second are paid for and not looked at: 10 to 15 do".to_owned(),
        );
    }
    let is_constant = seen
        .variation
        .is_some_and(|variation| variation < VARIATION_CONSTANT)
        && seen
            .kbit_per_sec
            .is_some_and(|kbit| kbit > CONSTANT_KBIT_PER_SEC)
        && seen.codec != Codec::Mjpeg;
    if is_constant {
        say(
            "constant bitrate: the camera spends its bits on noise where nothing moves, which hides \
             motion; choose variable bitrate or constant quality"
                .to_owned(),
        );
    }
    if seen.lost > 0 {
        say(format!(
            "{} packets were lost on the way: check the network, or use `transport: tcp`",
            seen.lost
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Seen = Seen {
        codec: Codec::H264,
        width: 640,
        height: 360,
        rate: Some(15.0),
        gop_secs: Some(2.0),
        kbit_per_sec: Some(400.0),
        b_pictures: false,
        variation: Some(0.4),
        secs: 6.0,
        lost: 0,
    };

    #[test]
    fn what_is_good_is_left_alone() {
        assert_eq!(advice(&GOOD), [""; 0]);
        let still = Seen {
            variation: Some(0.01),
            kbit_per_sec: Some(60.0),
            ..GOOD
        };
        assert_eq!(advice(&still), [""; 0], "nothing moves");
    }

    #[test]
    fn what_is_not_is_named() {
        for (seen, word) in [
            (
                Seen {
                    width: 1920,
                    height: 1080,
                    ..GOOD
                },
                "sub-stream",
            ),
            (
                Seen {
                    gop_secs: Some(10.0),
                    ..GOOD
                },
                "10.0 s from key picture",
            ),
            (
                Seen {
                    gop_secs: None,
                    ..GOOD
                },
                "no second key picture",
            ),
            (
                Seen {
                    b_pictures: true,
                    ..GOOD
                },
                "B pictures",
            ),
            (
                Seen {
                    codec: Codec::H265,
                    ..GOOD
                },
                "choose H.264",
            ),
            (
                Seen {
                    rate: Some(50.0),
                    ..GOOD
                },
                "25 pictures",
            ),
            (
                Seen {
                    variation: Some(0.02),
                    ..GOOD
                },
                "constant bitrate",
            ),
            (
                Seen {
                    codec: Codec::Mjpeg,
                    ..GOOD
                },
                "MJPEG",
            ),
            (Seen { lost: 3, ..GOOD }, "3 packets"),
        ] {
            let lines = advice(&seen);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains(word), "{lines:?}");
        }
    }
}
