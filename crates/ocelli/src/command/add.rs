//! `ocelli add`: looks at a camera before it is added.

use std::time::Duration;

use clap::{Args, ValueEnum};
use ocelli_core::Secret;
use ocelli_media::{
    probe::{PATHS, ProbeOptions, ProbeReport, Seen, probe},
    source::{Credentials, Reach, kind_of, split_credentials},
};
use serde_json::{Value, json};

use super::{CommandError, output, variable};
use crate::{config::StreamEntry, log};

/// What stands where no profile is named: a configuration with it is refused until a person says
/// why the camera is watched.
const NO_PROFILE: &str = "NAME-A-PROFILE";

/// Look at a camera: what it sends, what to change in it, how to configure it.
///
/// Of a host alone (10.0.0.9, cam1:8554), the usual paths of many makers are tried. The password is
/// not printed: the configuration takes it from a variable of the environment.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// An address, such as `rtsp://camera.local/main`, or a host.
    #[arg(value_name = "ADDRESS")]
    address: String,

    /// User of the camera, where the address names none.
    #[arg(long, value_name = "USER", requires = "password_env")]
    user: Option<String>,

    /// The variable of the environment that holds the password.
    #[arg(long, value_name = "NAME", requires = "user")]
    password_env: Option<String>,

    /// Name of the stream; made of its address if nothing is said.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The profile that it is to follow.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// How packets travel.
    #[arg(long, value_enum, value_name = "TRANSPORT", default_value = "tcp")]
    transport: Transport,

    /// SHA-256 fingerprint of the certificate of a camera within TLS (`rtsps:`) that signed it
    /// itself; without it the error tells which one the camera shows.
    #[arg(long, value_name = "SHA256")]
    tls_fingerprint: Option<String>,

    /// Seconds of video to watch.
    #[arg(long, value_name = "SECS", default_value = "6", value_parser = clap::value_parser!(u64).range(1..=60))]
    watch: u64,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transport {
    /// Within the RTSP connection.
    Tcp,
    /// Beside it.
    Udp,
}

impl Transport {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

fn after_help() -> String {
    format!(
        "\
Examples:
  ocelli add rtsp://viewer:secret@camera.local/main
  ocelli add 10.0.0.9 --user viewer --password-env CAMERA_PASSWORD --profile lobby
  ocelli add cam1:8554 --json

A host's {} usual paths are tried one after the other, smaller streams first; a wrong password ends
that, because more tries would lock the account. A password within the address can be seen by every
user of the machine.

Exit codes: 0 a picture came, 1 none did; the reason is on stderr, 2 the command line is wrong.",
        PATHS.len()
    )
}

pub(super) fn run(arguments: &Arguments, filter: Option<&str>) -> Result<(), CommandError> {
    log::start(filter, "warn").map_err(|error| CommandError::Usage(error.to_string()))?;
    let options = options(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime
        .block_on(probe(&arguments.address, &options))
        .map_err(|error| CommandError::failed(error.to_string()))?;
    let entry = entry(arguments, &report);
    if arguments.json {
        output::say(json(arguments, &report, &entry))?;
        return Ok(());
    }
    tell(arguments, &report, &entry)
}

fn options(arguments: &Arguments) -> Result<ProbeOptions, CommandError> {
    if arguments.address.contains("://") {
        let (url, _) = split_credentials(&arguments.address)
            .map_err(|error| CommandError::Usage(error.to_string()))?;
        if kind_of(url.scheme()).is_none_or(|kind| kind.name != "rtsp") {
            return Err(CommandError::Usage(format!(
                "`{}:` is not the address of a camera: expected rtsp://",
                url.scheme()
            )));
        }
    }
    let credentials = match (&arguments.user, &arguments.password_env) {
        (Some(user), Some(name)) => {
            let password = variable(name).ok_or_else(|| {
                CommandError::Usage(format!("the environment variable `{name}` is not set"))
            })?;
            Some(Credentials {
                user: user.clone(),
                password: Secret::new(password),
            })
        }
        _ => None,
    };
    let mut options = ProbeOptions::new(Reach::Operator);
    options.credentials = credentials;
    options.watch = Duration::from_secs(arguments.watch);
    options.watch_max = options
        .watch_max
        .max(options.watch + Duration::from_secs(5));
    options
        .source
        .insert("transport".to_owned(), arguments.transport.as_str().into());
    if let Some(fingerprint) = &arguments.tls_fingerprint {
        options
            .source
            .insert("tls_fingerprint".to_owned(), fingerprint.as_str().into());
    }
    Ok(options)
}

fn entry(arguments: &Arguments, report: &ProbeReport) -> StreamEntry {
    let profile = arguments.profile.as_deref().unwrap_or(NO_PROFILE);
    let mut entry = StreamEntry::new(report.url.clone(), profile);
    if let Some(name) = &arguments.name {
        entry.name.clone_from(name);
    }
    entry.user.clone_from(&report.user);
    entry.has_password = report.user.is_some();
    if arguments.transport == Transport::Udp {
        entry.source.insert("transport".to_owned(), "udp".into());
    }
    if let Some(fingerprint) = &arguments.tls_fingerprint {
        entry
            .source
            .insert("tls_fingerprint".to_owned(), fingerprint.as_str().into());
    }
    entry
}

/// What was seen, in one line.
fn line(seen: &Seen, transport: Transport) -> String {
    let mut parts = vec![format!(
        "{} {}x{}",
        seen.codec.as_str(),
        seen.width,
        seen.height
    )];
    parts.extend(seen.rate.map(|rate| format!("{rate:.1} pictures a second")));
    parts.push(match seen.gop_secs {
        Some(secs) => format!("a key picture every {secs:.1} s"),
        None => format!("one key picture in {:.0} s", seen.secs),
    });
    parts.extend(seen.kbit_per_sec.map(|rate| format!("{rate:.0} kbit/s")));
    if seen.b_pictures {
        parts.push("with B pictures".to_owned());
    }
    parts.push(format!("over {}", transport.as_str().to_uppercase()));
    parts.join(", ")
}

fn tell(
    arguments: &Arguments,
    report: &ProbeReport,
    entry: &StreamEntry,
) -> Result<(), CommandError> {
    output::say(&report.url)?;
    output::say(format_args!(
        "  {}",
        line(&report.seen, arguments.transport)
    ))?;
    output::say(format_args!(
        "  the first key picture came after {:.1} s",
        report.first_key_secs
    ))?;
    if !report.tried.is_empty() {
        output::say(format_args!(
            "  found after {} other paths",
            report.tried.len()
        ))?;
    }
    if report.advice.is_empty() {
        output::say("\nNothing to change in the camera.")?;
    } else {
        output::say("\nTo change in the camera:")?;
        for line in &report.advice {
            output::say(format_args!("  * {line}"))?;
        }
    }
    output::say("\nFor the configuration, below `streams:`")?;
    output::say(entry)?;
    if entry.has_password {
        output::say(format_args!(
            "\nThe password belongs into the environment variable {}.",
            entry.password_variable()
        ))?;
    }
    if arguments.profile.is_none() {
        output::say(
            "\nA profile says why a camera is watched and how long its events are kept: name one of \
             yours.",
        )?;
    }
    Ok(())
}

fn json(arguments: &Arguments, report: &ProbeReport, entry: &StreamEntry) -> Value {
    let seen = &report.seen;
    json!({
        "url": report.url.as_str(),
        "codec": seen.codec,
        "width": seen.width,
        "height": seen.height,
        "pictures_per_sec": seen.rate,
        "gop_secs": seen.gop_secs,
        "kbit_per_sec": seen.kbit_per_sec,
        "b_pictures": seen.b_pictures,
        "transport": arguments.transport.as_str(),
        "packets_lost": seen.lost,
        "first_key_secs": report.first_key_secs,
        "watched_secs": seen.secs,
        "paths_tried": report.tried,
        "advice": report.advice,
        "name": entry.name,
        "password_variable": entry.has_password.then(|| entry.password_variable()),
        "configuration": entry.to_string(),
    })
}
