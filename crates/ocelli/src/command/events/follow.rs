//! `ocelli events --follow`: what is new, again and again.
//!
//! Events are filed by the time at which they happened, and some are stored a little later than
//! others. So the last minute is looked at again, and what was shown is known by its id.

use std::{collections::BTreeMap, time::Duration};

use ocelli_core::{EventRecord, WallTime};
use ocelli_engine::clock;

use super::{
    super::CommandError,
    Page,
    print::{Form, print},
};

/// Between two questions.
const EVERY: Duration = Duration::from_millis(500);
/// How late an event may be stored and still be shown.
const LATE_MICROS: i64 = 60_000_000;
/// Every so many questions the whole minute is looked at; the others end where all is known.
const THOROUGH_EVERY: u32 = 20;

/// What was shown lately.
pub(super) struct Follow {
    /// Id of an event -> its time in microseconds.
    known: BTreeMap<String, i64>,
    /// The latest time of an event that was seen.
    newest_micros: i64,
    questions: u32,
}

impl Follow {
    /// Knows what is there at `now`. `ask` gives a page of events since a time, the latest first,
    /// after a cursor.
    pub(super) fn begin(
        now: WallTime,
        ask: &mut impl FnMut(WallTime, Option<&str>) -> Result<Page, CommandError>,
    ) -> Result<Self, CommandError> {
        let mut follow = Self {
            known: BTreeMap::new(),
            newest_micros: now.micros,
            questions: 0,
        };
        follow.new_events(now, ask)?;
        Ok(follow)
    }

    /// These were shown.
    pub(super) fn know(&mut self, events: &[EventRecord]) {
        for event in events {
            self.is_new(event);
        }
    }

    /// Prints what is new until something fails.
    pub(super) fn run(
        mut self,
        form: Form,
        ask: &mut impl FnMut(WallTime, Option<&str>) -> Result<Page, CommandError>,
    ) -> Result<(), CommandError> {
        loop {
            std::thread::sleep(EVERY);
            let new = self.new_events(clock::wall(), ask)?;
            print(&new, form, false)?;
        }
    }

    /// What was not known yet, the earliest first.
    fn new_events(
        &mut self,
        now: WallTime,
        ask: &mut impl FnMut(WallTime, Option<&str>) -> Result<Page, CommandError>,
    ) -> Result<Vec<EventRecord>, CommandError> {
        let is_thorough = self.questions.is_multiple_of(THOROUGH_EVERY);
        self.questions = self.questions.wrapping_add(1);
        // A camera's clock may run ahead of this machine's.
        let from = WallTime {
            micros: self.newest_micros.min(now.micros) - LATE_MICROS,
        };
        let mut new = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = ask(from, after.as_deref())?;
            let before = new.len();
            new.extend(page.events.into_iter().filter(|event| self.is_new(event)));
            after = page.next;
            if after.is_none() || (new.len() == before && !is_thorough) {
                break;
            }
        }
        let oldest = from.micros - LATE_MICROS;
        self.known.retain(|_, micros| *micros >= oldest);
        new.reverse();
        Ok(new)
    }

    fn is_new(&mut self, event: &EventRecord) -> bool {
        let micros = event.wall().unwrap_or_default().micros;
        self.newest_micros = self.newest_micros.max(micros);
        self.known.insert(event.id.clone(), micros).is_none()
    }
}

#[cfg(test)]
mod tests {
    use ocelli_sinks::store::PAGE_MAX;

    use super::*;

    const START_MICROS: i64 = 1_795_509_000_000_000;

    fn event(number: i64, micros: i64) -> EventRecord {
        let time = WallTime { micros }.to_rfc3339();
        let text = format!(
            r#"{{"id":"0000000000000abc-{number:x}","stream":"lobby","kind":"gone","score":0.5,
            "box":[0.1,0.2,0.1,0.2],"time":"{time}","time_source":"receive","media_secs":1.0,
            "coverage":1.0}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    /// Answers as the API does: the latest first, in pages.
    fn page(stored: &[EventRecord], from: WallTime, after: Option<&str>) -> Page {
        let mut events: Vec<EventRecord> = stored
            .iter()
            .filter(|event| event.wall().unwrap().micros >= from.micros)
            .cloned()
            .collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.wall().unwrap().micros));
        let begin: usize = after.map_or(0, |after| after.parse().unwrap());
        let end = events.len().min(begin + PAGE_MAX);
        Page {
            next: (end < events.len()).then(|| end.to_string()),
            events: events[begin..end].to_vec(),
        }
    }

    #[test]
    fn a_burst_and_a_latecomer_are_shown_once_each() {
        let mut stored: Vec<EventRecord> = (0..100)
            .map(|at| event(at, START_MICROS - at * 1000))
            .collect();
        let now = |secs: i64| WallTime {
            micros: START_MICROS + secs * 1_000_000,
        };
        let mut follow =
            Follow::begin(now(0), &mut |from, after| Ok(page(&stored, from, after))).unwrap();
        let mut ids = |stored: &[EventRecord], secs| -> Vec<String> {
            let new = follow
                .new_events(now(secs), &mut |from, after| Ok(page(stored, from, after)))
                .unwrap();
            new.into_iter().map(|event| event.id).collect()
        };
        assert!(ids(&stored, 1).is_empty(), "what was there is known");
        // Several pages between two questions.
        let burst: Vec<EventRecord> = (1000..6500)
            .map(|at| event(at, START_MICROS + at * 1000))
            .collect();
        stored.extend(burst.iter().cloned());
        let wanted: Vec<String> = burst.into_iter().map(|event| event.id).collect();
        // Without thousands of lines where it fails.
        assert!(ids(&stored, 2) == wanted);
        assert!(ids(&stored, 3).is_empty());
        // Filed before all of them, behind several pages.
        let late = event(9999, START_MICROS - 30_000_000);
        stored.push(late.clone());
        let mut shown = Vec::new();
        for secs in 4..4 + i64::from(THOROUGH_EVERY) {
            shown.extend(ids(&stored, secs));
        }
        assert_eq!(shown, [late.id]);
    }
}
