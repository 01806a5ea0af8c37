//! From a file to a [`Configuration`], or to everything that is wrong with it.

mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    ADDED_FILE, ConfigError, ConfigErrors, Configuration, DetectorConfig, Fault, MetricsSettings,
    SinkConfig, SiteSettings, StreamConfig,
    added::Added,
    de::{fields_of, read_all},
    detector::{self, Folders},
    profile::Profiles,
    secrets::{Variables, find_duplicates, find_misplaced},
    shape::{DetectorShape, FileShape, StreamShape, TreatmentShape},
    sink,
    stream::Resolver,
    table,
    tree::{self, BYTES_MAX, Key, Node, Place, Value},
};

/// Where the API listens if nothing else is said.
pub(super) const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8750);
/// Columns of a table of streams whose cells cannot be one value.
const NOT_COLUMNS: [&str; 5] = ["source", "labels", "zones", "masks", "rules"];

/// What a configuration depends on besides its file.
pub struct LoadOptions<'a> {
    /// The data directory of the command line; it goes before the file's.
    pub data_dir: Option<PathBuf>,
    /// The environment.
    pub variables: Variables<'a>,
}

/// The data directory where nothing else is said: `$XDG_STATE_HOME/ocelli`, or
/// `~/.local/state/ocelli`.
pub fn default_data_dir(variables: Variables<'_>) -> PathBuf {
    let state = variables("XDG_STATE_HOME").filter(|dir| dir.starts_with('/'));
    let state = state.map_or_else(
        || {
            let home = variables("HOME").unwrap_or_else(|| "/var/lib".to_owned());
            PathBuf::from(home).join(".local/state")
        },
        PathBuf::from,
    );
    state.join("ocelli")
}

/// Reads the configuration in `file`, and what was added to it through the API.
pub fn load(file: &Path, options: &LoadOptions<'_>) -> Result<Configuration, ConfigErrors> {
    read(file, options, None)
}

/// The same, as if `added` stood in the file that the API writes.
pub fn load_with(
    file: &Path,
    options: &LoadOptions<'_>,
    added: &str,
) -> Result<Configuration, ConfigErrors> {
    read(file, options, Some(added))
}

fn read(
    file: &Path,
    options: &LoadOptions<'_>,
    added: Option<&str>,
) -> Result<Configuration, ConfigErrors> {
    let shown = Arc::new(file.to_owned());
    let whole = |message| {
        let fault = Fault::new(Place::default(), message);
        ConfigErrors::new(vec![fault.in_file(&shown)])
    };
    let text = read_text(file).map_err(whole)?;
    let tree = tree::read(&text).map_err(|fault| ConfigErrors::new(vec![fault.in_file(&shown)]))?;
    Loader {
        folder: file.parent().unwrap_or(Path::new("")).to_owned(),
        file: Arc::clone(&shown),
        options,
        added,
        faults: Vec::new(),
        errors: BTreeSet::new(),
    }
    .load(tree)
}

/// The text of a file that is not larger than any configuration.
pub(super) fn read_text(file: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let length = fs::metadata(file).map_err(unreadable)?.len();
    if length > BYTES_MAX as u64 {
        return Err(format!("has {length} bytes, {BYTES_MAX} are the most"));
    }
    String::from_utf8(fs::read(file).map_err(unreadable)?)
        .map_err(|_not_utf8| "is not text in UTF-8".to_owned())
}

/// A stream as it is written, and its file.
pub(super) type Written = (Arc<PathBuf>, Key, Node);

struct Loader<'a> {
    file: Arc<PathBuf>,
    folder: PathBuf,
    options: &'a LoadOptions<'a>,
    /// What is read in the place of the file that the API writes.
    added: Option<&'a str>,
    /// Errors of `file`.
    faults: Vec<Fault>,
    /// Errors of any file.
    errors: BTreeSet<ConfigError>,
}

impl Loader<'_> {
    fn load(mut self, mut tree: Node) -> Result<Configuration, ConfigErrors> {
        if matches!(tree.value, Value::Null) {
            tree.value = Value::Map(Vec::new());
        }
        find_duplicates(&mut tree, &mut self.faults);
        find_misplaced(&tree, &mut self.faults);
        let profiles = self.section(&mut tree, "profiles");
        let detectors = self.section(&mut tree, "detectors");
        let streams = self.section(&mut tree, "streams");
        let sinks = self.section(&mut tree, "sinks");
        let tables = self.names(&mut tree, "streams_from");
        let mut files = vec![self.file.as_ref().clone()];
        files.extend(tables.iter().map(|(name, _)| self.folder.join(name)));
        let shape = read_all::<FileShape>(&mut tree, &mut self.faults).unwrap_or_default();

        let data_dir = self.data_dir(&shape);
        let profiles = Profiles::read(profiles, &mut self.faults);
        let detector_names = detectors.iter().map(|(key, _)| key.text.clone()).collect();
        let mut detectors = self.detectors(detectors, &data_dir);
        let sinks = self.sinks(sinks);
        let entries = self.entries(streams, tables);
        let own = entries.iter().map(|(_, key, _)| key.text.clone()).collect();
        let added = Added::read(&data_dir, self.added, &own, &mut self.errors);
        files.push(data_dir.join(ADDED_FILE));
        let streams = self.streams(
            (entries, added),
            &profiles,
            (&mut detectors, &detector_names),
            &data_dir,
        );
        let api = self.api(shape.api.unwrap_or_default(), &tree);
        let engine = self.engine(
            shape.engine.and_then(|engine| engine.eyes),
            shape.sandbox,
            &tree,
        );
        let store = shape
            .store
            .unwrap_or_default()
            .read(&tree, &mut self.faults);
        let record = shape.record.unwrap_or_default();
        let record = record.read(&tree, &self.folder, &mut self.faults);
        let exports = shape
            .exports
            .unwrap_or_default()
            .read(&tree, &mut self.faults);
        let file = Arc::clone(&self.file);
        let mut errors = self.errors;
        errors.extend(self.faults.into_iter().map(|fault| fault.in_file(&file)));
        if !errors.is_empty() {
            return Err(ConfigErrors::new(errors.into_iter().collect()));
        }
        let used: BTreeSet<&str> = streams
            .values()
            .map(|stream| stream.settings.detector.as_str())
            .collect();
        detectors.retain(|name, _| used.contains(name.as_str()));
        let site = shape.site.unwrap_or_default();
        Ok(Configuration {
            file: Some(file.as_ref().clone()),
            files,
            site: SiteSettings {
                name: site.name,
                contact: site.contact,
            },
            data_dir,
            store,
            record,
            exports,
            api,
            engine,
            metrics: MetricsSettings {
                per_stream: shape
                    .metrics
                    .and_then(|metrics| metrics.per_stream)
                    .unwrap_or(false),
            },
            detectors,
            profiles: profiles.names().into_iter().map(str::to_owned).collect(),
            streams,
            sinks,
        })
    }

    /// Takes the entries of a map of named things out of the tree.
    fn section(&mut self, tree: &mut Node, key: &str) -> Vec<(Key, Node)> {
        match tree.take(key).map(|(_, node)| node) {
            Some(Node {
                value: Value::Map(entries),
                ..
            }) => entries,
            None
            | Some(Node {
                value: Value::Null, ..
            }) => Vec::new(),
            Some(node) => {
                let message = format!("expected a map of names, found {}", node.what());
                self.faults.push(Fault::new(node.place, message));
                Vec::new()
            }
        }
    }

    /// Takes a list of texts out of the tree, with their places.
    fn names(&mut self, tree: &mut Node, key: &str) -> Vec<(String, Place)> {
        let Some((_, mut node)) = tree.take(key) else {
            return Vec::new();
        };
        let names: Option<Option<Vec<String>>> = read_all(&mut node, &mut self.faults);
        let Value::List(items) = node.value else {
            return Vec::new();
        };
        let places = items.iter().map(|item| item.place);
        names
            .flatten()
            .unwrap_or_default()
            .into_iter()
            .zip(places)
            .collect()
    }

    fn data_dir(&self, shape: &FileShape) -> PathBuf {
        match (&self.options.data_dir, &shape.data_dir) {
            (Some(dir), _) => dir.clone(),
            (None, Some(dir)) => self.folder.join(dir),
            (None, None) => default_data_dir(self.options.variables),
        }
    }

    fn detectors(
        &mut self,
        entries: Vec<(Key, Node)>,
        data_dir: &Path,
    ) -> BTreeMap<String, DetectorConfig> {
        let folder = self.folder.clone();
        let folders = Folders {
            file: &folder,
            data: data_dir,
        };
        entries
            .into_iter()
            .filter_map(|(key, mut node)| {
                let shape = read_all::<DetectorShape>(&mut node, &mut self.faults)?;
                let detector = detector::resolve(shape, &node, folders, &mut self.faults)?;
                Some((key.text, detector))
            })
            .collect()
    }

    fn sinks(&mut self, entries: Vec<(Key, Node)>) -> BTreeMap<String, SinkConfig> {
        entries
            .into_iter()
            .filter_map(|(key, node)| {
                let sink = sink::resolve(key, node, self.options.variables, &mut self.faults)?;
                Some((sink.name.clone(), sink))
            })
            .collect()
    }

    /// Every stream of the file and of its tables, with the file it stands in.
    fn entries(&mut self, own: Vec<(Key, Node)>, tables: Vec<(String, Place)>) -> Vec<Written> {
        let file = Arc::clone(&self.file);
        let mut entries: Vec<Written> = own
            .into_iter()
            .map(|(key, node)| (Arc::clone(&file), key, node))
            .collect();
        for (name, place) in tables {
            self.table(&name, place, &mut entries);
        }
        entries
    }

    fn streams(
        &mut self,
        (entries, mut added): (Vec<Written>, Added),
        profiles: &Profiles,
        (detectors, detector_names): (&mut BTreeMap<String, DetectorConfig>, &BTreeSet<String>),
        data_dir: &Path,
    ) -> BTreeMap<Arc<str>, StreamConfig> {
        let own = Arc::clone(&self.file);
        let mut resolver = Resolver {
            file: &own,
            profiles,
            detectors,
            detector_names,
            data_dir,
            variables: self.options.variables,
            from_api: false,
            errors: &mut self.errors,
            public_ids: BTreeSet::new(),
        };
        let mut seen: BTreeMap<String, (Arc<PathBuf>, u32)> = BTreeMap::new();
        let mut streams = BTreeMap::new();
        for (file, key, node) in entries {
            if let Some((other, line)) = seen.get(&key.text) {
                let message = format!("the stream `{}` stands here twice", key.text);
                let hint = format!("the first is at {}:{line}", other.display());
                let fault = Fault::new(key.place, message).hint(hint);
                resolver.errors.insert(fault.in_file(&file));
                continue;
            }
            seen.insert(key.text.clone(), (Arc::clone(&file), key.place.line));
            let overlay = added.overlays.remove(&key.text);
            if let Some(stream) = resolver.resolve(&file, &key, node, overlay) {
                streams.insert(Arc::clone(&stream.name), stream);
            }
        }
        resolver.from_api = true;
        for (file, key, node) in added.streams {
            if let Some(stream) = resolver.resolve(&file, &key, node, None) {
                streams.insert(Arc::clone(&stream.name), stream);
            }
        }
        streams
    }

    fn table(&mut self, name: &str, place: Place, entries: &mut Vec<Written>) {
        let file = Arc::new(self.folder.join(name));
        let text = match read_text(&file) {
            Ok(text) => text,
            Err(message) => {
                self.faults
                    .push(Fault::new(place, format!("`{name}` {message}")));
                return;
            }
        };
        let columns: Vec<&str> = fields_of::<StreamShape>()
            .iter()
            .chain(fields_of::<TreatmentShape>())
            .copied()
            .filter(|column| !NOT_COLUMNS.contains(column))
            .collect();
        let mut faults = Vec::new();
        let rows = table::read(&text, &columns, &mut faults);
        for (_, node) in &rows {
            find_misplaced(node, &mut faults);
        }
        self.errors
            .extend(faults.into_iter().map(|fault| fault.in_file(&file)));
        entries.extend(
            rows.into_iter()
                .map(|(key, node)| (Arc::clone(&file), key, node)),
        );
    }
}
