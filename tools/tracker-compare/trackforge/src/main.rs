//! The crate `trackforge` behind the text of `track_boxes`, and what it costs.
//!
//! `trackforge-boxes byte|oc THRESHOLD KEPT_LOOKS` reads looks and boxes and writes tracks as the example
//! `track_boxes` of `ocelli-scene` does. `trackforge-boxes cost` prints CPU microseconds of a look.

use std::{error::Error, io::BufRead};

use trackforge::trackers::{
    byte_track::{ByteTrack, ByteTrackParams},
    common::CommonParams,
    ocsort::{OcSort, OcSortParams},
};

type Failure = Box<dyn Error>;
/// Left, top, width and height; score; class.
type Found = ([f32; 4], f32, i64);

/// Labels that are followed together: the trackers know no classes.
const GROUPS: [&[&str]; 3] = [
    &["person"],
    &["bicycle", "motorcycle"],
    &["car", "bus", "truck", "train"],
];

enum Kind {
    Byte(ByteTrack),
    Oc(OcSort, f32),
}

impl Kind {
    /// With the crate's defaults but for the score from which a box begins a track, and how long a lost one is kept.
    fn new(name: &str, threshold: f32, kept_looks: usize) -> Result<Self, Failure> {
        let common = CommonParams {
            max_age: kept_looks,
            min_hits: 3,
        };
        Ok(match name {
            "byte" => Self::Byte(ByteTrack::from_params(ByteTrackParams {
                common,
                track_thresh: threshold,
                det_thresh: threshold,
                ..ByteTrackParams::default()
            })),
            "oc" => Self::Oc(
                OcSort::from_params(OcSortParams {
                    common,
                    ..OcSortParams::default()
                }),
                threshold,
            ),
            _ => return Err(format!("`{name}` is neither byte nor oc").into()),
        })
    }

    /// Names and boxes of what this look saw.
    fn look(&mut self, found: Vec<Found>) -> Vec<(u64, [f32; 4])> {
        match self {
            Self::Byte(tracker) => tracker
                .update(found)
                .into_iter()
                .map(|t| (t.track_id, t.tlwh))
                .collect(),
            // It has no second stage for unsure boxes.
            Self::Oc(tracker, threshold) => {
                let sure = found
                    .into_iter()
                    .filter(|(_, score, _)| score >= threshold)
                    .collect();
                tracker
                    .update(sure)
                    .into_iter()
                    .map(|t| (t.track_id, t.tlwh))
                    .collect()
            }
        }
    }
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cost"] => cost(),
        [kind, threshold, kept] => follow(kind, threshold.parse()?, kept.parse()?),
        _ => Err("expected byte|oc THRESHOLD KEPT_LOOKS, or cost".into()),
    }
}

fn follow(kind: &str, threshold: f32, kept_looks: usize) -> Result<(), Failure> {
    let mut trackers = Vec::new();
    for _ in GROUPS {
        trackers.push(Kind::new(kind, threshold, kept_looks)?);
    }
    let mut look = 0;
    let mut open: Option<Vec<(usize, Found)>> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["look", ..] => {
                if let Some(found) = open.replace(Vec::new()) {
                    finish(look, found, &mut trackers);
                    look += 1;
                }
            }
            ["box", label, left, top, width, height, score] => {
                let group = GROUPS
                    .iter()
                    .position(|group| group.contains(&label))
                    .ok_or("an unknown label")?;
                let sides = [left.parse()?, top.parse()?, width.parse()?, height.parse()?];
                open.as_mut()
                    .ok_or("a box before a look")?
                    .push((group, (sides, score.parse()?, 0)));
            }
            _ => return Err(format!("neither a look nor a box: {line}").into()),
        }
    }
    if let Some(found) = open {
        finish(look, found, &mut trackers);
    }
    Ok(())
}

fn finish(look: usize, found: Vec<(usize, Found)>, trackers: &mut [Kind]) {
    for (number, tracker) in trackers.iter_mut().enumerate() {
        let of_group = found
            .iter()
            .filter(|(group, _)| *group == number)
            .map(|(_, found)| *found);
        for (name, [left, top, width, height]) in tracker.look(of_group.collect()) {
            let name = name * GROUPS.len() as u64 + number as u64;
            println!(
                "{look} {name} {} {left:.2} {top:.2} {width:.2} {height:.2}",
                GROUPS[number][0]
            );
        }
    }
}

/// The walkers on a grid of `ocelli-scene`'s example `tracker_cost`, in pixels of 640x360.
fn cost() -> Result<(), Failure> {
    // The kernel counts CPU time in ticks: fewer looks of few objects would take none.
    const BOXES: u32 = 100_000;
    println!("objects  tracker  us/look, least of 5");
    for objects in [10, 50, 200] {
        let count = BOXES / objects;
        for name in ["byte", "oc"] {
            let mut least = f64::INFINITY;
            for _ in 0..5 {
                let mut tracker = Kind::new(name, 0.5, 30)?;
                let looks: Vec<Vec<Found>> = (0..count).map(|look| grid(objects, look)).collect();
                let before = cpu_nanos()?;
                let mut followed = 0;
                for look in looks {
                    followed = tracker.look(look).len();
                }
                let spent = cpu_nanos()? - before;
                if followed * 10 < objects as usize * 9 {
                    return Err(format!("only {followed} of {objects} objects are followed").into());
                }
                least = least.min(spent as f64 / 1e3 / f64::from(count));
            }
            println!("{objects:>7}  {name:>7}  {least:.1}");
        }
    }
    Ok(())
}

fn grid(objects: u32, look: u32) -> Vec<Found> {
    let columns = f64::from(objects).sqrt().ceil();
    let at = f64::from(look) / 10.0;
    let walker = |object: u32| {
        let (row, column) = (f64::from(object) / columns, f64::from(object) % columns);
        let swing = (at * 0.3 + f64::from(object) * 2.4).sin() * 0.4 / columns;
        let shake = f64::from((object * 7 + look * 13) % 11) / 11.0 - 0.5;
        let h = 0.6 / columns;
        let x = 640.0 * (0.15 + 0.7 * column / columns + swing + 0.02 * shake * h);
        let y = 360.0 * (0.02 + 0.9 * row.floor() / columns + 0.02 * shake * h);
        (
            [
                x as f32,
                y as f32,
                (640.0 * h * 0.3) as f32,
                (360.0 * h) as f32,
            ],
            0.7 + 0.2 * shake as f32,
            0,
        )
    };
    (0..objects).map(walker).collect()
}

/// CPU time of this thread so far, as the kernel counts it.
fn cpu_nanos() -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text
        .split_whitespace()
        .next()
        .ok_or("schedstat is empty")?
        .parse()?)
}
