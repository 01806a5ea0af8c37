//! Counts on the real clip against its labels. `docs/strips` shows where and why they differ: the
//! tolerances are for that, and for processors on which the detector rounds otherwise.

use ocelli_core::EventRecord;
use ocelli_eval::score::{self, CountTruth};

use super::*;

const PLACES: &str = "
profiles:
  campus:
    purpose: count people on a campus road
    retention: 24h
    look_rate: 2
    labels: [person]
    zones:
      square: [[0.3, 0.3], [0.7, 0.3], [0.7, 0.8], [0.3, 0.8]]
      corner: [[0.7, 0.1], [1.0, 0.1], [1.0, 0.6], [0.7, 0.6]]
    rules:
      - line: { name: gate, points: [[0.55, 0.0], [0.55, 1.0]] }
      - line: { name: road, points: [[0.8, 0.0], [0.8, 1.0]] }
      - line: { name: path, points: [[0.2, 0.0], [0.2, 1.0]] }
      - zone: { name: in-square, zone: square }
      - zone: { name: in-corner, zone: corner }
";

#[test]
fn lines_and_zones_on_a_campus_count_what_the_labels_say() {
    let Some(clip) = clip("lines_and_zones_on_a_campus_count_what_the_labels_say") else {
        return;
    };
    // The whole picture at its own rate: what the labels are about.
    let clip = clip.with_file_name("vtest-h264.mp4");
    let truth = CountTruth::read(include_str!("campus.counts.json")).unwrap();
    for every_picture in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("campus.yaml");
        let url = clip.display();
        let streams = format!("streams:\n  campus: {{ url: \"{url}\", profile: campus }}\n");
        std::fs::write(&file, format!("{PLACES}{streams}")).unwrap();
        let mut arguments = vec![
            "run",
            file.to_str().unwrap(),
            "--exit-at-end",
            "--seed",
            "1",
        ];
        arguments.extend(every_picture.then_some("--every-picture"));
        worked(
            &ocelli(&dir.path().join("data"), &arguments)
                .output()
                .unwrap(),
        );
        let records: Vec<EventRecord> = stored(&dir.path().join("data"))
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let scores = score::counts(&truth, &records);
        for row in &scores.rows {
            eprintln!("every picture {every_picture}: {row:?}");
        }
        assert!(scores.rows.iter().all(|row| row.right));
        assert!(scores.off * 12 < scores.expected, "off by {}", scores.off);
        // The twin: a count that is not so is seen.
        let mut wrong = truth.clone();
        wrong.counts[0].expected += 4;
        assert!(!score::counts(&wrong, &records).rows[0].right);
    }
}
