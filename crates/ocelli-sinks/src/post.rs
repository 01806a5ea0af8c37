//! Sends a request over HTTP: to an address that may be connected to, resolved once, without
//! following a redirect, within limits.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use ocelli_core::{StageError, address};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};
use url::{Host, Url};

use crate::sink::Reach;

const CONNECT_MAX: Duration = Duration::from_secs(10);
const ANSWER_MAX: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where requests go.
pub(crate) struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
    is_tls: bool,
    reach: Reach,
}

impl Target {
    /// Takes an address apart. The text of an error never repeats the address: it may hold a
    /// token.
    pub(crate) fn parse(text: &str, reach: Reach) -> Result<Self, StageError> {
        let rejected = |text: &str| StageError::Rejected(text.to_owned());
        let url = Url::parse(text)
            .map_err(|error| StageError::Rejected(format!("`url` is no address: {error}")))?;
        let is_tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(rejected("`url` has to begin with http:// or https://")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(rejected("`url` must not hold a user name or a password"));
        }
        let host = url.host().ok_or_else(|| rejected("`url` names no host"))?;
        let ip = match host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
        };
        if let Some(ip) = ip {
            judge(ip, reach)?;
        }
        Ok(Self {
            host: host.to_owned(),
            port: url
                .port_or_known_default()
                .ok_or_else(|| rejected("`url` names no port"))?,
            is_tls,
            reach,
            url,
        })
    }

    /// Posts a body. Ok: the status of the answer, 2xx.
    ///
    /// Err: [`StageError::Unavailable`] where it may work later, [`StageError::Rejected`] where a
    /// person has to change something.
    pub(crate) async fn post(
        &self,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<(), StageError> {
        let answer = tokio::time::timeout(ANSWER_MAX, self.exchange(headers, body)).await;
        let Ok(status) = answer else {
            return Err(StageError::Unavailable(format!(
                "no answer in {} s",
                ANSWER_MAX.as_secs()
            )));
        };
        match status? {
            200..300 => Ok(()),
            300..400 => Err(StageError::Rejected(
                "the answer is a redirect, which is not followed".to_owned(),
            )),
            status @ (408 | 425 | 429 | 500..) => Err(StageError::Unavailable(format!(
                "the answer has status {status}"
            ))),
            status => Err(StageError::Rejected(format!(
                "the answer has status {status}"
            ))),
        }
    }

    async fn exchange(&self, headers: &[(&str, String)], body: Bytes) -> Result<u16, StageError> {
        let stream = self.connect().await?;
        let request = self.request(headers, body)?;
        if !self.is_tls {
            return answer(TokioIo::new(stream), request).await;
        }
        let name = match &self.host {
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|error| StageError::Rejected(format!("`url` names no host: {error}")))?,
            Host::Ipv4(ip) => ServerName::IpAddress((*ip).into()),
            Host::Ipv6(ip) => ServerName::IpAddress((*ip).into()),
        };
        let stream = TlsConnector::from(tls()?)
            .connect(name, stream)
            .await
            .map_err(|error| StageError::Unavailable(format!("no TLS connection: {error}")))?;
        answer(TokioIo::new(stream), request).await
    }

    fn request(
        &self,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, StageError> {
        let path = self.url[url::Position::BeforePath..url::Position::AfterQuery].to_owned();
        let path: Uri = path.parse().map_err(|_odd| {
            StageError::Rejected("`url` has a path that HTTP does not take".to_owned())
        })?;
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::post(path).header(header::HOST, host).header(
            header::USER_AGENT,
            concat!("ocelli/", env!("CARGO_PKG_VERSION")),
        );
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request
            .body(Full::new(body))
            .map_err(|error| StageError::Rejected(format!("a header is odd: {error}")))
    }

    /// Connects to the first of the host's addresses that answers.
    async fn connect(&self) -> Result<TcpStream, StageError> {
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
        let name = match &self.host {
            Host::Ipv4(ip) => return Ok(vec![((*ip), self.port).into()]),
            Host::Ipv6(ip) => return Ok(vec![((*ip), self.port).into()]),
            Host::Domain(name) => name,
        };
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

/// Sends a request over a connection, and reads the answer to its end.
async fn answer<S>(stream: S, request: Request<Full<Bytes>>) -> Result<u16, StageError>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| StageError::Unavailable(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(64)
        .max_buf_size(ANSWER_BYTES_MAX)
        .handshake(stream)
        .await
        .map_err(failed)?;
    // Both at once, on this task: when it is dropped, so is the connection.
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status().as_u16();
        // What it says beyond its status is nobody's concern.
        Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .ok();
        Ok(status)
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        status = &mut exchange => status,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(failed(error)),
        },
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
            let error = Target::parse(text, Reach::Remote).err().unwrap();
            let said = error.to_string();
            assert!(said.contains(why) && !said.contains("hunter2"), "{said}");
        }
        assert!(Target::parse("http://127.0.0.1/", Reach::Operator).is_ok());
        assert!(Target::parse("http://169.254.169.254/", Reach::Operator).is_err());
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_for_its_operator() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        let remote = Target::parse(&url, Reach::Remote).unwrap();
        let refused = remote.connect().await.err().unwrap();
        assert!(refused.to_string().contains("loopback"), "{refused}");
        let operator = Target::parse(&url, Reach::Operator).unwrap();
        assert!(operator.connect().await.is_ok(), "the twin");
    }
}
