//! Starting the API as the configuration says.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use ocelli_engine::clock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Api, ApiOptions, Served,
    serve::{self, ServeLimits},
    tls::{self, TlsError},
};
use crate::{
    access::{Access, AccessError, FirstStart},
    token::TokenCheck,
};

/// Why the API does not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The address is taken, or is not one of this machine.
    #[error("the API cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// Users and tokens cannot be read or made.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A running API.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub secure: bool,
    /// What the first start made: to be shown once.
    pub first: Option<FirstStart>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

/// Starts to serve, with the settings in the configuration that `served` holds. Users and tokens
/// stand in `data_dir`. Beyond this machine it speaks TLS, with a certificate of its own where
/// none is given, unless the configuration says why not.
pub async fn launch(served: Served, data_dir: &Path) -> Result<Running, LaunchError> {
    let settings = served.configuration.borrow().api.clone();
    let own_certificate = settings.tls.is_none()
        && settings.plain_because.is_none()
        && !settings.listen.ip().is_loopback();
    let files = if own_certificate {
        Some(tls::own(data_dir, &settings.hosts)?)
    } else {
        settings.tls
    };
    let acceptor = files.as_ref().map(tls::acceptor).transpose()?;
    let secure = acceptor.is_some();
    let listener = serve::listen(settings.listen).await?;
    let address = listener.local_addr()?;
    let (access, first) = Access::open(data_dir, clock::wall())?;
    let options = ApiOptions {
        hosts: settings.hosts,
        token: settings.token.as_ref().map(TokenCheck::new),
        secure,
        ..ApiOptions::default()
    };
    let stop = CancellationToken::new();
    let api = Api::new(options, served, access, clock::wall, stop.clone());
    let server = tokio::spawn(serve::serve(
        listener,
        acceptor,
        Arc::new(api).router(),
        ServeLimits::default(),
        stop.clone(),
    ));
    Ok(Running {
        address,
        secure,
        first,
        stop,
        server,
    })
}

impl Running {
    /// The address as people type it.
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Takes no more requests, and ends once those under way are answered, or a few seconds have
    /// passed.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.server.await.is_err() {
            tracing::error!("the server of the API panicked");
        }
    }
}
