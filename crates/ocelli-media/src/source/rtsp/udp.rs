//! Packets beside the RTSP connection.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::OnceLock,
    task::{Context, Poll, ready},
};

use ocelli_core::StageError;
use tokio::{io::ReadBuf, net::UdpSocket};

/// Tries to find two free ports in a row.
const TRIES: u32 = 100;
/// Room for the packets of a large key picture; the system may give less.
const RECEIVE_BYTES: usize = 1024 * 1024;

/// Two sockets: packets, and reports one port above.
pub(super) struct UdpPair {
    packets: UdpSocket,
    reports: UdpSocket,
    /// Whose packets are taken.
    from: OnceLock<IpAddr>,
}

impl UdpPair {
    pub(super) fn open(local: IpAddr) -> Result<Self, StageError> {
        for _ in 0..TRIES {
            let pair = Self::bind(local).map_err(|error| failed(&error))?;
            if let Some(pair) = pair {
                return Ok(pair);
            }
        }
        Err(StageError::Exhausted("no two free UDP ports".to_owned()))
    }

    /// `None` where the ports that were drawn do not do.
    fn bind(local: IpAddr) -> io::Result<Option<Self>> {
        let packets = std::net::UdpSocket::bind((local, 0))?;
        let port = packets.local_addr()?.port();
        // RFC 3550, 11: the even port is that of the packets.
        if port % 2 == 1 {
            return Ok(None);
        }
        let reports = match std::net::UdpSocket::bind((local, port + 1)) {
            Ok(reports) => reports,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
            Err(error) => return Err(error),
        };
        rustix::net::sockopt::set_socket_recv_buffer_size(&packets, RECEIVE_BYTES)?;
        packets.set_nonblocking(true)?;
        reports.set_nonblocking(true)?;
        Ok(Some(Self {
            packets: UdpSocket::from_std(packets)?,
            reports: UdpSocket::from_std(reports)?,
            from: OnceLock::new(),
        }))
    }

    pub(super) fn port(&self) -> Result<u16, StageError> {
        let local = self.packets.local_addr().map_err(|error| failed(&error))?;
        Ok(local.port())
    }

    /// Takes packets of this address alone: that of the RTSP connection, whatever the camera says.
    /// A packet to its ports opens the way through a router or a firewall in between.
    pub(super) fn expect_from(&self, camera: IpAddr, port: Option<u16>) {
        let from = self.from.get_or_init(|| camera);
        if let Some(port) = port.filter(|&port| port < u16::MAX) {
            // An RTP header without payload, and an empty receiver's report. If they do not
            // arrive, neither may what comes back: silence ends the session then.
            let header = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            let report = [0x80, 201, 0, 1, 0, 0, 0, 0];
            drop(self.packets.try_send_to(&header, (*from, port).into()));
            drop(self.reports.try_send_to(&report, (*from, port + 1).into()));
        }
    }

    /// The next packet, or report, in `buffer`.
    pub(super) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Received>> {
        if let Poll::Ready(bytes) = self.poll_socket(cx, &self.packets, buffer) {
            return Poll::Ready(bytes.map(Received::Packet));
        }
        let bytes = ready!(self.poll_socket(cx, &self.reports, buffer));
        Poll::Ready(bytes.map(Received::Report))
    }

    fn poll_socket(
        &self,
        cx: &mut Context<'_>,
        socket: &UdpSocket,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut read = ReadBuf::new(buffer);
            match ready!(socket.poll_recv_from(cx, &mut read)) {
                Ok(from) if self.is_expected(from) => {
                    let bytes = read.filled().len();
                    return Poll::Ready(Ok(bytes));
                }
                Ok(_stranger) => {}
                // What was sent to open the way found a closed door.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn is_expected(&self, from: SocketAddr) -> bool {
        self.from
            .get()
            .is_some_and(|expected| expected.to_canonical() == from.ip().to_canonical())
    }
}

/// Bytes of what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    Packet(usize),
    Report(usize),
}

fn failed(error: &io::Error) -> StageError {
    StageError::Unavailable(format!("no UDP sockets: {error}"))
}
