//! What the command line says besides the configuration.

use std::{net::SocketAddr, path::PathBuf};

use ocelli_core::settings::GateKind;

use crate::Configuration;

/// What the command line says besides the configuration; it goes before it, also when the file
/// changes.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Overrides {
    /// The data directory.
    pub data_dir: Option<PathBuf>,
    /// Address and port of the API.
    pub listen: Option<SocketAddr>,
    /// Number of eyes.
    pub eyes: Option<usize>,
    /// When streams are decoded.
    pub gate: Option<GateKind>,
    /// Every picture of every stream is looked at.
    pub every_picture: bool,
    /// What each look found is told, before anything is made of it.
    pub tell_detections: bool,
    /// Recordings come like live cameras.
    pub paced: bool,
    /// Recordings start anew at their end.
    pub looped: bool,
    /// Why eyes may start without all of their sandbox.
    pub best_effort_because: Option<String>,
}

impl Overrides {
    /// Changes `configuration`.
    pub fn apply(&self, configuration: &mut Configuration) {
        if let Some(dir) = &self.data_dir {
            configuration.data_dir.clone_from(dir);
        }
        configuration.api.listen = self.listen.unwrap_or(configuration.api.listen);
        configuration.engine.eyes = self.eyes.or(configuration.engine.eyes);
        if self.best_effort_because.is_some() {
            configuration
                .engine
                .best_effort_because
                .clone_from(&self.best_effort_because);
        }
        for stream in configuration.streams.values_mut() {
            stream.settings.gate = self.gate.unwrap_or(stream.settings.gate);
            stream.settings.every_picture |= self.every_picture;
            stream.settings.tell_detections |= self.tell_detections;
            let is_file = stream.detect_url.as_ref().unwrap_or(&stream.url).scheme() == "file";
            for (key, wanted) in [("paced", self.paced), ("loop", self.looped)] {
                if wanted && is_file {
                    stream.source.insert(key.to_owned(), true.into());
                }
            }
        }
    }
}
