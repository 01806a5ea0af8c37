//! The server: connections, their limits, and a graceful stop.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, Request},
    http::request::Parts,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tower::ServiceExt as _;

use super::{patience::Patient, problem::Problem};

/// Most bytes of a request's first line and headers.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Most headers of a request.
const HEADERS_MAX: usize = 64;

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// A connection that has not sent a request's headers by then is closed; idle ones too.
    pub header_timeout: Duration,
    /// A client that takes nothing of an answer for so long is given up.
    pub stall_max: Duration,
    /// Connections in all.
    pub connections_max: usize,
    /// Connections of one address, or of one /64 network of IPv6.
    pub connections_per_address_max: usize,
    /// How long a stop waits for answers that are under way.
    pub drain_max: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            stall_max: Duration::from_secs(30),
            connections_max: 4096,
            connections_per_address_max: 256,
            drain_max: Duration::from_secs(5),
        }
    }
}

/// Who is at the other end: an extension of every request.
#[derive(Clone)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Its place among the connections. Whoever takes the connection over keeps it.
    pub(crate) _seat: Arc<Seat>,
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Self>().cloned();
        peer.ok_or_else(|| Problem::unavailable("the connection is not known"))
    }
}

/// A place among the connections, given back when it is dropped.
pub(crate) struct Seat {
    network: IpAddr,
    seats: Arc<Seats>,
    _waits: TaskTrackerToken,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

#[derive(Default)]
struct Seats {
    by_network: Mutex<HashMap<IpAddr, usize>>,
    tracker: TaskTracker,
}

impl Seats {
    fn taken(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_network
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, address: IpAddr, limits: &ServeLimits) -> Option<Seat> {
        let network = network_of(address);
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let here = taken.get(&network).copied().unwrap_or_default();
        if all >= limits.connections_max || here >= limits.connections_per_address_max {
            return None;
        }
        taken.insert(network, here + 1);
        drop(taken);
        Some(Seat {
            network,
            seats: Arc::clone(self),
            _waits: self.tracker.token(),
        })
    }
}

/// Answers with `router` whoever connects to `listener`, until `stop`; then lets answers end that
/// are under way, for as long as the limits say. With `tls` it speaks nothing else.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: ServeLimits,
    stop: CancellationToken,
) {
    let seats = Arc::new(Seats::default());
    let kill = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                rest_after(&error).await;
                continue;
            }
        };
        let address = address.ip().to_canonical();
        let Some(seat) = seats.take(address, &limits) else {
            tracing::debug!(%address, "connection refused: too many");
            continue;
        };
        let peer = Peer {
            address,
            _seat: Arc::new(seat),
        };
        let (router, stop, kill) = (router.clone(), stop.clone(), kill.clone());
        let tls = tls.clone();
        tokio::spawn(async move {
            let connection = async {
                // Small answers go out at once.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                match tls {
                    None => connection(stream, peer, router, limits, stop).await,
                    Some(tls) => {
                        if let Some(stream) = shake_hands(&tls, stream, &limits).await {
                            connection(stream, peer, router, limits, stop).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = connection => {}
                () = kill.cancelled() => {}
            }
        });
    }
    drop(listener);
    seats.tracker.close();
    if tokio::time::timeout(limits.drain_max, seats.tracker.wait())
        .await
        .is_err()
    {
        tracing::info!("connections that did not end are cut");
    }
    kill.cancel();
}

/// A client that is not done in time is given up.
async fn shake_hands(
    tls: &TlsAcceptor,
    stream: TcpStream,
    limits: &ServeLimits,
) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(limits.header_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS");
            None
        }
        Err(_elapsed) => None,
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    limits: ServeLimits,
    stop: CancellationToken,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(
            TokioIo::new(Patient::new(stream, limits.stall_max)),
            service,
        )
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        ended = Some(connection.await);
    }
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// Waits a little where the machine has no more descriptors: trying again at once would spin.
async fn rest_after(error: &io::Error) {
    let of_one_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    );
    if !of_one_connection {
        tracing::warn!(%error, "no connection can be taken");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What one party may own: an address of IPv4, a /64 network of IPv6.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Listens on `address`.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{error}: {address}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_by_network_and_in_all_and_come_back() {
        let seats = Arc::new(Seats::default());
        let limits = ServeLimits {
            connections_max: 3,
            connections_per_address_max: 2,
            ..ServeLimits::default()
        };
        let take = |address: &str| seats.take(address.parse().unwrap(), &limits);
        let first = take("2001:db8::1").unwrap();
        let _second = take("2001:db8::2").unwrap();
        assert!(take("2001:db8::3").is_none());
        let _other = take("2001:db8:0:1::1").unwrap();
        assert!(take("127.0.0.1").is_none());
        drop(first);
        let _again = take("127.0.0.1").unwrap();
        assert_eq!(seats.taken().len(), 3);
    }
}
