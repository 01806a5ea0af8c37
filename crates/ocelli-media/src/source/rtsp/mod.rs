//! Live cameras by RTSP.

mod retina_session;

use std::sync::Arc;

use futures_util::stream;
use ocelli_core::{
    StageError,
    seam::{Pace, Source, SourceStream},
};
use serde::Deserialize;
use url::Url;

use super::{Credentials, Reach, SourceKind, SourceRequest, options};

/// See the module.
pub const KIND: SourceKind = SourceKind {
    name: "rtsp",
    summary: "live cameras: H.264, H.265 and MJPEG by RTSP",
    schemes: &["rtsp"],
    options_schema: || schemars::schema_for!(Options).to_value(),
    build: |request| Ok(Arc::new(Camera::new(request)?)),
};

/// How packets travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Transport {
    /// Within the RTSP connection.
    #[default]
    Tcp,
    /// Beside it: less delay on a good network, losses on any other.
    Udp,
}

/// Options of a camera.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// How packets travel.
    transport: Transport,
    /// Wall time is what the camera says in its sender reports, not when packets arrive.
    trust_camera_clock: bool,
}

struct Camera(Arc<Target>);

/// What is connected to.
struct Target {
    url: Url,
    credentials: Option<Credentials>,
    options: Options,
    reach: Reach,
}

impl Camera {
    fn new(request: SourceRequest) -> Result<Self, StageError> {
        let options = options(request.options)?;
        if request.url.host().is_none() {
            return Err(StageError::Rejected("the address names no host".to_owned()));
        }
        Ok(Self(Arc::new(Target {
            url: request.url,
            credentials: request.credentials,
            options,
            reach: request.reach,
        })))
    }
}

impl Source for Camera {
    fn pace(&self) -> Pace {
        Pace::Live
    }

    fn open(&self) -> SourceStream {
        let connect = retina_session::connect(Arc::clone(&self.0));
        Box::pin(stream::unfold(
            State::Idle(Box::pin(connect)),
            |state| async {
                let mut playing = match state {
                    State::Idle(connect) => match connect.await {
                        Ok(playing) => playing,
                        Err(error) => return Some((Err(error), State::Ended)),
                    },
                    State::Playing(playing) => playing,
                    State::Ended => return None,
                };
                match playing.next().await {
                    Ok(item) => Some((Ok(item), State::Playing(playing))),
                    Err(error) => Some((Err(error), State::Ended)),
                }
            },
        ))
    }

    fn address(&self) -> String {
        self.0.url.to_string()
    }
}

enum State<C> {
    Idle(C),
    Playing(Box<retina_session::Playing>),
    Ended,
}
