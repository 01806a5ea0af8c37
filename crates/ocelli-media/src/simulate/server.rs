//! The server's one thread.

use std::{io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{mpsc, oneshot},
    task::{JoinSet, LocalSet},
};

use super::{
    FaultRule, Simulation,
    camera::{Camera, Clock},
    connection,
    counts::StreamCounts,
    fault_rule,
    pacer::Pacer,
    strike::Faults,
    tls::Identity,
};

/// Other faults from now on.
pub(super) struct Order {
    pub(super) faults: Vec<FaultRule>,
    /// Told when they are set.
    pub(super) done: oneshot::Sender<()>,
}

/// What all connections share.
pub(super) struct Server {
    pub(super) options: Simulation,
    /// What connections show, where they are within TLS.
    pub(super) identity: Option<Identity>,
    pub(super) clock: Clock,
    pub(super) cameras: Vec<Rc<Camera>>,
    pub(super) pacer: Pacer,
}

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// What the kernel keeps for a viewer who does not read; it doubles the figure for its own use.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;
/// How long to wait when no more connections can be accepted, for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Server {
    pub(super) fn new(
        options: Simulation,
        identity: Option<Identity>,
        counts: &[Arc<StreamCounts>],
    ) -> Self {
        let clock = Clock::started_now();
        let cameras = counts
            .iter()
            .enumerate()
            .map(|(index, counts)| {
                let clips = (
                    options.clips[index % options.clips.len()].clone(),
                    fault_rule::other_clip(&options.clips, index).cloned(),
                );
                let faults = faults(&options.faults, (index, options.seed), 0);
                Rc::new(Camera::new(
                    index,
                    clips,
                    (options.seed, options.spread),
                    faults,
                    Arc::clone(counts),
                ))
            })
            .collect();
        Self {
            options,
            identity,
            clock,
            cameras,
            pacer: Pacer::new(clock),
        }
    }

    /// Replaces the faults of all streams.
    fn set_faults(&self, rules: &[FaultRule]) {
        // Zero means the start.
        let since_nanos = self.clock.nanos().max(1);
        for camera in &self.cameras {
            let which = (camera.index, self.options.seed);
            camera.set_faults(faults(rules, which, since_nanos));
        }
    }

    async fn obey(&self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            self.set_faults(&order.faults);
            // Whoever asked may be gone.
            _ = order.done.send(());
        }
    }
}

/// The faults of the stream `index`, as far as `rules` name it.
fn faults(rules: &[FaultRule], (index, seed): (usize, u64), since_nanos: u64) -> Faults {
    let own = rules.iter().enumerate().filter_map(|(number, rule)| {
        rule.streams
            .contain(index, seed, number)
            .then_some(&rule.fault)
    });
    Faults::new(own, since_nanos)
}

/// Binds the address; has to run within a tokio runtime.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until nobody is left to give orders.
pub(super) async fn run(server: Rc<Server>, listener: TcpListener, orders: mpsc::Receiver<Order>) {
    let local = LocalSet::new();
    local
        .run_until(async {
            tokio::select! {
                () = accept(Rc::clone(&server), listener) => {}
                () = server.pacer.run() => {}
                () = server.obey(orders) => {}
            }
        })
        .await;
}

async fn accept(server: Rc<Server>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    let mut serial = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task failed");
                }
                continue;
            }
        };
        match accepted {
            Ok(_) if connections.len() >= server.options.connections_max => {
                tracing::warn!(
                    connections_max = server.options.connections_max,
                    "a connection is refused"
                );
            }
            Ok((stream, peer)) => {
                connections.spawn_local(connection::serve(
                    Rc::clone(&server),
                    stream,
                    peer,
                    serial,
                ));
                serial += 1;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
