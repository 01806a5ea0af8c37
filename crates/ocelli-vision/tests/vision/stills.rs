//! People in stills of a real clip: how much of them is covered, and what another detector finds.
//!
//! Needs the test data (`OCELLI_TEST_DATA`): the clip and truth of PETS09-S2L1, and NanoDet-Plus.

use ocelli_core::{
    BBox, Codec, Detection, Detections, Label, MediaTime, Picture, WallTime,
    settings::{DecoderKind, DetectorSettings, Resize},
};
use ocelli_vision::redact::{PlateTerms, Redactor, Still};

use crate::{
    clip,
    pets::{test_data, truth},
};

/// Every how many-th picture a still is made of.
const EVERY: usize = 10;
/// A person counts as covered from this share of the box on.
const COVERED: f32 = 0.99;
/// What redaction fills with.
const FILL: [u8; 3] = [72, 128, 128];

fn detections(picture: &Picture, items: Vec<Detection>) -> Detections {
    Detections {
        stream: picture.stream,
        at: picture.at,
        wall: WallTime::default(),
        wall_source: picture.wall_source,
        aspect: picture.width as f32 / picture.height as f32,
        items,
    }
}

/// The share of a box that is filled.
fn filled(picture: &Picture, bbox: BBox) -> f32 {
    let planes = [0, 1, 2].map(|index| picture.buffer.plane(index));
    let range = |from: f32, to: f32, size: u32| {
        let pixel = |share: f32| (share * size as f32).clamp(0.0, size as f32) as usize;
        pixel(from)..pixel(to)
    };
    let (mut all, mut hits) = (0_u32, 0_u32);
    for y in range(bbox.y, bbox.bottom(), picture.height) {
        for x in range(bbox.x, bbox.right(), picture.width) {
            all += 1;
            let places = [(x, y), (x / 2, y / 2), (x / 2, y / 2)];
            hits += u32::from((0..3).all(|index| {
                let ((samples, stride), (x, y)) = (planes[index], places[index]);
                samples[y * stride + x] == FILL[index]
            }));
        }
    }
    hits as f32 / all.max(1) as f32
}

/// The lower end of the one-sided 95 % interval of a share (Wilson).
fn at_least(hits: u32, of: u32) -> f64 {
    let (share, number, z) = (f64::from(hits) / f64::from(of), f64::from(of), 1.645);
    let middle = share + z * z / (2.0 * number);
    let spread = z * (share * (1.0 - share) / number + z * z / (4.0 * number * number)).sqrt();
    (middle - spread) / (1.0 + z * z / number)
}

/// Half an hour of key pictures, over and over: the plate of the clip.
fn learnt(bytes: &[u8], detector: &mut ocelli_vision::OnnxDetector) -> (Redactor, i64) {
    let mut costs = clip::Costs::default();
    let mut keys = Vec::new();
    clip::each_picture(
        bytes,
        Codec::H264,
        DecoderKind::Libavcodec,
        &mut costs,
        |at, picture, costs| {
            if at % 25 == 0 {
                let items = clip::detect(detector, &picture, costs)?;
                keys.push((picture, items));
            }
            Ok(())
        },
    )
    .unwrap();
    let mut redactor = Redactor::new(PlateTerms::default());
    let mut micros = 0;
    while micros < 2_200_000_000 {
        for (picture, items) in &mut keys {
            micros += 10_000_000;
            picture.at = MediaTime { micros };
            redactor.look(picture, &detections(picture, items.clone()), &[]);
            if let Some(plate) = redactor.plate_to_check(picture) {
                let items = clip::detect(detector, &plate, &mut costs).unwrap();
                redactor.plate_checked(&detections(&plate, items));
            }
        }
    }
    (redactor, micros)
}

#[derive(Default)]
struct Figures {
    /// The share of the plate that is released.
    plate: f32,
    stills: u32,
    refused: u32,
    /// Boxes of people below and from 80 pixels of height on, and those of them that are covered.
    boxes: [(u32, u32); 2],
    /// People that another detector finds before and after redaction.
    found: [u32; 2],
    shown: f64,
    redact_micros: u64,
    bytes: usize,
}

fn measure(
    bytes: &[u8],
    truth: &std::collections::BTreeMap<usize, Vec<BBox>>,
    check: &mut ocelli_vision::OnnxDetector,
) -> Figures {
    let model = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../models/nanodet-g-int8.onnx"
    ))
    .unwrap();
    let mut detector = clip::detector(&clip::detector_settings("nanodet"), &model).unwrap();
    let (mut redactor, learnt) = learnt(bytes, &mut detector);
    let mut figures = Figures {
        plate: redactor.plate_known(),
        ..Figures::default()
    };
    let mut costs = clip::Costs::default();
    let find =
        |check: &mut ocelli_vision::OnnxDetector, picture: &Picture| -> Result<u32, String> {
            let found = clip::detect(check, picture, &mut clip::Costs::default())?;
            let is_person = |item: &&Detection| item.label == Label::Person && item.score >= 0.35;
            Ok(found.iter().filter(is_person).count() as u32)
        };
    clip::each_picture(
        bytes,
        Codec::H264,
        DecoderKind::Libavcodec,
        &mut costs,
        |at, mut picture, costs| {
            if at % (EVERY / 5) != 0 {
                return Ok(());
            }
            picture.at = MediaTime {
                micros: learnt + (at as i64 + 1) * 140_000,
            };
            let items = clip::detect(&mut detector, &picture, costs)?;
            redactor.look(&picture, &detections(&picture, items), &[]);
            if at % EVERY != 0 {
                return Ok(());
            }
            let started = clip::thread_cpu_micros();
            let Ok(redacted) = redactor.redact(&picture) else {
                figures.refused += 1;
                return Ok(());
            };
            let jpeg = Still::encode(&redacted).unwrap().into_jpeg();
            figures.redact_micros += clip::thread_cpu_micros() - started;
            figures.bytes += jpeg.len();
            figures.stills += 1;
            let shown = redacted.get();
            figures.shown += 1.0 - f64::from(filled(shown, BBox::from_corners(0.0, 0.0, 1.0, 1.0)));
            for &bbox in truth.get(&at).into_iter().flatten() {
                let Some(bbox) = bbox.clipped() else { continue };
                let large = usize::from(bbox.h * 576.0 >= 80.0);
                let (all, covered) = &mut figures.boxes[large];
                *all += 1;
                *covered += u32::from(filled(shown, bbox) >= COVERED);
            }
            figures.found[0] += find(check, &picture)?;
            figures.found[1] += find(check, shown)?;
            Ok(())
        },
    )
    .unwrap();
    figures
}

#[test]
fn people_of_a_real_clip_are_covered_in_stills() {
    let Some(data) = test_data("people_of_a_real_clip_are_covered_in_stills") else {
        return;
    };
    let model = std::fs::read(data.join("models/nanodet-plus-m_416x416.onnx")).unwrap();
    let settings = DetectorSettings {
        input_width: 416,
        input_height: 416,
        resize: Resize::Stretch,
        ..clip::detector_settings("nanodet")
    };
    let mut check = clip::detector(&settings, &model).unwrap();
    let bytes = clip::raw(&data.join("clips/vtest.h264.mp4"), Codec::H264).unwrap();
    let figures = measure(&bytes, &truth(&data), &mut check);
    let each = |sum: f64| sum / f64::from(figures.stills.max(1));
    println!(
        "{:.3} of the plate released; {} stills of 768x576, {} refused; {:.3} of a still is shown; \
         {:.2} CPU ms to redact and \
         encode, {:.0} bytes each",
        figures.plate,
        figures.stills,
        figures.refused,
        each(figures.shown),
        each(figures.redact_micros as f64 / 1000.0),
        each(figures.bytes as f64),
    );
    for (name, (all, covered)) in ["under 80 px", "from 80 px on"].iter().zip(figures.boxes) {
        println!(
            "people {name}: {covered} of {all} boxes covered, at least {:.4} with 95 %",
            at_least(covered, all)
        );
        assert!(
            all > 50 && f64::from(covered) >= 0.95 * f64::from(all),
            "{covered} of {all}"
        );
    }
    let [before, after] = figures.found;
    println!("another detector finds {before} people before redaction and {after} after");
    assert!(figures.stills > 40 && before > 200, "the twin: {before}");
    assert!(
        f64::from(after) <= 0.02 * f64::from(before),
        "{after} of {before}"
    );
}
