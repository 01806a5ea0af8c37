//! The ffmpeg program, a client and decoder that shares no code with this project, plays simulated
//! cameras without a complaint.

use std::process::Stdio;

use ocelli_core::{Codec, Secret};
use ocelli_media::simulate::{Credentials, Join, Simulation};
use tokio::process::Command;

use crate::{
    client::within,
    clips::{Recipe, SMALL},
};

/// Decodes two loops. Returns what the program says about them.
async fn complaints(url: &str, transport: &str) -> String {
    let child = Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-v",
            "error",
            "-xerror",
            "-rtsp_transport",
            transport,
        ])
        .args(["-i", url, "-frames:v", "40", "-f", "null", "-"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = within("the decoder", child.wait_with_output())
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        text
    } else {
        format!("failed: {text}")
    }
}

async fn decodes(simulation: Simulation, credentials: &str) {
    let running = simulation.start().await.unwrap();
    for transport in ["tcp", "udp"] {
        let url = running.url(0).replace("://", &format!("://{credentials}"));
        assert_eq!(complaints(&url, transport).await, "", "{transport}");
    }
    running.stop().await;
}

#[tokio::test]
async fn both_codecs_with_and_without_b_pictures() {
    for codec in [Codec::H264, Codec::H265] {
        for b_pictures in [false, true] {
            let recipe = Recipe {
                codec,
                b_pictures,
                group: 10,
                ..SMALL
            };
            decodes(Simulation::new(vec![recipe.make().clip()], 1), "").await;
        }
    }
}

#[tokio::test]
async fn with_a_password() {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 1);
    simulation.credentials = Some(Credentials::new("viewer", Secret::new("pass")));
    decodes(simulation, "viewer:pass@").await;
}

#[tokio::test]
async fn from_the_last_key_picture() {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 1);
    simulation.join = Join::LastKey;
    decodes(simulation, "").await;
}

#[tokio::test]
async fn the_twin_damage_is_complained_about() {
    let mut simulation = Simulation::new(vec![SMALL.make().clip()], 1);
    simulation.faults = vec!["corrupt=20%".parse().unwrap()];
    let running = simulation.start().await.unwrap();
    assert_ne!(complaints(&running.url(0), "tcp").await, "");
    running.stop().await;
}
