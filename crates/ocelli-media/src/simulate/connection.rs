//! One RTSP connection: reads requests, empties the queue, ends what is idle.

use std::{io, net::SocketAddr, rc::Rc, time::Duration};

use bytes::BytesMut;
use tokio::{net::TcpStream, time::Instant};

use super::{
    link::Link,
    rtsp::{Incoming, Reader},
    server::Server,
    session::{Flow, Session},
};

/// A client has to end a request this long after it began it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that are read at a time.
const READ_BYTES: usize = 4096;

/// A connection and the state of its reading half.
struct Connection {
    server: Rc<Server>,
    link: Rc<Link>,
    session: Session,
    reader: Reader,
    input: BytesMut,
    /// When the client was heard last.
    heard: Instant,
    /// When the request began that is not whole yet.
    request_began: Option<Instant>,
}

/// Serves a connection until it ends. `serial` counts connections.
pub(super) async fn serve(server: Rc<Server>, stream: TcpStream, peer: SocketAddr, serial: u64) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // Without delay each picture leaves at once; if it cannot be set, pictures come later.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off delayed sending");
    }
    let link = Rc::new(Link::new(stream, server.options.queue_bytes_max));
    let session = Session::new(Rc::clone(&server), Rc::clone(&link), (local, peer), serial);
    let mut connection = Connection {
        server,
        link,
        session,
        reader: Reader::default(),
        input: BytesMut::new(),
        heard: Instant::now(),
        request_began: None,
    };
    connection.run().await;
}

impl Connection {
    async fn run(&mut self) {
        while !self.link.is_closed() {
            let deadline = self.deadline();
            tokio::select! {
                ready = self.link.stream.readable() => {
                    if ready.is_err() || self.read() == Flow::Close {
                        break;
                    }
                }
                ready = self.link.stream.writable(), if self.link.is_waiting() => {
                    if ready.is_err() {
                        break;
                    }
                    self.link.flush();
                }
                () = self.link.wake.notified() => {}
                () = tokio::time::sleep_until(deadline) => {
                    if self.is_over() {
                        break;
                    }
                }
            }
        }
    }

    /// When this connection has to be looked at, whatever happens.
    fn deadline(&self) -> Instant {
        let idle = self.heard + self.idle_limit();
        match self.request_began {
            Some(began) => idle.min(began + REQUEST_TIMEOUT),
            None => idle,
        }
    }

    /// A client says something at least every session timeout; a slack of a quarter is usual.
    fn idle_limit(&self) -> Duration {
        let timeout = self.server.options.session_timeout;
        timeout + timeout / 4
    }

    fn is_over(&mut self) -> bool {
        let now = Instant::now();
        if self.session.was_heard_by_udp() {
            self.heard = now;
        }
        self.deadline() <= now
    }

    /// Reads what is there, and answers it.
    fn read(&mut self) -> Flow {
        loop {
            self.input.reserve(READ_BYTES);
            match self.link.stream.try_read_buf(&mut self.input) {
                Ok(0) => return Flow::Close,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flow::GoOn,
                Err(_gone) => return Flow::Close,
            }
            self.heard = Instant::now();
            if self.answer_all() == Flow::Close {
                return Flow::Close;
            }
            self.request_began = if self.input.is_empty() {
                None
            } else {
                self.request_began.or(Some(self.heard))
            };
            // A client that asks faster than it takes the answers waits.
            if self.link.is_waiting() && !self.link.has_room(READ_BYTES) {
                return Flow::GoOn;
            }
        }
    }

    fn answer_all(&mut self) -> Flow {
        loop {
            match self.reader.take(&mut self.input) {
                Ok(None) => return Flow::GoOn,
                Ok(Some(Incoming::Frame)) => {}
                Ok(Some(Incoming::Request(request))) => {
                    self.request_began = None;
                    if self.session.answer(&request) == Flow::Close {
                        return Flow::Close;
                    }
                }
                Err(_malformed) => {
                    self.session.refuse_malformed();
                    return Flow::Close;
                }
            }
        }
    }
}
