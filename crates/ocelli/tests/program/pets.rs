//! Detections on a real clip through the whole program, against its truth: no worse and no better
//! than the reference figures of the same models.
//!
//! Needs the test data: the clip and the truth of PETS09-S2L1.

use std::fs;

use super::*;

/// Recall and precision may differ by this much: another resizing, another processor.
const POINTS_2: f64 = 0.02;

struct Pets {
    clip: PathBuf,
    truth: PathBuf,
    models: PathBuf,
}

fn pets(test: &str) -> Option<Pets> {
    clip(test)?;
    let folder = std::env::var_os("OCELLI_TEST_DATA").map(PathBuf::from)?;
    let found = Pets {
        clip: folder.join("clips/vtest.h264.mp4"),
        truth: folder.join("truth/PETS09-S2L1/gt.txt"),
        models: folder.join("models"),
    };
    if found.clip.is_file() && found.truth.is_file() {
        return Some(found);
    }
    eprintln!("needs test data: {test}");
    None
}

/// Every picture is looked at; what was found stands in the file that is returned.
fn look(data: &Path, pets: &Pets, detector: &str) -> PathBuf {
    let (file, found) = (data.join("pets.yaml"), data.join("found.txt"));
    let clip = pets.clip.display();
    let text = format!(
        "detectors: {{ d: {{ onnx: {{ {detector}, threshold_low: 0.15 }} }} }}\n\
         streams: {{ pets: {{ url: \"{clip}\", purpose: test, retention: 1h, detector: d }} }}\n"
    );
    fs::write(&file, text).unwrap();
    let arguments = [
        "run",
        file.to_str().unwrap(),
        "--eyes",
        "1",
        "--every-picture",
        "--detections",
        found.to_str().unwrap(),
    ];
    let told = worked(&ocelli(data, &arguments).output().unwrap());
    assert!(told.contains("795 pictures, 795 looks"), "{told}");
    found
}

/// The scores of persons at every N-th picture.
fn scores(truth: &Path, found: &Path, every: usize) -> serde_json::Value {
    let mut command = Command::new(PROGRAM);
    command
        .args(["eval", "--json", "--truth", truth.to_str().unwrap()])
        .args(["--detections", found.to_str().unwrap()])
        .args(["--every", &every.to_string()]);
    let report: serde_json::Value =
        serde_json::from_str(&worked(&command.output().unwrap())).unwrap();
    let rows = report["detections"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "the truth knows persons only");
    assert_eq!(rows[0]["label"], "person");
    rows[0]["scores"].clone()
}

/// Recall and precision of what scores at least `score`.
fn at_score(scores: &serde_json::Value, score: f64) -> (f64, f64) {
    let rows = scores["at_score"].as_array().unwrap();
    let is_it = |row: &&serde_json::Value| (row["score"].as_f64().unwrap() - score).abs() < 1e-3;
    let row = rows.iter().find(is_it).unwrap();
    let value = |name: &str| row[name]["value"].as_f64().unwrap();
    (value("recall"), value("precision"))
}

fn recall_at_precision(scores: &serde_json::Value, precision: f64) -> f64 {
    let rows = scores["at_precision"].as_array().unwrap();
    let is_it = |row: &&serde_json::Value| row["precision"].as_f64() == Some(precision);
    rows.iter().find(is_it).unwrap()["recall"].as_f64().unwrap()
}

fn assert_near(what: &str, value: f64, reference: f64) {
    eprintln!("{what}: {value:.3}, reference {reference}");
    assert!(
        (value - reference).abs() <= POINTS_2,
        "{what}: {value:.3}, reference {reference}"
    );
}

#[test]
fn the_default_model_is_as_good_as_its_reference() {
    let Some(pets) = pets("the_default_model_is_as_good_as_its_reference") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let found = look(
        dir.path(),
        &pets,
        "model: nanodet-g-int8, input: [320, 192]",
    );
    // The reference was taken at every 5th picture.
    for every in [5, 1] {
        let scores = scores(&pets.truth, &found, every);
        let what = |precision| format!("nanodet-g every {every}: recall at precision {precision}");
        assert_near(&what(".9"), recall_at_precision(&scores, 0.9), 0.82);
        assert_near(&what(".5"), recall_at_precision(&scores, 0.5), 0.92);
    }
    // The twin: the boxes of another moment are no hits.
    let text = fs::read_to_string(&found).unwrap();
    let moved: Vec<String> = text
        .lines()
        .map(|line| {
            let (frame, rest) = line.split_once(',').unwrap();
            let frame: usize = frame.parse().unwrap();
            format!("{},{rest}", (frame + 100) % 795 + 1)
        })
        .collect();
    let wrong = dir.path().join("moved.txt");
    fs::write(&wrong, moved.join("\n")).unwrap();
    assert!(at_score(&scores(&pets.truth, &wrong, 1), 0.4).0 < 0.5);
}

#[test]
fn nanodet_plus_is_as_good_as_its_reference() {
    let Some(pets) = pets("nanodet_plus_is_as_good_as_its_reference") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let model = pets.models.join("nanodet-plus-m_416x416.onnx");
    let detector = format!(
        "family: nanodet, file: \"{}\", input: [416, 416], resize: stretch",
        model.display()
    );
    let found = look(dir.path(), &pets, &detector);
    for every in [5, 1] {
        let (recall, precision) = at_score(&scores(&pets.truth, &found, every), 0.35);
        assert_near(&format!("nanodet-plus every {every}: recall"), recall, 0.92);
        assert_near(
            &format!("nanodet-plus every {every}: precision"),
            precision,
            0.83,
        );
    }
}
