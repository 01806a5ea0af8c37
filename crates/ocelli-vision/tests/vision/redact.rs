//! Redaction: planted people are bright noise, the scene is dark, so every bright pixel that comes
//! out is a leak.

use ocelli_core::{
    BBox, Detection, Detections, Label, MediaTime, Picture, Point, Tag, Track, WallSource, WallTime,
};
use ocelli_vision::redact::{PlateTerms, PrivacyMasks, Redacted, Redactor, Refusal, Still};
use proptest::prelude::*;

use crate::painted::{Format, YUV_420, picture};

const SIZE: (u32, u32) = (160, 96);
const FULL: Format = Format {
    full_range: true,
    ..YUV_420
};
const SECOND: i64 = 1_000_000;
/// Half an hour and a little.
const LEARNT: i64 = 1_850 * SECOND;
/// Luma that the empty scene stays below and planted people stay above.
const BRIGHT: u8 = 150;

/// A dark scene.
fn scene(x: u32, y: u32) -> [u8; 3] {
    let level = (40 + (x * 7 + y * 13) % 40 + x / 8) as u8;
    [level, level / 2, level]
}

/// Bright noise, different at each pixel.
fn noise(x: u32, y: u32, seed: u32) -> [u8; 3] {
    let mixed = (x ^ (y << 9) ^ seed.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B) >> 13;
    let level = 190 + (mixed % 60) as u8;
    [level, 255 - (mixed >> 6) as u8 % 40, level]
}

pub(crate) fn inside(bbox: BBox, x: u32, y: u32) -> bool {
    let (x, y) = (
        (x as f32 + 0.5) / SIZE.0 as f32,
        (y as f32 + 0.5) / SIZE.1 as f32,
    );
    (bbox.x..bbox.right()).contains(&x) && (bbox.y..bbox.bottom()).contains(&y)
}

fn at(picture: Picture, micros: i64) -> Picture {
    Picture {
        at: MediaTime { micros },
        ..picture
    }
}

fn with_people(people: &[BBox], seed: u32, micros: i64) -> Picture {
    let paint = |x, y| {
        if people.iter().any(|&person| inside(person, x, y)) {
            noise(x, y, seed)
        } else {
            scene(x, y)
        }
    };
    at(picture(SIZE, FULL, paint), micros)
}

fn found(of: &Picture, items: Vec<Detection>) -> Detections {
    Detections {
        stream: of.stream,
        at: of.at,
        wall: WallTime::default(),
        wall_source: WallSource::Receive,
        aspect: of.width as f32 / of.height as f32,
        items,
    }
}

fn detection(label: Label, bbox: BBox) -> Detection {
    Detection {
        bbox,
        label,
        score: 0.9,
    }
}

fn track(label: Label, bbox: BBox, micros: i64) -> Track {
    Track {
        tag: Tag(1),
        label,
        bbox,
        score: 0.9,
        seen: true,
        stationary: false,
        first_at: MediaTime {
            micros: micros - 2 * SECOND,
        },
        last_at: MediaTime { micros },
    }
}

/// Looks at the empty scene for long enough, and lets the plate pass its examination.
fn learnt() -> Redactor {
    let mut redactor = Redactor::new(PlateTerms::default());
    for micros in (0..=LEARNT).step_by(10_000_000) {
        look(&mut redactor, &with_people(&[], 0, micros), Vec::new());
    }
    assert!(redactor.plate_known() > 0.99, "{}", redactor.plate_known());
    redactor
}

/// One look; a plate that is to be examined has nobody in it.
fn look(redactor: &mut Redactor, picture: &Picture, items: Vec<Detection>) {
    redactor.look(picture, &found(picture, items), &[]);
    if let Some(plate) = redactor.plate_to_check(picture) {
        redactor.plate_checked(&found(&plate, Vec::new()));
    }
}

/// The share of pixels that show somebody.
fn leaked(redacted: &Redacted<Picture>) -> usize {
    bright(redacted.get())
}

fn bright(picture: &Picture) -> usize {
    let (luma, stride) = picture.buffer.plane(0);
    let rows = (0..picture.height as usize).map(|y| &luma[y * stride..][..picture.width as usize]);
    rows.flatten().filter(|&&luma| luma > BRIGHT).count()
}

fn person() -> impl Strategy<Value = BBox> {
    (0.0..0.9_f32, 0.0..0.7_f32, 0.02..0.1_f32, 0.1..0.3_f32).prop_map(|(x, y, w, h)| BBox {
        x,
        y,
        w,
        h,
    })
}

#[test]
fn planted_people_are_covered_found_or_not() {
    let mut redactor = learnt();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let shown = std::cell::RefCell::new((&mut redactor, LEARNT, 0_u32));
    let cases = (
        prop::collection::vec((person(), any::<bool>()), 1..4),
        1_u32..9999,
    );
    runner
        .run(&cases, |(people, seed)| {
            let mut state = shown.borrow_mut();
            state.1 += SECOND / 5;
            let micros = state.1;
            let boxes: Vec<BBox> = people.iter().map(|(bbox, _)| *bbox).collect();
            let picture = with_people(&boxes, seed, micros);
            prop_assert!(bright(&picture) > 0, "they were planted");
            let seen = people.iter().filter(|(_, seen)| *seen);
            let items = seen
                .map(|(bbox, _)| detection(Label::Person, *bbox))
                .collect();
            look(state.0, &picture, items);
            match state.0.redact(&picture) {
                Ok(redacted) => {
                    prop_assert_eq!(leaked(&redacted), 0);
                    state.2 += 1;
                }
                Err(refusal) => prop_assert_eq!(refusal, Refusal::NothingLeft),
            }
            Ok(())
        })
        .unwrap();
    let pictures = shown.borrow().2;
    assert!(pictures > 100, "most were not refused: {pictures}");
}

#[test]
fn what_agrees_with_the_plate_is_shown_and_encoded() {
    let mut redactor = learnt();
    let picture = with_people(
        &[BBox::from_corners(0.1, 0.2, 0.2, 0.6)],
        5,
        LEARNT + SECOND,
    );
    look(&mut redactor, &picture, Vec::new());
    let redacted = redactor.redact(&picture).unwrap();
    let (luma, stride) = redacted.get().buffer.plane(0);
    let (source, source_stride) = picture.buffer.plane(0);
    // The right half shows the scene as it is.
    for y in 0..SIZE.1 as usize {
        let shown = &luma[y * stride + 80..(y + 1) * stride];
        assert_eq!(shown, &source[y * source_stride + 80..][..80], "{y}");
    }
    let jpeg = Still::encode(&redacted).unwrap().into_jpeg();
    assert_eq!(jpeg[..2], [0xFF, 0xD8]);
    assert_eq!(jpeg[jpeg.len() - 2..], [0xFF, 0xD9]);
}

#[test]
fn somebody_who_stands_for_ten_minutes_stays_covered_and_never_enters_the_plate() {
    let mut redactor = learnt();
    let stands = BBox::from_corners(0.4, 0.2, 0.5, 0.8);
    for looks in 0..3000 {
        let micros = LEARNT + looks * SECOND / 5;
        // The detector never sees them.
        let picture = with_people(&[stands], 3, micros);
        look(&mut redactor, &picture, Vec::new());
        if looks % 100 == 0 {
            assert_eq!(leaked(&redactor.redact(&picture).unwrap()), 0, "{looks}");
            assert_eq!(leaked(&redactor.plate(&picture).unwrap()), 0, "{looks}");
        }
    }
    // The twin: furniture that stays for as long as a plate takes is part of the scene.
    for looks in 0..200 {
        let micros = LEARNT + 600 * SECOND + looks * 10 * SECOND;
        look(
            &mut redactor,
            &with_people(&[stands], 3, micros),
            Vec::new(),
        );
    }
    let picture = with_people(&[stands], 3, LEARNT + 2_700 * SECOND);
    assert!(leaked(&redactor.plate(&picture).unwrap()) > 100);
}

#[test]
fn somebody_who_was_always_there_is_found_in_the_plate() {
    let sits = BBox::from_corners(0.4, 0.2, 0.5, 0.8);
    for detector_finds in [true, false] {
        let mut redactor = Redactor::new(PlateTerms::default());
        let mut checks = 0;
        for micros in (0..=LEARNT).step_by(10_000_000) {
            let picture = with_people(&[sits], 3, micros);
            redactor.look(&picture, &found(&picture, Vec::new()), &[]);
            if let Some(plate) = redactor.plate_to_check(&picture) {
                assert!(bright(&plate) > 0, "they are in it");
                checks += 1;
                let items = vec![detection(Label::Person, sits)];
                let items = if detector_finds { items } else { Vec::new() };
                redactor.plate_checked(&found(&plate, items));
            }
        }
        assert!(checks > 0);
        let picture = with_people(&[sits], 3, LEARNT + SECOND);
        look(&mut redactor, &picture, Vec::new());
        let shown = [
            leaked(&redactor.plate(&picture).unwrap()),
            leaked(&redactor.redact(&picture).unwrap()),
        ];
        // Without the examination they would be part of the scene.
        assert_eq!(shown.map(|leaked| leaked == 0), [detector_finds; 2]);
    }
}

#[test]
fn before_the_plate_there_are_mean_colours_and_no_stills() {
    let mut redactor = Redactor::new(PlateTerms::default());
    let picture = with_people(&[BBox::from_corners(0.4, 0.2, 0.42, 0.3)], 3, 0);
    assert_eq!(redactor.redact(&picture).err(), Some(Refusal::Unlooked));
    assert!(redactor.plate(&picture).is_none());
    look(&mut redactor, &picture, Vec::new());
    assert_eq!(redactor.redact(&picture).err(), Some(Refusal::NoPlate));
    let grid = redactor.plate(&picture).unwrap();
    assert_eq!((grid.get().width, grid.get().height), (320, 180));
    let (luma, stride) = grid.get().buffer.plane(0);
    let levels: std::collections::BTreeSet<&[u8]> = (0..9)
        .flat_map(|row| (0..16).map(move |column| &luma[row * 20 * stride + column * 20..][..20]))
        .collect();
    assert!(
        levels
            .iter()
            .all(|run| run.iter().all(|level| level == &run[0]))
    );
    assert_eq!(leaked(&grid), 0, "a face is smaller than a mean");
}

#[test]
fn it_fails_closed() {
    let mut redactor = learnt();
    let picture = |micros| with_people(&[], 0, LEARNT + micros);
    let shown = picture(SECOND);
    look(&mut redactor, &shown, Vec::new());
    assert!(redactor.redact(&shown).is_ok());
    // Another picture than the one that was looked at.
    let later = picture(2 * SECOND);
    assert_eq!(redactor.redact(&later).err(), Some(Refusal::Unlooked));
    // A result for another picture.
    redactor.look(&later, &found(&shown, Vec::new()), &[]);
    assert_eq!(redactor.redact(&later).err(), Some(Refusal::Unlooked));
    redactor.missed();
    assert_eq!(redactor.redact(&shown).err(), Some(Refusal::Unlooked));
    // A box that is none.
    let odd = picture(3 * SECOND);
    let nowhere = BBox::from_corners(f32::NAN, 0.0, 0.5, 0.5);
    look(&mut redactor, &odd, vec![detection(Label::Person, nowhere)]);
    assert_eq!(redactor.redact(&odd).err(), Some(Refusal::Unsure));
    // The camera moved.
    let mut redactor = learnt();
    let moved = at(
        self::picture(SIZE, FULL, |x, y| {
            scene(x + 37, y).map(|level| level.saturating_add(60))
        }),
        LEARNT + SECOND,
    );
    look(&mut redactor, &moved, Vec::new());
    assert_eq!(redactor.redact(&moved).err(), Some(Refusal::SceneChanged));
    let back = picture(2 * SECOND);
    look(&mut redactor, &back, Vec::new());
    assert!(redactor.redact(&back).is_ok(), "it returned");
}

#[test]
fn people_are_covered_where_they_just_were() {
    // Somebody dark, whom the plate does not tell from the scene: the boxes alone cover them.
    let mut redactor = learnt();
    let person = BBox::from_corners(0.4, 0.3, 0.5, 0.7);
    let first = with_people(&[], 0, LEARNT + SECOND);
    look(
        &mut redactor,
        &first,
        vec![detection(Label::Person, person)],
    );
    let filled = |redacted: &Redacted<Picture>, source: &Picture, x: usize, y: usize| {
        let (luma, stride) = redacted.get().buffer.plane(0);
        let (before, before_stride) = source.buffer.plane(0);
        luma[y * stride + x] != before[y * before_stride + x]
    };
    let middle = (72, 48);
    assert!(filled(
        &redactor.redact(&first).unwrap(),
        &first,
        middle.0,
        middle.1
    ));
    // Two more looks, however late, and everything within a second.
    for (step, covered) in [(200_000, true), (1_100_000, true), (2_200_000, false)] {
        let next = with_people(&[], 0, first.at.micros + step);
        look(&mut redactor, &next, Vec::new());
        let redacted = redactor.redact(&next).unwrap();
        assert_eq!(
            filled(&redacted, &next, middle.0, middle.1),
            covered,
            "{step}"
        );
    }
}

#[test]
fn a_vehicle_is_shown_without_its_number_plate() {
    let car = BBox::from_corners(0.3, 0.3, 0.7, 0.7);
    let micros = LEARNT + SECOND;
    for (label, bbox, followed, shows) in [
        (Label::Car, car, true, true),
        (Label::Car, car, false, false),
        (Label::Motorcycle, car, true, false),
        (
            Label::Car,
            BBox::from_corners(0.3, 0.1, 0.4, 0.9),
            true,
            false,
        ),
        (
            Label::Car,
            BBox::from_corners(0.0, 0.0, 1.0, 1.0),
            true,
            false,
        ),
    ] {
        let mut redactor = learnt();
        let picture = with_people(&[bbox], 9, micros);
        let tracks = [track(label, bbox, micros)];
        let tracks = if followed { &tracks[..] } else { &[] };
        redactor.look(
            &picture,
            &found(&picture, vec![detection(label, bbox)]),
            tracks,
        );
        let Ok(redacted) = redactor.redact(&picture) else {
            assert!(!shows);
            continue;
        };
        let (luma, stride) = redacted.get().buffer.plane(0);
        let bright = |y: usize| luma[y * stride..][..160].iter().any(|&luma| luma > BRIGHT);
        assert_eq!(bright(36), shows, "{label:?}");
        assert!((48..96).all(|y| !bright(y)), "no lower band: {label:?}");
    }
}

#[test]
fn privacy_masks_are_burned_in_before_anything_looks() {
    let hidden = BBox::from_corners(0.31, 0.22, 0.58, 0.77);
    let point = |x, y| Point { x, y };
    let corners = vec![
        point(hidden.x, hidden.y),
        point(hidden.right(), hidden.y),
        point(hidden.right(), hidden.bottom()),
        point(hidden.x, hidden.bottom()),
    ];
    for format in [
        FULL,
        Format { grey: true, ..FULL },
        Format {
            chroma_shift_x: 0,
            chroma_shift_y: 0,
            ..FULL
        },
    ] {
        let paint = |x, y| {
            if inside(hidden, x, y) {
                noise(x, y, 1)
            } else {
                scene(x, y)
            }
        };
        let picture = || picture(SIZE, format, paint);
        assert!(bright(&picture()) > 1000, "it was planted");
        let burned = PrivacyMasks::new(vec![corners.clone()]).burn(picture());
        assert_eq!(bright(&burned.unwrap()), 0);
        let left = PrivacyMasks::new(vec![corners[..3].to_vec()]).burn(picture());
        assert!(bright(&left.unwrap()) > 400, "half of it shows");
    }
}

/// What a detector may do wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Nothing,
    FindsNothing,
    Fails,
    AnswersForAnother,
    ScattersBoxes,
    CallsPeopleCars,
    SeesOneBigCar,
    SaysNonsense,
}

const FAULTS: [Fault; 8] = [
    Fault::Nothing,
    Fault::FindsNothing,
    Fault::Fails,
    Fault::AnswersForAnother,
    Fault::ScattersBoxes,
    Fault::CallsPeopleCars,
    Fault::SeesOneBigCar,
    Fault::SaysNonsense,
];

/// A small generator, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn share(&mut self) -> f32 {
        self.roll(1000) as f32 / 1000.0
    }

    fn upright(&mut self) -> BBox {
        BBox {
            x: self.share() * 0.9,
            y: self.share() * 0.6,
            w: 0.03 + self.share() * 0.06,
            h: 0.2 + self.share() * 0.2,
        }
    }
}

#[test]
fn no_fault_of_a_detector_leaks() {
    let wanted: u32 = if std::env::var_os("OCELLI_TEST_LONG").is_some() {
        10_000
    } else {
        800
    };
    let mut redactor = learnt();
    let mut dice = Dice(0x0C_E111);
    let (mut pictures, mut faults, mut planted) = (0, 0, 0);
    let mut micros = LEARNT;
    while faults < wanted {
        micros += 200_000;
        let people: Vec<BBox> = (0..=dice.roll(3)).map(|_| dice.upright()).collect();
        let picture = with_people(&people, dice.roll(1 << 20) as u32, micros);
        planted += usize::from(bright(&picture) > 0);
        let fault = FAULTS[dice.roll(FAULTS.len() as u64) as usize];
        faults += u32::from(!matches!(fault, Fault::Nothing));
        let as_label = |label| move |&bbox: &BBox| detection(label, bbox);
        let items: Vec<Detection> = match fault {
            Fault::Nothing | Fault::AnswersForAnother => {
                people.iter().map(as_label(Label::Person)).collect()
            }
            Fault::FindsNothing | Fault::Fails => Vec::new(),
            Fault::ScattersBoxes => (0..5)
                .map(|_| {
                    let label = Label::ALL[dice.roll(15) as usize];
                    let (x, y) = (dice.share() * 0.8, dice.share() * 0.8);
                    let (w, h) = (dice.share() * 0.3, dice.share() * 0.3);
                    detection(label, BBox { x, y, w, h })
                })
                .collect(),
            Fault::CallsPeopleCars => people.iter().map(as_label(Label::Car)).collect(),
            Fault::SeesOneBigCar => vec![detection(
                Label::Truck,
                BBox::from_corners(-0.2, 0.0, 1.3, 1.0),
            )],
            Fault::SaysNonsense => vec![detection(
                Label::Person,
                BBox {
                    x: f32::INFINITY,
                    y: 0.0,
                    w: f32::NAN,
                    h: -1.0,
                },
            )],
        };
        // The tracker believes what it is told.
        let tracks: Vec<Track> = match fault {
            Fault::CallsPeopleCars | Fault::SeesOneBigCar => items
                .iter()
                .map(|item| track(item.label, item.bbox, micros))
                .collect(),
            _ => Vec::new(),
        };
        match fault {
            Fault::Fails => redactor.missed(),
            Fault::AnswersForAnother => {
                let other = with_people(&[], 0, micros - 200_000);
                redactor.look(&picture, &found(&other, items), &tracks);
            }
            _ => redactor.look(&picture, &found(&picture, items), &tracks),
        }
        if let Some(plate) = redactor.plate_to_check(&picture) {
            redactor.plate_checked(&found(&plate, Vec::new()));
        }
        if let Ok(redacted) = redactor.redact(&picture) {
            assert_eq!(leaked(&redacted), 0, "{fault:?} at {micros}");
            pictures += 1;
        }
        assert_eq!(leaked(&redactor.plate(&picture).unwrap()), 0, "{fault:?}");
    }
    println!("{faults} faults, {planted} pictures with people, {pictures} stills, 0 leaks");
    assert!(planted as u32 >= faults && pictures > 20, "{pictures}");
    // The twin: a detector that lies in the same way for long enough, about something as wide as a
    // vehicle, opens its upper half.
    let person = BBox::from_corners(0.4, 0.3, 0.6, 0.6);
    let picture = with_people(&[person], 1, micros + 10 * SECOND);
    let mut redactor = learnt();
    redactor.look(
        &picture,
        &found(&picture, vec![detection(Label::Car, person)]),
        &[track(Label::Car, person, picture.at.micros)],
    );
    assert!(leaked(&redactor.redact(&picture).unwrap()) > 0);
}
