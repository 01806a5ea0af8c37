//! TLS of simulated cameras, with a certificate that they sign themselves, as cameras do.

use std::{
    cell::RefCell,
    io::{self, Read as _, Write as _},
    net::IpAddr,
    sync::Arc,
};

use bytes::BytesMut;
use tokio_rustls::rustls::{
    self, ServerConfig, ServerConnection,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::source::rtsp::Fingerprint;

/// What all connections of one simulation show.
#[derive(Clone)]
pub(super) struct Identity {
    config: Arc<ServerConfig>,
    pub(super) fingerprint: Fingerprint,
}

impl Identity {
    /// Makes a key and a certificate for the address and for `localhost`.
    pub(super) fn new(address: IpAddr) -> Result<Self, String> {
        let names = vec!["localhost".to_owned(), address.to_string()];
        let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let certificate = made.cert.der().clone();
        let fingerprint = Fingerprint::of(&certificate);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
            })
            .map_err(|error| error.to_string())?;
        Ok(Self {
            config: Arc::new(config),
            fingerprint,
        })
    }

    /// The state of a new connection.
    pub(super) fn seal(&self) -> Result<Seal, rustls::Error> {
        let mut connection = ServerConnection::new(Arc::clone(&self.config))?;
        // The link has a limit of its own, and takes everything at once.
        connection.set_buffer_limit(None);
        Ok(Seal(RefCell::new(connection)))
    }
}

/// One connection's state: what goes out is sealed, what comes in opened.
pub(super) struct Seal(RefCell<ServerConnection>);

impl Seal {
    /// Appends to `sealed` what has to be sent so that `bytes` arrive.
    pub(super) fn seal(&self, bytes: &[u8], sealed: &mut Vec<u8>) -> io::Result<()> {
        let mut connection = self.0.borrow_mut();
        connection.writer().write_all(bytes)?;
        while connection.wants_write() {
            connection.write_tls(sealed)?;
        }
        Ok(())
    }

    /// Appends to `input` what `bytes` open to, and to `sealed` what has to be answered below it.
    pub(super) fn open(
        &self,
        mut bytes: &[u8],
        input: &mut BytesMut,
        sealed: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut opened = [0; 4096];
        while !bytes.is_empty() {
            let mut connection = self.0.borrow_mut();
            connection.read_tls(&mut bytes)?;
            let state = connection
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let mut left = state.plaintext_bytes_to_read();
            while left > 0 {
                let read = connection.reader().read(&mut opened)?;
                input.extend_from_slice(&opened[..read]);
                left = left.saturating_sub(read.max(1));
            }
        }
        self.seal(&[], sealed)
    }
}
