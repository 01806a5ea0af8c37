//! How one viewer's packets travel.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::net::UdpSocket;

use super::{link::Link, payload, tamper::Tamper};

/// Where packets go.
pub(super) enum Route {
    /// In the RTSP connection, on these channels.
    Interleaved { rtp: u8, rtcp: u8 },
    /// In datagrams.
    Udp(UdpPair),
}

impl Route {
    /// The channel that packets are stamped with.
    pub(super) fn rtp_channel(&self) -> u8 {
        match self {
            Self::Interleaved { rtp, .. } => *rtp,
            Self::Udp(_) => UdpPair::RTP_CHANNEL,
        }
    }

    /// The channel of sender reports.
    pub(super) fn rtcp_channel(&self) -> u8 {
        match self {
            Self::Interleaved { rtcp, .. } => *rtcp,
            Self::Udp(_) => UdpPair::RTCP_CHANNEL,
        }
    }

    /// Whether a picture of so many bytes can be sent now.
    pub(super) fn has_room(&self, link: &Link, bytes: usize) -> bool {
        match self {
            Self::Interleaved { .. } => link.has_room(bytes),
            Self::Udp(_) => true,
        }
    }

    /// As many random bytes as packets. In a connection they have no frame; datagrams have.
    pub(super) fn garble(&self, wire: &[u8], tamper: &mut Tamper) -> Vec<u8> {
        let mut garbage = wire.to_vec();
        let mut rest = &mut garbage[..];
        match self {
            Self::Interleaved { .. } => tamper.garble(rest),
            Self::Udp(_) => {
                while let Some((packet, tail)) = payload::split_packet_mut(rest) {
                    tamper.garble(&mut packet[payload::PREFIX_BYTES..]);
                    rest = tail;
                }
            }
        }
        garbage
    }

    /// Sends packets that carry their prefixes. Returns how many the network did not take.
    pub(super) fn send(&self, link: &Link, wire: &[u8]) -> u64 {
        match self {
            Self::Interleaved { .. } => {
                link.send(wire);
                0
            }
            Self::Udp(pair) => pair.send(wire),
        }
    }
}

/// Two sockets with neighbouring ports, connected to a viewer's.
pub(super) struct UdpPair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

/// How many times a pair of free ports is looked for.
const BIND_ATTEMPTS: usize = 50;

impl UdpPair {
    const RTP_CHANNEL: u8 = 0;
    const RTCP_CHANNEL: u8 = 1;

    /// Binds an even port and the next one of `local`, and connects them to `peer`'s ports.
    pub(super) fn open(local: IpAddr, peer: IpAddr, ports: (u16, u16)) -> io::Result<Self> {
        let (rtp, rtcp) = bind_pair(local)?;
        rtp.connect(SocketAddr::new(peer, ports.0))?;
        rtcp.connect(SocketAddr::new(peer, ports.1))?;
        for socket in [&rtp, &rtcp] {
            socket.set_nonblocking(true)?;
        }
        Ok(Self {
            rtp: UdpSocket::from_std(rtp)?,
            rtcp: UdpSocket::from_std(rtcp)?,
        })
    }

    /// The port that packets come from; reports come from the next one.
    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.rtp.local_addr()?.port())
    }

    /// Whether the viewer sent a report since the last call.
    pub(super) fn was_heard(&self) -> bool {
        let (mut scratch, mut heard) = ([0; 16], false);
        // Bounded, so that a viewer who floods does not hold the thread.
        for _ in 0..64 {
            match self.rtcp.try_recv(&mut scratch) {
                Ok(_) => heard = true,
                Err(_) => break,
            }
        }
        heard
    }

    fn send(&self, mut wire: &[u8]) -> u64 {
        let mut unsent = 0;
        while let Some((packet, rest)) = payload::split_packet(wire) {
            wire = rest;
            let socket = match packet[1] {
                Self::RTP_CHANNEL => &self.rtp,
                _ => &self.rtcp,
            };
            // A full buffer or a closed port loses the packet, as a network does.
            if socket.try_send(&packet[payload::PREFIX_BYTES..]).is_err() {
                unsent += 1;
            }
        }
        unsent
    }
}

fn bind_pair(local: IpAddr) -> io::Result<(std::net::UdpSocket, std::net::UdpSocket)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..BIND_ATTEMPTS {
        let first = std::net::UdpSocket::bind((local, 0))?;
        let port = first.local_addr()?.port();
        let neighbour = if port % 2 == 0 { port + 1 } else { port - 1 };
        match std::net::UdpSocket::bind((local, neighbour)) {
            Ok(second) if port % 2 == 0 => return Ok((first, second)),
            Ok(second) => return Ok((second, first)),
            Err(error) => last = error,
        }
    }
    Err(last)
}
