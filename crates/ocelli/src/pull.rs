//! Fetches a model of the catalogue from its authors.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ocelli_core::address::{Forbidden, forbidden};
use ureq::{
    config::{Config, ConfigBuilder},
    http::Uri,
    typestate::AgentScope,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use crate::models::{self, KnownModel};

/// How long a pull may take.
const PULL_WITHIN: Duration = Duration::from_mins(10);
/// Steps to where a file is kept.
const REDIRECTS_MAX: u32 = 5;
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Why a model could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// Nobody publishes it.
    #[error("nobody publishes `{0}`: there is nothing to pull")]
    NotPublished(String),
    /// The other side could not be reached, or refused.
    #[error(
        "cannot fetch {url}: {reason}\nwhere the network is closed, fetch it elsewhere and put it \
         into {folder} as {file}"
    )]
    Unreachable {
        /// Where it is.
        url: String,
        /// Why not.
        reason: String,
        /// Where it belongs.
        folder: String,
        /// Under which name.
        file: String,
    },
    /// What came is something else.
    #[error(
        "what came from {url} has {bytes} bytes and the hash {found}, expected {expected}: nothing was kept"
    )]
    Different {
        /// Where it came from.
        url: String,
        /// How much came.
        bytes: usize,
        /// Its hash.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// It could not be kept.
    #[error("cannot keep it: {0}")]
    Disk(#[from] io::Error),
}

/// Fetches `model` into the data directory. Size and hash are checked before anything is kept.
pub fn pull(model: &KnownModel, data_dir: &Path) -> Result<PathBuf, PullError> {
    pull_with(model, data_dir, fetch)
}

fn pull_with(
    model: &KnownModel,
    data_dir: &Path,
    fetch: impl Fn(&str, u64) -> Result<Vec<u8>, String>,
) -> Result<PathBuf, PullError> {
    let Some(url) = &model.url else {
        return Err(PullError::NotPublished(model.id.clone()));
    };
    let folder = models::pulled_dir(data_dir);
    let bytes = fetch(url, model.bytes).map_err(|reason| PullError::Unreachable {
        url: url.clone(),
        reason,
        folder: folder.display().to_string(),
        file: model.file.clone(),
    })?;
    let found = models::sha256(&bytes);
    if found != model.sha256 {
        return Err(PullError::Different {
            url: url.clone(),
            bytes: bytes.len(),
            found,
            expected: model.sha256.clone(),
        });
    }
    fs::create_dir_all(&folder)?;
    let file = folder.join(&model.file);
    let part = folder.join(format!("{}.part", model.file));
    let mut writer = fs::File::create(&part)?;
    writer.write_all(&bytes)?;
    writer.sync_all()?;
    fs::rename(&part, &file)?;
    Ok(file)
}

/// At most one byte more than `bytes_wanted`.
fn fetch(url: &str, bytes_wanted: u64) -> Result<Vec<u8>, String> {
    let config = ureq::Agent::config_builder().https_only(true);
    fetch_with(config, forbidden, url, bytes_wanted)
}

fn fetch_with(
    config: ConfigBuilder<AgentScope>,
    judge: Judge,
    url: &str,
    bytes_wanted: u64,
) -> Result<Vec<u8>, String> {
    let config = config
        // Authors' releases are kept elsewhere: each step is judged like the first.
        .max_redirects(REDIRECTS_MAX)
        // A proxy would resolve names by itself.
        .proxy(None)
        .timeout_global(Some(PULL_WITHIN))
        .timeout_connect(Some(CONNECT_WITHIN))
        .user_agent(concat!("ocelli/", env!("CARGO_PKG_VERSION")))
        .build();
    let resolver = Judged {
        judge,
        resolver: DefaultResolver::default(),
    };
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver);
    let answer = agent.get(url).call().map_err(|error| error.to_string())?;
    if answer.status() != 200 {
        return Err(format!("the answer is {}", answer.status()));
    }
    let mut bytes = Vec::new();
    answer
        .into_body()
        .into_reader()
        .take(bytes_wanted + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Says why an address may not be connected to.
type Judge = fn(IpAddr) -> Option<Forbidden>;

/// Resolves names once for each connection, and leaves out what may not be connected to. Every
/// connection passes here, also that of a redirect.
#[derive(Debug)]
struct Judged {
    judge: Judge,
    resolver: DefaultResolver,
}

impl Resolver for Judged {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        let mut refused = None;
        for address in &found {
            match (self.judge)(address.ip()) {
                None => allowed.push(*address),
                Some(why) => refused = Some(why),
            }
        }
        match refused {
            Some(why) if allowed.is_empty() => {
                let host = uri.host().unwrap_or_default();
                let reason = format!("{host} may not be connected to: {why}");
                Err(io::Error::other(reason).into())
            }
            _ => Ok(allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> KnownModel {
        KnownModel {
            sha256: models::sha256(b"weights"),
            bytes: 7,
            ..models::find("fastestdet-352").unwrap().clone()
        }
    }

    #[test]
    fn what_has_the_hash_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let model = published();
        let file = pull_with(&model, dir.path(), |_, _| Ok(b"weights".to_vec())).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"weights");
        assert_eq!(model.load(dir.path()).unwrap(), b"weights".as_slice());
    }

    #[test]
    fn what_is_something_else_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let model = published();
        let error = pull_with(&model, dir.path(), |_, _| Ok(b"weightz".to_vec())).unwrap_err();
        assert!(matches!(error, PullError::Different { .. }), "{error}");
        let closed = |_: &str, _| Err("the network is closed".to_owned());
        let error = pull_with(&model, dir.path(), closed).unwrap_err();
        assert!(error.to_string().contains(&model.file), "{error}");
        let unpublished = KnownModel { url: None, ..model };
        assert!(pull(&unpublished, dir.path()).is_err());
        assert!(
            !models::pulled_dir(dir.path())
                .join(&unpublished.file)
                .exists()
        );
    }

    /// A server on this machine: `/weights` gives some, the others lead elsewhere.
    fn server() -> u16 {
        use std::io::{BufRead as _, BufReader};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut lines = Vec::new();
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    lines.push(line);
                }
                let path = lines[0].split(' ').nth(1).unwrap().to_owned();
                let to =
                    |place: &str| format!("302 Found\r\nlocation: {place}\r\ncontent-length: 0");
                let head = match path.as_str() {
                    "/weights" => "200 OK\r\ncontent-length: 7".to_owned(),
                    "/moved" => to("/weights"),
                    "/metadata" => to("http://169.254.169.254/latest"),
                    "/inside" => to("http://[::ffff:169.254.0.1]/"),
                    "/round" => to("/round"),
                    _ => "404 Not Found\r\ncontent-length: 0".to_owned(),
                };
                let body = if head.starts_with("200") {
                    "weights"
                } else {
                    ""
                };
                let answer = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}");
                drop(stream.get_mut().write_all(answer.as_bytes()));
            }
        };
        std::thread::Builder::new()
            .name("models".to_owned())
            .spawn(serve)
            .unwrap();
        port
    }

    /// As the operator would be judged who names a server on this machine.
    fn but_loopback(ip: IpAddr) -> Option<Forbidden> {
        forbidden(ip).filter(|why| *why != Forbidden::Loopback)
    }

    #[test]
    fn every_step_is_judged() {
        let port = server();
        let get = |judge, host: &str, path: &str| {
            let url = format!("http://{host}:{port}{path}");
            fetch_with(ureq::Agent::config_builder(), judge, &url, 7)
        };
        for path in ["/weights", "/moved"] {
            let bytes = get(but_loopback, "127.0.0.1", path).unwrap();
            assert_eq!(bytes, b"weights", "{path}");
        }
        for (path, part) in [
            ("/metadata", "link-local"),
            ("/inside", "link-local"),
            ("/round", "redirects"),
            ("/nowhere", "404"),
        ] {
            let error = get(but_loopback, "127.0.0.1", path).unwrap_err();
            assert!(error.contains(part), "{path}: {error}");
        }
        // By name as by number, and never without TLS.
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            let error = get(forbidden, host, "/weights").unwrap_err();
            assert!(error.contains("a loopback address"), "{host}: {error}");
            let url = format!("http://{host}:{port}/weights");
            assert!(fetch(&url, 7).is_err(), "{host}");
        }
    }

    #[test]
    fn what_comes_from_a_server_is_kept_by_its_hash() {
        let port = server();
        let dir = tempfile::tempdir().unwrap();
        let fetch =
            |url: &str, bytes| fetch_with(ureq::Agent::config_builder(), but_loopback, url, bytes);
        let model = KnownModel {
            url: Some(format!("http://127.0.0.1:{port}/moved")),
            ..published()
        };
        let wrong = KnownModel {
            sha256: models::sha256(b"other weights"),
            ..model.clone()
        };
        let error = pull_with(&wrong, dir.path(), fetch).unwrap_err();
        assert!(matches!(error, PullError::Different { .. }), "{error}");
        assert!(!models::pulled_dir(dir.path()).exists());
        let file = pull_with(&model, dir.path(), fetch).unwrap();
        assert_eq!(fs::read(file).unwrap(), b"weights");
    }
}
