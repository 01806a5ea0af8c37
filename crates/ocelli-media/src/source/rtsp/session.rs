//! How a session begins: describe, set up, play (RFC 2326, appendix D.1).

use std::{net::SocketAddr, time::Duration};

use ocelli_core::StageError;
use url::Url;

use super::{
    Target, Transport,
    connection::Connection,
    live::Live,
    message::Response,
    receiver::Receiver,
    sdp::{Description, Track},
    udp::UdpPair,
};
use crate::address;

/// The ports of RTSP, bare and within TLS.
const PORT: u16 = 554;
const TLS_PORT: u16 = 322;
/// How long it may take until a camera plays, by each of its addresses.
const BEGIN_MAX: Duration = Duration::from_secs(10);
/// A session's time-out where the camera does not say (RFC 2326, 12.37).
const SESSION_TIMEOUT: Duration = Duration::from_mins(1);

/// Connects and plays.
pub(super) async fn begin(target: &Target) -> Result<Live, StageError> {
    let port = if target.is_tls() { TLS_PORT } else { PORT };
    let addresses = address::resolve(&target.url, port, &target.reach).await?;
    let mut last = None;
    for at in addresses {
        match tokio::time::timeout(BEGIN_MAX, begin_at(target, at)).await {
            Ok(Ok(live)) => return Ok(live),
            // A camera has answered: its other addresses would say the same.
            Ok(Err(error @ StageError::Rejected(_))) => return Err(error),
            Ok(Err(error)) => last = Some(error),
            Err(_elapsed) => {
                last = Some(StageError::Unavailable(format!(
                    "the camera does not answer within {} s",
                    BEGIN_MAX.as_secs()
                )));
            }
        }
    }
    Err(last.unwrap_or_else(|| StageError::Unavailable("the name has no address".to_owned())))
}

async fn begin_at(target: &Target, at: SocketAddr) -> Result<Live, StageError> {
    let mut connection = Connection::connect(target, at).await?;
    let uri = target.url.as_str();
    let accept = [("Accept", "application/sdp")];
    let described = connection
        .request("DESCRIBE", uri, &accept, &mut |_, _| Ok(()))
        .await?;
    let description = Description::parse(&described.body);
    let track = description.track()?;
    let controls = Controls::new(target, at, &described, &description, &track)?;

    let pair = match target.options.transport {
        Transport::Tcp => None,
        Transport::Udp => Some(UdpPair::open(connection.local_ip()?)?),
    };
    let wanted = match &pair {
        None => "RTP/AVP/TCP;unicast;interleaved=0-1".to_owned(),
        Some(pair) => {
            let port = pair.port()?;
            format!("RTP/AVP;unicast;client_port={port}-{}", port + 1)
        }
    };
    let transport = [("Transport", wanted.as_str())];
    let set_up = connection
        .request("SETUP", &controls.track, &transport, &mut |_, _| Ok(()))
        .await?;
    let agreed = Agreed::of(&set_up)?;
    if let Some(pair) = &pair {
        pair.expect_from(at.ip(), agreed.server_port);
    }
    let mut receiver = Receiver::new(
        track,
        agreed.source,
        pair.is_some(),
        target.options.trust_camera_clock,
    );
    let channel = agreed.channel;
    let session = [
        ("Session", agreed.session.as_str()),
        ("Range", "npt=0.000-"),
    ];
    // Packets may come before the answer.
    let mut early = |on: u8, packet: &[u8]| match on.checked_sub(channel) {
        Some(0) => receiver.rtp(packet),
        Some(1) => {
            receiver.rtcp(packet);
            Ok(())
        }
        _ => Ok(()),
    };
    let playing = connection
        .request("PLAY", &controls.whole, &session, &mut early)
        .await;
    let (session, timeout) = (agreed.session, agreed.timeout);
    if let Err(error) = playing {
        connection.tear_down(controls.whole, session);
        return Err(error);
    }
    Ok(Live::new(
        connection,
        receiver,
        pair.map_or(super::live::Way::Channel(channel), super::live::Way::Udp),
        controls.whole,
        session,
        timeout,
    ))
}

/// Where requests about the session and about its track go.
struct Controls {
    whole: String,
    track: String,
}

impl Controls {
    /// RFC 2326, C.1.1: addresses in a description stand relative to the base that comes with it.
    fn new(
        target: &Target,
        at: SocketAddr,
        described: &Response,
        description: &Description,
        track: &Track,
    ) -> Result<Self, StageError> {
        let base = ["Content-Base", "Content-Location"]
            .iter()
            .filter_map(|name| described.header(name))
            .find(|base| !base.is_empty());
        let base = match base {
            None => target.url.clone(),
            // Some cameras leave the scheme out.
            Some(base) => Url::parse(base)
                .ok()
                .filter(Url::has_host)
                .or_else(|| Url::parse(&format!("rtsp://{base}")).ok())
                .ok_or_else(|| {
                    StageError::Rejected("the camera's base address is none".to_owned())
                })?,
        };
        let whole = match description.control.as_deref() {
            None => target.url.clone(),
            Some(control) => join(&base, control)?,
        };
        let track = match track.control.as_deref() {
            None => whole.clone(),
            Some(control) => join(&base, control)?,
        };
        for url in [&base, &whole, &track] {
            check_host(target, at, url)?;
        }
        let text = |mut url: Url| {
            // A camera that puts a password into its addresses does not get it back.
            if url
                .set_username("")
                .and_then(|()| url.set_password(None))
                .is_err()
            {
                return Err(StageError::Rejected("an odd control address".to_owned()));
            }
            Ok(url.to_string())
        };
        Ok(Self {
            whole: text(whole)?,
            track: text(track)?,
        })
    }
}

fn join(base: &Url, control: &str) -> Result<Url, StageError> {
    if control == "*" || control.is_empty() {
        return Ok(base.clone());
    }
    if let Ok(absolute) = Url::parse(control) {
        return Ok(absolute);
    }
    // Cameras take it as appended, even behind a query.
    let base = base.as_str();
    let slash = if base.ends_with('/') || control.starts_with('/') {
        ""
    } else {
        "/"
    };
    Url::parse(&format!("{base}{slash}{control}")).map_err(|error| {
        StageError::Rejected(format!("the camera's control address is none: {error}"))
    })
}

/// Requests go to the camera whatever their address says: none is connected to but the one that
/// the operator named. An address of another host is refused all the same, unless it is allowed.
fn check_host(target: &Target, at: SocketAddr, url: &Url) -> Result<(), StageError> {
    let host = url.host_str().unwrap_or_default();
    let is_own = target
        .url
        .host_str()
        .is_some_and(|own| own.eq_ignore_ascii_case(host))
        || host.trim_matches(['[', ']']) == at.ip().to_string();
    if matches!(url.scheme(), "rtsp" | "rtsps") && (is_own || target.options.foreign_control) {
        return Ok(());
    }
    Err(StageError::Rejected(format!(
        "the camera's description leads to another host, {}://{host}: give that address, or set \
         `foreign_control` if it is the same camera behind a router",
        url.scheme()
    )))
}

/// Reads an answer as that to each request, and as one that nobody sent.
#[cfg(fuzzing)]
pub(super) fn understand(response: &Response) {
    let target = Target {
        url: "rtsp://cam.site.example/main".parse().expect("an address"),
        credentials: None,
        options: super::Options::default(),
        reach: crate::source::Reach::Operator,
    };
    drop(Agreed::of(response));
    let description = Description::parse(&response.body);
    if let Ok(track) = description.track() {
        let at = SocketAddr::from(([10, 0, 0, 9], PORT));
        drop(Controls::new(&target, at, response, &description, &track));
    }
}

/// What the camera agreed to.
struct Agreed {
    session: String,
    timeout: Duration,
    /// Channel of the track's packets; its reports come on the next one.
    channel: u8,
    server_port: Option<u16>,
    /// The source that it says it will send.
    source: Option<u32>,
}

impl Agreed {
    fn of(set_up: &Response) -> Result<Self, StageError> {
        let refuse = |what: &str| StageError::Rejected(what.to_owned());
        let session = set_up
            .header("Session")
            .ok_or_else(|| refuse("the camera opens no session"))?;
        let mut parts = session.split(';').map(str::trim);
        let id = parts.next().unwrap_or_default().to_owned();
        let timeout = parts
            .filter_map(|part| part.strip_prefix("timeout="))
            .find_map(|secs| secs.trim().parse().ok())
            .filter(|&secs: &u64| secs > 0)
            .map_or(SESSION_TIMEOUT, Duration::from_secs);
        let mut agreed = Self {
            session: id,
            timeout,
            channel: 0,
            server_port: None,
            source: None,
        };
        for part in set_up.header("Transport").unwrap_or_default().split(';') {
            let Some((name, value)) = part.trim().split_once('=') else {
                continue;
            };
            let first = value.split('-').next().unwrap_or_default().trim();
            match name {
                "interleaved" => {
                    agreed.channel = first
                        .parse()
                        .map_err(|_not_one| refuse("the camera names an odd channel"))?;
                }
                "server_port" => agreed.server_port = first.parse().ok(),
                // Eight digits; a leading zero is left out by some, and what is much shorter is
                // known to be wrong.
                "ssrc" if first.len() > 4 => agreed.source = u32::from_str_radix(first, 16).ok(),
                _ => {}
            }
        }
        Ok(agreed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{
        Reach,
        rtsp::{Options, message},
    };

    fn response(headers: &str) -> Response {
        let text = format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\n{headers}\r\n");
        match message::first(text.as_bytes()) {
            Ok(Some((message::Message::Response(response), _))) => response,
            other => panic!("{other:?}"),
        }
    }

    /// The addresses of the whole and of the track.
    fn controls(
        url: &str,
        headers: &str,
        sdp: &str,
        foreign: bool,
    ) -> Result<[String; 2], StageError> {
        let target = Target {
            url: url.parse().unwrap(),
            credentials: None,
            options: Options {
                foreign_control: foreign,
                ..Options::default()
            },
            reach: Reach::Operator,
        };
        let description = Description::parse(sdp.as_bytes());
        let track = description.track()?;
        let at = "10.0.0.9:554".parse().unwrap();
        Controls::new(&target, at, &response(headers), &description, &track)
            .map(|controls| [controls.whole, controls.track])
    }

    const VIDEO: &str = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n";

    #[test]
    fn control_addresses() {
        let url = "rtsp://cam.site.example/h264?ch=1&sub=0";
        let sdp = |whole: &str, track: &str| format!("{whole}{VIDEO}{track}");
        for (headers, whole, track, expected) in [
            ("", "", "", ["rtsp://cam.site.example/h264?ch=1&sub=0"; 2]),
            (
                "",
                "a=control:*\n",
                "a=control:track1\n",
                [url, "rtsp://cam.site.example/h264?ch=1&sub=0/track1"],
            ),
            (
                "Content-Base: rtsp://10.0.0.9/h264/\r\n",
                "a=control:*\n",
                "a=control:trackID=1\n",
                ["rtsp://10.0.0.9/h264/", "rtsp://10.0.0.9/h264/trackID=1"],
            ),
            (
                "Content-Base: 10.0.0.9:554/stream0/\r\n",
                "",
                "a=control:rtsp://cam.site.example/stream0/video\n",
                [url, "rtsp://cam.site.example/stream0/video"],
            ),
            (
                "Content-Base: rtsp://admin:secret@10.0.0.9/a/\r\n",
                "a=control:*\n",
                "a=control:b\n",
                ["rtsp://10.0.0.9/a/", "rtsp://10.0.0.9/a/b"],
            ),
        ] {
            assert_eq!(
                controls(url, headers, &sdp(whole, track), false).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn addresses_of_other_hosts_are_refused() {
        let url = "rtsp://cam.site.example/a";
        for (headers, track) in [
            (
                "Content-Base: rtsp://169.254.169.254/a/\r\n",
                "a=control:b\n",
            ),
            ("", "a=control:rtsp://127.0.0.1/a/b\n"),
            ("", "a=control:rtsp://other.site.example/a/b\n"),
            ("", "a=control:http://cam.site.example/a/b\n"),
        ] {
            let sdp = format!("{VIDEO}{track}");
            let error = controls(url, headers, &sdp, false).unwrap_err();
            assert!(matches!(error, StageError::Rejected(_)), "{error}");
        }
        let sdp = format!("{VIDEO}a=control:rtsp://192.168.1.64/a/b\n");
        assert!(
            controls(url, "", &sdp, true).is_ok(),
            "the twin: it can be allowed"
        );
    }

    #[test]
    fn what_is_agreed_is_read() {
        let agreed = |headers: &str| Agreed::of(&response(headers));
        let usual = agreed(
            "Session: 12345678;timeout=30\r\n\
             Transport: RTP/AVP/TCP;unicast;interleaved=2-3;ssrc= d6d6627\r\n",
        )
        .unwrap();
        assert_eq!(usual.session, "12345678");
        assert_eq!(usual.timeout, Duration::from_secs(30));
        assert_eq!((usual.channel, usual.source), (2, Some(0x0d6d_6627)));
        let odd = agreed(
            "Session: 9 ; timeout=0\r\nTransport: RTP/AVP;server_port=5000-5001;ssrc=0x6f7c\r\n",
        )
        .unwrap();
        assert_eq!((odd.session.as_str(), odd.timeout), ("9", SESSION_TIMEOUT));
        assert_eq!((odd.server_port, odd.source), (Some(5000), None));
        assert!(agreed("Transport: RTP/AVP/TCP;interleaved=0-1\r\n").is_err());
        assert!(agreed("Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=900\r\n").is_err());
    }
}
