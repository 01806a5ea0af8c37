//! The walls between the parent and its eyes, seen from outside.

use std::{collections::BTreeSet, fs, process::Stdio};

use super::*;
use crate::{
    live::{Running, log, wait_until},
    running::{Access, children, of_process},
};

/// What only an eye may have in its memory.
const LIBRARIES: [&str; 2] = ["libavcodec", "libonnxruntime"];

/// A secret in the environment of the parent.
const CANARY: &str = "canary-of-the-environment-51c2";

/// A program that has looked at pictures, its eye, and its API.
fn looking(data: &Path, clip: &Path) -> (Running, u32, Access) {
    let arguments = [
        "run",
        clip.to_str().unwrap(),
        "--paced",
        "--loop",
        "--eyes",
        "1",
        "--listen",
        "127.0.0.1:0",
    ];
    let mut command = ocelli(data, &arguments);
    command
        .env("OCELLI_TEST_SECRET", CANARY)
        .stderr(fs::File::create(data.join("log")).unwrap());
    let running = Running(command.spawn().unwrap());
    let access = Access::of(|| log(data));
    wait_until("pictures are looked at", || {
        access.metric("ocelli_pictures_total{stage=\"looked\"}") > 3
    });
    let eyes = children(running.0.id());
    assert_eq!(eyes.len(), 1, "{eyes:?}");
    (running, eyes[0], access)
}

fn maps(pid: u32, library: &str) -> Option<bool> {
    let text = of_process(pid, "maps").filter(|text| !text.is_empty())?;
    Some(String::from_utf8_lossy(&text).contains(library))
}

#[test]
fn the_parent_holds_neither_decoder_nor_inference_and_its_eye_both() {
    let test = "the_parent_holds_neither_decoder_nor_inference_and_its_eye_both";
    let Some(clip) = clip(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (running, eye, _access) = looking(dir.path(), &clip);
    for library in LIBRARIES {
        assert_eq!(maps(running.0.id(), library), Some(false), "{library}");
        // The twin. Nobody but root sees the memory map of a process that is not dumpable.
        match maps(eye, library) {
            Some(there) => assert!(there, "{library}"),
            None => eprintln!("needs root: {test} (the half about the eye)"),
        }
    }
}

/// Numbers of the sockets that a process has open.
fn sockets(pid: u32) -> Option<BTreeSet<u64>> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let number = |target: PathBuf| {
        let text = target.to_str()?.strip_prefix("socket:[")?;
        text.strip_suffix(']')?.parse().ok()
    };
    Some(targets.filter_map(number).collect())
}

/// Those of them that are not of this machine's own kind.
fn of_the_network(pid: u32) -> Option<BTreeSet<u64>> {
    let unix = String::from_utf8(of_process(pid, "net/unix")?).unwrap();
    let unix: BTreeSet<u64> = unix
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(6)?.parse().ok())
        .collect();
    Some(sockets(pid)?.difference(&unix).copied().collect())
}

#[test]
fn an_eye_has_no_socket_of_the_network_and_no_secret() {
    let test = "an_eye_has_no_socket_of_the_network_and_no_secret";
    let Some(clip) = clip(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (running, eye, access) = looking(dir.path(), &clip);
    // The twin: the parent has one, that of its API.
    let parent = of_the_network(running.0.id()).unwrap();
    assert!(!parent.is_empty());
    assert_eq!(access.metric("ocelli_sandbox_refusals_total"), 0);
    let Some(environment) = of_process(eye, "environ") else {
        eprintln!("needs root: {test}");
        return;
    };
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let names: Vec<&str> = environment.split('\0').collect();
    assert!(names.contains(&"ORT_DISABLE_TELEMETRY=1"), "{names:?}");
    assert!(!environment.contains(CANARY), "{names:?}");
    let of_parent = of_process(running.0.id(), "environ").unwrap();
    assert!(String::from_utf8_lossy(&of_parent).contains(CANARY));
    assert_eq!(sockets(eye).unwrap().len(), 1, "the way to its parent");
    assert_eq!(of_the_network(eye).unwrap(), BTreeSet::new());
}

/// What of the counters of a network namespace says that somebody wanted to send.
const SENT: [(&str, &str); 4] = [
    ("Ip:", "OutNoRoutes"),
    ("Ip:", "OutRequests"),
    ("Tcp:", "ActiveOpens"),
    ("Udp:", "OutDatagrams"),
];
const SENT_6: [&str; 3] = ["Ip6OutNoRoutes", "Ip6OutRequests", "Udp6OutDatagrams"];

/// Of `/proc/net/snmp` and `/proc/net/snmp6`, one after the other.
fn sent(text: &str) -> u64 {
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let of_4 = SENT.map(|(protocol, name)| {
        let of: Vec<_> = lines
            .iter()
            .filter(|line| line.first() == Some(&protocol))
            .collect();
        let column = of[0].iter().position(|word| *word == name).unwrap();
        of[1][column].parse::<u64>().unwrap()
    });
    let of_6 = lines.iter().filter_map(|line| match line[..] {
        [name, value] if SENT_6.contains(&name) => value.parse::<u64>().ok(),
        _ => None,
    });
    of_4.into_iter().chain(of_6).sum()
}

#[test]
fn a_run_on_a_recording_sends_nothing_anywhere() {
    let test = "a_run_on_a_recording_sends_nothing_anywhere";
    let Some(clip) = clip(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    // In a network of its own without any way out, which counts whoever looks for one. The twin
    // is the shell, which looks for one.
    let script = "\"$@\" >&2 || exit 1
        cat /proc/net/snmp /proc/net/snmp6
        echo then
        (echo x > /dev/udp/192.0.2.1/53) 2>/dev/null
        cat /proc/net/snmp /proc/net/snmp6";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "bash", "-c", script])
        .args(["bash", PROGRAM, "run", clip.to_str().unwrap()])
        .args(["--exit-at-end", "--eyes", "1", "--data"])
        .arg(dir.path())
        .stdin(Stdio::null())
        .output();
    let said = output.map(|output| (text(&output.stdout), text(&output.stderr)));
    let Ok((counters, told)) = said else {
        eprintln!("needs user namespaces: {test}");
        return;
    };
    let Some((after_run, after_shell)) = counters.split_once("then\n") else {
        assert!(!told.contains("watching"), "{told}");
        eprintln!("needs user namespaces: {test}");
        return;
    };
    assert!(stored(dir.path()).len() > 20, "{told}");
    assert_eq!(sent(after_run), 0, "{after_run}");
    assert!(sent(after_shell) > 0, "{after_shell}");
}
