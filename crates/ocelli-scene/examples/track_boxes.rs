//! Follows boxes from a text file: what `tools/tracker-compare` runs.
//!
//! Standard input, one look after another: `look SECS WIDTH HEIGHT`, then for each of its boxes
//! `box LABEL LEFT TOP WIDTH HEIGHT SCORE` in pixels. Standard output, for each confirmed object
//! that a look saw: `LOOK TAG LABEL LEFT TOP WIDTH HEIGHT`, looks from 0. Arguments: the threshold
//! from which a box may begin an object, and optionally the tracker's numbers as JSON.
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::{error::Error, io::BufRead as _};

use ocelli_core::{
    BBox, Detection, Detections, MediaTime, StreamId, TagKey, WallSource, WallTime,
    settings::SceneSettings,
};
use ocelli_scene::{Scene, tracker::Params};

struct Reader {
    scene: Scene,
    look: usize,
    open: Option<(Detections, f32, f32)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let threshold = arguments
        .next()
        .ok_or("the threshold is missing")?
        .parse()?;
    let settings = SceneSettings {
        threshold,
        ..SceneSettings::default()
    };
    let stream = StreamId(0);
    let mut scene = Scene::new(stream, &settings, TagKey::from_seed(0, stream, 0), 0)?;
    if let Some(json) = arguments.next() {
        scene.set_tracker_params(serde_json::from_str::<Params>(&json)?);
    }
    let mut reader = Reader {
        scene,
        look: 0,
        open: None,
    };
    for line in std::io::stdin().lock().lines() {
        reader.line(&line?)?;
    }
    reader.finish();
    Ok(())
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), Box<dyn Error>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["look", secs, width, height] => {
                self.finish();
                let (width, height): (f32, f32) = (width.parse()?, height.parse()?);
                let detections = Detections {
                    stream: StreamId(0),
                    at: MediaTime::from_secs(secs.parse()?),
                    wall: WallTime::default(),
                    wall_source: WallSource::Receive,
                    aspect: width / height,
                    items: Vec::new(),
                };
                self.open = Some((detections, width, height));
            }
            ["box", label, left, top, w, h, score] => {
                let (detections, width, height) =
                    self.open.as_mut().ok_or("a box before a look")?;
                detections.items.push(Detection {
                    bbox: BBox {
                        x: left.parse::<f32>()? / *width,
                        y: top.parse::<f32>()? / *height,
                        w: w.parse::<f32>()? / *width,
                        h: h.parse::<f32>()? / *height,
                    },
                    label: label.parse()?,
                    score: score.parse()?,
                });
            }
            _ => return Err(format!("neither a look nor a box: {line}").into()),
        }
        Ok(())
    }

    fn finish(&mut self) {
        let Some((detections, width, height)) = self.open.take() else {
            return;
        };
        self.scene.look(&detections, 1.0, &mut Vec::new());
        for track in self.scene.tracks().iter().filter(|track| track.seen) {
            let BBox { x, y, w, h } = track.bbox;
            println!(
                "{} {} {} {:.2} {:.2} {:.2} {:.2}",
                self.look,
                track.tag.0,
                track.label,
                x * width,
                y * height,
                w * width,
                h * height
            );
        }
        self.look += 1;
    }
}
