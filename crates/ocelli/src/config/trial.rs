//! The built-in profile `trial`: what `ocelli run URL...` uses, without a file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ocelli_core::settings::{SceneSettings, StillLevel, StreamSettings};

use super::{
    ApiSettings, Configuration, EngineSettings, Guard, MetricsSettings, RecordSettings, Retention,
    SiteSettings, StoreSettings, StreamConfig, address, detector, entry::name_of, load::LISTEN,
    tree::Place,
};
use crate::models;

/// Name of the profile.
const NAME: &str = "trial";
/// Why its streams are watched.
const PURPOSE: &str = "trying ocelli out";

/// A configuration for some addresses or files: the API on loopback, nothing kept for longer than
/// an hour, no stills. Err: a text for people, without any credential.
pub fn trial(
    addresses: &[String],
    detector: Option<&str>,
    data_dir: PathBuf,
) -> Result<Configuration, String> {
    let id = detector.unwrap_or(models::DEFAULT_ID);
    let known = detector::known(id, Place::default(), &data_dir).map_err(|fault| {
        let hint = fault.hint.map(|hint| format!(" ({hint})"));
        format!("{}{}", fault.message, hint.unwrap_or_default())
    })?;
    let mut streams = BTreeMap::new();
    for text in addresses {
        let address = address::read(text, Path::new(""))?;
        if let Ok(file) = address.url.to_file_path()
            && address.url.scheme() == "file"
            && !file.is_file()
        {
            return Err(format!("there is no file `{}`", file.display()));
        }
        let name = free_name(&address.url, &streams);
        let stream = StreamConfig {
            name: Arc::clone(&name),
            profile: Some(NAME.to_owned()),
            public_id: None,
            purpose: PURPOSE.to_owned(),
            retention: Retention::HOUR,
            url: address.url,
            detect_url: None,
            user: address.user,
            password: address.password,
            source: serde_json::Map::new(),
            enabled: true,
            from_api: false,
            settings: StreamSettings {
                detector: id.to_owned(),
                stills: StillLevel::None,
                scene: SceneSettings {
                    threshold: known.settings.threshold,
                    ..SceneSettings::default()
                },
                ..StreamSettings::default()
            },
        };
        streams.insert(name, stream);
    }
    Ok(Configuration {
        file: None,
        files: Vec::new(),
        site: SiteSettings::default(),
        data_dir,
        store: StoreSettings::default(),
        record: RecordSettings::default(),
        exports: Guard::default(),
        api: ApiSettings {
            listen: LISTEN,
            token: None,
            hosts: Vec::new(),
            tls: None,
            plain_because: None,
        },
        engine: EngineSettings::default(),
        metrics: MetricsSettings::default(),
        detectors: BTreeMap::from([(id.to_owned(), known)]),
        profiles: vec![NAME.to_owned()],
        streams,
        sinks: BTreeMap::new(),
    })
}

/// The address's own name, or with a number behind it, that no stream has yet.
fn free_name(url: &url::Url, streams: &BTreeMap<Arc<str>, StreamConfig>) -> Arc<str> {
    let fitting = name_of(url);
    if !streams.contains_key(fitting.as_str()) {
        return fitting.into();
    }
    let mut number = 2;
    loop {
        let name = format!("{fitting}-{number}");
        if !streams.contains_key(name.as_str()) {
            return name.into();
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_get_names_and_nothing_is_kept_for_long() {
        let addresses = [
            "rtsp://viewer:s3cret@127.0.0.1:8554/cam/0",
            "rtsp://127.0.0.1:8554/cam/1",
            "rtsp://camera.site.example/",
            "rtsp://camera.site.example:8554/",
        ]
        .map(str::to_owned);
        let configuration = trial(&addresses, None, PathBuf::from("/nowhere")).unwrap();
        let names: Vec<&str> = configuration.streams.keys().map(AsRef::as_ref).collect();
        assert_eq!(
            names,
            [
                "127-0-0-1-cam-0",
                "127-0-0-1-cam-1",
                "camera-site-example",
                "camera-site-example-2"
            ]
        );
        for stream in configuration.streams.values() {
            assert_eq!(stream.retention.hours(), 1);
            assert!(!stream.url.as_str().contains("s3cret"));
        }
        assert!(configuration.api.listen.ip().is_loopback());
        assert!(!format!("{configuration:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let trial = |text: &str, detector| trial(&[text.to_owned()], detector, PathBuf::new());
        assert!(
            trial("/nowhere.mp4", None)
                .unwrap_err()
                .contains("/nowhere.mp4")
        );
        let error = trial("rtsp://127.0.0.1/", Some("nanodet-g-int9")).unwrap_err();
        assert!(error.contains("nanodet-g-int8"), "{error}");
    }
}
