//! What a run of ocelli writes into the record by itself.

use std::{collections::BTreeSet, fs};

use ocelli_engine::EyeStatus;

use super::{Checkpoint, Deed, Record, RecordError, chain::sha256};
use crate::Configuration;

/// Writes down how a run begins, what changes, and how it ends.
pub struct Chronicle {
    record: Record,
    /// Models that were written down: detector and SHA-256.
    models: BTreeSet<(String, String)>,
    /// How often each eye had started when that was written down last.
    starts: Vec<u64>,
}

impl Chronicle {
    /// Writes down that ocelli starts with this configuration, and its models.
    pub fn begin(record: Record, configuration: &Configuration) -> Result<Self, RecordError> {
        let sandbox = &configuration.engine.best_effort_because;
        let started = Deed::Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sandbox: match sandbox {
                None => "strict".to_owned(),
                Some(reason) => format!("best effort: {reason}"),
            },
            configuration: sum(configuration),
            streams: configuration.streams.len() as u64,
            after_crash: record.is_running(),
        };
        record.note_now(None, &started)?;
        let mut chronicle = Self {
            record,
            models: BTreeSet::new(),
            starts: Vec::new(),
        };
        for model in chronicle.new_models(configuration) {
            chronicle.record.note_now(None, &model)?;
        }
        Ok(chronicle)
    }

    /// Writes down that a changed configuration is in force, and what is new of its models.
    /// `streams`: how many are new, changed, gone.
    pub async fn configured(&mut self, configuration: &Configuration, streams: [usize; 3]) {
        let [added, changed, removed] = streams.map(|number| number as u64);
        let configured = Deed::Configured {
            configuration: sum(configuration).unwrap_or_default(),
            added,
            changed,
            removed,
        };
        self.record.note_or_log(configured).await;
        for model in self.new_models(configuration) {
            self.record.note_or_log(model).await;
        }
    }

    /// Writes down the eyes that started since the last time, and how each gave up its rights.
    pub async fn eyes(&mut self, eyes: &[EyeStatus]) {
        self.starts.resize(eyes.len(), 0);
        for (number, eye) in eyes.iter().enumerate() {
            if !eye.ready || self.starts[number] == eye.starts {
                continue;
            }
            self.starts[number] = eye.starts;
            let missing = &eye.sandbox.missing;
            let sandboxed = Deed::Sandboxed {
                eye: number as u64,
                starts: eye.starts,
                missing: Some(missing.clone()).filter(|missing| !missing.is_empty()),
            };
            self.record.note_or_log(sandboxed).await;
        }
    }

    /// The newest entry's number and hash, signed.
    pub fn checkpoint(&self) -> Checkpoint {
        self.record.checkpoint()
    }

    /// Writes down that the run ends.
    pub async fn end(&self) {
        self.record.note_or_log(Deed::Stopped).await;
    }

    fn new_models(&mut self, configuration: &Configuration) -> Vec<Deed> {
        let detectors = configuration.detectors.iter();
        let new = detectors.filter(|(name, detector)| {
            self.models
                .insert(((*name).clone(), detector.sha256.clone()))
        });
        new.map(|(name, detector)| Deed::Model {
            detector: name.clone(),
            sha256: detector.sha256.clone(),
        })
        .collect()
    }
}

/// SHA-256 of the configuration's files, one after the other; `None` where there is none.
fn sum(configuration: &Configuration) -> Option<String> {
    configuration.file.as_ref()?;
    let files = configuration.files.iter();
    let bytes: Vec<u8> = files
        .filter_map(|file| fs::read(file).ok())
        .flatten()
        .collect();
    Some(sha256(&bytes))
}
