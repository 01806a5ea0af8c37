//! What a look costs: CPU microseconds of [`Scene::look`] and of [`Scene::state`] at 10, 50 and 200 objects.
//!
//! `cargo run --release -p ocelli-scene --example tracker_cost`
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::error::Error;

use ocelli_core::{
    BBox, Detection, Detections, Label, MediaTime, StreamId, TagKey, WallSource, WallTime,
    settings::{RuleSettings, SceneSettings},
};
use ocelli_scene::Scene;

const LOOKS: u32 = 2_000;
const STATES: u32 = 500;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    println!("objects  us/look least  us/look median  us/state  state bytes");
    for objects in [10, 50, 200] {
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            costs.push(cost(objects)?);
        }
        costs.sort_by(|a, b| a.look_micros.total_cmp(&b.look_micros));
        let (least, median) = (&costs[0], &costs[ROUNDS / 2]);
        println!(
            "{objects:>7} {:>14.1} {:>15.1} {:>9.1} {:>12}",
            least.look_micros, median.look_micros, least.state_micros, least.state_bytes
        );
    }
    Ok(())
}

struct Cost {
    look_micros: f64,
    state_micros: f64,
    state_bytes: usize,
}

/// Walkers on a grid that cross each other, at 10 looks a second, with a line to cross.
fn cost(objects: u32) -> Result<Cost, Box<dyn Error>> {
    let stream = StreamId(0);
    let settings = SceneSettings {
        rules: vec![RuleSettings {
            kind: "line".to_owned(),
            json: r#"{"name":"door","points":[[0.5,0.0],[0.5,1.0]]}"#.to_owned(),
        }],
        ..SceneSettings::default()
    };
    let mut scene = Scene::new(stream, &settings, TagKey::from_seed(0, stream, 0), 0)?;
    let looks: Vec<Detections> = (0..LOOKS).map(|look| detections(objects, look)).collect();
    let mut events = Vec::new();
    let before = cpu_nanos()?;
    for look in &looks {
        events.clear();
        scene.look(look, 1.0, &mut events);
    }
    let spent = cpu_nanos()? - before;
    let followed = scene.tracks().iter().filter(|track| track.seen).count();
    if followed * 10 < objects as usize * 9 {
        return Err(format!("only {followed} of {objects} objects are followed").into());
    }
    let before = cpu_nanos()?;
    let mut state_bytes = 0;
    for _ in 0..STATES {
        state_bytes = scene.state().body.len();
    }
    let state_spent = cpu_nanos()? - before;
    Ok(Cost {
        look_micros: spent as f64 / 1e3 / f64::from(LOOKS),
        state_micros: state_spent as f64 / 1e3 / f64::from(STATES),
        state_bytes,
    })
}

fn detections(objects: u32, look: u32) -> Detections {
    let columns = f64::from(objects).sqrt().ceil();
    let at = f64::from(look) / 10.0;
    let items = (0..objects).map(|object| {
        let (row, column) = (f64::from(object) / columns, f64::from(object) % columns);
        let swing = (at * 0.3 + f64::from(object) * 2.4).sin() * 0.4 / columns;
        let shake = f64::from((object * 7 + look * 13) % 11) / 11.0 - 0.5;
        let h = 0.6 / columns;
        Detection {
            bbox: BBox {
                x: (0.15 + 0.7 * column / columns + swing + 0.02 * shake * h) as f32,
                y: (0.02 + 0.9 * row.floor() / columns + 0.02 * shake * h) as f32,
                w: (h * 0.3) as f32,
                h: h as f32,
            },
            label: Label::Person,
            score: 0.7 + 0.2 * shake as f32,
        }
    });
    Detections {
        stream: StreamId(0),
        at: MediaTime::from_secs(at),
        wall: WallTime::default(),
        wall_source: WallSource::Receive,
        aspect: 16.0 / 9.0,
        items: items.collect(),
    }
}

/// CPU time of this thread so far, as the kernel counts it.
fn cpu_nanos() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split_whitespace().next().ok_or("schedstat is empty")?;
    Ok(first.parse()?)
}
