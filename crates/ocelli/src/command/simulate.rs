//! `ocelli simulate`: cameras to try things with.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use ocelli_core::Secret;
use ocelli_media::simulate::{
    AuthScheme, Clip, Credentials, Fault, FaultRule, Join, Running, Simulation,
};

use super::{CommandError, output, variable};
use crate::{limits, log};

/// Play clips as any number of live RTSP cameras.
///
/// Every stream loops its clip with times that never go back, sends RTCP sender reports and looks
/// to clients like a camera: RTSP 1.0, over TCP or UDP. Clips are read once and shared; one thread
/// serves hundreds of streams. What stands in the clips is sent as it is: H.264, H.265 or
/// MJPEG in MP4 or Matroska, H.264 or H.265 raw.
#[derive(Debug, Args)]
#[command(after_long_help = after_help())]
pub(super) struct Arguments {
    /// The clips; streams take them in turn.
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,

    /// Number of streams, at /cam/0 and up.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    streams: u32,

    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value = "8554")]
    port: u16,

    /// Address to listen on. Beyond loopback, whoever reaches it can watch.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,

    /// A fault, for all streams or some: FAULT or STREAMS:FAULT; may be given several times.
    #[arg(long, value_name = "[STREAMS:]FAULT")]
    fault: Vec<FaultRule>,

    /// Ask viewers for this user and a password, which is taken from --password-env.
    #[arg(long, value_name = "USER", requires = "password_env")]
    user: Option<String>,

    /// The environment variable that holds the password.
    #[arg(long, value_name = "NAME", requires = "user")]
    password_env: Option<String>,

    /// How viewers prove that they know the password; may be given several times.
    #[arg(long, value_enum, value_name = "SCHEME", requires = "user")]
    auth: Vec<Scheme>,

    /// Serve rtsps:, within TLS, with a certificate that is made at the start; says its fingerprint.
    #[arg(long)]
    tls: bool,

    /// Where in the clip a viewer joins.
    #[arg(long, value_enum, default_value = "next-key")]
    join: JoinAt,

    /// Let all streams start at the first picture; without it, at different places.
    #[arg(long)]
    together: bool,

    /// What chance is drawn from: places in the clips, faults.
    #[arg(long, value_name = "N", default_value = "0")]
    seed: u64,

    /// Seconds that a session lives without a word from its client.
    #[arg(long, value_name = "SECS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=3600))]
    session_timeout: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scheme {
    /// Digest with SHA-256.
    DigestSha256,
    /// Digest with MD5, as nearly all cameras want it.
    DigestMd5,
    /// The password itself.
    Basic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum JoinAt {
    /// At the next key picture.
    NextKey,
    /// At the latest key picture, whose group is sent at once.
    LastKey,
    /// At the next picture of any kind.
    Anywhere,
}

fn after_help() -> String {
    let width = Fault::KINDS
        .iter()
        .map(|kind| kind.name.len() + kind.form.len())
        .max()
        .unwrap_or(0);
    let faults: Vec<String> = Fault::KINDS
        .iter()
        .map(|kind| {
            let form = format!("{}{}", kind.name, kind.form);
            format!("  {form:width$}  {}", kind.summary)
        })
        .collect();
    format!(
        "\
Faults (times such as 500ms, 10s, 2m; ratios such as 0.01 or 1%):
{}

Streams of a fault: indices and ranges (3, 0-9,12), or a share (10%); all without it.

Examples:
  ocelli simulate clip.mp4                                     one camera at rtsp://127.0.0.1:8554/cam/0
  ocelli simulate day.mp4 night.mp4 --streams 200
  ocelli simulate clip.mp4 --streams 10 --fault loss=1% --fault 3:mute --fault 10%:reset=30s
  CAMERA=secret ocelli simulate clip.mp4 --user viewer --password-env CAMERA

Many streams need many open files: the limit is raised as far as the system allows.
Ends with Ctrl-C.",
        faults.join("\n")
    )
}

pub(super) fn run(arguments: &Arguments, filter: Option<&str>) -> Result<(), CommandError> {
    log::start(filter, "warn").map_err(|error| CommandError::Usage(error.to_string()))?;
    limits::raise_open_files();
    let credentials = credentials(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut clips = Vec::new();
        for file in &arguments.clips {
            let wrong = |reason: ocelli_media::simulate::ClipError| {
                CommandError::Failed(format!("{}: {reason}", file.display()))
            };
            clips.push(Clip::open(file).map_err(wrong)?);
        }
        let mut simulation = Simulation::new(clips, arguments.streams as usize);
        simulation.listen = SocketAddr::new(arguments.listen, arguments.port);
        simulation.spread = !arguments.together;
        simulation.seed = arguments.seed;
        simulation.join = match arguments.join {
            JoinAt::NextKey => Join::NextKey,
            JoinAt::LastKey => Join::LastKey,
            JoinAt::Anywhere => Join::Anywhere,
        };
        simulation.credentials = credentials;
        simulation.tls = arguments.tls;
        simulation.faults.clone_from(&arguments.fault);
        simulation.session_timeout = Duration::from_secs(arguments.session_timeout);
        let running = simulation
            .start()
            .await
            .map_err(|error| CommandError::Failed(error.to_string()))?;
        announce(&running)?;
        wait_for_a_signal().await?;
        running.stop().await;
        Ok(())
    })
}

fn credentials(arguments: &Arguments) -> Result<Option<Credentials>, CommandError> {
    let (Some(user), Some(name)) = (&arguments.user, &arguments.password_env) else {
        return Ok(None);
    };
    let password = variable(name).ok_or_else(|| {
        CommandError::Usage(format!("the environment variable `{name}` is not set"))
    })?;
    let mut credentials = Credentials::new(user.as_str(), Secret::new(password));
    if !arguments.auth.is_empty() {
        credentials.schemes = arguments
            .auth
            .iter()
            .map(|scheme| match scheme {
                Scheme::DigestSha256 => AuthScheme::DigestSha256,
                Scheme::DigestMd5 => AuthScheme::DigestMd5,
                Scheme::Basic => AuthScheme::Basic,
            })
            .collect();
    }
    Ok(Some(credentials))
}

fn announce(running: &Running) -> Result<(), CommandError> {
    let number = running.streams();
    let last = number.saturating_sub(1);
    match number {
        0 | 1 => output::say(running.url(0))?,
        _ => output::say(format_args!("{} to /cam/{last}", running.url(0)))?,
    }
    if let Some(fingerprint) = running.tls_fingerprint() {
        output::say(format_args!("tls_fingerprint: {fingerprint}"))?;
    }
    Ok(())
}

async fn wait_for_a_signal() -> Result<(), CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
