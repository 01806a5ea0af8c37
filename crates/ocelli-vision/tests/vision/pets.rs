//! Detection recall and precision on a real clip with ground truth.
//!
//! Needs the test data (`OCELLI_TEST_DATA`): the clip and truth of PETS09-S2L1.

use std::{collections::BTreeMap, path::PathBuf};

use ocelli_core::{
    BBox, Codec, Label,
    settings::{DecoderKind, DetectorSettings, Resize},
};

use crate::clip;

/// Every how many-th picture is looked at, as in the reference figures.
const EVERY: usize = 5;

pub(crate) fn test_data(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("OCELLI_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let found = Some(folder).filter(|folder| folder.join("truth/PETS09-S2L1/gt.txt").is_file());
    if found.is_none() {
        eprintln!("needs test data: {test}");
    }
    found
}

/// Boxes of people by picture, from 0, as shares of a 768x576 picture.
pub(crate) fn truth(data: &std::path::Path) -> BTreeMap<usize, Vec<BBox>> {
    let text = std::fs::read_to_string(data.join("truth/PETS09-S2L1/gt.txt")).unwrap();
    let mut truth: BTreeMap<usize, Vec<BBox>> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<f32> = line
            .split(',')
            .map(|field| field.trim().parse().unwrap())
            .collect();
        // The truth says of some boxes that they do not count: people whom nobody can see.
        if fields[6] == 0.0 {
            continue;
        }
        truth.entry(fields[0] as usize - 1).or_default().push(BBox {
            x: fields[2] / 768.0,
            y: fields[3] / 576.0,
            w: fields[4] / 768.0,
            h: fields[5] / 576.0,
        });
    }
    truth
}

/// Recall and precision of people, best first, as more and more of the detections are taken.
fn curve(
    data: &std::path::Path,
    settings: &DetectorSettings,
    model: &[u8],
) -> Vec<(f32, f32, f32)> {
    let truth = truth(data);
    let bytes = clip::raw(&data.join("clips/vtest.h264.mp4"), Codec::H264).unwrap();
    let mut detector = clip::detector(settings, model).unwrap();
    let mut found = Vec::new();
    let mut costs = clip::Costs::default();
    let mut all = 0;
    clip::each_picture(
        &bytes,
        Codec::H264,
        DecoderKind::Libavcodec,
        &mut costs,
        |at, picture, costs| {
            if at % EVERY == 0 {
                all += truth.get(&at).map_or(0, Vec::len);
                let items = clip::detect(&mut detector, &picture, costs)?;
                found.extend(
                    items
                        .into_iter()
                        .filter(|item| item.label == Label::Person)
                        .map(|item| (at, item)),
                );
            }
            Ok(())
        },
    )
    .unwrap();
    found.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
    let mut taken: BTreeMap<usize, Vec<bool>> = truth
        .iter()
        .map(|(&at, boxes)| (at, vec![false; boxes.len()]))
        .collect();
    let mut right = 0_u32;
    let mut curve = Vec::new();
    for (count, (at, item)) in found.iter().enumerate() {
        let boxes = truth.get(at).map_or(&[][..], Vec::as_slice);
        let best = boxes
            .iter()
            .enumerate()
            .filter(|&(index, bbox)| !taken[at][index] && bbox.iou(item.bbox) >= 0.5)
            .max_by(|a, b| a.1.iou(item.bbox).total_cmp(&b.1.iou(item.bbox)));
        if let Some((index, _)) = best {
            taken.get_mut(at).unwrap()[index] = true;
            right += 1;
        }
        curve.push((
            item.score,
            right as f32 / all as f32,
            right as f32 / (count + 1) as f32,
        ));
    }
    curve
}

/// The most recall that is reached at this precision.
fn recall_at_precision(curve: &[(f32, f32, f32)], precision: f32) -> f32 {
    curve
        .iter()
        .filter(|point| point.2 >= precision)
        .map(|point| point.1)
        .fold(0.0, f32::max)
}

#[test]
fn the_default_model_finds_people_as_its_reference_does() {
    let Some(data) = test_data("the_default_model_finds_people_as_its_reference_does") else {
        return;
    };
    let model = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../models/nanodet-g-int8.onnx"
    ))
    .unwrap();
    let curve = curve(&data, &clip::detector_settings("nanodet"), &model);
    let (at_90, at_50) = (
        recall_at_precision(&curve, 0.9),
        recall_at_precision(&curve, 0.5),
    );
    println!(
        "nanodet-g-int8 320x192: recall {at_90:.3} at precision .9, {at_50:.3} at precision .5"
    );
    // Reference .82 and .92, within 2 points.
    assert!(at_90 >= 0.80 && at_50 >= 0.90, "{at_90} {at_50}");
}

#[test]
fn nanodet_plus_finds_people_as_its_reference_does() {
    let Some(data) = test_data("nanodet_plus_finds_people_as_its_reference_does") else {
        return;
    };
    let model = std::fs::read(data.join("models/nanodet-plus-m_416x416.onnx")).unwrap();
    let settings = DetectorSettings {
        input_width: 416,
        input_height: 416,
        resize: Resize::Stretch,
        ..clip::detector_settings("nanodet")
    };
    let curve = curve(&data, &settings, &model);
    let (_, recall, precision) = curve.iter().rev().find(|point| point.0 >= 0.35).unwrap();
    println!("nanodet-plus-m 416x416 from .35: recall {recall:.3}, precision {precision:.3}");
    // Reference .92 and .83, within 2 points.
    assert!(
        *recall >= 0.90 && *precision >= 0.81,
        "{recall} {precision}"
    );
}

#[test]
fn fastestdet_finds_people_as_its_reference_does() {
    let Some(data) = test_data("fastestdet_finds_people_as_its_reference_does") else {
        return;
    };
    let model = std::fs::read(data.join("models/fastestdet_352.onnx")).unwrap();
    let curve = curve(&data, &clip::detector_settings("fastestdet"), &model);
    let recall = recall_at_precision(&curve, 0.8);
    println!("fastestdet 352x352: recall {recall:.3} at precision .8");
    assert!(recall >= 0.70, "{recall}");
}
