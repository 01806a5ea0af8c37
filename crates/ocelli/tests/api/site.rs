//! A running API with planted streams.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use ocelli::{
    Configuration, Hub,
    access::{Access, FirstStart, GroupEntry, NewToken, NewUser, Right, Role},
    api::{Api, ApiOptions, Rate, Served, Watching, serve},
    config::{LoadOptions, load},
    edit::{self, Asked, Editor},
    keep::Plates,
    record::Record,
};
use ocelli_core::{
    Attention, Codec, EventKind, Label, MonoTime, WallTime,
    accounting::Ledger,
    histogram::{EyeTimings, LIMITS_MICROS, LIMITS_PICTURES},
    seam::PacketSight,
};
use ocelli_engine::{EngineStatus, EyeStatus, StreamState, StreamStatus};
use ocelli_sinks::{
    stills::{StillOptions, Stills},
    store::{Clock, Store, StoreOptions},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Names of the planted streams.
pub(crate) const STREAMS: [&str; 3] = ["north-1", "north-2", "south-1"];

pub(crate) const CONFIGURATION: &str = "
site: { contact: privacy@site.example }
profiles:
  doors: { purpose: test the API, retention: 24h }
streams:
  north-1: { url: rtsp://192.0.2.1/main, user: viewer, password: canary-of-the-camera, profile: doors }
  north-2: { url: rtsp://192.0.2.2/main, profile: doors }
  south-1: { url: rtsp://192.0.2.3/main, profile: doors }
";

/// Streams that stand still: what the API reads of an engine.
pub(crate) struct Planted {
    pub(crate) streams: Mutex<BTreeMap<String, StreamStatus>>,
}

impl Watching for Planted {
    fn streams(&self) -> Vec<StreamStatus> {
        self.streams.lock().unwrap().values().cloned().collect()
    }

    fn stream(&self, name: &str) -> Option<StreamStatus> {
        self.streams.lock().unwrap().get(name).cloned()
    }

    fn eyes(&self) -> Vec<EyeStatus> {
        let ready = EyeStatus {
            ready: true,
            pid: Some(77),
            starts: 1,
            cpu_micros: 2_500_000,
            decode_micros: 1_000_000,
            streams: 3,
            models: vec![("nano".to_owned(), Err("not a model".to_owned()))],
            timings: timings(),
            ..EyeStatus::default()
        };
        vec![ready, EyeStatus::default()]
    }

    fn status(&self) -> EngineStatus {
        EngineStatus {
            events: vec![((EventKind::Appeared, Some(Label::Car)), 7)],
            ..EngineStatus::default()
        }
    }
}

/// Three packets decoded, two looked at, one of which became an event.
fn timings() -> EyeTimings {
    let mut timings = EyeTimings::default();
    for micros in [300, 400, 20_000_000] {
        timings.decode.observe(micros, &LIMITS_MICROS);
    }
    for micros in [4_000, 6_000] {
        timings.look.observe(micros, &LIMITS_MICROS);
        timings.batch.observe(1, &LIMITS_PICTURES);
    }
    timings.picture_to_event.observe(70_000, &LIMITS_MICROS);
    timings
}

fn planted(name: &str, state: StreamState) -> StreamStatus {
    StreamStatus {
        name: name.into(),
        address: format!("rtsp://192.0.2.1/{name}"),
        recording: false,
        state,
        reason: String::new(),
        eye: Some(0),
        codec: Some((Codec::H264, 640, 360)),
        ledger: Ledger {
            received: 10,
            ..Ledger::default()
        },
        held: 10,
        bytes: 1000,
        lost: 1,
        source_corrupt: 0,
        time_jumps: 0,
        reconnects: [2, 0, 0],
        pictures: 0,
        looks_taken: 40,
        looks_wanted: 50,
        redactions: 3,
        redactions_refused: 1,
        stills_refused: 0,
        coverage: 0.8,
        looks_per_sec: 4.0,
        lag_millis: 120.0,
        eye_cpu_micros: 0,
        eye_cpu_millis_per_sec: 30.0,
        attention: Attention::Attentive,
        sight: Some(PacketSight::Calm),
        opened: 6,
        refuted: 2,
        long_gop: false,
        tags: 2,
        events: 5,
    }
}

/// A client that takes the certificates which a test hands it.
pub(crate) fn client_builder() -> reqwest::ClientBuilder {
    // Installed once in each process: another call says that it is.
    let _installed = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

pub(crate) fn client() -> reqwest::Client {
    client_builder().build().unwrap()
}

/// An engine with the planted streams.
pub(crate) fn engine() -> Arc<Planted> {
    let streams = [
        planted(STREAMS[0], StreamState::Live),
        planted(STREAMS[1], StreamState::Unavailable),
        planted(STREAMS[2], StreamState::Live),
    ];
    let streams = streams.map(|stream| (stream.name.to_string(), stream));
    Arc::new(Planted {
        streams: Mutex::new(streams.into()),
    })
}

/// A running API. It stops when it is dropped.
pub(crate) struct Site {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) access: Access,
    pub(crate) hub: Hub,
    pub(crate) store: Store,
    pub(crate) stills: Stills,
    pub(crate) engine: Arc<Planted>,
    pub(crate) first: FirstStart,
    pub(crate) stop: CancellationToken,
    pub(crate) server: Option<JoinHandle<()>>,
    pub(crate) client: reqwest::Client,
    pub(crate) configuration: watch::Sender<Arc<Configuration>>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Wall time of all tests.
pub(crate) fn now() -> WallTime {
    WallTime {
        micros: 1_795_509_000_000_000,
    }
}

/// The store's clock, which stands still.
struct Still;

impl Clock for Still {
    fn wall(&self) -> WallTime {
        now()
    }

    fn running(&self) -> MonoTime {
        MonoTime { micros: 1_000_000 }
    }
}

pub(crate) const fn generous() -> Rate {
    Rate {
        burst: 1e6,
        per_sec: 1e6,
    }
}

pub(crate) async fn start() -> Site {
    let options = ApiOptions {
        requests: generous(),
        ..ApiOptions::default()
    };
    start_with(options, serve::ServeLimits::default(), CONFIGURATION).await
}

pub(crate) async fn start_with(
    options: ApiOptions,
    limits: serve::ServeLimits,
    configuration: &str,
) -> Site {
    let dir = tempfile::tempdir().unwrap();
    let configuration = configured(&dir, configuration);
    let (access, first) = Access::open(dir.path(), now()).unwrap();
    let engine = engine();
    let hub = Hub::default();
    let stop = CancellationToken::new();
    let (sender, receiver) = watch::channel(Arc::new(configuration));
    let clock = StoreOptions {
        clock: Arc::new(Still),
        ..StoreOptions::default()
    };
    let (store, _damage) = Store::open(&dir.path().join("events"), clock).unwrap();
    let clock = StillOptions {
        clock: Arc::new(Still),
        ..StillOptions::default()
    };
    let (stills, _damage) = Stills::open(&dir.path().join("stills"), clock).unwrap();
    let plates = Plates::default();
    for stream in STREAMS {
        plates.put(stream.into(), format!("the plate of {stream}").into());
    }
    let served = Served {
        store: store.clone(),
        stills: stills.clone(),
        plates,
        engine: Arc::clone(&engine) as Arc<dyn Watching>,
        hub: hub.clone(),
        record: Record::open(dir.path(), now).unwrap(),
        editor: editor(&sender),
        configuration: receiver,
        sinks: ocelli::sinks::SinkBoard::default(),
        started: now(),
    };
    let api = Api::new(options, served, access.clone(), now, stop.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Arc::new(api).router();
    let server = tokio::spawn(serve::serve(listener, None, router, limits, stop.clone()));
    Site {
        dir,
        address,
        access,
        hub,
        store,
        stills,
        engine,
        first: first.unwrap(),
        stop,
        server: Some(server),
        client: client(),
        configuration: sender,
    }
}

/// Makes the changes that the API asks for, as the program does, but for the engine.
fn editor(configuration: &watch::Sender<Arc<Configuration>>) -> Editor {
    let (editor, mut asked) = Editor::new();
    let configuration = configuration.clone();
    let mut make = async move || {
        while let Some(Asked { change, answer }) = asked.recv().await {
            let current = configuration.borrow().clone();
            let made = edit::make(change, &current, &|_name| None, async |changed| {
                configuration.send_replace(Arc::new(changed));
                Ok(())
            });
            drop(answer.send(made.await));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let thread = std::thread::Builder::new().name("editor".to_owned());
    thread.spawn(move || runtime.block_on(make())).unwrap();
    editor
}

pub(crate) fn configured(dir: &tempfile::TempDir, text: &str) -> Configuration {
    let file = dir.path().join("ocelli.yaml");
    fs::write(&file, text).unwrap();
    let options = LoadOptions {
        data_dir: Some(dir.path().to_owned()),
        variables: &|_name| None,
    };
    load(&file, &options).unwrap_or_else(|errors| panic!("{errors}"))
}

impl Site {
    /// The first token: the owner's.
    pub(crate) fn owner(&self) -> String {
        self.first.token.expose().to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn ask(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client
            .request(method, self.url(path))
            .bearer_auth(token)
    }

    /// What the owner gets.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.get_as(path, &self.owner()).await
    }

    pub(crate) async fn get_as(&self, path: &str, token: &str) -> Value {
        let answer = self.ask(Method::GET, path, token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    /// A token of a new user with this role, who sees the streams of `patterns`.
    pub(crate) async fn token_of(&self, role: Role, patterns: Option<&[&str]>) -> String {
        let name = format!(
            "{}-{}",
            role.as_str(),
            patterns.unwrap_or(&["every"]).join("+")
        );
        if let Some(patterns) = patterns {
            let group = GroupEntry {
                name: name.clone(),
                streams: patterns.iter().map(ToString::to_string).collect(),
            };
            self.access.put_group(group).await.unwrap();
        }
        let user = NewUser {
            name: name.clone(),
            role,
            groups: patterns.map(|_| vec![name.clone()]),
        };
        self.access.add_user(user, now()).await.unwrap();
        let scopes = role.rights().list();
        self.token_for(&name, &scopes).await
    }

    /// A token of a user.
    pub(crate) async fn token_for(&self, user: &str, scopes: &[Right]) -> String {
        let token = NewToken {
            name: "test".to_owned(),
            scopes: scopes.to_vec(),
            groups: None,
            expires: None,
        };
        let made = self.access.add_token(user.to_owned(), token, now()).await;
        made.unwrap().1.expose().to_owned()
    }
}

/// Checks that an answer is a problem of this status, and returns it.
pub(crate) async fn problem(answer: Response, status: u16) -> Value {
    assert_eq!(answer.status().as_u16(), status);
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(kind, "application/problem+json");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert!(
        body["type"]
            .as_str()
            .unwrap()
            .starts_with("urn:ocelli:problem:")
    );
    assert!(body["title"].is_string());
    body
}
