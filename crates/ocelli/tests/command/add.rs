//! Looking at cameras before they are added.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use super::*;

/// Simulated cameras, ended when dropped.
struct Cameras {
    child: Child,
    url: String,
}

impl Cameras {
    /// One camera that plays the clip; `None` where the clip is missing, which is said.
    fn start(test: &str, clip: &str, arguments: &[&str]) -> Option<Self> {
        let folder = std::env::var("OCELLI_TEST_CLIPS").map_or_else(
            |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.deps/clips"),
            PathBuf::from,
        );
        let clip = folder.join(clip);
        if !clip.is_file() {
            eprintln!("needs test data: {test}");
            return None;
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_ocelli"))
            .args(["simulate", clip.to_str().unwrap(), "--port", "0"])
            .args(arguments)
            .env("CAMERA", "canary-7f3a")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("rtsp://127.0.0.1:"), "{url}");
        Some(Self { child, url })
    }

    fn host(&self) -> &str {
        self.url
            .trim_start_matches("rtsp://")
            .trim_end_matches("/cam/0")
    }
}

impl Drop for Cameras {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn what_is_printed_can_be_pasted() {
    let test = "what_is_printed_can_be_pasted";
    let protected = ["--user", "viewer", "--password-env", "CAMERA"];
    let Some(cameras) = Cameras::start(test, "vtest-live.mp4", &protected) else {
        return;
    };
    // The path is found, too.
    let output = ocelli(&[
        "add",
        cameras.host(),
        "--user",
        "viewer",
        "--password-env",
        "DOOR_PASSWORD",
        "--name",
        "door",
        "--profile",
        "lobby",
        "--watch",
        "3",
    ]);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for part in [
        "H.264 640x360, 25.0 pictures a second, a key picture every 2.0 s",
        "over TCP",
        "other paths",
        "password: ${DOOR_PASSWORD}",
    ] {
        assert!(printed.contains(part), "`{part}` is not in\n{printed}");
    }
    assert!(!printed.contains("canary") && !text(&output.stderr).contains("canary"));

    let entry: Vec<&str> = printed
        .lines()
        .skip_while(|line| *line != "  door:")
        .take_while(|line| !line.is_empty())
        .collect();
    let entry = entry.join("\n");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pasted.yaml");
    let profile = "profiles: { lobby: { purpose: seeing, retention: 1d } }\nstreams:\n";
    std::fs::write(&file, format!("{profile}{entry}")).unwrap();
    let checked = ocelli(&["check", file.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    assert!(text(&checked.stdout).contains(&cameras.url));
    // Without a profile it is refused until a person says why the camera is watched.
    let unnamed = entry.replace("profile: lobby", "profile: NAME-A-PROFILE");
    std::fs::write(&file, format!("{profile}{unnamed}")).unwrap();
    let checked = ocelli(&["check", file.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(2));
}

#[test]
fn advice_is_given_to_programs_too() {
    let test = "advice_is_given_to_programs_too";
    let Some(cameras) = Cameras::start(test, "vtest-h265.mp4", &[]) else {
        return;
    };
    let output = ocelli(&[
        "add",
        &cameras.url,
        "--json",
        "--watch",
        "3",
        "--transport",
        "udp",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["codec"], "h265");
    assert_eq!(
        (&report["width"], &report["height"]),
        (&768.into(), &576.into())
    );
    assert_eq!(report["transport"], "udp");
    assert_eq!(report["password_variable"], serde_json::Value::Null);
    let advice = report["advice"].as_array().unwrap();
    let says = |word: &str| {
        advice
            .iter()
            .any(|line| line.as_str().unwrap().contains(word))
    };
    assert!(
        says("choose H.264") && !says("I-frame interval"),
        "{advice:?}"
    );
    let entry = report["configuration"].as_str().unwrap();
    assert!(entry.contains(r#"source: {"transport":"udp"}"#), "{entry}");
}

#[test]
fn a_wrong_password_is_refused_and_not_repeated() {
    let test = "a_wrong_password_is_refused_and_not_repeated";
    let protected = ["--user", "viewer", "--password-env", "CAMERA"];
    let Some(cameras) = Cameras::start(test, "vtest-live.mp4", &protected) else {
        return;
    };
    let wrong = format!("rtsp://viewer:wrong-91@{}/cam/0", cameras.host());
    let output = ocelli(&["add", &wrong]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let complaint = text(&output.stderr);
    assert!(complaint.contains("password"), "{complaint}");
    assert!(!complaint.contains("wrong-91"), "{complaint}");
}

#[test]
fn what_is_no_camera_is_said() {
    // Nobody listens there any more.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = free.local_addr().unwrap().to_string();
    drop(free);
    for (address, code) in [
        (dead.as_str(), 1),
        ("rtsp://169.254.169.254/latest", 1),
        ("http://127.0.0.1/", 2),
        ("rtsp://viewer:canary-91@[::1/", 2),
    ] {
        let output = ocelli(&["add", address]);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{address}: {complaint}");
        assert!(output.stdout.is_empty());
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(!complaint.contains("canary"), "{complaint}");
    }
    let unset = ["add", &dead, "--user", "viewer", "--password-env", "UNSET"];
    assert_eq!(ocelli(&unset).status.code(), Some(2));
}
