//! What an event has to be like to be kept.

use ocelli_core::EventRecord;

/// Longest name of a stream, rule, place or tag, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// Longest text of a time, in bytes.
const TIME_BYTES_MAX: usize = 64;

/// What the store needs to know of an event to file it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    /// Its own time, in milliseconds since 1970.
    pub(crate) own_ms: i64,
}

/// Takes an event apart. Err: why it cannot be kept.
pub(crate) fn identify(record: &EventRecord) -> Result<Identity, String> {
    let (epoch, number) = parse_id(&record.id)
        .ok_or_else(|| "its id is not 16 hexadecimal digits, `-` and a number".to_owned())?;
    let wall = Some(&record.time)
        .filter(|time| time.len() <= TIME_BYTES_MAX)
        .and_then(|_| record.wall())
        .ok_or_else(|| "its time is not RFC 3339".to_owned())?;
    let numbers = [record.score, record.coverage]
        .into_iter()
        .chain(record.bbox)
        .chain(record.dwell_secs)
        .chain(record.speed_kmh);
    if !record.media_secs.is_finite() || numbers.into_iter().any(|number| !number.is_finite()) {
        return Err("one of its numbers is not finite".to_owned());
    }
    let names = [&record.tag, &record.rule, &record.place];
    let long = |name: &str| name.len() > NAME_BYTES_MAX;
    if long(&record.stream) || names.into_iter().flatten().any(|name| long(name)) {
        return Err(format!("one of its names is over {NAME_BYTES_MAX} bytes"));
    }
    if record.stream.is_empty() {
        return Err("it names no stream".to_owned());
    }
    Ok(Identity {
        epoch,
        number,
        own_ms: wall.micros.div_euclid(1000),
    })
}

fn parse_id(id: &str) -> Option<(u64, u64)> {
    let (epoch, number) = id.split_once('-')?;
    let epoch = u64::from_str_radix(epoch, 16).ok()?;
    let number = u64::from_str_radix(number, 16).ok()?;
    // Only the one way of writing it: two texts never mean one event.
    (format!("{epoch:016x}-{number:x}") == id).then_some((epoch, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> EventRecord {
        serde_json::from_str(
            r#"{"id":"0000000000000abc-11","stream":"lobby","kind":"gone","score":0.5,
            "box":[0.1,0.2,0.3,0.4],"time":"2026-11-24T08:30:00.123Z","time_source":"receive",
            "media_secs":1.235,"coverage":1.0}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_good_event_is_taken_apart() {
        assert_eq!(
            identify(&record()),
            Ok(Identity {
                epoch: 0xabc,
                number: 0x11,
                own_ms: 1_795_509_000_123
            })
        );
    }

    #[test]
    fn others_are_refused_with_the_reason() {
        type Change = fn(&mut EventRecord);
        let cases: [(&str, Change); 8] = [
            ("id", |event| event.id = "abc-11".to_owned()),
            ("id", |event| event.id = "0000000000000ABC-11".to_owned()),
            ("id", |event| event.id = "0000000000000abc-+1".to_owned()),
            ("time", |event| event.time = "now".to_owned()),
            ("finite", |event| event.score = f32::NAN),
            ("finite", |event| event.dwell_secs = Some(f32::INFINITY)),
            ("names", |event| event.stream.clear()),
            ("255", |event| event.place = Some("x".repeat(256))),
        ];
        for (reason, change) in cases {
            let mut event = record();
            change(&mut event);
            let refused = identify(&event).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
