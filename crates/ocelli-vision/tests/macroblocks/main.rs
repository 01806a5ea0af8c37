//! Macroblock maps against libavcodec's own decisions, macroblock by macroblock, on streams that
//! x264 makes when the test runs: class and quantiser against what FFmpeg prints, motion against
//! what libavcodec exports. The residual itself is checked by its end: a slice of which one coded
//! block pattern or count was wrong does not end at its last bit.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests may panic and say what they measured"
)]

mod encodes;
mod exported;
mod printed;

use bytes::BytesMut;
use encodes::Encode;
use ocelli_core::Codec;
use ocelli_media::bitstream::{
    annexb::AccessUnits,
    h264::{Class, MacroblockMap, ParseError, Parser, Unsupported},
};

fn access_units(stream: &[u8]) -> Vec<BytesMut> {
    let mut cutter = AccessUnits::new(Codec::H264);
    cutter.push(stream);
    let mut units = Vec::new();
    while let Some(unit) = cutter.next_unit(false).unwrap() {
        units.push(unit);
    }
    while let Some(unit) = cutter.next_unit(true).unwrap() {
        units.push(unit);
    }
    units
}

/// What was seen in a stream.
#[derive(Debug, Default)]
struct Seen {
    pictures: usize,
    slices: usize,
    skipped: usize,
    inter: usize,
    intra: usize,
    samples: usize,
    moving: usize,
    coded: usize,
}

fn compare(name: &str, stream: &[u8]) -> Seen {
    let printed = printed::pictures(stream);
    let exported = exported::pictures(stream);
    let units = access_units(stream);
    assert_eq!(
        units.len(),
        printed.len(),
        "{name}: pictures that FFmpeg printed"
    );
    assert_eq!(units.len(), exported.len(), "{name}: pictures with motion");
    let mut parser = Parser::new();
    let mut map = MacroblockMap::new();
    let mut seen = Seen::default();
    for (number, unit) in units.iter().enumerate() {
        if let Err(error) = parser.parse(unit, &mut map) {
            panic!("{name}: picture {number}: {error}");
        }
        seen.pictures += 1;
        seen.slices += usize::from(map.slices());
        assert_eq!(
            map.macroblocks().len(),
            printed[number].len(),
            "{name}: {number}"
        );
        let mut bits = 0;
        for (at, block) in map.macroblocks().iter().enumerate() {
            let expected = printed[number][at];
            assert_eq!(
                (block.class, block.qp),
                (expected.class, expected.qp),
                "{name}: picture {number}, macroblock {at}"
            );
            let vector = exported[number].get(&at).copied();
            let ours = (!block.is_intra()).then_some(block.vector);
            assert_eq!(ours, vector, "{name}: picture {number}, macroblock {at}");
            bits += usize::from(block.bits);
            match block.class {
                Class::Skip => seen.skipped += 1,
                Class::Inter => seen.inter += 1,
                Class::Intra => seen.intra += 1,
                Class::Pcm => seen.samples += 1,
            }
            seen.moving += usize::from(block.motion() > 0);
            seen.coded += usize::from(block.coded);
        }
        // All bits but those of headers, and of parameter sets, belong to a macroblock.
        assert!(bits <= unit.len() * 8, "{name}: picture {number}");
    }
    seen
}

fn check(encodes: &[Encode<'_>]) -> Vec<Seen> {
    encodes
        .iter()
        .map(|encode| {
            let seen = compare(encode.name, &encode.stream());
            eprintln!("{}: {seen:?}", encode.name);
            seen
        })
        .collect()
}

#[test]
fn arithmetic_coding() {
    let seen = check(encodes::ARITHMETIC);
    assert!(seen.iter().all(|seen| seen.pictures >= 20));
    assert!(seen.iter().map(|seen| seen.moving).sum::<usize>() > 5000);
    assert!(seen.iter().any(|seen| seen.slices >= 4 * seen.pictures));
}

#[test]
fn variable_length_codes() {
    let seen = check(encodes::VARIABLE_LENGTH);
    assert!(seen.iter().all(|seen| seen.pictures >= 20));
    assert!(seen.iter().map(|seen| seen.moving).sum::<usize>() > 5000);
    assert!(seen.iter().any(|seen| seen.slices >= 4 * seen.pictures));
}

#[test]
fn samples_that_are_not_compressed() {
    for seen in check(encodes::SAMPLES) {
        assert!(seen.samples > 500, "{seen:?}");
    }
}

#[test]
fn a_camera_on_a_street() {
    let Some(clip) = encodes::street("a_camera_on_a_street") else {
        return;
    };
    for seen in check(&encodes::of_street(&clip)) {
        assert!(
            seen.pictures >= 100 && seen.skipped > seen.inter,
            "{seen:?}"
        );
    }
}

/// Bytes of real streams are overwritten, cut off, or left out; what is parsed next is whole again.
#[test]
fn damaged_pictures_end() {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let (mut refused, mut taken) = (0, 0);
    for encode in [
        &encodes::ARITHMETIC[2],
        &encodes::ARITHMETIC[3],
        &encodes::VARIABLE_LENGTH[3],
        &encodes::VARIABLE_LENGTH[5],
    ] {
        let units = access_units(&encode.stream());
        let mut parser = Parser::new();
        let mut map = MacroblockMap::new();
        parser.parse(&units[0], &mut map).unwrap();
        let size = map.macroblocks().len();
        for unit in units.iter().skip(1).cycle().take(2000) {
            let mut damaged = unit.to_vec();
            match random(3) {
                0 => damaged.truncate(random(unit.len())),
                1 => {
                    damaged.drain(..random(unit.len()));
                }
                _ => {}
            }
            for _ in 0..random(4) {
                let len = damaged.len().max(1);
                if let Some(byte) = damaged.get_mut(random(len)) {
                    *byte = random(256) as u8;
                }
            }
            // A parameter set could come out of it, by chance: it has a parser of its own.
            match parser.clone().parse(&damaged, &mut map) {
                Ok(()) => taken += 1,
                Err(_) => refused += 1,
            }
            assert_eq!(parser.parse(unit, &mut map), Ok(()), "{}", encode.name);
            assert_eq!(map.macroblocks().len(), size);
        }
    }
    eprintln!("{refused} refused, {taken} taken");
    assert!(refused > 4000 && taken > 500);
}

#[test]
fn what_is_not_parsed_says_so() {
    for (encode, expected) in encodes::REFUSED {
        let stream = encode.stream();
        let mut parser = Parser::new();
        let mut map = MacroblockMap::new();
        let mut errors: Vec<_> = access_units(&stream)
            .iter()
            .filter_map(|unit| parser.parse(unit, &mut map).err())
            .collect();
        errors.dedup();
        assert_eq!(
            errors,
            [ParseError::Unsupported(*expected)],
            "{}",
            encode.name
        );
    }
    // The twin: nothing is wrong with the same source in a form that is parsed.
    let (refused, reason) = &encodes::REFUSED[0];
    assert_eq!(*reason, Unsupported::Bidirectional);
    let plain = Encode {
        x264: "bframes=0",
        ..*refused
    };
    assert!(compare(plain.name, &plain.stream()).pictures > 20);
}
