//! Clips from files.

use std::{fs, path::PathBuf, time::Duration};

use ocelli_core::{Codec, StageError};
use ocelli_media::simulate::{Clip, ClipError};

use crate::{
    client::tcp,
    clips::{Recipe, SMALL},
    play::plays_as,
};

#[tokio::test]
async fn an_mp4_is_played_as_it_was_encoded() {
    for (codec, b_pictures) in [(Codec::H264, true), (Codec::H265, false)] {
        let recipe = Recipe {
            codec,
            b_pictures,
            group: 10,
            ..SMALL
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clip.mp4");
        recipe.write(&file);
        let (made, clip) = (recipe.take(&file), Clip::open(&file).unwrap());
        assert_eq!(format!("{clip:?}"), format!("{:?}", made.clip()));
        assert_eq!(clip.duration(), Duration::from_millis(800));
        plays_as(&made, clip, tcp()).await;
    }
}

#[test]
fn raw_streams() {
    for (codec, name) in [(Codec::H264, "clip.h264"), (Codec::H265, "clip.h265")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        let recipe = Recipe { codec, ..SMALL };
        recipe.write(&file);
        let clip = Clip::open(&file).unwrap();
        assert_eq!(clip.codec(), codec);
        assert_eq!(clip.size(), (160, 96));
        assert_eq!(clip.pictures(), 20);
        assert_eq!(clip.duration(), Duration::from_millis(800));
    }
}

#[test]
fn what_is_no_clip_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("clip.mp4");
    fs::write(&text, "no video").unwrap();
    for path in [
        text,
        folder.path().join("missing.mp4"),
        folder.path().to_owned(),
    ] {
        let error = Clip::open(&path).unwrap_err();
        assert!(
            matches!(error, ClipError::Source(StageError::Rejected(_))),
            "{}: {error:?}",
            path.display()
        );
    }
}

#[test]
fn clips_of_a_real_camera() {
    let folder = std::env::var_os("OCELLI_TEST_CLIPS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.deps/clips")),
        PathBuf::from,
    );
    if !folder.is_dir() {
        eprintln!("needs test data: open::clips_of_a_real_camera");
        return;
    }
    let live = Clip::open(folder.join("vtest-640x360-25.mp4")).unwrap();
    assert_eq!((live.codec(), live.size()), (Codec::H264, (640, 360)));
    let per_sec = live.pictures() as f64 / live.duration().as_secs_f64();
    assert!((per_sec - 25.0).abs() < 0.1, "{per_sec}");
    let other = Clip::open(folder.join("vtest-h265.mp4")).unwrap();
    assert_eq!((other.codec(), other.size()), (Codec::H265, (768, 576)));
}
