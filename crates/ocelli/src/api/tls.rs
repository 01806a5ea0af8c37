//! TLS: with given files, or with a certificate of its own.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::config::TlsFiles;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{error}: {file}")]
    File {
        /// Which.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// A file holds something else.
    #[error("{reason}: {file}")]
    Content {
        /// Which.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No certificate can be made.
    #[error("no certificate can be made: {0}")]
    Making(String),
}

impl TlsError {
    fn file(path: &Path, error: io::Error) -> Self {
        Self::File {
            file: path.display().to_string(),
            error,
        }
    }

    fn content(path: &Path, reason: &dyn ToString) -> Self {
        Self::Content {
            file: path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

/// What answers with the certificate in `files`. TLS 1.2 and 1.3.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let (certificate, key) = (&files.certificate, &files.key);
    let text = fs::read(certificate).map_err(|error| TlsError::file(certificate, error))?;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| TlsError::content(certificate, &error))?;
    if chain.is_empty() {
        return Err(TlsError::content(certificate, &"no certificate in PEM"));
    }
    let text = fs::read(key).map_err(|error| TlsError::file(key, error))?;
    let private =
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| TlsError::content(key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Making(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| TlsError::content(key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The program's own certificate in the data directory, made where it is missing: browsers warn
/// of it until somebody trusts it.
pub(super) fn own(data_dir: &Path, hosts: &[String]) -> Result<TlsFiles, TlsError> {
    let files = TlsFiles {
        certificate: data_dir.join("certificate.pem"),
        key: data_dir.join("certificate-key.pem"),
    };
    if files.certificate.is_file() && files.key.is_file() {
        return Ok(files);
    }
    let mut names = vec!["localhost".to_owned(), "ocelli.local".to_owned()];
    names.extend_from_slice(hosts);
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| TlsError::Making(error.to_string()))?;
    write_private(&files.key, &made.signing_key.serialize_pem())?;
    write_private(&files.certificate, &made.cert.pem())?;
    Ok(files)
}

fn write_private(path: &Path, text: &str) -> Result<(), TlsError> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.map_err(|error| TlsError::file(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_certificate_is_made_once_and_serves() {
        let dir = tempfile::tempdir().unwrap();
        let files = own(dir.path(), &["cams.example".to_owned()]).unwrap();
        let first = fs::read(&files.certificate).unwrap();
        acceptor(&files).unwrap();
        own(dir.path(), &[]).unwrap();
        assert_eq!(fs::read(&files.certificate).unwrap(), first);
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let files = own(dir.path(), &[]).unwrap();
        let swapped = TlsFiles {
            certificate: files.key.clone(),
            key: files.certificate.clone(),
        };
        assert!(acceptor(&swapped).is_err());
        fs::write(&files.key, "nonsense").unwrap();
        let told = acceptor(&files).err().unwrap().to_string();
        assert!(told.contains("certificate-key.pem"), "{told}");
        fs::remove_file(&files.certificate).unwrap();
        assert!(matches!(acceptor(&files), Err(TlsError::File { .. })));
    }
}
