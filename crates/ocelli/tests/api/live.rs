//! The live feed of events: nothing twice, nothing missing, under load and across interruptions.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use ocelli::access::Role;
use ocelli_core::{EventKind, EventRecord, Label};
use ocelli_sinks::store::RetentionClass;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::{
    boxes::{Socket, closed, next, open},
    events::event,
    site::{self, Site},
};

/// Ten times as long as anything here should take.
const SOON: Duration = Duration::from_mins(3);

fn appeared(stream: &str, number: u64) -> EventRecord {
    event(stream, number, EventKind::Appeared, Label::Person)
}

/// What the program does with events: store them, then hand them out.
async fn happen(site: &Site, events: Vec<EventRecord>) {
    let class = RetentionClass { hours: 24 };
    site.store.append(class, events.clone()).await.unwrap();
    for event in events {
        site.hub.send_event(Arc::new(event));
    }
}

/// What a client got: ids in order, and the last cursor.
#[derive(Default)]
struct Got {
    ids: Vec<String>,
    cursor: Option<String>,
}

impl Got {
    fn path(&self) -> String {
        match &self.cursor {
            Some(cursor) => format!("/api/v1/events/live?after={cursor}"),
            None => "/api/v1/events/live".to_owned(),
        }
    }

    /// Takes messages until there are `count` ids.
    async fn until(&mut self, socket: &mut Socket, count: usize) {
        while self.ids.len() < count {
            let message = next(socket).await;
            if message["type"] == "event" {
                self.ids
                    .push(message["event"]["id"].as_str().unwrap().to_owned());
                self.cursor = Some(message["cursor"].as_str().unwrap().to_owned());
            }
        }
    }
}

async fn begun(site: &Site, path: &str) -> (Socket, String) {
    let mut socket = open(site, path, Some(&site.owner())).await.unwrap();
    let begin = next(&mut socket).await;
    assert_eq!(begin["type"], "begin");
    let from = begin["from"].as_str().unwrap().to_owned();
    (socket, from)
}

#[tokio::test]
async fn events_arrive_and_filters_hold() {
    let site = site::start().await;
    let (mut all, from) = begun(&site, "/api/v1/events/live").await;
    assert_eq!(from, "now");
    assert_eq!(next(&mut all).await["type"], "current");
    let path = "/api/v1/events/live?stream=north-2&kind=appeared";
    let (mut some, _from) = begun(&site, path).await;
    happen(&site, vec![appeared("north-1", 1), appeared("north-2", 2)]).await;
    happen(
        &site,
        vec![event("north-2", 3, EventKind::Gone, Label::Person)],
    )
    .await;
    happen(&site, vec![appeared("north-2", 4)]).await;
    let mut got = Got::default();
    got.until(&mut all, 4).await;
    let mut filtered = Got::default();
    filtered.until(&mut some, 2).await;
    assert_eq!(filtered.ids, [got.ids[1].clone(), got.ids[3].clone()]);
}

#[tokio::test]
async fn a_viewer_gets_only_what_is_within_reach() {
    let site = site::start().await;
    let token = site.token_of(Role::Viewer, Some(&["south-*"])).await;
    let foreign = open(&site, "/api/v1/events/live?stream=north-1", Some(&token)).await;
    assert_eq!(foreign.unwrap_err(), 404);
    let mut socket = open(&site, "/api/v1/events/live", Some(&token))
        .await
        .unwrap();
    next(&mut socket).await;
    happen(&site, vec![appeared("north-1", 1), appeared("south-1", 2)]).await;
    let mut got = Got::default();
    got.until(&mut socket, 1).await;
    assert_eq!(got.ids, [appeared("south-1", 2).id]);
    // Also what is caught up from the store.
    let path = "/api/v1/events/live?after=s.0";
    let mut socket = open(&site, path, Some(&token)).await.unwrap();
    let mut got = Got::default();
    got.until(&mut socket, 1).await;
    assert_eq!(got.ids, [appeared("south-1", 2).id]);
}

/// Events happen all the time while a client comes and goes: in the end it has each one once, in
/// the order in which they were stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_and_goes_gets_everything_once() {
    const EVENTS: u64 = 6000;
    let site = Arc::new(site::start().await);
    let mut got = Got::default();
    let (mut socket, _from) = begun(&site, &got.path()).await;
    let happens = tokio::spawn({
        let site = Arc::clone(&site);
        async move {
            for first in (0..EVENTS).step_by(50) {
                let events = (first..first + 50).map(|number| {
                    // Of two streams in turn, whose times are not in the order of storing.
                    let (stream, number) = match number % 2 {
                        0 => ("north-1", number / 2),
                        _ => ("south-1", (number / 2 + 150) % 300),
                    };
                    let mut event = appeared(stream, number % 300);
                    event.id = format!("{:016x}-{:x}", 7, first * 1000 + number);
                    event
                });
                happen(&site, events.collect()).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });
    let mut resumed = 0;
    while got.ids.len() < EVENTS as usize {
        let goal = (got.ids.len() + 500).min(EVENTS as usize);
        got.until(&mut socket, goal).await;
        // What was sent and not read is lost with the connection.
        drop(socket);
        let (again, from) = begun(&site, &got.path()).await;
        assert_eq!(from, "behind");
        resumed += 1;
        socket = again;
    }
    happens.await.unwrap();
    assert!(resumed >= 10);
    let different: BTreeSet<&String> = got.ids.iter().collect();
    assert_eq!(different.len(), got.ids.len(), "one came twice");
    let stored = site.hub.recent().from(0, usize::MAX).unwrap();
    let stored: Vec<&String> = stored.iter().map(|event| &event.id).collect();
    assert_eq!(stored, got.ids.iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_nothing_is_missing_and_it_is_said() {
    let site = site::start().await;
    let mut got = Got::default();
    let (mut socket, _from) = begun(&site, &got.path()).await;
    // The times of tests stand still: these events are of the last minute.
    let at = |number: u64| appeared("north-1", 355 + number);
    happen(&site, (0..3).map(at).collect()).await;
    got.until(&mut socket, 3).await;
    // What another start would hand out: the store has it, the memory of this one has not.
    let class = RetentionClass { hours: 24 };
    site.store.append(class, vec![at(3), at(4)]).await.unwrap();
    let forgotten = got
        .cursor
        .clone()
        .unwrap()
        .replace(&got.ids[2], "00000000000000ff-1");
    let path = format!("/api/v1/events/live?after={forgotten}");
    let (mut socket, from) = begun(&site, &path).await;
    assert_eq!(from, "before");
    let mut again = Got::default();
    again.until(&mut socket, 5).await;
    assert_eq!(
        again.ids,
        (0..5).map(|number| at(number).id).collect::<Vec<_>>()
    );
    // Caught up, it goes on live, and its cursors are exact again.
    happen(&site, vec![at(0), appeared("south-1", 1)]).await;
    again.until(&mut socket, 6).await;
    assert_eq!(
        again.ids[5],
        appeared("south-1", 1).id,
        "nothing came twice"
    );
    let (_socket, from) = begun(&site, &again.path()).await;
    assert_eq!(from, "behind");
}

#[tokio::test]
async fn an_id_alone_is_good_while_it_is_remembered() {
    let site = site::start().await;
    happen(&site, vec![appeared("north-1", 1), appeared("north-1", 2)]).await;
    let newest = site.get("/api/v1/events?limit=1").await;
    assert_eq!(newest["events"][0]["id"], appeared("north-1", 2).id);
    let path = format!("/api/v1/events/live?after={}", appeared("north-1", 1).id);
    let (mut socket, from) = begun(&site, &path).await;
    assert_eq!(from, "behind");
    let mut got = Got::default();
    got.until(&mut socket, 1).await;
    assert_eq!(got.ids, [appeared("north-1", 2).id]);
    let path = "/api/v1/events/live?after=00000000000000ff-1";
    assert_eq!(
        open(&site, path, Some(&site.owner())).await.unwrap_err(),
        410
    );
    let path = "/api/v1/events/live?after=nonsense";
    assert_eq!(
        open(&site, path, Some(&site.owner())).await.unwrap_err(),
        422
    );
}

/// A client that reads nothing for a while falls behind what is remembered: it is told, and caught
/// up without a gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_is_told_and_caught_up() {
    const EVENTS: u64 = 45_000;
    let site = site::start().await;
    let (mut socket, _from) = begun(&site, "/api/v1/events/live").await;
    // More than the memory of the program and the buffers of the connection hold.
    for first in (0..EVENTS).step_by(5000) {
        let events = (first..first + 5000).map(|number| {
            let mut event = appeared("north-1", 355);
            event.id = format!("{:016x}-{number:x}", 9);
            event
        });
        happen(&site, events.collect()).await;
    }
    let mut lagged = false;
    let mut ids = BTreeSet::new();
    let reading = async {
        while ids.len() < EVENTS as usize {
            let message = next(&mut socket).await;
            match message["type"].as_str().unwrap() {
                "lagged" => lagged = true,
                "event" => {
                    let id = message["event"]["id"].as_str().unwrap().to_owned();
                    ids.insert(id);
                }
                _ => {}
            }
        }
    };
    timeout(SOON, reading).await.unwrap();
    assert!(lagged);
}

#[tokio::test]
async fn feeds_end_when_the_program_stops_or_the_client_talks() {
    let site = site::start().await;
    let (mut talks, _from) = begun(&site, "/api/v1/events/live").await;
    futures_util::SinkExt::send(&mut talks, "hello".into())
        .await
        .unwrap();
    assert_eq!(closed(&mut talks).await, CloseCode::Invalid);
    let (mut waits, _from) = begun(&site, "/api/v1/events/live").await;
    site.stop.cancel();
    assert_eq!(closed(&mut waits).await, CloseCode::Away);
    assert!(timeout(SOON, waits.next()).await.unwrap().is_none());
}
