//! Measures what streams cost in the parent and in the eye, apart. The cameras are simulated by a
//! second process on the other core.
//!
//! ```text
//! cargo build --release -p ocelli-eye --bins --examples
//! target/release/examples/streams_cost CLIP [STREAMS] [SECONDS] [keyframes|always|motion]
//! ```
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{
    collections::BTreeMap,
    error::Error,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::stream;
use ocelli_core::{
    label::COCO_80,
    settings::{ColourOrder, DetectorSettings, GateKind, Resize, StreamSettings},
};
use ocelli_engine::{Engine, EngineOptions, ModelPlan, StreamPlan, StreamState};
use ocelli_media::{
    simulate::{Clip, Simulation},
    source::{self, Reach, SourceRequest, file::demux},
};
use rustix::thread::{CpuSet, sched_setaffinity};

const MODEL: &[u8] = include_bytes!("../../../models/nanodet-g-int8.onnx");
/// Time for connecting before the measurement begins.
const WARM_UP: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize, default: &str| -> String {
        arguments.get(at).map_or(default, String::as_str).to_owned()
    };
    if argument(0, "") == "--serve" {
        return serve(Path::new(&argument(1, "")), argument(2, "").parse()?);
    }
    let (clip, streams) = (argument(0, ""), argument(1, "100").parse::<usize>()?);
    let secs = argument(2, "60").parse::<u64>()?;
    let gate = match argument(3, "keyframes").as_str() {
        "keyframes" => GateKind::Keyframes,
        "always" => GateKind::Always,
        "motion" => GateKind::Motion,
        other => return Err(format!("no such gate: {other}").into()),
    };
    let (mut server, urls) = start_server(&clip, streams)?;
    // The parent and its eye share a core; the cameras have the other.
    pin_to(0)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let measured = runtime.block_on(measure(&urls, secs, gate));
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
        let items: Vec<_> = demux::open(clip)?.collect();
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
    let lines = BufReader::new(out).lines().take(streams);
    let urls = lines.collect::<Result<Vec<String>, _>>()?;
    if urls.len() == streams {
        Ok((server, urls))
    } else {
        Err("the simulated cameras did not start".into())
    }
}

fn model() -> ModelPlan {
    ModelPlan {
        id: "nano".to_owned(),
        settings: DetectorSettings {
            family: "nanodet".to_owned(),
            input_width: 320,
            input_height: 192,
            colour: ColourOrder::Bgr,
            mean: [103.53, 116.28, 123.675],
            std: [57.375, 57.12, 58.395],
            resize: Resize::Letterbox,
            pad: 0.0,
            classes: COCO_80.map(str::to_owned).to_vec(),
            label_map: Vec::new(),
            threshold_low: 0.2,
            threshold: 0.4,
            nms_iou: 0.6,
        },
        bytes: MODEL.into(),
    }
}

fn plan(index: usize, url: &str, gate: GateKind) -> Result<StreamPlan, Box<dyn Error>> {
    Ok(StreamPlan {
        name: format!("camera-{index}").into(),
        source: source::build(SourceRequest {
            url: url.parse()?,
            credentials: None,
            options: serde_json::Map::new(),
            reach: Reach::Operator,
        })?,
        source_version: 1,
        settings: StreamSettings {
            gate,
            detector: "nano".to_owned(),
            ..StreamSettings::default()
        },
        enabled: true,
    })
}

async fn measure(urls: &[String], secs: u64, gate: GateKind) -> Result<(), Box<dyn Error>> {
    let eye = std::env::current_exe()?
        .parent()
        .and_then(Path::parent)
        .ok_or("no folder of executables")?
        .join("ocelli-eye");
    let plans: Result<Vec<StreamPlan>, _> = urls
        .iter()
        .enumerate()
        .map(|(index, url)| plan(index, url, gate))
        .collect();
    let mut options = EngineOptions::new(eye);
    options.eyes = 1;
    options.packet_gate = ocelli_media::gate::build;
    let begun = tokio::time::Instant::now();
    let (engine, mut output) = Engine::start(options, vec![model()], plans?).await?;
    tokio::spawn(async move { while output.recv().await.is_some() {} });
    let live = |engine: &Engine| {
        let streams = engine.streams();
        streams
            .iter()
            .filter(|stream| stream.state == StreamState::Live)
            .count()
    };
    while live(&engine) < urls.len() && begun.elapsed() < Duration::from_mins(1) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "{} live after {:.1} s",
        live(&engine),
        begun.elapsed().as_secs_f64()
    );
    tokio::time::sleep(WARM_UP).await;
    let before = Reading::take(&engine);
    tokio::time::sleep(Duration::from_secs(secs)).await;
    Reading::take(&engine).report(&before, &engine, secs)?;
    engine.stop().await;
    Ok(())
}

/// Counters at one instant.
struct Reading {
    parent_micros: u64,
    eye_micros: u64,
    decode_micros: u64,
    detect_micros: u64,
    received: u64,
    looks: u64,
    wanted: u64,
    dropped: u64,
    opened: u64,
    refuted: u64,
}

impl Reading {
    fn take(engine: &Engine) -> Self {
        let eye = engine.eyes().swap_remove(0);
        let streams = engine.streams();
        let sum = |of: fn(&ocelli_engine::StreamStatus) -> u64| streams.iter().map(of).sum();
        Self {
            parent_micros: engine.status().cpu_micros,
            eye_micros: eye.cpu_micros,
            decode_micros: eye.decode_micros,
            detect_micros: eye.detect_micros,
            received: sum(|stream| stream.ledger.received),
            looks: sum(|stream| stream.looks_taken),
            wanted: sum(|stream| stream.looks_wanted),
            dropped: sum(|stream| stream.ledger.settled.dropped_all()),
            opened: sum(|stream| stream.opened),
            refuted: sum(|stream| stream.refuted),
        }
    }

    fn report(&self, before: &Self, engine: &Engine, secs: u64) -> Result<(), Box<dyn Error>> {
        let streams = engine.streams();
        let stream_secs = streams.len() as f64 * secs as f64;
        let per = |now: u64, before: u64| (now - before) as f64 / stream_secs;
        let millis = |now: u64, before: u64| per(now, before) / 1e3;
        let slowest = streams
            .iter()
            .map(|stream| stream.lag_millis)
            .fold(0.0, f32::max);
        let status = std::fs::read_to_string("/proc/self/status")?;
        let resident = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap_or("");
        let threads = status
            .lines()
            .find(|line| line.starts_with("Threads"))
            .unwrap_or("");
        let eye = engine.eyes().swap_remove(0);
        let mut states = BTreeMap::<String, usize>::new();
        for stream in &streams {
            let sight = stream.sight.map_or("", |sight| sight.as_str());
            *states
                .entry(format!("{} {sight}", stream.attention.as_str()))
                .or_default() += 1;
        }
        println!("{states:?}");
        println!(
            "{} streams, {secs} s: parent {:.3} ms, eye {:.3} ms (decode {:.3}, look {:.3}) CPU per stream-second",
            streams.len(),
            millis(self.parent_micros, before.parent_micros),
            millis(self.eye_micros, before.eye_micros),
            millis(self.decode_micros, before.decode_micros),
            millis(self.detect_micros, before.detect_micros),
        );
        println!(
            "{:.1} packets/s, {:.2} looks/s of {:.2} wanted, {} groups opened and {} of them refuted, {} dropped, slowest stream {slowest:.0} ms behind",
            per(self.received, before.received),
            per(self.looks, before.looks),
            per(self.wanted, before.wanted),
            self.opened - before.opened,
            self.refuted - before.refuted,
            self.dropped - before.dropped,
        );
        println!(
            "parent {resident}, {threads}; eye {} kB resident, {} calls refused",
            eye.memory_bytes / 1024,
            eye.refused_syscalls
        );
        Ok(())
    }
}
