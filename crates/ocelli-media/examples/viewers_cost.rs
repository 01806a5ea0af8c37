//! What simulated cameras cost: CPU of the one thread that serves many viewers by TCP, each of a
//! stream of its own, 640x360 at 25 pictures a second. The viewers are plain sockets that count and
//! leave aside what they read, ten times a second.
//!
//! `cargo run --release -p ocelli-media --example viewers_cost -- [STREAMS] [SECS] [CLIP]`: 600, 30
//! and a clip of 390 kbit/s in the sizes of a quiet camera, if not given. Each viewer takes two descriptors of this process: `ulimit -n`.
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::{
    error::Error,
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use bytes::Bytes;
use ocelli_core::{Codec, CodecParameters, seam::SourcePacket};
use ocelli_media::simulate::{Clip, Running, Simulation};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PICTURES_PER_SEC: u64 = 25;
const KBIT_PER_SEC: u64 = 390;
/// Pictures from one key picture to the next, and how much larger than the others that one is.
const GROUP: u64 = 50;
const KEY_WEIGHT: u64 = 12;
const READ_EVERY: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise| {
        let given = arguments.next();
        given.map_or(Ok(otherwise), |text| text.parse::<u64>())
    };
    let (streams, secs) = (number(600)?, number(30)?);
    let clip = match arguments.next() {
        Some(path) => Clip::open(path)?,
        None => quiet()?,
    };
    let pictures_per_sec = clip.pictures() as f64 / clip.duration().as_secs_f64();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let simulation = Simulation::new(vec![clip], streams as usize);
    let running = runtime.block_on(simulation.start())?;
    let mut viewers = (0..running.streams())
        .map(|index| join(running.address(), &running.url(index)))
        .collect::<Result<Vec<_>>>()?;
    println!("{streams} viewers are connected");
    // Without the rush of the start.
    watch(&mut viewers, 3)?;
    let before = (running.counts(), cpu_nanos("ocelli-simulate")?);
    let read = watch(&mut viewers, secs)?;
    let after = (running.counts(), cpu_nanos("ocelli-simulate")?);
    let cpu_millis = (after.1 - before.1) as f64 / 1e6;
    let elapsed_secs =
        (after.0.pictures - before.0.pictures) as f64 / (pictures_per_sec * streams as f64);
    println!(
        "{:.2} CPU ms per stream-second, {:.1} % of a core",
        cpu_millis / (elapsed_secs * streams as f64),
        cpu_millis / elapsed_secs / 10.0,
    );
    println!(
        "{} pictures and {} kbyte sent, {} kbyte read in {elapsed_secs:.1} s",
        after.0.pictures - before.0.pictures,
        (after.0.bytes - before.0.bytes) / 1000,
        read / 1000
    );
    println!(
        "{} pictures dropped, {} skipped; latest picture {:.1} ms late",
        after.0.dropped,
        after.0.skipped,
        after.0.late_micros_max as f64 / 1000.0
    );
    runtime.block_on(Running::stop(running));
    Ok(())
}

/// Ten seconds. Nobody looks at the bytes.
fn quiet() -> Result<Clip> {
    let group_bytes = KBIT_PER_SEC * 125 * GROUP / PICTURES_PER_SEC;
    let packets: Vec<_> = (0..10 * PICTURES_PER_SEC)
        .map(|index| {
            let key = index % GROUP == 0;
            let weight = if key { KEY_WEIGHT } else { 1 };
            let bytes = group_bytes * weight / (GROUP - 1 + KEY_WEIGHT);
            let mut data = vec![0x80; bytes as usize + 5];
            data[..5].copy_from_slice(&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
            let micros = (index * 1_000_000 / PICTURES_PER_SEC) as i64;
            SourcePacket {
                dts_micros: micros,
                pts_micros: micros,
                camera_wall: None,
                key,
                data: data.into(),
            }
        })
        .collect();
    let parameters = CodecParameters {
        codec: Codec::H264,
        parameter_sets: Bytes::from_static(&[
            0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 9, 0, 0, 0, 1, 0x68, 0xce, 1,
        ]),
        width: 640,
        height: 360,
        reordered: false,
    };
    Ok(Clip::from_packets(&parameters, &packets)?)
}

/// Sets up and plays one stream.
fn join(address: SocketAddr, url: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    let set_up = format!(
        "SETUP {url}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\n\
         Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
    );
    stream.write_all(set_up.as_bytes())?;
    let mut answer = vec![0; 1024];
    let length = stream.read(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer[..length]);
    let session = answer
        .split_once("Session: ")
        .and_then(|(_, rest)| rest.split(';').next())
        .ok_or("no session")?;
    let play = format!("PLAY {url} RTSP/1.0\r\nCSeq: 2\r\nSession: {session}\r\n\r\n");
    stream.write_all(play.as_bytes())?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Reads all viewers' sockets for a while. Returns the bytes.
fn watch(viewers: &mut [TcpStream], secs: u64) -> Result<u64> {
    let mut scratch = vec![0; 1024 * 1024];
    let mut bytes = 0;
    for _ in 0..secs * 1000 / READ_EVERY.as_millis() as u64 {
        thread::sleep(READ_EVERY);
        for viewer in &mut *viewers {
            match viewer.read(&mut scratch) {
                Ok(0) => return Err("a viewer was sent away".into()),
                Ok(read) => bytes += read as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(bytes)
}

/// CPU time of the thread of this name, from the kernel's scheduler.
fn cpu_nanos(name: &str) -> Result<u64> {
    for task in fs::read_dir("/proc/self/task")? {
        let folder = task?.path();
        if fs::read_to_string(folder.join("comm"))?.trim() == name {
            let text = fs::read_to_string(folder.join("schedstat"))?;
            return Ok(text.split(' ').next().ok_or("no figure")?.parse()?);
        }
    }
    Err(format!("no thread is called {name}").into())
}
