//! Damage: whatever the bytes, parsing ends without a panic. The streams are small pictures of
//! both entropy codings, made here of random numbers; the real ones are compared with
//! libavcodec elsewhere.

use proptest::prelude::*;

use super::{MacroblockMap, ParseError, Parser};

/// Writes bits.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: usize,
}

impl Writer {
    fn number(mut self, value: u32, bits: u32) -> Self {
        for place in (0..bits).rev() {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value >> place & 1) as u8;
            *self.bytes.last_mut().unwrap() |= bit << (7 - self.bits % 8);
            self.bits += 1;
        }
        self
    }

    fn ue(self, value: u32) -> Self {
        let bits = (value + 1).ilog2();
        self.number(0, bits).number(value + 1, bits + 1)
    }

    fn finish(self) -> Vec<u8> {
        self.number(1, 1).bytes
    }
}

/// Puts a start code and a header before a payload, and emulation prevention bytes into it.
fn unit(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut unit = vec![0, 0, 0, 1, head];
    for &byte in payload {
        if byte <= 3 && unit.ends_with(&[0, 0]) {
            unit.push(3);
        }
        unit.push(byte);
    }
    unit
}

/// Parameter sets of a picture of 5x4 macroblocks; High profile, order by nothing.
fn sets(arithmetic: bool, references: u32, transform_8x8: bool) -> Vec<u8> {
    let sequence = Writer::default()
        .number(100, 8)
        .number(0, 8)
        .number(30, 8)
        .ue(0) // identifier
        .ue(1) // 4:2:0
        .ue(0)
        .ue(0)
        .number(0, 2)
        .ue(0) // bits of frame_num - 4
        .ue(2) // order
        .ue(references)
        .number(0, 1)
        .ue(4)
        .ue(3)
        .number(0b1100, 4)
        .finish();
    let picture = Writer::default()
        .ue(0)
        .ue(0)
        .number(u32::from(arithmetic), 1)
        .number(0, 1)
        .ue(0)
        .ue(references - 1)
        .ue(0)
        .number(0, 3)
        .ue(0)
        .ue(0)
        .ue(0)
        .number(0, 3)
        .number(u32::from(transform_8x8), 1)
        .number(0, 1)
        .ue(0)
        .finish();
    [unit(0x67, &sequence), unit(0x68, &picture)].concat()
}

/// A slice from the first macroblock on: a header, then whatever there is.
fn slice(predicted: bool, arithmetic: bool, noise: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default()
        .ue(0)
        .ue(if predicted { 5 } else { 7 })
        .ue(0)
        .number(3, 4);
    if predicted {
        writer = writer.number(0, 2); // references as usual, in the usual order
    }
    writer = writer.number(0, 1); // marking
    if predicted && arithmetic {
        writer = writer.ue(1);
    }
    writer = writer.ue(0);
    if arithmetic {
        while !writer.bits.is_multiple_of(8) {
            writer = writer.number(1, 1);
        }
    }
    for &byte in noise {
        writer = writer.number(u32::from(byte), 8);
    }
    unit(0x41, &writer.finish())
}

/// A slice of variable-length codes in which so many macroblocks are skipped.
fn skipped(run: u32) -> Vec<u8> {
    let writer = Writer::default()
        .ue(0)
        .ue(5)
        .ue(0)
        .number(3, 4)
        .number(0, 2)
        .number(0, 1)
        .ue(0)
        .ue(run);
    unit(0x41, &writer.finish())
}

fn parse(sets: &[u8], units: &[u8]) -> (Result<(), ParseError>, MacroblockMap) {
    let mut map = MacroblockMap::new();
    let result = Parser::with_sets(sets).parse(units, &mut map);
    (result, map)
}

#[test]
fn a_picture_that_is_skipped_whole() {
    let sets = sets(false, 1, false);
    let (result, map) = parse(&sets, &skipped(20));
    assert_eq!(result, Ok(()));
    assert_eq!((map.width(), map.height(), map.slices()), (5, 4, 1));
    assert!(map.is_predicted() && map.coded_share().abs() < 1e-6);
    assert!(
        map.macroblocks()
            .iter()
            .all(|block| block.qp == 26 && block.bits == 0)
    );
    // One fewer, and one more.
    for (run, expected) in [
        (19, "macroblocks are missing"),
        (21, "a number out of range"),
    ] {
        let error = parse(&sets, &skipped(run)).0.unwrap_err();
        assert_eq!(error.to_string(), format!("damaged slice: {expected}"));
    }
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(parse(&[], &[]).0, Err(ParseError::NoSlice));
    let slice = slice(true, true, &[1, 2, 3]);
    assert_eq!(parse(&[], &slice).0, Err(ParseError::NoParameterSet(0)));
    assert!(matches!(
        parse(&sets(true, 1, true), &slice).0,
        Err(ParseError::Damaged(_))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn random_slices_end(
        noise in prop::collection::vec(any::<u8>(), 0..400),
        (predicted, arithmetic, transform_8x8) in any::<(bool, bool, bool)>(),
        references in 1_u32..5,
    ) {
        let sets = sets(arithmetic, references, transform_8x8);
        let (result, map) = parse(&sets, &slice(predicted, arithmetic, &noise));
        prop_assert!(!matches!(result, Err(ParseError::NoParameterSet(_) | ParseError::NoSlice)));
        prop_assert_eq!(map.macroblocks().len(), 20);
    }

    #[test]
    fn random_units_end(
        units in prop::collection::vec((0_u8..32, prop::collection::vec(any::<u8>(), 0..60)), 0..6),
        damaged in 0_usize..60,
        byte in any::<u8>(),
    ) {
        let mut sets = sets(true, 2, true);
        let at = damaged % sets.len();
        sets[at] ^= byte;
        let units: Vec<u8> = units.iter().flat_map(|(head, payload)| unit(0x40 | head, payload)).collect();
        let mut map = MacroblockMap::new();
        let mut parser = Parser::with_sets(&sets);
        let _ended = parser.parse(&units, &mut map);
        prop_assert!(map.macroblocks().len() <= 512 * 512);
        // Whatever it was, a good stream is read after it.
        let good = [&self::sets(false, 1, false)[..], &skipped(20)].concat();
        prop_assert_eq!(parser.parse(&good, &mut map), Ok(()));
    }
}
