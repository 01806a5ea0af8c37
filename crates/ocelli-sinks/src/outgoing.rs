//! Connections to elsewhere: only to addresses that may be connected to, each name resolved once,
//! with TLS where the address asks for it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use ocelli_core::{StageError, address};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};
use url::{Host, Url};

use crate::sink::Reach;

const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A scheme: its name, its port, and whether it is TLS.
pub(crate) type Scheme = (&'static str, u16, bool);

/// Bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Somewhere to connect to.
pub(crate) struct Endpoint {
    host: Host<String>,
    port: u16,
    is_tls: bool,
    reach: Reach,
}

/// Reads an address and where it leads. The text of an error never repeats the address: it may
/// hold a token.
pub(crate) fn parse(
    text: &str,
    schemes: &[Scheme],
    reach: Reach,
) -> Result<(Url, Endpoint), StageError> {
    let rejected = |text: String| StageError::Rejected(text);
    let url =
        Url::parse(text).map_err(|error| rejected(format!("`url` is no address: {error}")))?;
    let Some((_, port, is_tls)) = schemes.iter().find(|(name, ..)| *name == url.scheme()) else {
        let names: Vec<String> = schemes
            .iter()
            .map(|(name, ..)| format!("{name}://"))
            .collect();
        return Err(rejected(format!(
            "`url` has to begin with {}",
            names.join(" or ")
        )));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(rejected(
            "`url` must not hold a user name or a password".to_owned(),
        ));
    }
    // Only for the schemes of the web does the URL standard read a host as an IPv4 address.
    let host = match url.host() {
        None => return Err(rejected("`url` names no host".to_owned())),
        Some(Host::Domain(name)) => Host::parse(name)
            .map_err(|error| rejected(format!("the host in `url` is none: {error}")))?,
        Some(host) => host.to_owned(),
    };
    let endpoint = Endpoint {
        host,
        port: url.port().unwrap_or(*port),
        is_tls: *is_tls,
        reach,
    };
    if let Some(ip) = endpoint.ip() {
        judge(ip, reach)?;
    }
    Ok((url, endpoint))
}

impl Endpoint {
    fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
        }
    }

    /// Connects to the first of the host's addresses that answers.
    pub(crate) async fn connect(&self) -> Result<Box<dyn Duplex>, StageError> {
        let stream = self.reach_one().await?;
        if !self.is_tls {
            return Ok(Box::new(stream));
        }
        let name = match (&self.host, self.ip()) {
            (_, Some(ip)) => ServerName::IpAddress(ip.into()),
            (host, None) => ServerName::try_from(host.to_string())
                .map_err(|error| StageError::Rejected(format!("`url` names no host: {error}")))?,
        };
        let handshake = TlsConnector::from(tls()?).connect(name, stream);
        match tokio::time::timeout(CONNECT_MAX, handshake).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(StageError::Unavailable(format!(
                "no TLS connection: {error}"
            ))),
            Err(_elapsed) => Err(StageError::Unavailable(
                "no TLS connection in time".to_owned(),
            )),
        }
    }

    async fn reach_one(&self) -> Result<TcpStream, StageError> {
        let mut last = StageError::Unavailable("the name has no address".to_owned());
        for found in self.resolve().await? {
            if let Err(forbidden) = judge(found.ip(), self.reach) {
                last = forbidden;
                continue;
            }
            match tokio::time::timeout(CONNECT_MAX, TcpStream::connect(found)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = StageError::Unavailable(error.to_string()),
                Err(_elapsed) => {
                    last = StageError::Unavailable("no connection in time".to_owned());
                }
            }
        }
        Err(last)
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, StageError> {
        if let Some(ip) = self.ip() {
            return Ok(vec![(ip, self.port).into()]);
        }
        let name = self.host.to_string();
        let lookup = tokio::net::lookup_host((name.as_str(), self.port));
        match tokio::time::timeout(CONNECT_MAX, lookup).await {
            Ok(Ok(found)) => Ok(found.collect()),
            Ok(Err(error)) => Err(StageError::Unavailable(format!(
                "the name does not resolve: {error}"
            ))),
            Err(_elapsed) => Err(StageError::Unavailable(
                "the name does not resolve in time".to_owned(),
            )),
        }
    }
}

/// Whether an address may be connected to.
fn judge(ip: IpAddr, reach: Reach) -> Result<(), StageError> {
    match address::forbidden(ip) {
        None => Ok(()),
        Some(address::Forbidden::Loopback) if reach == Reach::Operator => Ok(()),
        Some(why) => Err(StageError::Rejected(format!(
            "`url` may not be connected to: {why}"
        ))),
    }
}

/// TLS as everybody's: the roots that browsers trust.
fn tls() -> Result<Arc<ClientConfig>, StageError> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = tokio_rustls::rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| StageError::Rejected(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &[Scheme] = &[("http", 80, false), ("https", 443, true)];

    #[test]
    fn odd_addresses_are_refused_without_repeating_them() {
        for (text, why) in [
            ("ftp://hooks.site.example/hunter2", "http://"),
            ("https://user:hunter2@hooks.site.example/", "password"),
            ("hunter2", "no address"),
            ("http://169.254.169.254/hunter2", "link-local"),
            ("http://[::ffff:127.0.0.1]/hunter2", "loopback"),
            ("http://2130706433/hunter2", "loopback"),
        ] {
            let error = parse(text, WEB, Reach::Remote).err().unwrap();
            let said = error.to_string();
            assert!(said.contains(why) && !said.contains("hunter2"), "{said}");
        }
        let other: &[Scheme] = &[("mqtt", 1883, false)];
        assert!(parse("mqtt://0x7f.1", other, Reach::Remote).is_err());
        assert!(parse("mqtt://10.0.0.1", other, Reach::Remote).is_ok());
        assert!(parse("http://127.0.0.1/", WEB, Reach::Operator).is_ok());
        assert!(parse("http://169.254.169.254/", WEB, Reach::Operator).is_err());
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_for_its_operator() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        let (_, remote) = parse(&url, WEB, Reach::Remote).unwrap();
        let refused = remote.connect().await.err().unwrap();
        assert!(refused.to_string().contains("loopback"), "{refused}");
        let (_, operator) = parse(&url, WEB, Reach::Operator).unwrap();
        assert!(operator.connect().await.is_ok(), "the twin");
    }
}
