//! Simulated cameras: an RTSP server that replays clips as any number of endless live streams.
//!
//! A [`Clip`] is read once and cut into RTP packets once; a stream is a place in the clip that
//! moves on wall time, looped with monotone timestamps, so that one thread serves hundreds. To
//! clients a stream looks like a camera: RTSP 1.0, RTP over UDP or interleaved in TCP, RTCP sender
//! reports, no end.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ocelli_media::simulate::{Clip, Simulation};
//!
//! let clip = Clip::open("crossing.mp4")?;
//! let running = Simulation::new(vec![clip], 20).start().await?;
//! assert_eq!(running.urls().len(), 20);
//! running.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Cameras fail on request, from the start or later, all of them or some: see [`Fault`] for what goes
//! wrong, and [`FaultRule`] for how it is written.
//!
//! ```no_run
//! # async fn example(clip: ocelli_media::simulate::Clip) -> Result<(), Box<dyn std::error::Error>> {
//! use ocelli_media::simulate::Simulation;
//!
//! let mut simulation = Simulation::new(vec![clip], 20);
//! simulation.faults = vec!["10%:loss=1%".parse()?, "3,7-9:stall=10s/3s".parse()?];
//! let running = simulation.start().await?;
//! running.set_faults(vec!["0:away=1m/20s".parse()?]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Each viewer costs a connection, and two more sockets where it takes UDP: raise the limit of open
//! files (`ulimit -n`) before serving more than some hundreds.

mod auth;
mod camera;
mod clip;
mod compose;
mod connection;
mod counts;
#[cfg(test)]
mod course;
mod dice;
mod fault;
mod fault_rule;
mod fault_text;
mod huge;
mod jpeg;
mod link;
mod nal;
mod pacer;
mod payload;
mod route;
mod rtcp;
mod rtsp;
mod running;
mod sdp;
mod server;
mod session;
mod strike;
mod tamper;
mod target;
mod tls;
mod transport;
mod viewer;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

pub use auth::{AuthScheme, Credentials};
pub use clip::{Clip, ClipError};
pub use counts::Counts;
pub use fault::{Fault, FaultKind};
pub use fault_rule::{FaultRule, Streams};
pub use fault_text::FaultError;
pub use running::Running;

/// Where in the clip a viewer joins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Join {
    /// At the next key picture: the first packet starts a picture that decodes.
    #[default]
    NextKey,
    /// At the latest key picture, whose group is sent at once up to the present.
    LastKey,
    /// At the next picture of any kind.
    Anywhere,
}

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The address to listen on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The number of streams, at `/cam/0` and up.
    pub streams: usize,
    /// The clips, given to the streams in turn.
    pub clips: Vec<Clip>,
    /// Whether streams start at different places of their clips, drawn from `seed`; else all start
    /// at the first picture at the same time.
    pub spread: bool,
    /// What chance is drawn from: places in the clips, origins of RTP time, identifiers, faults.
    pub seed: u64,
    /// Where a viewer joins.
    pub join: Join,
    /// Who may watch; `None` lets everybody.
    pub credentials: Option<Credentials>,
    /// Whether connections are within TLS, with a certificate that is made and signed at the start;
    /// see [`Running::tls_fingerprint`]. Packets by UDP stay beside it.
    pub tls: bool,
    /// What goes wrong, where, and when; see [`Running::set_faults`] for faults that come later.
    pub faults: Vec<FaultRule>,
    /// How long a session lives without a word from its client; whole seconds are announced.
    pub session_timeout: Duration,
    /// The most connections at a time; more are closed as they come.
    pub connections_max: usize,
    /// The most bytes that wait for one viewer. One who takes too little loses pictures up to the
    /// next key picture.
    pub queue_bytes_max: usize,
}

impl Simulation {
    /// `streams` cameras that play `clips` on a free port of the loopback address.
    pub fn new(clips: Vec<Clip>, streams: usize) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            streams,
            clips,
            spread: true,
            seed: 0,
            join: Join::default(),
            credentials: None,
            tls: false,
            faults: Vec::new(),
            session_timeout: Duration::from_mins(1),
            connections_max: 4 * streams + 64,
            queue_bytes_max: 1024 * 1024,
        }
    }

    /// Starts a thread that serves, and returns when it listens.
    pub async fn start(self) -> Result<Running, SimulateError> {
        if self.clips.is_empty() {
            return Err(SimulateError::NoClip);
        }
        fault_rule::check(&self.faults, &self.clips, self.streams)?;
        running::start(self).await
    }
}

/// Why simulated cameras do not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// There is nothing to play.
    #[error("no clip to play")]
    NoClip,
    /// A fault is asked of a stream that does not exist.
    #[error("no stream {stream} to be at fault: there are {streams}, counted from 0")]
    NoSuchStream {
        /// The index that was given.
        stream: usize,
        /// The number of streams.
        streams: usize,
    },
    /// A stream that is to change its clip has no other to change to.
    #[error("no second clip of the same codec for stream {stream} to go on with: `sps-change`")]
    NoOtherClip {
        /// Index of the first such stream.
        stream: usize,
    },
    /// A fault is asked of a stream whose codec it says nothing of.
    #[error(
        "stream {stream} sends JPEG pictures, which have no `huge-picture` and no `endless-picture`"
    )]
    NotOfJpeg {
        /// Index of the first such stream.
        stream: usize,
    },
    /// The cameras have stopped.
    #[error("the simulated cameras have stopped")]
    Stopped,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// The server's thread cannot start.
    #[error("cannot start the server's thread: {0}")]
    Thread(io::Error),
}
