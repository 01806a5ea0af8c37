//! Detects in a raw H.264 or H.265 clip and writes MOT detections (`frame,-1,left,top,width,height,score,-1,-1,-1`).
//!
//! ```text
//! ffmpeg -i clip.mp4 -c copy -bsf:v h264_mp4toannexb clip.h264
//! detect_clip clip.h264 model.onnx family 320x192 letterbox|stretch every label [threshold [libavcodec|rust]]
//! ```
//! Prints CPU milliseconds of each stage to standard error.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints"
)]

use std::process::ExitCode;

use ocelli_core::settings::{DecoderKind, DetectorSettings, Resize};

#[path = "../tests/vision/clip.rs"]
mod clip;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [file, model, family, size, resize, every, label, rest @ ..] = arguments else {
        return Err("see the first lines of this example".to_owned());
    };
    let (width, height) = size.split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
    let number = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
    let settings = DetectorSettings {
        input_width: number(width)?,
        input_height: number(height)?,
        resize: if resize == "stretch" {
            Resize::Stretch
        } else {
            Resize::Letterbox
        },
        threshold_low: rest
            .first()
            .map_or(Ok(0.05), |text| text.parse())
            .map_err(|error: std::num::ParseFloatError| error.to_string())?,
        ..clip::detector_settings(family)
    };
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let codec = if file.ends_with("265") {
        ocelli_core::Codec::H265
    } else {
        ocelli_core::Codec::H264
    };
    let model = std::fs::read(model).map_err(|error| error.to_string())?;
    let mut detector = clip::detector(&settings, &model)?;
    let every = number(every)? as usize;
    let kind = match rest.get(1).map(String::as_str) {
        None | Some("libavcodec") => DecoderKind::Libavcodec,
        Some("rust") => DecoderKind::Rust,
        Some(other) => return Err(format!("unknown decoder `{other}`")),
    };
    let mut costs = clip::Costs::default();
    clip::each_picture(&bytes, codec, kind, &mut costs, |at, picture, costs| {
        if at % every != 0 {
            return Ok(());
        }
        let (width, height) = (picture.width as f32, picture.height as f32);
        for item in clip::detect(&mut detector, &picture, costs)? {
            if item.label.as_str() == label {
                let bbox = item.bbox;
                println!(
                    "{},-1,{:.2},{:.2},{:.2},{:.2},{:.4},-1,-1,-1",
                    at + 1,
                    bbox.x * width + 1.0,
                    bbox.y * height + 1.0,
                    bbox.w * width,
                    bbox.h * height,
                    item.score
                );
            }
        }
        Ok(())
    })?;
    eprintln!("{costs}");
    Ok(())
}
