//! Models through ONNX Runtime: what they find in painted pictures, and what is refused.

use std::path::Path;

use ocelli_core::{
    BBox, Detection, ErrorClass, Label, StageError,
    seam::Detector as _,
    settings::{ColourOrder, DetectorSettings, Resize},
};
use ocelli_vision::{OnnxDetector, find_onnx_runtime, init_onnx_runtime};

use crate::{
    clip,
    painted::{self, BLACK, BLUE, GREEN, RED, YUV_420, plain_settings},
    pets::test_data,
};

const YOLOX: &[u8] = include_bytes!("../models/yolox_colours.onnx");
const YOLOX_SIZE: (u32, u32) = (128, 64);

fn load(settings: &DetectorSettings, model: &[u8]) -> Result<OnnxDetector, StageError> {
    init_onnx_runtime(&find_onnx_runtime().unwrap()).unwrap();
    OnnxDetector::load(settings, model).map(|(detector, _loaded)| detector)
}

/// What is found in a 256x128 picture with one block of a colour in it.
fn found_in(settings: &DetectorSettings, colour: [u8; 3]) -> Vec<Detection> {
    let picture = painted::picture((256, 128), YUV_420, |x, y| {
        if (64..96).contains(&x) && (32..64).contains(&y) {
            colour
        } else {
            BLACK
        }
    });
    let mut detector = load(settings, YOLOX).unwrap();
    let mut found = detector.detect(std::slice::from_ref(&picture)).unwrap();
    assert_eq!(found.len(), 1);
    let found = found.remove(0);
    assert_eq!((found.stream, found.at), (picture.stream, picture.at));
    assert!((found.aspect - 2.0).abs() < 1e-6);
    found.items
}

fn is_near(a: BBox, b: BBox) -> bool {
    [a.x - b.x, a.y - b.y, a.w - b.w, a.h - b.h]
        .iter()
        .all(|difference| difference.abs() < 1e-4)
}

#[test]
fn yolox_finds_what_is_painted_where_it_is_painted() {
    let settings = plain_settings("yolox", YOLOX_SIZE);
    let items = found_in(&settings, BLUE);
    // The block covers four cells of stride 8 and one of stride 16; their boxes are 1.5 cells wide.
    let mut expected: Vec<BBox> = [(32.0, 16.0), (40.0, 16.0), (32.0, 24.0), (40.0, 24.0)]
        .map(|(x, y): (f32, f32)| BBox::from_corners(x - 2.0, y, x + 10.0, y + 8.0))
        .to_vec();
    expected.push(BBox::from_corners(28.0, 16.0, 52.0, 32.0));
    assert_eq!(items.len(), expected.len(), "{items:?}");
    for bbox in expected {
        let share = BBox {
            x: bbox.x / 128.0,
            y: bbox.y / 64.0,
            w: bbox.w / 128.0,
            h: bbox.h / 64.0,
        };
        let item = items.iter().find(|item| is_near(item.bbox, share)).unwrap();
        assert_eq!(item.label, Label::Person);
        assert!(item.score > 0.95, "{item:?}");
    }
    let greens = found_in(&settings, GREEN);
    assert_eq!(greens.len(), 5);
    assert!(greens.iter().all(|item| item.label == Label::Car));
    assert!(found_in(&settings, BLACK).is_empty());
}

#[test]
fn classes_that_are_no_labels_find_nothing_unless_a_map_names_one() {
    let settings = plain_settings("yolox", YOLOX_SIZE);
    init_onnx_runtime(&find_onnx_runtime().unwrap()).unwrap();
    let (_, loaded) = OnnxDetector::load(&settings, YOLOX).unwrap();
    assert_eq!(loaded.labels, [Label::Person, Label::Car]);
    assert_eq!(loaded.dropped_classes, ["umbrella"]);
    assert_eq!(loaded.provider, "CPUExecutionProvider");
    assert!(found_in(&settings, RED).is_empty());
    let mapped = DetectorSettings {
        label_map: vec![("umbrella".to_owned(), Label::Suitcase)],
        ..settings
    };
    let items = found_in(&mapped, RED);
    assert_eq!(items.len(), 5);
    assert!(items.iter().all(|item| item.label == Label::Suitcase));
}

#[test]
fn the_order_of_colours_is_the_one_that_the_settings_say() {
    let settings = DetectorSettings {
        colour: ColourOrder::Rgb,
        ..plain_settings("yolox", YOLOX_SIZE)
    };
    let items = found_in(&settings, RED);
    assert!(items.len() == 5 && items.iter().all(|item| item.label == Label::Person));
}

/// A change that makes good settings bad, and a part of the reason that is given.
type Change = (fn(&mut DetectorSettings), &'static str);

fn refused_with_reasons(changes: &[Change]) {
    let good = plain_settings("yolox", YOLOX_SIZE);
    assert!(load(&good, YOLOX).is_ok());
    for (change, reason) in changes {
        let mut settings = good.clone();
        change(&mut settings);
        let error = load(&settings, YOLOX).err().unwrap();
        assert_eq!(error.class(), ErrorClass::Rejected, "{reason}");
        assert!(error.to_string().contains(reason), "{reason}: {error}");
    }
}

fn classes(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn models_that_do_not_fit_the_settings_are_refused_with_the_reason() {
    refused_with_reasons(&[
        (
            |settings| settings.family = "yolov5".to_owned(),
            "unknown family `yolov5`, expected one of: nanodet, yolox, fastestdet",
        ),
        (
            |settings| settings.family = "nanodet".to_owned(),
            "the model has 8 columns, family `nanodet` with 3 classes needs 35 or 47",
        ),
        (
            |settings| settings.classes = classes(&["person", "car", "bus", "dog"]),
            "[1, 168, 8], family `yolox` with 4 classes at 128x64 has [1, 168, 9]",
        ),
        (
            |settings| settings.input_width = 160,
            "the model takes [1, 3, 64, 128], the settings say [1, 3, 64, 160]",
        ),
    ]);
    let settings = plain_settings("yolox", YOLOX_SIZE);
    let error = load(&settings, b"not a model").err().unwrap();
    assert_eq!(error.class(), ErrorClass::Rejected);
    assert!(
        error.to_string().contains("ONNX Runtime refuses the model"),
        "{error}"
    );
}

#[test]
fn settings_that_make_no_sense_or_teach_who_somebody_is_are_refused() {
    refused_with_reasons(&[
        (
            |settings| settings.classes = classes(&["person", "car", "woman"]),
            "the class `woman`",
        ),
        (
            |settings| settings.classes = classes(&["kite", "fork", "umbrella"]),
            "none of the model's classes",
        ),
        (
            |settings| settings.label_map = vec![("lorry".to_owned(), Label::Truck)],
            "`lorry`",
        ),
        (|settings| settings.input_width = 100, "100x64"),
        (
            |settings| settings.threshold_low = f32::NAN,
            "`threshold_low`",
        ),
        (|settings| settings.nms_iou = 1.5, "`nms_iou`"),
        (|settings| settings.std[0] = 0.0, "`std`"),
        (|settings| settings.mean[2] = f32::INFINITY, "`mean`"),
    ]);
}

#[test]
fn every_known_model_loads_and_no_other_family_reads_it() {
    let Some(data) = test_data("every_known_model_loads_and_no_other_family_reads_it") else {
        return;
    };
    let shape = |family, size: (u32, u32), resize| DetectorSettings {
        input_width: size.0,
        input_height: size.1,
        resize,
        ..clip::detector_settings(family)
    };
    let letterbox = Resize::Letterbox;
    for (file, settings) in [
        ("nanodet_g_int8", shape("nanodet", (320, 192), letterbox)),
        ("nanodet_g_int8", shape("nanodet", (416, 256), letterbox)),
        ("nanodet_g_fp16w", shape("nanodet", (320, 192), letterbox)),
        (
            "nanodet-plus-m_320x320",
            shape("nanodet", (320, 320), letterbox),
        ),
        (
            "nanodet-plus-m_416x256",
            shape("nanodet", (416, 256), letterbox),
        ),
        (
            "nanodet-plus-m_416x416",
            shape("nanodet", (416, 416), letterbox),
        ),
        (
            "fastestdet_352",
            shape("fastestdet", (352, 352), Resize::Stretch),
        ),
    ] {
        let model = std::fs::read(model_file(&data, file)).unwrap();
        init_onnx_runtime(&find_onnx_runtime().unwrap()).unwrap();
        let (_, loaded) = OnnxDetector::load(&settings, &model).unwrap();
        assert_eq!(loaded.labels, Label::ALL, "{file}");
        assert_eq!(
            loaded.dropped_classes.len(),
            80 - Label::ALL.len(),
            "{file}"
        );
        for (other, _) in ocelli_core::settings::DETECTOR_FAMILIES {
            let wrong = DetectorSettings {
                family: other.to_owned(),
                ..settings.clone()
            };
            assert_eq!(
                load(&wrong, &model).is_ok(),
                other == settings.family,
                "{file} as {other}"
            );
        }
        let fewer = DetectorSettings {
            classes: settings.classes[..79].to_vec(),
            ..settings
        };
        assert!(load(&fewer, &model).is_err(), "{file} with 79 classes");
    }
}

fn model_file(data: &Path, name: &str) -> std::path::PathBuf {
    data.join("models").join(format!("{name}.onnx"))
}
