//! RTSP within TLS: whom a camera's certificate convinces.
//!
//! Without a pin a certificate has to come from an authority that browsers trust and to name the
//! camera's host. Nearly all cameras sign their own; such a one is named in the error, by its SHA-256
//! fingerprint, and is trusted once that stands in the stream's `tls_fingerprint`. A pin replaces the
//! chain, the name and the dates, and nothing else: the camera still has to prove that it holds the
//! certificate's key.

use std::{
    error::Error,
    fmt, io,
    str::FromStr,
    sync::{Arc, OnceLock},
};

use ocelli_core::StageError;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
        SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::CryptoProvider,
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};
use url::{Host, Url};

/// SHA-256 over a certificate as it is sent (DER).
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate.
    pub(crate) fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

/// 64 digits without anything between.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no fingerprint.
#[derive(Debug, thiserror::Error)]
#[error(
    "`tls_fingerprint` has to be the SHA-256 fingerprint of a certificate: 64 hexadecimal digits"
)]
pub(crate) struct NoFingerprint;

/// In capitals or not, and with the colons that other programs put between.
impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let digits: Vec<u32> = text
            .trim()
            .chars()
            .filter(|&c| c != ':')
            .take(65)
            .map(|c| c.to_digit(16))
            .collect::<Option<_>>()
            .ok_or(NoFingerprint)?;
        if digits.len() != 64 {
            return Err(NoFingerprint);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = (pair[0] << 4 | pair[1]) as u8;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NoFingerprint;

    fn try_from(text: String) -> Result<Self, NoFingerprint> {
        text.parse()
    }
}

/// Shakes hands on a connection to the host of `url`.
///
/// # Errors
/// [`StageError::Rejected`] where the certificate convinces nobody or the camera speaks no TLS that
/// is safe, [`StageError::Unavailable`] where the connection fails.
pub(super) async fn connect(
    stream: TcpStream,
    url: &Url,
    pin: Option<Fingerprint>,
) -> Result<TlsStream<TcpStream>, StageError> {
    let name = server_name(url)?;
    let config = config(pin).map_err(|error| StageError::Rejected(error.to_string()))?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| refused(&error))
}

fn server_name(url: &Url) -> Result<ServerName<'static>, StageError> {
    let no_host = |text: String| StageError::Rejected(format!("the address names no host: {text}"));
    let host = url.host_str().unwrap_or_default();
    // Only for the schemes of the web does the URL standard read a host as an IPv4 address.
    match Host::parse(host).map_err(|error| no_host(error.to_string()))? {
        Host::Ipv4(ip) => Ok(ServerName::IpAddress(ip.into())),
        Host::Ipv6(ip) => Ok(ServerName::IpAddress(ip.into())),
        Host::Domain(name) => {
            ServerName::try_from(name).map_err(|error| no_host(error.to_string()))
        }
    }
}

fn config(pin: Option<Fingerprint>) -> Result<ClientConfig, rustls::Error> {
    let provider = provider();
    Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier {
            authorities: authorities()?,
            provider,
            pin,
        }))
        .with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// Those whom browsers trust.
fn authorities() -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
    static AUTHORITIES: OnceLock<Arc<WebPkiServerVerifier>> = OnceLock::new();
    if let Some(authorities) = AUTHORITIES.get() {
        return Ok(Arc::clone(authorities));
    }
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let made = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok(Arc::clone(AUTHORITIES.get_or_init(|| made)))
}

/// See the module.
#[derive(Debug)]
struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
    pin: Option<Fingerprint>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        let why = match self.pin {
            Some(pin) if pin == shown => return Ok(ServerCertVerified::assertion()),
            Some(_) => None,
            None => {
                let judged = self.authorities.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                );
                match judged {
                    Ok(verified) => return Ok(verified),
                    Err(why) => Some(why),
                }
            }
        };
        let untrusted = OtherError(Arc::new(Untrusted { shown, why }));
        Err(CertificateError::Other(untrusted).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A certificate that does not convince.
#[derive(Debug)]
struct Untrusted {
    shown: Fingerprint,
    /// What an authority's check says; `None` where another one is pinned.
    why: Option<rustls::Error>,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.shown;
        match &self.why {
            Some(why) => write!(
                f,
                "the camera's certificate is not trusted ({why}): if it is your camera's, set \
                 `tls_fingerprint: {shown}`"
            ),
            None => write!(
                f,
                "the camera shows another certificate than the pinned one: somebody may stand \
                 between; if you changed it, set `tls_fingerprint: {shown}`"
            ),
        }
    }
}

impl Error for Untrusted {}

/// Sorts a failed handshake by what to do about it.
fn refused(error: &io::Error) -> StageError {
    use rustls::Error::{InvalidCertificate, InvalidMessage, PeerIncompatible};
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(InvalidCertificate(CertificateError::Other(OtherError(why)))) => {
            StageError::Rejected(why.to_string())
        }
        Some(InvalidCertificate(why)) => StageError::Rejected(format!(
            "the camera does not prove that the certificate is its own: {why}"
        )),
        Some(InvalidMessage(_)) => StageError::Rejected(
            "the camera speaks no TLS here: give the port that it does on, or a `rtsp:` address"
                .to_owned(),
        ),
        Some(PeerIncompatible(why)) => StageError::Rejected(format!(
            "the camera's TLS is too old or too weak (TLS 1.2 is the least): {why:?}"
        )),
        _ => StageError::Unavailable(format!("the TLS connection to the camera failed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{
            ServerConfig,
            pki_types::PrivateKeyDer,
            sign::{CertifiedKey, SingleCertAndKey},
        },
    };

    use super::*;

    #[test]
    fn fingerprints_are_read_as_programs_write_them() {
        let plain = "00ff".repeat(16);
        let read: Fingerprint = plain.parse().unwrap();
        assert_eq!(read.to_string(), plain);
        let with_colons = ["00:FF"; 16].join(":");
        assert_eq!(with_colons.parse::<Fingerprint>().unwrap(), read);
        for wrong in [
            "",
            "00ff",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
        ] {
            let error = wrong.parse::<Fingerprint>().unwrap_err();
            assert!(error.to_string().contains("tls_fingerprint"), "{error}");
        }
    }

    #[test]
    fn hosts_are_named_as_certificates_name_them() {
        let name = |url: &str| server_name(&url.parse().unwrap());
        assert!(matches!(
            name("rtsps://10.0.0.9/a"),
            Ok(ServerName::IpAddress(_))
        ));
        assert!(matches!(
            name("rtsps://[fd12::1]:322/a"),
            Ok(ServerName::IpAddress(_))
        ));
        assert!(matches!(
            name("rtsps://cam.site.example/a"),
            Ok(ServerName::DnsName(_))
        ));
    }

    /// Shakes hands with a server that shows `certificate` and signs with `key`.
    async fn shake(
        certificate: CertificateDer<'static>,
        key: &rcgen::KeyPair,
    ) -> Option<StageError> {
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let pin = Fingerprint::of(&certificate);
        let shown = CertifiedKey::new(vec![certificate], key);
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let url = format!("rtsps://{at}/").parse().unwrap();
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            // What the server makes of it is of no interest.
            drop(TlsAcceptor::from(Arc::new(config)).accept(stream).await);
        };
        let client = async {
            let stream = TcpStream::connect(at).await.unwrap();
            connect(stream, &url, Some(pin)).await.err()
        };
        tokio::join!(server, client).1
    }

    #[tokio::test]
    async fn a_pinned_certificate_convinces_only_who_holds_its_key() {
        let own = rcgen::generate_simple_self_signed(vec!["camera".to_owned()]).unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let error = shake(own.cert.der().clone(), &other).await.unwrap();
        assert!(matches!(error, StageError::Rejected(_)), "{error}");
        assert!(error.to_string().contains("prove"), "{error}");
        let twin = shake(own.cert.der().clone(), &own.signing_key).await;
        assert!(twin.is_none(), "the twin: {twin:?}");
    }
}
