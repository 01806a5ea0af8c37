//! Cameras, simulated.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use ocelli_core::{
    StageError,
    seam::{Source, SourceItem, SourcePacket, SourceStream},
};
use ocelli_media::{
    simulate::{Clip, Running, Simulation},
    source::{self, Reach, SourceRequest, file::demux},
};
use serde_json::{Map, Value};

use crate::media::{Given, make};

/// Nothing that a test waits for takes a tenth of this.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_elapsed| panic!("waited too long for {what}"))
}

/// The first key picture and what follows, in 2 s: groups of 10 pictures.
pub(crate) const H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-x264-params",
    "keyint=10:min-keyint=10:scenecut=0:bframes=0",
];

pub(crate) struct Made {
    pub(crate) given: Given,
    pub(crate) clip: Clip,
}

/// Makes a clip.
pub(crate) fn clip(coding: &[&str]) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let file = make(folder.path(), "clip.mp4", coding);
    let given = Given::of(demux::open(&file).unwrap());
    let clip = Clip::from_packets(&given.parameters[0], &given.packets).unwrap();
    Made { given, clip }
}

pub(crate) fn request(url: &str, options: Value) -> SourceRequest {
    let (url, credentials) = source::split_credentials(url).unwrap();
    let Value::Object(options) = options else {
        panic!("options are a map");
    };
    SourceRequest {
        url,
        credentials,
        options,
        reach: Reach::Operator,
    }
}

pub(crate) fn camera(url: &str, options: Value) -> Arc<dyn Source> {
    source::build(request(url, options)).unwrap()
}

pub(crate) async fn start(clip: &Clip) -> Running {
    Simulation::new(vec![clip.clone()], 1)
        .start()
        .await
        .unwrap()
}

/// The next item.
pub(crate) async fn next(stream: &mut SourceStream) -> Result<SourceItem, StageError> {
    within("an item", stream.next())
        .await
        .expect("a live camera does not end without an error")
}

/// The next packet; leaves other items aside.
pub(crate) async fn packet(stream: &mut SourceStream) -> Result<SourcePacket, StageError> {
    loop {
        if let SourceItem::Packet(packet) = next(stream).await? {
            return Ok(packet);
        }
    }
}

fn none() -> Value {
    Value::Object(Map::new())
}

#[tokio::test]
async fn what_arrives_is_the_clip() {
    let made = clip(H264);
    let running = start(&made.clip).await;
    let mut stream = camera(&running.url(0), none()).open();
    let Ok(SourceItem::Parameters(parameters)) = next(&mut stream).await else {
        panic!("parameters come first");
    };
    assert_eq!((parameters.width, parameters.height), (160, 96));
    assert_eq!(
        parameters.parameter_sets,
        made.given.parameters[0].parameter_sets
    );
    let first = packet(&mut stream).await.unwrap();
    assert!(first.key);
    assert_eq!(first.camera_wall, None);
    let mut last = first;
    for _ in 0..30 {
        let next = packet(&mut stream).await.unwrap();
        assert!((next.dts_micros - last.dts_micros - 40_000).abs() < 50);
        last = next;
    }
}
