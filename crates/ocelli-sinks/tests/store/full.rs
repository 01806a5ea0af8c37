//! The disk is full, or fails: live work goes on, events are counted as dropped, and it recovers.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use ocelli_core::EventRecord;
use ocelli_sinks::store::{
    Clock as _, RetentionClass, Store, StoreError, StoreOptions, SystemClock,
};

use crate::stage::{event, everything, ids, runtime, this_program, told_folder};

const CLASS: RetentionClass = RetentionClass { hours: 168 };

fn batch(number: u64) -> Vec<EventRecord> {
    let now_ms = SystemClock.wall().micros / 1000;
    (number * 200..(number + 1) * 200)
        .map(|number| event("a", number, now_ms))
        .collect()
}

/// Runs a test again in a process that is set up by a shell script; the script ends with
/// `exec "$@"`. Whether it could be set up.
fn again(test: &str, folder: &Path, wrapper: &[&str]) -> bool {
    let this = this_program(test, folder);
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg(this.get_program());
    command.args(this.get_args());
    for (name, value) in this.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    if !said.contains("running 1 test") {
        return false;
    }
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    true
}

#[test]
fn a_full_disk_drops_events_and_recovers() {
    if let Some(folder) = told_folder() {
        return runtime().block_on(fill_up(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=6m tmpfs '{}' && exec \"$@\"",
        folder.path().display()
    );
    let wrapper = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &script,
        "sh",
    ];
    if !again(
        "full::a_full_disk_drops_events_and_recovers",
        folder.path(),
        &wrapper,
    ) {
        eprintln!("needs user namespaces: full::a_full_disk_drops_events_and_recovers");
    }
}

/// On a disk of 6 MB.
async fn fill_up(folder: &Path) {
    let store_folder = folder.join("store");
    let (store, _) = Store::open(&store_folder, StoreOptions::default()).unwrap();
    let mut kept = ids(&batch(0));
    store.append(CLASS, batch(0)).await.unwrap();
    let ballast = folder.join("ballast");
    let mut bytes = 5_700_000 - store.status().bytes as usize;
    while std::fs::write(&ballast, vec![1; bytes]).is_err() {
        bytes -= 100_000;
    }
    let mut number = 0;
    let error = loop {
        number += 1;
        match store.append(CLASS, batch(number)).await {
            Ok(appended) => {
                assert_eq!(appended.stored, 200);
                kept.extend(ids(&batch(number)));
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert!(store.append(CLASS, batch(number)).await.is_err());
    let status = store.status();
    assert_eq!((status.dropped, status.full), (400, true));
    assert_eq!(status.damage, []);
    let mut found = ids(&everything(&store).await);
    found.sort();
    kept.sort();
    assert_eq!(found, kept, "what was kept is there while the disk is full");
    assert_eq!(store.retain(SystemClock.wall()).await.ok(), None);

    std::fs::remove_file(ballast).unwrap();
    let appended = store.append(CLASS, batch(number)).await.unwrap();
    assert_eq!(appended.stored, 200);
    kept.extend(ids(&batch(number)));
    assert!(!store.status().full);
    store.retain(SystemClock.wall()).await.unwrap();
    store.close().await;
    let (store, damage) = Store::open(&store_folder, StoreOptions::default()).unwrap();
    assert_eq!(damage, []);
    let mut found = ids(&everything(&store).await);
    found.sort();
    kept.sort();
    assert_eq!(found, kept);
    store.close().await;
}

#[test]
fn a_failing_disk_drops_events_and_another_file_is_begun() {
    if let Some(folder) = told_folder() {
        return runtime().block_on(fail(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    // No file over 200 KB: a write beyond fails with EFBIG, which SQLite calls an I/O error.
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$@\"";
    let test = "full::a_failing_disk_drops_events_and_another_file_is_begun";
    assert!(again(test, folder.path(), &["sh", "-c", script, "sh"]));
}

async fn fail(folder: &Path) {
    let (store, _) = Store::open(folder, StoreOptions::default()).unwrap();
    let mut kept = Vec::new();
    let mut failed = 0;
    for number in 0..100 {
        match store.append(CLASS, batch(number)).await {
            Ok(_) => kept.extend(ids(&batch(number))),
            Err(StoreError::Io { .. }) => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(failed > 0, "the twin: writes do fail");
    let status = store.status();
    assert_eq!(status.dropped, failed * 200);
    assert!(status.files > 1, "another file was begun");
    assert!(kept.len() > 10_000, "{} kept, {failed} failed", kept.len());
    let query = ocelli_sinks::store::EventQuery {
        limit: 1000,
        ..Default::default()
    };
    let (found, _) = crate::stage::all(&store, query).await;
    let mut found = ids(&found);
    found.sort();
    kept.sort();
    assert_eq!(found, kept);
    store.close().await;
}
