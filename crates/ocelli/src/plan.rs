//! From a configuration to what the engine is asked to run.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hash as _, Hasher as _},
    sync::Arc,
};

use ocelli_core::{
    Secret, StageError,
    seam::{Pace, Source},
};
use ocelli_engine::{ModelPlan, StreamPlan};
use ocelli_media::source::{self, Credentials, Reach, SourceRequest};

use crate::{Configuration, config::StreamConfig};

/// Packets of a recording wait for the eye as long as it takes: a month.
const RECORDING_FRESH_SECS: f32 = 2_592_000.0;

/// The source of a stream: the smaller stream of the camera where it has one.
pub fn request(stream: &StreamConfig) -> SourceRequest {
    let credentials = stream.user.as_ref().map(|user| Credentials {
        user: user.clone(),
        password: stream.password.clone().unwrap_or_else(|| Secret::new("")),
    });
    SourceRequest {
        url: stream.detect_url.as_ref().unwrap_or(&stream.url).clone(),
        credentials,
        options: stream.source.clone(),
        reach: if stream.from_api {
            REMOTE
        } else {
            Reach::Operator
        },
    }
}

/// What the API may reach.
pub const REMOTE: Reach = Reach::Remote { files_below: None };

/// Makes plans. One planner plans for the whole life of an engine: it tells a changed source from
/// one that stayed.
#[derive(Default)]
pub struct Planner {
    /// Drawn at the start, so that a version says nothing about the password in it.
    versions: RandomState,
}

/// A stream that cannot be planned.
#[derive(Debug, thiserror::Error)]
#[error("{stream}: {error}")]
pub struct Unplannable {
    /// Its name.
    pub stream: Arc<str>,
    /// Why.
    pub error: StageError,
}

impl Planner {
    /// The detectors that streams use.
    pub fn models(&self, configuration: &Configuration) -> Vec<ModelPlan> {
        configuration
            .detectors
            .iter()
            .map(|(name, detector)| ModelPlan {
                id: name.clone(),
                settings: detector.settings.clone(),
                bytes: detector.bytes.0.clone(),
            })
            .collect()
    }

    /// All streams; `tap` may stand between a source and the engine.
    pub fn streams(
        &self,
        configuration: &Configuration,
        tap: impl Fn(Arc<dyn Source>) -> Arc<dyn Source>,
    ) -> Result<Vec<StreamPlan>, Unplannable> {
        configuration
            .streams
            .values()
            .map(|stream| {
                let source = source::build(request(stream)).map_err(|error| Unplannable {
                    stream: Arc::clone(&stream.name),
                    error,
                })?;
                let mut settings = stream.settings.clone();
                if source.pace() == Pace::Recording {
                    settings.fresh_within_secs = RECORDING_FRESH_SECS;
                }
                Ok(StreamPlan {
                    name: Arc::clone(&stream.name),
                    source: tap(source),
                    source_version: self.version(stream),
                    settings,
                    enabled: stream.enabled,
                })
            })
            .collect()
    }

    fn version(&self, stream: &StreamConfig) -> u64 {
        let mut hasher = self.versions.build_hasher();
        stream.from_api.hash(&mut hasher);
        stream.url.hash(&mut hasher);
        stream.detect_url.hash(&mut hasher);
        stream.user.hash(&mut hasher);
        stream
            .password
            .as_ref()
            .map(Secret::expose)
            .hash(&mut hasher);
        serde_json::Value::Object(stream.source.clone())
            .to_string()
            .hash(&mut hasher);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn configuration(password: &str) -> Configuration {
        let file = tempfile::NamedTempFile::with_suffix(".264").unwrap();
        let text = file.path().to_str().unwrap().to_owned();
        let mut configuration = crate::config::trial(&[text], None, PathBuf::new()).unwrap();
        let stream = configuration.streams.values_mut().next().unwrap();
        stream.url = "file:///nowhere/a.264".parse().unwrap();
        stream.user = Some("viewer".to_owned());
        stream.password = Some(Secret::new(password));
        configuration
    }

    #[test]
    fn a_changed_source_has_another_version() {
        let planner = Planner::default();
        let version = |configuration| {
            let plans = planner.streams(&configuration, |source| source).unwrap();
            plans[0].source_version
        };
        assert_eq!(version(configuration("a")), version(configuration("a")));
        assert_ne!(version(configuration("a")), version(configuration("b")));
        let other = Planner::default();
        let elsewhere = other.streams(&configuration("a"), |source| source).unwrap();
        assert_ne!(
            version(configuration("a")),
            elsewhere[0].source_version,
            "it tells nothing"
        );
    }

    #[test]
    fn a_recording_is_never_late_and_a_live_one_may_be() {
        let mut configuration = configuration("a");
        let fresh = |configuration: &Configuration| {
            let plans = Planner::default().streams(configuration, |source| source);
            plans.unwrap()[0].settings.fresh_within_secs
        };
        assert!(fresh(&configuration) > 1e6);
        let stream = configuration.streams.values_mut().next().unwrap();
        stream.source.insert("paced".to_owned(), true.into());
        assert!(fresh(&configuration) < 10.0);
    }

    #[test]
    fn the_stream_for_detection_is_preferred() {
        let mut configuration = configuration("a");
        let stream = configuration.streams.values_mut().next().unwrap();
        assert_eq!(request(stream).url.path(), "/nowhere/a.264");
        stream.detect_url = Some("file:///nowhere/b.264".parse().unwrap());
        assert_eq!(request(stream).url.path(), "/nowhere/b.264");
    }

    #[test]
    fn what_no_source_takes_is_named() {
        let mut configuration = configuration("a");
        let stream = configuration.streams.values_mut().next().unwrap();
        stream.url = "exec:///bin/true".parse().unwrap();
        let planned = Planner::default().streams(&configuration, |source| source);
        let error = planned.err().unwrap().to_string();
        assert!(error.contains("exec"), "{error}");
    }
}
