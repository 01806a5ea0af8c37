//! What one client asks for, and the answers: the server's half of RFC 2326.

use std::{fmt::Write as _, net::SocketAddr, rc::Rc};

use super::{
    auth::{self, AuthScheme},
    camera::Camera,
    dice::{Dice, Purpose},
    link::Link,
    pacer::ViewerId,
    route::{Route, UdpPair},
    rtsp::{Request, Response},
    sdp,
    server::Server,
    target::Target,
    transport::{self, Requested},
    viewer::Viewer,
};

const METHODS: &str =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN";

/// One connection's session. It lives and ends with the connection, as in most cameras.
pub(super) struct Session {
    server: Rc<Server>,
    link: Rc<Link>,
    local: SocketAddr,
    peer: SocketAddr,
    id: String,
    /// For Digest; good for this connection only.
    nonce: String,
    dice: Dice,
    /// The camera that was asked for first: its faults strike the connection.
    camera: Option<Rc<Camera>>,
    track: Option<Track>,
}

/// The one track that was set up.
struct Track {
    camera: Rc<Camera>,
    route: Rc<Route>,
    ssrc: u32,
    seq: u16,
    playing: Option<ViewerId>,
}

/// Whether the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    GoOn,
    Close,
}

impl Session {
    pub(super) fn new(
        server: Rc<Server>,
        link: Rc<Link>,
        (local, peer): (SocketAddr, SocketAddr),
        serial: u64,
    ) -> Self {
        let dice = Dice::new(server.options.seed, Purpose::Viewer, serial);
        Self {
            server,
            link,
            local,
            peer,
            id: format!("{:016x}", rand::random::<u64>()),
            nonce: format!("{:032x}", rand::random::<u128>()),
            dice,
            camera: None,
            track: None,
        }
    }

    /// Whether the client's RTCP came by UDP since the last call.
    pub(super) fn was_heard_by_udp(&self) -> bool {
        match self.track.as_ref().map(|track| &*track.route) {
            Some(Route::Udp(pair)) => pair.was_heard(),
            _ => false,
        }
    }

    /// The camera whose faults strike the connection.
    pub(super) fn camera(&self) -> Option<&Rc<Camera>> {
        self.camera.as_ref()
    }

    /// Learns from the first request which camera is asked for.
    pub(super) fn meet(&mut self, request: &Request) {
        if self.camera.is_none()
            && let Some(target) = self.locate(&request.uri)
        {
            target.camera.remember(&self.link);
            self.camera = Some(target.camera);
        }
    }

    /// Answers bytes that are no request.
    pub(super) fn refuse_malformed(&self) {
        self.link.send(&Response::new(400, None).bytes());
    }

    /// Answers one request and does what it asks for.
    pub(super) fn answer(&mut self, request: &Request) -> Flow {
        let Some(cseq) = request.cseq() else {
            self.refuse(400, None, None);
            return Flow::Close;
        };
        if request.version != "RTSP/1.0" {
            self.refuse(505, Some(cseq), None);
            return Flow::Close;
        }
        if let Some(feature) = request.header("Require") {
            let answer = Response::new(551, Some(cseq)).header("Unsupported", feature);
            self.link.send(&answer.bytes());
            return Flow::GoOn;
        }
        let target = self.locate(&request.uri);
        let camera = target.as_ref().map(|target| Rc::clone(&target.camera));
        if request.method != "OPTIONS" && !self.is_admitted(request, camera.as_deref()) {
            self.challenge(cseq, camera.as_deref());
            return Flow::GoOn;
        }
        if let Some(camera) = camera
            && let Some(url) = &camera.faults().redirect
        {
            camera.counts.faults.add(1);
            let answer = Response::new(302, Some(cseq)).header("Location", url);
            self.link.send(&answer.bytes());
            return Flow::GoOn;
        }
        match (request.method.as_str(), target) {
            ("OPTIONS", _) => {
                let answer = Response::new(200, Some(cseq)).header("Public", METHODS);
                self.link.send(&answer.bytes());
            }
            ("GET_PARAMETER" | "SET_PARAMETER", target) => {
                self.keep_alive(request, cseq, target.as_ref());
            }
            ("DESCRIBE" | "SETUP" | "PLAY" | "PAUSE" | "TEARDOWN", None) => {
                self.refuse(404, Some(cseq), None);
            }
            ("DESCRIBE", Some(target)) => self.describe(cseq, &target),
            ("SETUP", Some(target)) => self.set_up(request, cseq, target),
            ("PLAY", Some(target)) => self.play(request, cseq, &target),
            ("PAUSE", Some(target)) => self.pause(request, cseq, &target),
            ("TEARDOWN", Some(target)) => return self.tear_down(request, cseq, &target),
            ("ANNOUNCE" | "RECORD" | "REDIRECT", _) => {
                let answer = Response::new(405, Some(cseq)).header("Allow", METHODS);
                self.link.send(&answer.bytes());
            }
            _ => self.refuse(501, Some(cseq), None),
        }
        Flow::GoOn
    }

    fn locate(&self, uri: &str) -> Option<Target> {
        Target::locate(uri, &self.server.cameras)
    }

    fn is_admitted(&self, request: &Request, camera: Option<&Camera>) -> bool {
        if camera.is_some_and(|camera| camera.faults().unauthorized) {
            return false;
        }
        let Some(credentials) = &self.server.options.credentials else {
            return true;
        };
        request.header("Authorization").is_some_and(|given| {
            credentials.admit(given, &request.method, &request.uri, &self.nonce)
        })
    }

    fn challenge(&self, cseq: u32, camera: Option<&Camera>) {
        if let Some(camera) = camera {
            camera.counts.refused.add(1);
            let is_fault = camera.faults().unauthorized;
            camera.counts.faults.add(u64::from(is_fault));
        }
        let challenges = match &self.server.options.credentials {
            Some(credentials) => credentials.challenges(&self.nonce),
            None => auth::challenges(&[AuthScheme::DigestMd5], &self.nonce),
        };
        let answer = challenges
            .iter()
            .fold(Response::new(401, Some(cseq)), |answer, challenge| {
                answer.header("WWW-Authenticate", challenge)
            });
        self.link.send(&answer.bytes());
    }

    fn refuse(&self, status: u16, cseq: Option<u32>, camera: Option<&Camera>) {
        if let Some(camera) = camera {
            camera.counts.refused.add(1);
        }
        self.link.send(&Response::new(status, cseq).bytes());
    }

    fn describe(&self, cseq: u32, target: &Target) {
        let camera = &target.camera;
        let description = sdp::describe_camera(camera, self.local.ip());
        let mut answer = Response::new(200, Some(cseq)).header("Content-Base", &target.base);
        if let Some(bytes) = camera.faults().header_bytes {
            camera.counts.faults.add(1);
            answer = answer.header("X-Padding", &"#".repeat(bytes));
        }
        self.link
            .send(&answer.bytes_with("application/sdp", &description));
    }

    fn set_up(&mut self, request: &Request, cseq: u32, target: Target) {
        let camera = &target.camera;
        let named = request.header("Session");
        let status = match &self.track {
            _ if named.is_some_and(|named| !self.is_own(named)) => Some(454),
            Some(_) => Some(455),
            None if !target.is_track => Some(459),
            None => None,
        };
        if let Some(status) = status {
            return self.refuse(status, Some(cseq), Some(camera));
        }
        let requested = request.header("Transport").and_then(transport::choose);
        let Some((route, mut text)) = requested.and_then(|requested| self.route(requested)) else {
            return self.refuse(461, Some(cseq), Some(camera));
        };
        let (ssrc, seq) = (self.dice.next_u32(), self.dice.next_u32() as u16);
        // Writing to a string does not fail.
        _ = write!(text, ";ssrc={ssrc:08X}");
        self.track = Some(Track {
            camera: target.camera,
            route: Rc::new(route),
            ssrc,
            seq,
            playing: None,
        });
        let answer = Response::new(200, Some(cseq))
            .header("Transport", &text)
            .header("Session", &self.session_header());
        self.link.send(&answer.bytes());
    }

    /// Opens what the client asks for, and says so in the words of a `Transport` header.
    fn route(&self, requested: Requested) -> Option<(Route, String)> {
        match requested {
            Requested::Interleaved { rtp, rtcp } => Some((
                Route::Interleaved { rtp, rtcp },
                format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}"),
            )),
            Requested::Udp { rtp, rtcp } => {
                let opened = UdpPair::open(self.local.ip(), self.peer.ip(), (rtp, rtcp))
                    .and_then(|pair| Ok((pair.port()?, pair)));
                let (port, pair) = match opened {
                    Ok(opened) => opened,
                    Err(error) => {
                        tracing::warn!(%error, "no UDP ports for a viewer");
                        return None;
                    }
                };
                let text = format!(
                    "RTP/AVP;unicast;client_port={rtp}-{rtcp};server_port={port}-{}",
                    port + 1
                );
                Some((Route::Udp(pair), text))
            }
        }
    }

    fn session_header(&self) -> String {
        let timeout = self.server.options.session_timeout.as_secs().max(1);
        format!("{};timeout={timeout}", self.id)
    }

    /// Whether a `Session` header names this session.
    fn is_own(&self, named: &str) -> bool {
        self.track.is_some() && named.split(';').next().map(str::trim) == Some(&self.id)
    }

    /// The track that a request of an open session is about, or the status that refuses it.
    fn own_track(&mut self, request: &Request, target: &Target) -> Result<&mut Track, u16> {
        if !request
            .header("Session")
            .is_some_and(|named| self.is_own(named))
        {
            // A client that plays before it has set up is out of order, not in a wrong session.
            let is_early = self.track.is_none() && request.header("Session").is_none();
            return Err(if is_early { 455 } else { 454 });
        }
        match &mut self.track {
            Some(track) if track.camera.index == target.camera.index => Ok(track),
            _ => Err(455),
        }
    }

    fn play(&mut self, request: &Request, cseq: u32, target: &Target) {
        let (server, link) = (Rc::clone(&self.server), Rc::clone(&self.link));
        let (session, dice) = (self.session_header(), self.dice.clone());
        let track = match self.own_track(request, target) {
            Ok(track) => track,
            Err(status) => return self.refuse(status, Some(cseq), Some(&target.camera)),
        };
        let mut answer = Response::new(200, Some(cseq))
            .header("Session", &session)
            .header("Range", "npt=now-");
        if track.playing.is_some() {
            return link.send(&answer.bytes());
        }
        let viewer = Viewer::join(
            Rc::clone(&track.camera),
            (Rc::clone(&link), Rc::clone(&track.route)),
            (track.ssrc, track.seq, dice),
            (server.clock.nanos(), server.options.join),
        );
        let info = format!(
            "url={}{};seq={};rtptime={}",
            target.base,
            sdp::TRACK,
            viewer.seq,
            viewer.next_rtp_time()
        );
        answer = answer.header("RTP-Info", &info);
        // The answer comes before the first packet.
        link.send(&answer.bytes());
        track.playing = Some(server.pacer.add(viewer));
    }

    fn pause(&mut self, request: &Request, cseq: u32, target: &Target) {
        let server = Rc::clone(&self.server);
        let session = self.session_header();
        let track = match self.own_track(request, target) {
            Ok(track) => track,
            Err(status) => return self.refuse(status, Some(cseq), Some(&target.camera)),
        };
        if let Some(viewer) = track.playing.take().and_then(|id| server.pacer.remove(id)) {
            track.seq = viewer.seq;
        }
        let answer = Response::new(200, Some(cseq)).header("Session", &session);
        self.link.send(&answer.bytes());
    }

    fn tear_down(&mut self, request: &Request, cseq: u32, target: &Target) -> Flow {
        if let Err(status) = self.own_track(request, target) {
            self.refuse(status, Some(cseq), Some(&target.camera));
            return Flow::GoOn;
        }
        self.stop_playing();
        self.track = None;
        self.link.send(&Response::new(200, Some(cseq)).bytes());
        Flow::GoOn
    }

    /// Requests that say only that the client is alive. They may name no session, or no camera.
    fn keep_alive(&self, request: &Request, cseq: u32, target: Option<&Target>) {
        let mut answer = Response::new(200, Some(cseq));
        match request.header("Session") {
            Some(named) if !self.is_own(named) => {
                let camera = target.map(|target| &*target.camera);
                return self.refuse(454, Some(cseq), camera);
            }
            Some(_) => answer = answer.header("Session", &self.session_header()),
            None => {}
        }
        self.link.send(&answer.bytes());
    }

    fn stop_playing(&mut self) {
        if let Some(id) = self.track.as_mut().and_then(|track| track.playing.take()) {
            drop(self.server.pacer.remove(id));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop_playing();
    }
}
