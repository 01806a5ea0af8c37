//! Recordings: MP4, Matroska, and raw H.264 and H.265.
//!
//! They are read as fast as the reader takes them, or `paced` like a live camera; once, or in a
//! `loop`. Pictures of a raw stream come at an even rate, for it carries no times.

mod coding;
pub mod demux;
mod input;
mod matroska;
mod mp4;
mod pace;
mod place;
mod raw;
mod read;
mod records;

use std::sync::Arc;

use ocelli_core::{
    StageError,
    seam::{Pace, Source, SourceStream},
};
use serde::Deserialize;

use self::{place::Place, read::Play};
use super::{SourceKind, SourceRequest, options};

/// See the module.
pub const KIND: SourceKind = SourceKind {
    name: "file",
    summary: "recordings, as fast as possible or like a live camera",
    schemes: &["file"],
    options_schema: || schemars::schema_for!(Options).to_value(),
    build: |request| Ok(Arc::new(Recording::new(request)?)),
};

/// Options of a recording.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Packets come at their own times, like those of a live camera.
    paced: bool,
    /// At its end the recording starts anew.
    r#loop: bool,
    /// Pictures a second of a raw H.264 or H.265 stream; without it what the stream says, or 25.
    #[schemars(range(min = 0.05, max = 240))]
    rate: Option<f64>,
}

struct Recording(Play);

impl Recording {
    fn new(request: SourceRequest) -> Result<Self, StageError> {
        let options: Options = options(request.options)?;
        if options
            .rate
            .is_some_and(|rate| !(0.05..=240.0).contains(&rate))
        {
            return Err(StageError::Rejected(
                "`rate` is a number of pictures a second from 0.05 to 240".to_owned(),
            ));
        }
        let path = request.url.to_file_path().map_err(|()| {
            StageError::Rejected("a `file:` address is an absolute path without a host".to_owned())
        })?;
        Ok(Self(Play {
            place: Place::new(path, &request.reach)?,
            rate: options.rate,
            paced: options.paced,
            looped: options.r#loop,
        }))
    }
}

impl Source for Recording {
    fn pace(&self) -> Pace {
        if self.0.paced {
            Pace::Live
        } else {
            Pace::Recording
        }
    }

    fn open(&self) -> SourceStream {
        read::stream(self.0.clone())
    }

    fn address(&self) -> String {
        format!("file://{}", self.0.place.path().display())
    }
}
