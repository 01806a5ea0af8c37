//! Measures what receiving costs: cameras are simulated by a second process on another core, and
//! nothing is done with what arrives.
//!
//! ```text
//! cargo run --release -p ocelli-media --example receive -- CLIP [STREAMS] [SECONDS] [tcp|udp]
//! ```

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{
    error::Error,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use ocelli_core::{StageError, seam::SourceItem};
use ocelli_media::{
    simulate::{Clip, Simulation},
    source::{self, Reach, SourceRequest, file::demux},
};
use rustix::{
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};
use serde_json::{Map, Value};

/// Time for connecting before the measurement begins.
const WARM_UP: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize, default: &str| -> String {
        arguments.get(at).map_or(default, String::as_str).to_owned()
    };
    if argument(0, "") == "--serve" {
        return serve(Path::new(&argument(1, "")), argument(2, "").parse()?);
    }
    let (clip, streams) = (argument(0, ""), argument(1, "100").parse::<usize>()?);
    let (secs, transport) = (argument(2, "30").parse::<u64>()?, argument(3, "tcp"));
    let (mut server, urls) = start_server(&clip, streams)?;
    pin_to(0)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let measured = runtime.block_on(receive(&urls, secs, &transport));
    server.kill()?;
    server.wait()?;
    measured
}

fn pin_to(core: usize) -> Result<(), Box<dyn Error>> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

fn serve(clip: &Path, streams: usize) -> Result<(), Box<dyn Error>> {
    pin_to(1)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let items: Vec<Result<SourceItem, StageError>> = demux::open(clip)?.collect();
        let clip = Clip::read(Box::pin(stream::iter(items))).await?;
        let running = Simulation::new(vec![clip], streams).start().await?;
        let mut out = std::io::stdout();
        for url in running.urls() {
            writeln!(out, "{url}")?;
        }
        out.flush()?;
        std::future::pending::<Result<(), Box<dyn Error>>>().await
    })
}

fn start_server(clip: &str, streams: usize) -> Result<(Child, Vec<String>), Box<dyn Error>> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["--serve", clip, &streams.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let out = server.stdout.take().ok_or("no output of the server")?;
    let urls = BufReader::new(out)
        .lines()
        .take(streams)
        .collect::<Result<Vec<String>, _>>()?;
    if urls.len() == streams {
        Ok((server, urls))
    } else {
        Err("the simulated cameras did not start".into())
    }
}

#[derive(Default)]
struct Counts {
    packets: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    ended: AtomicU64,
}

async fn receive(urls: &[String], secs: u64, transport: &str) -> Result<(), Box<dyn Error>> {
    let counts = Arc::new(Counts::default());
    for url in urls {
        let mut options = Map::new();
        options.insert("transport".to_owned(), Value::from(transport));
        let source = source::build(SourceRequest {
            url: url.parse()?,
            credentials: None,
            options,
            reach: Reach::Operator,
        })?;
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let mut items = source.open();
            while let Some(item) = items.next().await {
                match item {
                    Ok(SourceItem::Packet(packet)) => {
                        counts.packets.fetch_add(1, Ordering::Relaxed);
                        let bytes = packet.data.len() as u64;
                        counts.bytes.fetch_add(bytes, Ordering::Relaxed);
                    }
                    Ok(SourceItem::Lost { packets }) => {
                        counts.lost.fetch_add(packets, Ordering::Relaxed);
                    }
                    Ok(_) => {}
                    Err(error) => println!("{error}"),
                }
            }
            counts.ended.fetch_add(1, Ordering::Relaxed);
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let read = || {
        [&counts.packets, &counts.bytes, &counts.lost].map(|count| count.load(Ordering::Relaxed))
    };
    let (before, cpu_before) = (read(), cpu_millis());
    tokio::time::sleep(Duration::from_secs(secs)).await;
    let (after, cpu) = (read(), cpu_millis() - cpu_before);
    let stream_secs = urls.len() as f64 * secs as f64;
    let per_stream_sec = |at: usize| (after[at] - before[at]) as f64 / stream_secs;
    println!(
        "{} streams, {secs} s by {transport}: {:.3} CPU ms per stream-second, {:.1} packets/s, \
         {:.0} kbit/s, {} lost, {} ended, {} kB resident per stream",
        urls.len(),
        cpu / stream_secs,
        per_stream_sec(0),
        per_stream_sec(1) * 8.0 / 1000.0,
        after[2] - before[2],
        counts.ended.load(Ordering::Relaxed),
        resident_kb()? / urls.len() as u64,
    );
    Ok(())
}

/// CPU time of this process.
fn cpu_millis() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1000.0 + time.tv_nsec as f64 / 1e6
}

fn resident_kb() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
