//! The `Transport` header (RFC 2326, section 12.39).

/// How a client asks for its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requested {
    /// In the RTSP connection, on these channels.
    Interleaved { rtp: u8, rtcp: u8 },
    /// To these UDP ports of the address that the RTSP connection comes from. A `destination` is
    /// not honoured: the server would flood whom a client names.
    Udp { rtp: u16, rtcp: u16 },
}

/// The first of the client's proposals that simulated cameras can serve.
pub(super) fn choose(header: &str) -> Option<Requested> {
    header.split(',').find_map(proposal)
}

fn proposal(text: &str) -> Option<Requested> {
    let mut words = text.trim().split(';').map(str::trim);
    let profile = words.next()?.to_ascii_uppercase();
    let (mut interleaved, mut client_ports, mut is_multicast) = (None, None, false);
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name.to_ascii_lowercase().as_str() {
            "interleaved" => interleaved = Some(pair(value)?),
            "client_port" => client_ports = Some(pair(value)?),
            "multicast" => is_multicast = true,
            _ => {}
        }
    }
    if is_multicast {
        return None;
    }
    match profile.as_str() {
        "RTP/AVP/TCP" => {
            let (rtp, rtcp) = interleaved.unwrap_or((0, 1));
            Some(Requested::Interleaved {
                rtp: u8::try_from(rtp).ok()?,
                rtcp: u8::try_from(rtcp).ok()?,
            })
        }
        "RTP/AVP" | "RTP/AVP/UDP" => {
            let (rtp, rtcp) = client_ports.filter(|&(rtp, rtcp)| rtp != 0 && rtcp != 0)?;
            Some(Requested::Udp { rtp, rtcp })
        }
        _ => None,
    }
}

/// `a-b`, or `a` for `a` and the next.
fn pair(text: &str) -> Option<(u16, u16)> {
    let (first, second) = text.split_once('-').unwrap_or((text, ""));
    let first: u16 = first.trim().parse().ok()?;
    let second = match second.trim() {
        "" => first.checked_add(1)?,
        second => second.parse().ok()?,
    };
    Some((first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposals() {
        let tcp = |rtp, rtcp| Some(Requested::Interleaved { rtp, rtcp });
        let udp = |rtp, rtcp| Some(Requested::Udp { rtp, rtcp });
        for (header, expected) in [
            ("RTP/AVP/TCP;unicast;interleaved=2-3", tcp(2, 3)),
            ("rtp/avp/tcp; interleaved=6", tcp(6, 7)),
            ("RTP/AVP/TCP", tcp(0, 1)),
            ("RTP/AVP;unicast;client_port=5000-5001", udp(5000, 5001)),
            (
                "RTP/AVP/UDP;unicast;client_port=5000;mode=play",
                udp(5000, 5001),
            ),
            ("RTP/AVP;multicast,RTP/AVP/TCP;interleaved=0-1", tcp(0, 1)),
            (
                "RTP/SAVP;unicast;client_port=1-2, RTP/AVP;client_port=8-9",
                udp(8, 9),
            ),
            ("RTP/AVP;multicast;client_port=5000-5001", None),
            ("RTP/AVP;unicast", None),
            ("RTP/AVP;client_port=0-1", None),
            ("RTP/AVP;client_port=70000-70001", None),
            ("RTP/AVP/TCP;interleaved=300-301", None),
            ("RTP/AVP;client_port=65535", None),
            ("", None),
        ] {
            assert_eq!(choose(header), expected, "{header}");
        }
    }
}
