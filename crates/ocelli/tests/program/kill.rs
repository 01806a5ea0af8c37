//! The whole program is killed at any moment: every event that could be read is there afterwards,
//! once, and the next start needs no repair.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use super::*;
use crate::{
    live::{cameras, log, start, wait_until},
    running::children,
};

/// Rounds: starts that are killed.
fn rounds() -> u64 {
    if std::env::var_os("OCELLI_TEST_LONG").is_some() {
        500
    } else {
        20
    }
}

/// A seed's numbers (Steele, Lea and Flood 2014, `SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

type Events = BTreeMap<String, String>;

/// Events by their id, and an id that stands there twice.
fn by_id(lines: Vec<String>) -> (Events, Option<String>) {
    let (mut events, mut twice) = (Events::new(), None);
    for line in lines {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        let id = event["id"].as_str().unwrap().to_owned();
        if events.insert(id.clone(), line).is_some() {
            twice = Some(id);
        }
    }
    (events, twice)
}

fn events(data: &Path) -> Events {
    let (events, twice) = by_id(stored(data));
    assert_eq!(twice, None, "an event is there twice");
    events
}

/// An event of `kept` that is not in `there`, or not as it was.
fn lost<'a>(kept: &'a Events, there: &Events) -> Option<&'a String> {
    let gone = kept.iter().find(|(id, line)| there.get(*id) != Some(line));
    gone.map(|(id, _)| id)
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_kept() {
    let Some(clip) = clip("a_kill_at_any_moment_loses_nothing_that_was_kept") else {
        return;
    };
    let seed = std::env::var("OCELLI_TEST_SEED").map_or(7, |seed| seed.parse().unwrap());
    eprintln!("OCELLI_TEST_SEED={seed}");
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ocelli.yaml");
    let (_cameras, url) = cameras(&clip);
    let other = url.replace("/cam/0", "/cam/1");
    fs::write(
        &file,
        format!(
            "profiles: {{ p: {{ purpose: test, retention: 2h }} }}\n\
             streams:\n  a: {{ url: \"{url}\", profile: p }}\n  b: {{ url: \"{other}\", profile: p }}\n"
        ),
    )
    .unwrap();
    let mut kept = Events::new();
    let mut at_work = 0;
    for round in 0..rounds() {
        let mut running = start(dir.path(), &file);
        // One in three dies while it starts, the others at work.
        if random.below(3) > 0 {
            wait_until("events come", || {
                let now = if dir.path().join(ocelli::run::STORE_FOLDER).is_dir() {
                    events(dir.path())
                } else {
                    Events::new()
                };
                let more = now.len() > kept.len();
                // What can be read is committed: it is acknowledged.
                kept.extend(now);
                more
            });
            at_work += 1;
        }
        thread::sleep(Duration::from_millis(random.below(400)));
        let eyes = children(running.0.id());
        running.0.kill().unwrap();
        running.0.wait().unwrap();
        wait_until("its eyes end with it", || {
            eyes.iter()
                .all(|eye| !Path::new(&format!("/proc/{eye}/exe")).exists())
        });
        if !dir.path().join(ocelli::run::STORE_FOLDER).is_dir() {
            assert!(kept.is_empty());
            continue;
        }
        let after = events(dir.path());
        assert_eq!(lost(&kept, &after), None, "round {round}");
        let told = log(dir.path());
        assert!(!told.contains("damaged"), "round {round}: {told}");
        kept = after;
    }
    eprintln!("{} events after {at_work} kills at work", kept.len());
    assert!(at_work > 0 && !kept.is_empty());
    // The twins: an event that is lost, one that is changed, and one that comes twice are seen.
    let lines = || kept.values().cloned().collect::<Vec<_>>();
    let (mut there, twice) = by_id(lines());
    assert_eq!((lost(&kept, &there), twice), (None, None));
    let (id, line) = there.pop_first().unwrap();
    assert_eq!(lost(&kept, &there), Some(&id));
    there.insert(id.clone(), line.replace('a', "b"));
    assert_eq!(lost(&kept, &there), Some(&id));
    let again = [lines(), vec![line]].concat();
    assert_eq!(by_id(again).1, Some(id));
}
