//! A full disk under the whole program: live work goes on, events are counted as dropped, and
//! they are kept again when there is room.

use std::{collections::BTreeSet, fs, process::Stdio};

use super::*;
use crate::{
    live::{Running, cameras, wait_until},
    running::Access,
};

/// Where the small disk is, in the process that has it.
const FOLDER: &str = "OCELLI_TEST_SMALL_DISK";
const TEST: &str = "disk::a_full_disk_costs_events_and_nothing_else";

#[test]
fn a_full_disk_costs_events_and_nothing_else() {
    let Some(clip) = clip("a_full_disk_costs_events_and_nothing_else") else {
        return;
    };
    if let Some(folder) = std::env::var_os(FOLDER) {
        return fill(Path::new(&folder), &clip);
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=24m tmpfs \"$1\" && shift && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .args(["sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .output();
    let said = output.map(|output| (text(&output.stdout), text(&output.stderr)));
    match said {
        Ok((said, told)) if said.contains("running 1 test") => {
            assert!(said.contains("1 passed"), "{said}\n{told}");
        }
        _ => eprintln!("needs user namespaces: {TEST}"),
    }
}

/// On a disk of 24 MB.
fn fill(folder: &Path, clip: &Path) {
    let (data, elsewhere) = (folder.join("data"), tempfile::tempdir().unwrap());
    let log = elsewhere.path().join("log");
    let file = elsewhere.path().join("ocelli.yaml");
    let (_cameras, url) = cameras(clip);
    fs::write(
        &file,
        format!("streams: {{ a: {{ url: \"{url}\", purpose: test, retention: 2h }} }}\n"),
    )
    .unwrap();
    let arguments = [
        "run",
        file.to_str().unwrap(),
        "--eyes",
        "1",
        "--listen",
        "127.0.0.1:0",
    ];
    let mut command = ocelli(&data, &arguments);
    command.stderr(fs::File::create(&log).unwrap());
    let mut running = Running(command.spawn().unwrap());
    let told = || fs::read_to_string(&log).unwrap();
    let access = Access::of(told);
    let count =
        |what: &str| access.metric(&format!("ocelli_store_events_total{{what=\"{what}\"}}"));
    let looked = || access.metric("ocelli_pictures_total{stage=\"looked\"}");
    wait_until("events are kept", || count("written") > 5);
    assert_eq!(count("dropped"), 0);
    let before: BTreeSet<String> = stored(&data).into_iter().collect();

    let ballast = folder.join("ballast");
    let mut bytes = 24 << 20;
    while bytes > 1024 {
        let more = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&ballast);
        if std::io::Write::write_all(&mut more.unwrap(), &vec![1; bytes]).is_err() {
            bytes /= 2;
        }
    }
    wait_until("events are dropped", || count("dropped") > 5);
    wait_until("it is told", || told().contains("events are dropped"));
    let looks = looked();
    wait_until("live work goes on", || looked() > looks + 10);
    assert_eq!(access.metric("ocelli_streams{state=\"live\"}"), 1);

    fs::remove_file(&ballast).unwrap();
    wait_until("there is room", || access.metric("ocelli_store_full") == 0);
    let written = count("written");
    wait_until("events are kept", || count("written") > written + 5);
    wait_until("it is told", || told().contains("events are kept again"));
    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(running.0.wait().unwrap().success(), "{}", told());

    let after = stored(&data);
    let unique: BTreeSet<String> = after.iter().cloned().collect();
    assert_eq!(unique.len(), after.len(), "none twice");
    assert!(before.is_subset(&unique), "none lost");
}
