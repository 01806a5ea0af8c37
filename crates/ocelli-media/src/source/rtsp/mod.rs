//! Live cameras by RTSP 1.0 (RFC 2326): H.264, H.265 and MJPEG, within the RTSP connection or by
//! UDP, with Basic and Digest; `rtsps:` within TLS (RFC 7826, 19.2), where packets travel in the
//! connection alone.
//!
//! What comes from a camera is parsed here in safe Rust, and bounded before it is kept:
//!
//! | what | limit |
//! | --- | --- |
//! | lines of an answer | 16 KB |
//! | description of the stream | 64 KB |
//! | picture, and with it every NAL unit | 4 MB, see [`ocelli_core::Packet::BYTES_MAX`] |
//! | parameter sets | 60 KB; size as [`ocelli_core::CodecParameters::size_is_sane`], before anything is announced |
//! | packets that wait for a late one (UDP) | 32 |
//! | until a camera plays | 10 s for each of its addresses |
//! | without a picture | 10 to 15 s |
//!
//! A camera's name is resolved once for each connection and judged by [`crate::address`]; requests
//! keep the name in their addresses. Nothing that a camera says leads to another connection:
//! redirects are not followed, addresses of other hosts in its description are refused, UDP packets
//! are taken from its own address alone, and a session is torn down on the connection it has.
//!
//! Where packets are lost, the picture that they belonged to is left out and
//! [`ocelli_core::seam::SourceItem::Lost`] goes before the next one.

mod assembly;
mod auth;
mod connection;
#[cfg(fuzzing)]
pub mod fuzz;
mod live;
mod message;
mod pipe;
mod receiver;
mod rtcp;
mod rtp;
mod sdp;
mod session;
mod tls;
mod udp;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use ocelli_core::{
    StageError,
    seam::{Pace, Source, SourceItem, SourceStream},
};
use serde::Deserialize;
use url::Url;

use self::live::Live;
pub(crate) use self::{assembly::HUFFMAN, tls::Fingerprint};
use super::{Credentials, Reach, SourceKind, SourceRequest, options};

/// See the module.
pub const KIND: SourceKind = SourceKind {
    name: "rtsp",
    summary: "live cameras by RTSP, also within TLS: H.264, H.265, MJPEG",
    schemes: &["rtsp", "rtsps"],
    options_schema: || schemars::schema_for!(Options).to_value(),
    build: |request| Ok(Arc::new(Camera::new(request)?)),
};

/// Whether an error is one of the path alone: another of the same camera may do better.
pub(crate) fn is_of_path(error: &StageError) -> bool {
    connection::is_of_path(error)
}

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
    /// The camera calls itself by another name or address, because it stands behind a router that
    /// changes addresses. It is connected to at the address given here all the same.
    foreign_control: bool,
    /// SHA-256 fingerprint of the certificate that the camera shows at an `rtsps:` address: 64
    /// hexadecimal digits, colons between them do no harm. It is trusted whoever signed it, and no
    /// other. Without it, the certificate has to come from an authority that browsers trust.
    #[schemars(with = "Option<String>")]
    tls_fingerprint: Option<Fingerprint>,
}

struct Camera(Arc<Target>);

/// What is connected to.
struct Target {
    url: Url,
    credentials: Option<Credentials>,
    options: Options,
    reach: Reach,
}

impl Target {
    fn is_tls(&self) -> bool {
        self.url.scheme() == "rtsps"
    }
}

impl Camera {
    fn new(request: SourceRequest) -> Result<Self, StageError> {
        let options: Options = options(request.options)?;
        if !request.url.has_host() {
            return Err(StageError::Rejected("the address names no host".to_owned()));
        }
        let target = Target {
            url: request.url,
            credentials: request.credentials,
            options,
            reach: request.reach,
        };
        match (target.is_tls(), &target.options) {
            (true, options) if options.transport == Transport::Udp => {
                return Err(StageError::Rejected(
                    "option `transport`: `udp` packets travel beside TLS and could be read by \
                     anybody, an `rtsps:` address needs `tcp`"
                        .to_owned(),
                ));
            }
            (false, options) if options.tls_fingerprint.is_some() => {
                return Err(StageError::Rejected(
                    "option `tls_fingerprint`: an `rtsp:` address shows no certificate, write \
                     `rtsps:`"
                        .to_owned(),
                ));
            }
            _ => {}
        }
        Ok(Self(Arc::new(target)))
    }
}

impl Source for Camera {
    fn pace(&self) -> Pace {
        Pace::Live
    }

    fn open(&self) -> SourceStream {
        let target = Arc::clone(&self.0);
        Box::pin(Items::Beginning(Box::pin(async move {
            session::begin(&target).await.map(Box::new)
        })))
    }

    fn address(&self) -> String {
        self.0.url.to_string()
    }
}

/// The items of one connection.
enum Items<B> {
    Beginning(Pin<Box<B>>),
    Live(Box<Live>),
    Ended,
}

impl<B: Future<Output = Result<Box<Live>, StageError>>> Stream for Items<B> {
    type Item = Result<SourceItem, StageError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let error = match this {
                Self::Beginning(begin) => match ready!(begin.as_mut().poll(cx)) {
                    Ok(live) => {
                        *this = Self::Live(live);
                        continue;
                    }
                    Err(error) => error,
                },
                Self::Live(live) => match ready!(live.poll_item(cx)) {
                    Ok(item) => return Poll::Ready(Some(Ok(item))),
                    Err(error) => error,
                },
                Self::Ended => return Poll::Ready(None),
            };
            *this = Self::Ended;
            return Poll::Ready(Some(Err(error)));
        }
    }
}
