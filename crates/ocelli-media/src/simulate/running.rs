//! The handle of a running simulation.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
    sync::Arc,
};

use tokio::sync::{mpsc, oneshot};

use super::{
    Clip, Counts, FaultRule, SimulateError, Simulation,
    counts::StreamCounts,
    fault_rule,
    server::{self, Order, Server},
    tls::Identity,
};
use crate::source::rtsp::Fingerprint;

/// Simulated cameras that run, on a thread of their own. They end when this is dropped.
pub struct Running {
    address: SocketAddr,
    counts: Arc<[Arc<StreamCounts>]>,
    clips: Vec<Clip>,
    /// Of the certificate, where there is one.
    fingerprint: Option<Fingerprint>,
    /// Dropping it asks the thread to end.
    orders: mpsc::Sender<Order>,
    ended: oneshot::Receiver<()>,
}

/// Orders that wait for the server.
const ORDERS_MAX: usize = 4;

/// Starts the thread, and waits until it listens.
pub(super) async fn start(options: Simulation) -> Result<Running, SimulateError> {
    let counts: Arc<[Arc<StreamCounts>]> = (0..options.streams).map(|_| Arc::default()).collect();
    let (orders, given) = mpsc::channel(ORDERS_MAX);
    let clips = options.clips.clone();
    let (end, ended) = oneshot::channel();
    let (tell_bound, bound) = oneshot::channel();
    let identity = options
        .tls
        .then(|| Identity::new(options.listen.ip()))
        .transpose()
        .map_err(SimulateError::Certificate)?;
    let fingerprint = identity.as_ref().map(|identity| identity.fingerprint);
    let thread_counts = Arc::clone(&counts);
    std::thread::Builder::new()
        .name("ocelli-simulate".to_owned())
        .spawn(move || {
            // Told when the thread ends, in whatever way.
            let _end = end;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => {
                    drop(tell_bound.send(Err(SimulateError::Thread(error))));
                    return;
                }
            };
            runtime.block_on(async {
                let address = options.listen;
                let listener = match server::listen(address) {
                    Ok(listener) => listener,
                    Err(source) => {
                        drop(tell_bound.send(Err(SimulateError::Listen { address, source })));
                        return;
                    }
                };
                let local = listener.local_addr().unwrap_or(address);
                let server = Rc::new(Server::new(options, identity, &thread_counts));
                if tell_bound.send(Ok(local)).is_ok() {
                    server::run(server, listener, given).await;
                }
            });
        })
        .map_err(SimulateError::Thread)?;
    let address = match bound.await {
        Ok(bound) => bound?,
        Err(_ended) => {
            let error = std::io::Error::other("it ended before it listened");
            return Err(SimulateError::Thread(error));
        }
    };
    Ok(Running {
        address,
        counts,
        clips,
        fingerprint,
        orders,
        ended,
    })
}

impl Running {
    /// The address that is listened on, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of streams.
    pub fn streams(&self) -> usize {
        self.counts.len()
    }

    /// The URL of stream `index`, without credentials.
    pub fn url(&self, index: usize) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let scheme = match self.fingerprint {
            Some(_) => "rtsps",
            None => "rtsp",
        };
        format!("{scheme}://{address}/cam/{index}")
    }

    /// SHA-256 fingerprint of the certificate that the cameras show, in hexadecimal digits; `None`
    /// without TLS.
    pub fn tls_fingerprint(&self) -> Option<String> {
        self.fingerprint.map(|fingerprint| fingerprint.to_string())
    }

    /// The URLs of all streams.
    pub fn urls(&self) -> Vec<String> {
        (0..self.streams()).map(|index| self.url(index)).collect()
    }

    /// What was done until now, of all streams together.
    pub fn counts(&self) -> Counts {
        self.counts
            .iter()
            .map(|counts| counts.read())
            .fold(Counts::default(), Counts::plus)
    }

    /// What was done until now, of stream `index`; `None` beyond the last.
    pub fn stream_counts(&self, index: usize) -> Option<Counts> {
        self.counts.get(index).map(|counts| counts.read())
    }

    /// Replaces the faults of all streams, for viewers who are there as well. Times count from now
    /// for whoever was there before. Returns when the new faults hold.
    pub async fn set_faults(&self, faults: Vec<FaultRule>) -> Result<(), SimulateError> {
        fault_rule::check(&faults, &self.clips, self.streams())?;
        let (done, is_done) = oneshot::channel();
        let order = Order { faults, done };
        if self.orders.send(order).await.is_err() {
            return Err(SimulateError::Stopped);
        }
        is_done.await.map_err(|_gone| SimulateError::Stopped)
    }

    /// Closes all connections, and waits until they are closed.
    pub async fn stop(self) {
        drop(self.orders);
        // The sender is dropped as the thread ends: that is the message.
        drop(self.ended.await);
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .field("streams", &self.streams())
            .finish_non_exhaustive()
    }
}
