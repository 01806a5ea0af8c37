//! The record and erasing, from the command line.

use std::{fs, path::Path};

use ocelli::record;
use ocelli_core::{EventRecord, WallTime};
use ocelli_sinks::store::{Clock as _, RetentionClass, Store, StoreOptions, SystemClock};

use super::*;

/// A data directory with ten events of a stream, a minute apart, the last a minute ago.
fn planted() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let now = SystemClock.wall().micros;
    let events: Vec<EventRecord> = (1..=10)
        .map(|number| {
            let time = WallTime {
                micros: now - 60_000_000 * number,
            };
            let text = format!(
                r#"{{"id":"00000000000000aa-{number:x}","stream":"lobby","kind":"appeared","score":0.5,"box":[0,0,0.1,0.1],"time":"{}","time_source":"receive","media_secs":1,"coverage":1}}"#,
                time.to_rfc3339()
            );
            serde_json::from_str(&text).unwrap()
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = dir.path().join(ocelli::run::STORE_FOLDER);
        let (store, _damage) = Store::open(&folder, StoreOptions::default()).unwrap();
        let class = RetentionClass { hours: 24 };
        assert_eq!(store.append(class, events).await.unwrap().stored, 10);
        store.close().await;
    });
    dir
}

fn erase(dir: &Path, range: [&str; 2], more: &[&str]) -> Output {
    let store = dir.to_str().unwrap();
    let [from, to] = range;
    let mut arguments = vec!["erase", "--store", store, "--stream", "lobby"];
    arguments.extend(["--from", from, "--to", to]);
    arguments.extend(more);
    ocelli(&arguments)
}

fn audit(dir: &Path, arguments: &[&str]) -> Output {
    let data = dir.to_str().unwrap();
    ocelli(&[&["audit", "--data", data], arguments].concat())
}

#[test]
fn an_erasure_is_proved_and_recorded_and_the_record_is_verified() {
    let dir = planted();
    let counted = erase(dir.path(), ["2h", "0s"], &["--only-count"]);
    assert!(
        text(&counted.stdout).starts_with("10 events of `lobby`"),
        "{counted:?}"
    );
    let done = erase(dir.path(), ["330s", "0s"], &[]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let told = text(&done.stdout);
    assert!(
        told.starts_with("erased 5 events and 0 stills of `lobby`"),
        "{told}"
    );
    assert!(
        told.contains("proof: ") && told.contains("found 0 times"),
        "{told}"
    );
    let left = erase(dir.path(), ["2h", "0s"], &["--only-count"]);
    assert!(
        text(&left.stdout).starts_with("5 events of `lobby`"),
        "{left:?}"
    );

    let future = erase(dir.path(), ["2h", "2999-01-01T00:00:00Z"], &[]);
    assert_eq!(future.status.code(), Some(2), "{future:?}");
    assert!(text(&future.stderr).contains("future"), "{future:?}");

    let whole = audit(dir.path(), &["verify"]);
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    assert!(text(&whole.stdout).contains("entries 1 to 3"), "{whole:?}");
    let shown = text(&audit(dir.path(), &["show"]).stdout);
    assert!(
        shown.contains("erasure_asked") && shown.contains("found=0"),
        "{shown}"
    );
    let json = text(&audit(dir.path(), &["show", "--json", "--kind", "erased"]).stdout);
    let entry: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(entry["deed"]["events"], 5);
}

#[test]
fn a_damaged_record_is_refused_by_its_line_and_can_be_put_aside() {
    let dir = planted();
    assert!(erase(dir.path(), ["330s", "0s"], &[]).status.success());
    let kept = dir.path().join("elsewhere.jsonl");
    fs::write(&kept, audit(dir.path(), &["checkpoint"]).stdout).unwrap();
    let with_kept = ["verify", "--checkpoint", kept.to_str().unwrap()];
    assert!(audit(dir.path(), &with_kept).status.success(), "the twin");

    let file = record::folder(dir.path()).join("000000000001.jsonl");
    let changed = fs::read_to_string(&file)
        .unwrap()
        .replacen("lobby", "foyer", 1);
    fs::write(&file, changed).unwrap();
    let refused = audit(dir.path(), &["verify"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("000000000001.jsonl:2:"),
        "{refused:?}"
    );
    let not_erased = erase(dir.path(), ["2h", "0s"], &[]);
    assert_eq!(not_erased.status.code(), Some(1), "{not_erased:?}");
    assert!(
        text(&not_erased.stderr).contains("ocelli audit renew"),
        "{not_erased:?}"
    );

    assert_eq!(
        audit(dir.path(), &["renew", "--because", " "])
            .status
            .code(),
        Some(2)
    );
    let renewed = audit(dir.path(), &["renew", "--because", "a disk failed"]);
    assert!(renewed.status.success(), "{renewed:?}");
    assert!(audit(dir.path(), &["verify"]).status.success());
    assert!(
        !audit(dir.path(), &with_kept).status.success(),
        "another record"
    );
    let left = erase(dir.path(), ["2h", "0s"], &["--only-count"]);
    assert!(
        text(&left.stdout).starts_with("5 events"),
        "nothing was lost: {left:?}"
    );
}
