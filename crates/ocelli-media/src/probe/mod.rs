//! Looks at a camera before it is added: what it sends, and what to change in it.

mod advice;
mod measure;
mod paths;

use std::time::Duration;

use futures_util::StreamExt as _;
use ocelli_core::{
    StageError,
    seam::{SourceItem, SourceStream},
};
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::{Host, Url};

use self::measure::Measurement;
pub use self::{advice::advice, measure::Seen, paths::PATHS};
use crate::source::{self, Credentials, Reach, SourceRequest, rtsp, split_credentials};

/// How long and how far to look.
#[derive(Debug, Clone)]
pub struct ProbeOptions {
    /// Who asks, see [`crate::address`].
    pub reach: Reach,
    /// User and password, where the address holds none.
    pub credentials: Option<Credentials>,
    /// Options of the source, such as its transport.
    pub source: Map<String, Value>,
    /// Media that is watched at least.
    pub watch: Duration,
    /// The longest look at one stream.
    pub watch_max: Duration,
    /// The longest try of one path, until its first picture.
    pub try_max: Duration,
    /// The longest time in all.
    pub total_max: Duration,
}

impl ProbeOptions {
    /// Six seconds of media, two groups of pictures if they come within 15 s; a minute in all.
    pub fn new(reach: Reach) -> Self {
        Self {
            reach,
            credentials: None,
            source: Map::new(),
            watch: Duration::from_secs(6),
            watch_max: Duration::from_secs(15),
            try_max: Duration::from_secs(5),
            total_max: Duration::from_mins(1),
        }
    }
}

/// What a camera turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeReport {
    /// The stream's address, without credentials.
    pub url: Url,
    /// The user, where the address or the options name one.
    pub user: Option<String>,
    /// From the first word to the first key picture, in seconds.
    pub first_key_secs: f64,
    /// What was seen.
    pub seen: Seen,
    /// What to change in the camera; empty where all is well.
    pub advice: Vec<String>,
    /// Paths that were tried before.
    pub tried: Vec<String>,
}

/// Looks at the camera at `address`: an RTSP address, or a bare host (`10.0.0.9`, `cam1:8554`,
/// `user:password@cam1`), whose usual paths are tried one after the other.
///
/// # Errors
/// [`StageError`] as from the source; of a bare host where no path gives a picture, of the last try.
/// A wrong password ends the tries: more of them would lock the account.
pub async fn probe(address: &str, options: &ProbeOptions) -> Result<ProbeReport, StageError> {
    let (base, credentials, is_bare) = parse(address)?;
    let credentials = credentials.or_else(|| options.credentials.clone());
    let paths: &[&str] = if is_bare { PATHS } else { &[""] };
    let deadline = Instant::now() + options.total_max;
    let mut tried = Vec::new();
    let mut last = StageError::Unavailable("nothing was tried".to_owned());
    for path in paths {
        let url = if is_bare {
            base.join(path)
                .map_err(|error| StageError::Rejected(format!("not an address: {error}")))?
        } else {
            base.clone()
        };
        let request = SourceRequest {
            url: url.clone(),
            credentials: credentials.clone(),
            options: options.source.clone(),
            reach: options.reach.clone(),
        };
        let looked = tokio::time::timeout_at(deadline, look(request, options, is_bare)).await;
        match looked {
            Ok(Ok((first_key_secs, seen))) => {
                return Ok(ProbeReport {
                    url,
                    user: credentials.map(|credentials| credentials.user),
                    first_key_secs,
                    advice: advice(&seen),
                    seen,
                    tried,
                });
            }
            Ok(Err(Failed::Path(error))) => {
                tried.push((*path).to_owned());
                last = error;
            }
            Ok(Err(Failed::Camera(error))) => return Err(error),
            Err(_elapsed) => {
                return Err(StageError::Unavailable(format!(
                    "no stream was found within {} s",
                    options.total_max.as_secs()
                )));
            }
        }
    }
    if is_bare {
        return Err(StageError::Rejected(format!(
            "none of {} usual paths gives a picture, the last: {last}; look the path up in the \
             camera's manual",
            tried.len()
        )));
    }
    Err(last)
}

/// Whether another path may do better.
enum Failed {
    Path(StageError),
    Camera(StageError),
}

/// The address, its credentials, and whether its path is to be found.
fn parse(address: &str) -> Result<(Url, Option<Credentials>, bool), StageError> {
    let is_bare = !address.contains("://");
    let text = if is_bare {
        // An IPv6 address without brackets is one too.
        match address.parse::<std::net::Ipv6Addr>() {
            Ok(ip) => format!("rtsp://{}/", Host::<String>::Ipv6(ip)),
            Err(_other) => format!("rtsp://{address}"),
        }
    } else {
        address.to_owned()
    };
    let (mut url, credentials) = split_credentials(&text)?;
    if is_bare && url.host_str().unwrap_or_default().is_empty() {
        return Err(StageError::Rejected("the address names no host".to_owned()));
    }
    let has_path = !matches!(url.path(), "" | "/") || url.query().is_some();
    if url.path().is_empty() {
        url.set_path("/");
    }
    Ok((url, credentials, is_bare && !has_path))
}

async fn look(
    request: SourceRequest,
    options: &ProbeOptions,
    is_bare: bool,
) -> Result<(f64, Seen), Failed> {
    let begun = Instant::now();
    let source = source::build(request).map_err(Failed::Camera)?;
    let mut stream = source.open();
    let first = tokio::time::timeout(
        if is_bare {
            options.try_max
        } else {
            options.watch_max
        },
        first_key(&mut stream),
    )
    .await
    .map_err(|_elapsed| Failed::Path(StageError::Unavailable("no key picture came".to_owned())))?;
    let mut measurement = match first {
        Ok(measurement) => measurement,
        Err(error) if is_bare && rtsp::is_of_path(&error) => return Err(Failed::Path(error)),
        // No connection, a wrong password: so it is for every path.
        Err(error) => return Err(Failed::Camera(error)),
    };
    let first_key_secs = begun.elapsed().as_secs_f64();
    let watched = tokio::time::timeout(options.watch_max, async {
        while !measurement.is_enough(options.watch.as_secs_f64()) {
            match stream.next().await {
                Some(Ok(SourceItem::Packet(packet))) => measurement.take(&packet),
                Some(Ok(SourceItem::Lost { packets })) => measurement.lost += packets,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    });
    // Whatever came by then is what is reported.
    drop(watched.await);
    Ok((first_key_secs, measurement.seen()))
}

async fn first_key(stream: &mut SourceStream) -> Result<Measurement, StageError> {
    let mut measurement = None;
    while let Some(item) = stream.next().await {
        match (item?, &mut measurement) {
            (SourceItem::Parameters(parameters), _) => {
                measurement = Some(Measurement::new(parameters));
            }
            (SourceItem::Packet(packet), Some(found)) if packet.key => {
                found.take(&packet);
                return measurement.ok_or_else(|| StageError::Corrupt("no parameters".to_owned()));
            }
            _ => {}
        }
    }
    Err(StageError::Unavailable(
        "the stream ended before a key picture".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_bare_hosts() {
        for (text, url, is_bare) in [
            ("10.0.0.9", "rtsp://10.0.0.9/", true),
            (
                "cam1.site.example:8554",
                "rtsp://cam1.site.example:8554/",
                true,
            ),
            ("viewer:pa%3Ass@cam1", "rtsp://cam1/", true),
            ("2001:db8::9", "rtsp://[2001:db8::9]/", true),
            ("[2001:db8::9]:8554", "rtsp://[2001:db8::9]:8554/", true),
            ("cam1/h264?ch=1", "rtsp://cam1/h264?ch=1", false),
            ("rtsp://cam1/", "rtsp://cam1/", false),
            ("file:///clips/a.mp4", "file:///clips/a.mp4", false),
        ] {
            let (found, _, bare) = parse(text).unwrap();
            assert_eq!((found.as_str(), bare), (url, is_bare), "{text}");
        }
        let (_, credentials, _) = parse("viewer:pa%3Ass@cam1").unwrap();
        assert_eq!(credentials.unwrap().password.expose(), "pa:ss");
        assert!(parse("").is_err());
    }

    #[test]
    fn paths_are_addresses_once_each() {
        let base = Url::parse("rtsp://cam1:8554/").unwrap();
        let mut seen: Vec<Url> = PATHS.iter().map(|path| base.join(path).unwrap()).collect();
        assert!(seen.iter().all(|url| url.port() == Some(8554)));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), PATHS.len());
    }
}
