//! The configuration: YAML in, every error with its line out, and what the program runs with.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use bytes::Bytes;
use ocelli_core::{
    Secret,
    settings::{DetectorSettings, StreamSettings},
};
use url::Url;

mod added;
mod address;
mod de;
mod detector;
mod entry;
mod entry_place;
mod fault;
mod keeping;
mod load;
mod nearest;
mod profile;
mod reader;
mod retention;
mod schema;
mod secrets;
mod shape;
mod sink;
mod stream;
mod table;
mod tree;
mod trial;

pub use added::{ADDED_FILE, OVERLAY_KEYS};
pub use entry::StreamEntry;
use fault::Fault;
pub use fault::{ConfigError, ConfigErrors};
pub use keeping::{CheckpointPlace, Guard, RecordSettings, StoreSettings};
pub use load::{LoadOptions, default_data_dir, load, load_with};
pub use nearest::nearest;
pub use retention::{NotARetention, Retention};
pub use schema::schema;
pub use secrets::Variables;
pub use sink::SinkConfig;
pub use trial::trial;

/// A configuration that was read and checked. Where it names a secret, it holds it as one.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The file it came from; none: the command line.
    pub file: Option<PathBuf>,
    /// Every file that it was read from.
    pub files: Vec<PathBuf>,
    /// Whose cameras these are.
    pub site: SiteSettings,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The store of events.
    pub store: StoreSettings,
    /// The record.
    pub record: RecordSettings,
    /// How published counts are guarded.
    pub exports: Guard,
    /// The API.
    pub api: ApiSettings,
    /// The eyes.
    pub engine: EngineSettings,
    /// The metrics.
    pub metrics: MetricsSettings,
    /// Detectors by name: those that streams use.
    pub detectors: BTreeMap<String, DetectorConfig>,
    /// Names of the profiles that streams may follow.
    pub profiles: Vec<String>,
    /// Streams by name.
    pub streams: BTreeMap<Arc<str>, StreamConfig>,
    /// Sinks by name.
    pub sinks: BTreeMap<String, SinkConfig>,
}

/// Whose cameras these are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteSettings {
    /// The site's name.
    pub name: Option<String>,
    /// Whom people in front of the cameras can ask.
    pub contact: Option<String>,
}

/// How the API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// Address and port.
    pub listen: SocketAddr,
    /// A token from the configuration; none: the one in the data directory.
    pub token: Option<Secret>,
    /// Host names, besides the address itself, that requests may name.
    pub hosts: Vec<String>,
    /// Certificate and key, both PEM files.
    pub tls: Option<TlsFiles>,
    /// Why it may be reached without TLS from beyond loopback.
    pub plain_because: Option<String>,
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// How eyes run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineSettings {
    /// Number of eyes; none: one on each core.
    pub eyes: Option<usize>,
    /// Why an eye may start without all of its sandbox.
    pub best_effort_because: Option<String>,
}

/// How metrics are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Whether there is a series for each stream.
    pub per_stream: bool,
}

/// One detector.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorConfig {
    /// The model.
    pub model: ModelSource,
    /// The ONNX file.
    pub bytes: ModelBytes,
    /// SHA-256 of the model in hexadecimal.
    pub sha256: String,
    /// How it is fed and read.
    pub settings: DetectorSettings,
}

/// The bytes of a model: `Debug` shows only how many.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelBytes(pub Bytes);

impl From<Bytes> for ModelBytes {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for ModelBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelBytes({})", self.0.len())
    }
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// One that ocelli knows, by its id.
    Known(String),
    /// A file.
    File(PathBuf),
}

/// One stream.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// Its name: unique, never shown to the people in front of the camera.
    pub name: Arc<str>,
    /// The profile that it follows, if it names one.
    pub profile: Option<String>,
    /// The name under which its notice is public.
    pub public_id: Option<String>,
    /// Why it is watched.
    pub purpose: String,
    /// How long its events are kept.
    pub retention: Retention,
    /// Its address, without credentials.
    pub url: Url,
    /// The address that is analysed, where it is another; without credentials.
    pub detect_url: Option<Url>,
    /// User of the camera.
    pub user: Option<String>,
    /// Password of the camera.
    pub password: Option<Secret>,
    /// What the source is told: transport and so on.
    pub source: serde_json::Map<String, serde_json::Value>,
    /// Whether it runs.
    pub enabled: bool,
    /// Whether it was added through the API: its address reaches less far than the file's.
    pub from_api: bool,
    /// How it is treated.
    pub settings: StreamSettings,
}
