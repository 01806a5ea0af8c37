//! Measures what it costs to fill a detector's tensor from a picture, on painted pictures.
//!
//! ```text
//! cargo run --release -p ocelli-vision --example tensor_cost
//! ```
#![expect(clippy::print_stdout, reason = "an example prints")]

use ocelli_vision::tensor::TensorFiller;

#[path = "../tests/vision/painted.rs"]
mod painted;

const ROUNDS: u32 = 300;

fn main() {
    for (width, height, input_width, input_height) in [
        (640, 360, 320, 192),
        (768, 576, 320, 192),
        (1280, 720, 320, 192),
        (1920, 1080, 320, 192),
        (640, 360, 416, 416),
        (1920, 1080, 416, 416),
        (320, 240, 416, 416),
    ] {
        let settings = painted::plain_settings("nanodet", (input_width, input_height));
        let picture = painted::picture((width, height), painted::YUV_420, |x, y| {
            [x as u8, y as u8, (x ^ y) as u8]
        });
        let mut filler = TensorFiller::new(&settings);
        let mut tensor = vec![0.0; filler.floats()];
        let mut least = u64::MAX;
        let mut sum = 0;
        for _ in 0..ROUNDS {
            let started = thread_cpu_nanos();
            filler.fill(&picture, std::hint::black_box(&mut tensor));
            let took = thread_cpu_nanos() - started;
            least = least.min(took);
            sum += took;
        }
        println!(
            "{width}x{height} to {input_width}x{input_height}: least {:.3} ms, mean {:.3} ms",
            least as f64 / 1e6,
            sum as f64 / 1e6 / f64::from(ROUNDS)
        );
    }
}

fn thread_cpu_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
