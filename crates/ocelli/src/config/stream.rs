//! One stream: what it says itself, what its profile says, and whether it can run.

mod addresses;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use ocelli_core::{
    Point,
    settings::{MaskSettings, RuleSettings, SceneSettings, StreamSettings, ZoneSettings},
};
use ocelli_media::{address as network, source};
use ocelli_scene::About;
use url::{Host, Url};

use super::{
    ConfigError, DetectorConfig, Fault, Retention, StreamConfig,
    added::find_foreign,
    de::{read_both, suggestion},
    detector,
    entry_place::{Entry, item_place, scene_place},
    load::Written,
    profile::{Layer, Profiles, over},
    secrets::Variables,
    shape::{RuleShape, StreamShape, TreatmentShape},
    tree::{Key, Node, Place},
};
use crate::{models, plan};

/// What streams are resolved with.
pub(super) struct Resolver<'a> {
    /// The file of the profiles.
    pub(super) file: &'a Arc<PathBuf>,
    pub(super) profiles: &'a Profiles,
    /// Detectors of the file; those that streams name by a model's id are added.
    pub(super) detectors: &'a mut BTreeMap<String, DetectorConfig>,
    /// Names of the file's detectors, also of those that were wrong.
    pub(super) detector_names: &'a BTreeSet<String>,
    pub(super) data_dir: &'a Path,
    pub(super) variables: Variables<'a>,
    /// Whether streams come from the API: no variables of the environment, no loopback, no files.
    pub(super) from_api: bool,
    pub(super) errors: &'a mut BTreeSet<ConfigError>,
    /// Public ids that streams have.
    pub(super) public_ids: BTreeSet<String>,
}

impl Resolver<'_> {
    /// The stream that `node` describes in `file`; none if anything is wrong with it.
    pub(super) fn resolve(
        &mut self,
        file: &Arc<PathBuf>,
        key: &Key,
        mut node: Node,
        overlay: Option<Written>,
    ) -> Option<StreamConfig> {
        let mut faults = Vec::new();
        let mut overlay = overlay;
        let laid = overlay.as_mut().and_then(|(file, key, node)| {
            let mut faults = Vec::new();
            find_foreign(key, node, &mut faults);
            let read = read_both::<StreamShape, TreatmentShape>(node, &mut faults);
            let clean = faults.is_empty();
            let told = faults.into_iter().map(|fault| fault.in_file(file));
            self.errors.extend(told);
            read.filter(|_| clean)
        });
        if let Err(fault) = check_name(key) {
            faults.push(fault);
        }
        let read = read_both::<StreamShape, TreatmentShape>(&mut node, &mut faults);
        let clean = faults.is_empty();
        self.errors
            .extend(faults.into_iter().map(|fault| fault.in_file(file)));
        let (mut shape, mut own) = read?;
        let mut entry = Entry {
            key,
            own: file,
            layers: vec![Layer { file, node: &node }],
        };
        if let Some((above, treatment)) = laid {
            shape.enabled = above.enabled.or(shape.enabled);
            own = over(treatment, &own);
        }
        if let Some((file, _, node)) = &overlay {
            entry.layers.insert(0, Layer { file, node });
        }
        let profiles = self.profiles;
        let treatment = match &shape.profile {
            Some(name) if profiles.contains(name) => {
                entry.layers.extend(profiles.layers(name, self.file));
                profiles.complete(own, name)
            }
            Some(name) => {
                let fault = Fault::new(Place::default(), format!("unknown profile `{name}`"))
                    .hint(suggestion(name, &profiles.names()));
                self.report(&entry, &["profile"], fault);
                // What the profile would have said is not missed as well.
                TreatmentShape {
                    purpose: own.purpose.or_else(|| Some("unknown".to_owned())),
                    retention: own.retention.or_else(|| Some("1h".to_owned())),
                    ..own
                }
            }
            None => own,
        };
        let before = self.errors.len();
        let stream = self.build(&entry, &shape, &treatment);
        (clean && self.errors.len() == before)
            .then_some(stream)
            .flatten()
    }

    fn report(&mut self, entry: &Entry<'_>, keys: &[&str], fault: Fault) {
        let (file, place) = entry.place(keys);
        self.errors.insert(Fault { place, ..fault }.in_file(&file));
    }

    fn wrong(&mut self, entry: &Entry<'_>, keys: &[&str], message: impl Into<String>) {
        self.report(entry, keys, Fault::new(Place::default(), message));
    }

    fn build(
        &mut self,
        entry: &Entry<'_>,
        shape: &StreamShape,
        treatment: &TreatmentShape,
    ) -> Option<StreamConfig> {
        let name: Arc<str> = entry.key.text.as_str().into();
        let purpose = self.purpose(entry, treatment);
        let retention = self.retention(entry, treatment);
        let public_id = self.public_id(entry, shape);
        let addresses = self.addresses(entry, shape);
        let settings = self.settings(entry, treatment);
        let (url, detect_url, user, password) = addresses?;
        let stream = StreamConfig {
            name,
            profile: shape.profile.clone(),
            public_id,
            purpose: purpose?,
            retention: retention?,
            url,
            detect_url,
            user,
            password,
            source: shape.source.clone().unwrap_or_default(),
            enabled: shape.enabled.unwrap_or(true),
            from_api: self.from_api,
            settings,
        };
        if let Err(error) = source::build(plan::request(&stream)) {
            let error = error.to_string();
            // The option that it is about is named before those that there are.
            let option = stream
                .source
                .keys()
                .filter_map(|key| Some((error.find(&format!("`{key}`"))?, key.as_str())))
                .min();
            let keys: &[&str] = match (option, &stream.detect_url) {
                (Some((_, option)), _) => &["source", option],
                _ if error.contains("option") => &["source"],
                (None, Some(_)) => &["detect_url"],
                (None, None) => &["url"],
            };
            self.wrong(entry, keys, error);
        }
        Some(stream)
    }

    fn public_id(&mut self, entry: &Entry<'_>, shape: &StreamShape) -> Option<String> {
        let id = shape.public_id.as_ref()?;
        let fits = (3..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let message = if !fits {
            "expected 3 to 64 small letters, digits and hyphens"
        } else if *id == entry.key.text {
            "a public id is another than the stream's name, which nobody outside knows"
        } else if !self.public_ids.insert(id.clone()) {
            "another stream has this public id"
        } else {
            return Some(id.clone());
        };
        self.wrong(entry, &["public_id"], message);
        None
    }

    fn purpose(&mut self, entry: &Entry<'_>, treatment: &TreatmentShape) -> Option<String> {
        match treatment.purpose.as_deref().map(str::trim) {
            Some("") => {
                self.wrong(entry, &["purpose"], "the purpose says nothing");
                None
            }
            Some(purpose) => Some(purpose.to_owned()),
            None => {
                let message = format!("the stream `{}` has no `purpose`", entry.key.text);
                let hint = "say why it is watched, in the stream or in its profile";
                let fault = Fault::new(Place::default(), message).hint(hint);
                self.report(entry, &["purpose"], fault);
                None
            }
        }
    }

    fn retention(&mut self, entry: &Entry<'_>, treatment: &TreatmentShape) -> Option<Retention> {
        let Some(text) = &treatment.retention else {
            let message = format!("the stream `{}` has no `retention`", entry.key.text);
            let hint = "say how long its events are kept, such as `24h` or `7d`, in the stream or \
                        in its profile";
            let fault = Fault::new(Place::default(), message).hint(hint);
            self.report(entry, &["retention"], fault);
            return None;
        };
        let read = text.parse::<Retention>();
        read.map_err(|error| self.wrong(entry, &["retention"], error.to_string()))
            .ok()
    }

    fn settings(&mut self, entry: &Entry<'_>, treatment: &TreatmentShape) -> StreamSettings {
        let default = StreamSettings::default();
        let detector = self.detector(entry, treatment);
        let settings = StreamSettings {
            gate: treatment.gate.unwrap_or(default.gate),
            decoder: treatment.decoder.unwrap_or(default.decoder),
            scene: self.scene(entry, treatment, &detector),
            detector,
            look_rate: treatment.look_rate.unwrap_or(default.look_rate),
            keys_every_secs: treatment.keys_every_secs.unwrap_or(default.keys_every_secs),
            stills: treatment.stills.unwrap_or(default.stills),
            privacy_masks: self.privacy_masks(entry, treatment),
            every_picture: treatment.every_picture.unwrap_or(default.every_picture),
            tell_detections: false,
            fresh_within_secs: treatment
                .fresh_within_secs
                .unwrap_or(default.fresh_within_secs),
        };
        for (key, value, least, most) in [
            ("look_rate", settings.look_rate, 0.1, 60.0),
            ("keys_every_secs", settings.keys_every_secs, 0.0, 3600.0),
            ("fresh_within_secs", settings.fresh_within_secs, 0.1, 60.0),
        ] {
            if !(least..=most).contains(&value) {
                let message = format!("{value}, expected {least} to {most}");
                self.wrong(entry, &[key], message);
            }
        }
        settings
    }

    /// Polygons that are burned in: as sound as those of masks.
    fn privacy_masks(&mut self, entry: &Entry<'_>, treatment: &TreatmentShape) -> Vec<Vec<Point>> {
        let lists = treatment.privacy_masks.iter().flatten();
        let polygons: Vec<Vec<Point>> = lists.map(|list| points(list)).collect();
        let masks = polygons.iter().map(|points| MaskSettings {
            points: points.clone(),
            labels: Vec::new(),
        });
        let checked = ocelli_scene::check(&SceneSettings {
            masks: masks.collect(),
            ..SceneSettings::default()
        });
        for error in checked {
            let place = match &error.about {
                About::Mask(index) => item_place(entry, "privacy_masks", *index),
                _ => None,
            };
            let (file, place) = place.unwrap_or_else(|| entry.place(&["privacy_masks"]));
            let fault = Fault::new(place, format!("privacy mask: {}", error.reason));
            self.errors.insert(fault.in_file(&file));
        }
        polygons
    }

    /// The name of the stream's detector; it is among the detectors afterwards, or its error is
    /// noted.
    fn detector(&mut self, entry: &Entry<'_>, treatment: &TreatmentShape) -> String {
        let name = treatment.detector.as_deref().unwrap_or(models::DEFAULT_ID);
        if self.detectors.contains_key(name) || self.detector_names.contains(name) {
            return name.to_owned();
        }
        match detector::known(name, Place::default(), self.data_dir) {
            Ok(known) => {
                self.detectors.insert(name.to_owned(), known);
            }
            Err(fault) if models::find(name).is_some() => self.report(entry, &["detector"], fault),
            Err(_) => {
                let names: Vec<&str> = self
                    .detector_names
                    .iter()
                    .map(String::as_str)
                    .chain(models::detectors().map(|model| model.id.as_str()))
                    .collect();
                let fault = Fault::new(Place::default(), format!("unknown detector `{name}`"))
                    .hint(suggestion(name, &names));
                self.report(entry, &["detector"], fault);
            }
        }
        name.to_owned()
    }

    fn scene(
        &mut self,
        entry: &Entry<'_>,
        treatment: &TreatmentShape,
        detector: &str,
    ) -> SceneSettings {
        let default = SceneSettings::default();
        let of_detector = self
            .detectors
            .get(detector)
            .map_or(default.threshold, |detector| detector.settings.threshold);
        let scene = SceneSettings {
            labels: treatment.labels.clone().unwrap_or_default(),
            threshold: treatment.threshold.unwrap_or(of_detector),
            zones: treatment
                .zones
                .iter()
                .flatten()
                .map(|(name, list)| ZoneSettings {
                    name: name.clone(),
                    points: points(list),
                })
                .collect(),
            masks: treatment
                .masks
                .iter()
                .flatten()
                .map(|mask| MaskSettings {
                    points: points(&mask.points),
                    labels: mask.labels.clone(),
                })
                .collect(),
            rules: treatment.rules.iter().flatten().map(rule).collect(),
            updated_every_secs: treatment
                .updated_every_secs
                .unwrap_or(default.updated_every_secs),
            stopped_after_secs: treatment
                .stopped_after_secs
                .unwrap_or(default.stopped_after_secs),
            gone_after_secs: treatment.gone_after_secs.unwrap_or(default.gone_after_secs),
            tag_life_secs: treatment.tag_life_secs.unwrap_or(default.tag_life_secs),
        };
        for error in ocelli_scene::check(&scene) {
            let (file, place) = scene_place(entry, &error);
            let fault = Fault::new(place, error.to_string());
            self.errors.insert(fault.in_file(&file));
        }
        scene
    }
}

/// Refuses what the API may not reach, where that can be seen without asking the network: a name is
/// judged by what it resolves to, each time that it is connected to.
fn check_reach(url: &Url) -> Result<(), String> {
    if url.scheme() == "file" {
        return Err("the API takes no recordings: name them in the configuration file".to_owned());
    }
    let Some(host) = url.host_str() else {
        return Ok(());
    };
    let ip = match Host::parse(host) {
        Ok(Host::Ipv4(ip)) => ip.into(),
        Ok(Host::Ipv6(ip)) => ip.into(),
        Ok(Host::Domain(_)) | Err(_) => return Ok(()),
    };
    network::check(ip, &plan::REMOTE)
        .map_err(|why| format!("{host} may not be connected to: {why}"))
}

fn points(list: &[[f32; 2]]) -> Vec<Point> {
    list.iter().map(|&[x, y]| Point { x, y }).collect()
}

fn rule(shape: &RuleShape) -> RuleSettings {
    RuleSettings {
        kind: shape.kind.clone(),
        json: shape.configuration.to_string(),
    }
}

/// Names stand in addresses of the API and in topics.
fn check_name(key: &Key) -> Result<(), Fault> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = &key.text;
    if (1..=64).contains(&name.len())
        && name.chars().all(fits)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Ok(());
    }
    let hint = "1 to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit";
    Err(Fault::new(key.place, format!("`{name}` is not a name for a stream")).hint(hint))
}
