//! What macroblock maps cost: CPU of this thread for each P picture of raw H.264 streams (Annex B).
//!
//! `cargo run --release -p ocelli-media --example parse_cost -- FILE...`
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::{error::Error, fs};

use bytes::Bytes;
use ocelli_core::Codec;
use ocelli_media::bitstream::{
    annexb::AccessUnits,
    h264::{MacroblockMap, Parser},
};
use rustix::time::{ClockId, clock_gettime};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Every stream is read so many times; the cheapest counts.
const ROUNDS: usize = 7;

fn main() -> Result<()> {
    for path in std::env::args().skip(1) {
        measure(&path)?;
    }
    Ok(())
}

fn measure(path: &str) -> Result<()> {
    let mut pictures = access_units(&fs::read(path)?)?;
    let mut parser = Parser::new();
    let mut map = MacroblockMap::new();
    // Parameter sets come from all, costs from P pictures.
    let mut refused = 0;
    pictures.retain(|unit| match parser.parse(unit, &mut map) {
        Ok(()) => map.is_predicted(),
        Err(error) => {
            if refused == 0 {
                println!("{path}: {error}");
            }
            refused += 1;
            false
        }
    });
    let count = pictures.len().max(1) as f64;
    let bytes: usize = pictures.iter().map(Bytes::len).sum();
    let mut coded = 0.0;
    let mut cheapest = f64::MAX;
    for _ in 0..ROUNDS {
        coded = 0.0;
        let begun = cpu_ms();
        for unit in &pictures {
            parser.parse(unit, &mut map)?;
            coded += f64::from(map.coded_share());
        }
        cheapest = cheapest.min(cpu_ms() - begun);
    }
    println!(
        "{path}: {}x{} macroblocks, {} P pictures of {:.1} kbit ({:.0} kbit/s at 25), coded share {:.3}, \
         {:.4} CPU ms each, {:.1} ns a bit; {refused} refused",
        map.width(),
        map.height(),
        pictures.len(),
        bytes as f64 * 8.0 / 1000.0 / count,
        bytes as f64 * 8.0 / 1000.0 / count * 25.0,
        coded / count,
        cheapest / count,
        cheapest * 1e6 / (bytes.max(1) * 8) as f64,
    );
    Ok(())
}

fn access_units(stream: &[u8]) -> Result<Vec<Bytes>> {
    let mut cutter = AccessUnits::new(Codec::H264);
    cutter.push(stream);
    let mut units = Vec::new();
    while let Some(unit) = cutter.next_unit(false)? {
        units.push(unit.freeze());
    }
    while let Some(unit) = cutter.next_unit(true)? {
        units.push(unit.freeze());
    }
    Ok(units)
}

fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1000.0 + time.tv_nsec as f64 / 1e6
}
