//! One RTSP connection: reads requests, empties the queue, ends what is idle.

use std::{io, net::SocketAddr, rc::Rc, time::Duration};

use bytes::BytesMut;
use tokio::{net::TcpStream, time::Instant};

use super::{
    link::Link,
    rtsp::{Incoming, Reader, Request},
    server::Server,
    session::{Flow, Session},
    tls::Identity,
};

/// A client has to end a request this long after it began it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// At most so many times a second some bytes leave a connection that trickles.
const TRICKLES_PER_SEC: u32 = 20;
/// Bytes that are read at a time.
const READ_BYTES: usize = 4096;
/// After so many reads of one connection the others get their turn.
const READS_A_TURN: usize = 16;

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
    /// When the next bytes may leave, where they trickle.
    trickle_due: Instant,
    /// The connection's faults are counted once.
    is_struck: bool,
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
    let seal = match server.identity.as_ref().map(Identity::seal).transpose() {
        Ok(seal) => seal,
        Err(error) => {
            tracing::error!(%error, "a connection cannot be sealed");
            return;
        }
    };
    let link = Rc::new(Link::new(
        stream,
        seal,
        server.options.queue_bytes_max,
        server.clock.nanos(),
    ));
    let session = Session::new(Rc::clone(&server), Rc::clone(&link), (local, peer), serial);
    let mut connection = Connection {
        server,
        link,
        session,
        reader: Reader::default(),
        input: BytesMut::new(),
        heard: Instant::now(),
        request_began: None,
        trickle_due: Instant::now(),
        is_struck: false,
    };
    connection.run().await;
}

impl Connection {
    async fn run(&mut self) {
        while !self.link.is_closed() && self.strike() == Flow::GoOn {
            let deadline = self.deadline();
            let (is_waiting, rate) = (self.link.is_waiting(), self.link.rate());
            // A client that asks faster than it takes the answers waits.
            let takes_answers = self.link.takes_answers();
            tokio::select! {
                ready = self.link.stream.readable(), if takes_answers => {
                    if ready.is_err() || self.read() == Flow::Close {
                        break;
                    }
                }
                ready = self.link.stream.writable(), if is_waiting && rate.is_none() => {
                    if ready.is_err() {
                        break;
                    }
                    self.link.flush();
                    if self.answer_all() == Flow::Close {
                        break;
                    }
                }
                () = tokio::time::sleep_until(self.trickle_due), if is_waiting && rate.is_some() => {
                    self.trickle();
                    if self.answer_all() == Flow::Close {
                        break;
                    }
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
        let clock = self.server.clock;
        let faults = self.session.camera().map(|camera| camera.faults());
        let reset =
            faults.and_then(|faults| faults.reset_nanos(clock.nanos(), self.link.began_nanos));
        let patience = self.patience();
        reset.map_or(patience, |nanos| clock.instant(nanos).min(patience))
    }

    /// How long a client may say nothing, or only half a request.
    fn patience(&self) -> Instant {
        let idle = self.heard + self.idle_limit();
        self.request_began
            .map_or(idle, |began| idle.min(began + REQUEST_TIMEOUT))
    }

    /// Commits the connection's faults that are due.
    fn strike(&mut self) -> Flow {
        let Some(camera) = self.session.camera() else {
            return Flow::GoOn;
        };
        let faults = camera.faults();
        self.link.set_rate(faults.bytes_per_sec);
        let nanos = self.server.clock.nanos();
        let is_reset = faults
            .reset_nanos(nanos, self.link.began_nanos)
            .is_some_and(|due| due <= nanos);
        if (is_reset || faults.bytes_per_sec.is_some()) && !self.is_struck {
            self.is_struck = true;
            camera.counts.faults.add(1);
        }
        if !is_reset {
            return Flow::GoOn;
        }
        // What is closed with this option and no delay is reset.
        if let Err(error) = self.link.stream.set_zero_linger() {
            tracing::warn!(%error, "a connection is closed instead of reset");
        }
        Flow::Close
    }

    fn is_mute(&self) -> bool {
        let nanos = self.server.clock.nanos();
        self.session
            .camera()
            .is_some_and(|camera| camera.faults().is_mute(nanos, self.link.began_nanos))
    }

    /// Lets through the bytes of one step: one by one, or those of 50 ms.
    fn trickle(&mut self) {
        let Some(rate) = self.link.rate() else {
            return;
        };
        let bytes = rate.get().div_ceil(TRICKLES_PER_SEC);
        self.link.trickle(bytes as usize);
        let wait = Duration::from_secs(u64::from(bytes)) / rate.get();
        self.trickle_due = Instant::now() + wait;
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
        if self.is_mute() {
            // A camera that hangs does not hang up.
            self.heard = now;
            self.request_began = None;
        }
        self.patience() <= now
    }

    /// Reads what is there, and answers it.
    fn read(&mut self) -> Flow {
        for _ in 0..READS_A_TURN {
            match self.link.read(&mut self.input, READ_BYTES) {
                Ok(0) => return Flow::Close,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_gone) => return Flow::Close,
            }
            self.heard = Instant::now();
            if self.is_mute() {
                // Read, so that a client who closes is seen.
                self.input.clear();
                self.reader = Reader::default();
                continue;
            }
            if self.answer_all() == Flow::Close {
                return Flow::Close;
            }
            if !self.link.takes_answers() {
                break;
            }
        }
        Flow::GoOn
    }

    fn answer(&mut self, request: &Request) -> Flow {
        self.session.meet(request);
        if self.strike() == Flow::Close {
            return Flow::Close;
        }
        if self.is_mute() {
            if let Some(camera) = self.session.camera() {
                camera.counts.faults.add(1);
            }
            return Flow::GoOn;
        }
        self.session.answer(request)
    }

    /// Answers what was read, as long as there is room for answers.
    fn answer_all(&mut self) -> Flow {
        while self.link.takes_answers() {
            match self.reader.take(&mut self.input) {
                Ok(None) => {
                    self.request_began = if self.input.is_empty() {
                        None
                    } else {
                        self.request_began.or(Some(self.heard))
                    };
                    return Flow::GoOn;
                }
                Ok(Some(Incoming::Frame)) => {}
                Ok(Some(Incoming::Request(request))) => {
                    self.request_began = None;
                    if self.answer(&request) == Flow::Close {
                        return Flow::Close;
                    }
                }
                Err(_malformed) => {
                    self.session.refuse_malformed();
                    return Flow::Close;
                }
            }
        }
        // What is left is no client's fault.
        self.request_began = None;
        Flow::GoOn
    }
}
