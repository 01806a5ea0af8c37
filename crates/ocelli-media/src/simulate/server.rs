//! The server's one thread.

use std::{io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    task::{JoinSet, LocalSet},
};

use super::{
    Simulation,
    camera::{Camera, Clock},
    connection,
    counts::StreamCounts,
    pacer::Pacer,
};

/// What all connections share.
pub(super) struct Server {
    pub(super) options: Simulation,
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
    pub(super) fn new(options: Simulation, counts: &[Arc<StreamCounts>]) -> Self {
        let clock = Clock::started_now();
        let cameras = counts
            .iter()
            .enumerate()
            .map(|(index, counts)| {
                let clip = options.clips[index % options.clips.len()].clone();
                let counts = Arc::clone(counts);
                Rc::new(Camera::new(
                    index,
                    clip,
                    options.seed,
                    options.spread,
                    counts,
                ))
            })
            .collect();
        Self {
            options,
            clock,
            cameras,
            pacer: Pacer::new(clock),
        }
    }
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

/// Serves until `stop` resolves.
pub(super) async fn run(server: Rc<Server>, listener: TcpListener, stop: oneshot::Receiver<()>) {
    let local = LocalSet::new();
    local
        .run_until(async {
            tokio::select! {
                () = accept(Rc::clone(&server), listener) => {}
                () = server.pacer.run() => {}
                // The other end says stop, or is gone.
                _ = stop => {}
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
