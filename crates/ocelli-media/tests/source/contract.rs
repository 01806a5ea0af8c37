//! What holds for every kind of source: the list is walked, so that a new kind cannot be forgotten.

use std::{path::Path, time::Duration};

use ocelli_core::{
    ErrorClass, StageError,
    seam::{Pace, SourceItem},
};
use ocelli_media::{
    simulate::Running,
    source::{self, Reach, SOURCES, SourceKind},
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    cameras::{H264, Made, clip, next, request, start, within},
    media::make,
};

/// Something real that a kind can open.
struct Subject {
    url: String,
    /// Keeps it there.
    camera: Option<Running>,
    _folder: tempfile::TempDir,
}

async fn subject(kind: &SourceKind, made: &Made) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let (url, camera) = match kind.name {
        "rtsp" => {
            let running = start(made, "").await;
            (running.url(0), Some(running))
        }
        "file" => {
            let file = make(folder.path(), "clip.mp4", H264);
            (Url::from_file_path(file).unwrap().to_string(), None)
        }
        other => panic!("the contract test knows nothing that `{other}` could open: add it"),
    };
    Subject {
        url,
        camera,
        _folder: folder,
    }
}

#[tokio::test]
async fn every_kind_keeps_the_contract() {
    let made = clip(H264);
    for kind in SOURCES {
        let subject = subject(kind, &made).await;
        let source = source::build(request(&subject.url, json!({}))).unwrap();
        assert_eq!(source.address(), subject.url);
        // Opened again, it begins again.
        for _ in 0..2 {
            let mut stream = source.open();
            let first = next(&mut stream).await.unwrap();
            assert!(
                matches!(first, SourceItem::Parameters(_)),
                "{kind:?}: parameters come first"
            );
            let mut last = i64::MIN;
            for at in 0..25 {
                let SourceItem::Packet(packet) = next(&mut stream).await.unwrap() else {
                    panic!("{kind:?}: nothing but packets where nothing is wrong");
                };
                assert!(
                    at > 0 || packet.key,
                    "{kind:?}: the first picture can be decoded"
                );
                assert!(
                    packet.dts_micros >= last,
                    "{kind:?}: decoding times never go back"
                );
                assert!(packet.pts_micros >= packet.dts_micros, "{kind:?}");
                assert!(packet.data.starts_with(&[0, 0, 0, 1]), "{kind:?}: Annex B");
                last = packet.dts_micros;
            }
            drop(stream);
        }
        if let Some(camera) = &subject.camera {
            within("the farewell", async {
                while camera.counts().viewers > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
        }
    }
}

#[tokio::test]
async fn unknown_options_are_named_with_the_known_ones() {
    let made = clip(H264);
    for kind in SOURCES {
        let subject = subject(kind, &made).await;
        let schema = (kind.options_schema)();
        let known: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        assert!(!known.is_empty());
        let error = source::build(request(&subject.url, json!({ "no_such_option": 1 })))
            .err()
            .unwrap();
        let text = error.to_string();
        assert_eq!(error.class(), ErrorClass::Rejected);
        assert!(text.contains("no_such_option"), "{text}");
        for name in known {
            assert!(text.contains(name.as_str()), "{text} does not name {name}");
            let property = &schema["properties"][name];
            assert!(
                property["description"].is_string(),
                "{kind:?}: {name} is not described"
            );
        }
        let wrong = json!({ schema["properties"].as_object().unwrap().keys().next().unwrap(): [] });
        assert!(source::build(request(&subject.url, wrong)).is_err());
    }
}

#[test]
fn unknown_schemes_are_named_with_the_known_ones() {
    let error = source::build(request("exec:rm", json!({}))).err().unwrap();
    let text = error.to_string();
    assert!(matches!(error, StageError::Rejected(_)));
    for kind in SOURCES {
        assert!(
            kind.summary.len() <= 60 && !kind.summary.ends_with('.'),
            "{kind:?}"
        );
        for scheme in kind.schemes {
            assert!(text.contains(scheme), "{text}");
        }
    }
}

#[tokio::test]
async fn the_api_reaches_neither_loopback_nor_files() {
    let made = clip(H264);
    for kind in SOURCES {
        let subject = subject(kind, &made).await;
        let mut remote = request(&subject.url, json!({}));
        remote.reach = Reach::Remote { files_below: None };
        let error = match source::build(remote) {
            Err(error) => error,
            Ok(source) => next(&mut source.open()).await.err().unwrap(),
        };
        assert_eq!(error.class(), ErrorClass::Rejected, "{kind:?}: {error}");
    }
}

fn file(path: &Path, options: Value) -> source::SourceRequest {
    request(Url::from_file_path(path).unwrap().as_str(), options)
}

#[tokio::test]
async fn recordings_end_loop_and_are_paced() {
    let folder = tempfile::tempdir().unwrap();
    let path = make(folder.path(), "clip.mp4", H264);
    let source = source::build(file(&path, json!({}))).unwrap();
    assert_eq!(source.pace(), Pace::Recording);
    let given = crate::media::Given::collect(source.open()).await;
    assert_eq!((given.packets.len(), given.error), (50, None));

    let source = source::build(file(&path, json!({ "loop": true, "paced": true }))).unwrap();
    assert_eq!(source.pace(), Pace::Live);
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let mut stream = source.open();
    let (mut packets, mut rewound) = (0, 0);
    while rewound < 3 {
        match next(&mut stream).await.unwrap() {
            SourceItem::Packet(_) => packets += 1,
            SourceItem::Rewound => rewound += 1,
            SourceItem::Parameters(_) => assert_eq!(packets, 0, "they are the same in each loop"),
            _ => panic!("nothing else"),
        }
    }
    assert_eq!(packets, 150);
    // By the runtime's clock, which stands while files are read: 150 pictures, 149 steps of 40 ms.
    let took = begun.elapsed().as_millis();
    assert!((5900..6100).contains(&took), "{took}");
}

#[tokio::test]
async fn bad_recordings_are_rejected_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip");
    for (bytes, says) in [
        (&b""[..], "empty"),
        (b"hello, world", "not a video"),
        (b"RIFF....AVI LIST", "AVI"),
        (&[0xff, 0xd8, 0xff, 0xe0, 0, 16], "JPEG picture"),
        (b"\0\0\0\x10ftypisom\0\0\0\0", "not finished"),
        (&[0x1a, 0x45, 0xdf, 0xa3, 0x80], "no tracks"),
        (&[0, 0, 0, 1, 0x65, 1, 2, 3], "no picture"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let mut stream = source::build(file(&path, json!({}))).unwrap().open();
        let error = crate::cameras::error(&mut stream).await;
        assert_eq!(error.class(), ErrorClass::Rejected, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let other = make(
        folder.path(),
        "vp9.webm",
        &["-c:v", "libvpx-vp9", "-deadline", "realtime"],
    );
    let error =
        crate::cameras::error(&mut source::build(file(&other, json!({}))).unwrap().open()).await;
    assert!(
        error.to_string().contains("unsupported codec `V_VP9`"),
        "{error}"
    );
    for options in [json!({ "rate": 0 }), json!({ "rate": 1000 })] {
        assert!(source::build(file(&path, options)).is_err());
    }
}
