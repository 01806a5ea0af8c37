//! An engine with the executable that is shipped.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::stream;
use ocelli_core::{
    EventKind, EventRecord,
    label::COCO_80,
    settings::{ColourOrder, DetectorSettings, GateKind, Resize, StreamSettings},
};
use ocelli_engine::{Engine, EngineOptions, ModelPlan, Output, StreamPlan};
use ocelli_media::{
    simulate::{Clip, Running, Simulation},
    source::{self, Reach, SourceRequest, file::demux},
};

const MODEL: &[u8] = include_bytes!("../../../../models/nanodet-g-int8.onnx");

/// Ten times what a wait usually takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The clip, or `None` after saying that it is missing.
pub(crate) fn clip(test: &str) -> Option<PathBuf> {
    clip_named(test, "vtest-640x360-25.mp4")
}

/// One of the other clips.
pub(crate) fn clip_named(test: &str, file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("OCELLI_TEST_CLIPS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.deps/clips")),
        PathBuf::from,
    );
    let clip = folder.join(file);
    if clip.is_file() {
        return Some(clip);
    }
    eprintln!("needs test data: {test}");
    None
}

pub(crate) async fn cameras(clip: PathBuf, streams: usize) -> Running {
    let items: Vec<_> = demux::open(&clip).unwrap().collect();
    let clip = Clip::read(Box::pin(stream::iter(items))).await.unwrap();
    Simulation::new(vec![clip], streams).start().await.unwrap()
}

fn model() -> ModelPlan {
    ModelPlan {
        id: "nano".to_owned(),
        settings: DetectorSettings {
            family: "nanodet".to_owned(),
            input_width: 320,
            input_height: 192,
            colour: ColourOrder::Bgr,
            mean: [103.53, 116.28, 123.675],
            std: [57.375, 57.12, 58.395],
            resize: Resize::Letterbox,
            pad: 0.0,
            classes: COCO_80.map(str::to_owned).to_vec(),
            label_map: Vec::new(),
            threshold_low: 0.2,
            threshold: 0.4,
            nms_iou: 0.6,
        },
        bytes: MODEL.into(),
    }
}

pub(crate) fn plan(name: &str, url: &str, gate: GateKind) -> StreamPlan {
    StreamPlan {
        name: name.into(),
        source: source::build(SourceRequest {
            url: url.parse().unwrap(),
            credentials: None,
            options: serde_json::Map::new(),
            reach: Reach::Operator,
        })
        .unwrap(),
        source_version: 1,
        settings: StreamSettings {
            gate,
            detector: "nano".to_owned(),
            ..StreamSettings::default()
        },
        enabled: true,
    }
}

/// The URL of a stream at an address where there may be none.
pub(crate) fn url_at(address: SocketAddr) -> String {
    format!("rtsp://{address}/stream")
}

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    events: Arc<Mutex<Vec<EventRecord>>>,
}

impl Bench {
    pub(crate) async fn start(streams: Vec<StreamPlan>) -> Self {
        let mut options = EngineOptions::new(env!("CARGO_BIN_EXE_ocelli-eye").into());
        options.eyes = 1;
        let (engine, mut output) = Engine::start(options, vec![model()], streams)
            .await
            .unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&events);
        tokio::spawn(async move {
            while let Some(output) = output.recv().await {
                if let Output::Events { records } = output {
                    taken.lock().unwrap().extend(records);
                }
            }
        });
        Self { engine, events }
    }

    pub(crate) fn count(&self, kind: EventKind) -> usize {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| event.kind == kind).count()
    }

    /// Waits for a state; the account balances all the while.
    pub(crate) async fn until(&self, what: &str, state: impl Fn(&Self) -> bool) {
        let start = tokio::time::Instant::now();
        while !state(self) {
            for stream in self.engine.streams() {
                assert!(stream.ledger.balances(stream.held), "{stream:#?}");
            }
            assert!(start.elapsed() < PATIENCE, "not seen in time: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn until_looks_grow(&self, name: &str, by: u64) {
        let looks = |bench: &Self| bench.engine.stream(name).unwrap().looks_taken;
        let before = looks(self);
        self.until("more looks", |bench| looks(bench) >= before + by)
            .await;
    }
}
