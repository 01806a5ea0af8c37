//! The live feed of events, with resume.
//!
//! Events come in the order in which they were stored. A client that was away names the last one
//! it got. While the program still remembers that event (see [`crate::live::Recent`]) the feed
//! goes on right behind it: no gap, no duplicate. Otherwise the store is asked for everything
//! since shortly before: an event may come again, none is missing, and the feed says so.

use std::{fmt, str::FromStr, sync::Arc};

use axum::{extract::State, response::Response};
use ocelli_core::{EventRecord, WallTime};
use ocelli_sinks::store::{EventQuery, Order, PAGE_MAX};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::{
    Api,
    events::{EventEntry, EventFilter},
    identity::Asker,
    problem::Problem,
    query::Query,
    sent::Sent,
    socket::{Ending, Feed, Heard, Opening},
};

/// Events that are taken out of memory at a time.
const BATCH: usize = 256;
/// An event may be stored so long after it happened and still not be missed by a resume that has
/// to ask the store.
const LATE_SECS: i64 = 60;

/// What the feed of events says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum EventMessage {
    /// The feed begins.
    Begin {
        /// From where.
        from: Begin,
    },
    /// An event.
    Event {
        /// Send it as `after` to go on behind this event.
        cursor: String,
        /// The event.
        event: Box<EventEntry>,
    },
    /// The client was too slow and fell behind what is remembered; it is caught up from the store.
    Lagged,
    /// Everything until now has been sent.
    Current,
    /// Nothing else to say: the feed lives.
    Alive,
}

/// Where a feed begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Begin {
    /// Now.
    Now,
    /// Right behind the event that was named.
    Behind,
    /// A minute before the event that was named: some may come again, and their ids tell.
    Before,
}

/// How far a client got.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    /// It got everything that was stored up to this event; when it was handed out is known if the
    /// client gave the whole cursor.
    Behind {
        id: String,
        handed_out: Option<WallTime>,
    },
    /// It was being caught up in order of time, and got so far.
    CaughtUpTo(WallTime),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind {
                id,
                handed_out: Some(at),
            } => write!(f, "l.{}.{id}", at.micros),
            Self::Behind {
                id,
                handed_out: None,
            } => f.write_str(id),
            Self::CaughtUpTo(at) => write!(f, "s.{}", at.micros),
        }
    }
}

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const NONE: &str = "neither a cursor of this feed nor the id of an event";
        let is_id = |id: &str| {
            id.len() <= 64
                && id.contains('-')
                && id.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-')
        };
        let time = |micros: &str| micros.parse().map(|micros| WallTime { micros });
        let mut parts = text.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("l"), Some(micros), Some(id), None) if is_id(id) => Ok(Self::Behind {
                id: id.to_owned(),
                handed_out: Some(time(micros).map_err(|_no_number| NONE)?),
            }),
            (Some("s"), Some(micros), None, None) => {
                Ok(Self::CaughtUpTo(time(micros).map_err(|_no_number| NONE)?))
            }
            (Some(id), None, None, None) if is_id(id) => Ok(Self::Behind {
                id: id.to_owned(),
                handed_out: None,
            }),
            _ => Err(NONE),
        }
    }
}

/// Follows events over a WebSocket, as they are stored. With `after` it first sends what came
/// since then. Each message is an `EventMessage`.
#[utoipa::path(
    get,
    path = "/api/v1/events/live",
    tag = "live",
    params(
        ("stream" = Option<Vec<String>>, Query, description = "Only of one of these streams."),
        ("kind" = Option<Vec<String>>, Query, description = "Only of one of these kinds."),
        ("label" = Option<Vec<String>>, Query, description = "Only with one of these labels."),
        ("tag" = Option<String>, Query, description = "Only of this tag."),
        ("rule" = Option<String>, Query, description = "Only of the rule of this name."),
        ("place" = Option<String>, Query, description = "Only in this zone or at this line."),
        ("after" = Option<String>, Query,
            description = "The cursor of the last event that was got, or an event's id."),
        ("ticket" = Option<String>, Query, description = "Instead of a token."),
    ),
    responses(
        (status = 101, description = "The feed of `EventMessage`.", body = EventMessage,
            content_type = "application/json"),
        (status = 410, description = "The event is no longer remembered: send its cursor.",
            body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn live(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    mut query: Query,
    opening: Result<Opening, Problem>,
) -> Result<Response, Problem> {
    let filter = EventFilter::read(&mut query, &principal);
    let after: Option<Position> = query.one("after");
    let _ticket: Option<String> = query.one("ticket");
    query.finish()?;
    filter.check()?;
    let opening = opening?;
    // From here on nothing is missed: what is stored later stands behind this position.
    let newest = api.site.hub.recent().newest();
    let now = *newest.borrow();
    let (begin, start) = match after {
        None => (Begin::Now, Start::At(now)),
        Some(Position::Behind { id, handed_out }) => {
            match (api.site.hub.recent().behind(&id), handed_out) {
                (Some(position), _) => (Begin::Behind, Start::At(position)),
                (None, Some(at)) => (Begin::Before, Start::Since(at)),
                (None, None) => return Err(Problem::forgotten()),
            }
        }
        Some(Position::CaughtUpTo(at)) => (Begin::Before, Start::Since(at)),
    };
    let names = filter.names(&api)?;
    let follow = Follow {
        filter,
        names,
        newest,
        next: now,
        last_at: None,
        sent: Sent::default(),
    };
    Ok(opening.run(&api, move |feed| run(feed, follow, begin, start)))
}

/// Where to start.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// At this position of what is remembered.
    At(u64),
    /// With what the store has since shortly before this time.
    Since(WallTime),
}

struct Follow {
    filter: EventFilter,
    /// Streams to ask the store for; `None`: none are within reach.
    names: Option<Vec<String>>,
    newest: watch::Receiver<u64>,
    /// Position of the next event that is not sent yet.
    next: u64,
    /// When the last batch was taken.
    last_at: Option<WallTime>,
    /// Events that were sent lately.
    sent: Sent,
}

async fn run(mut feed: Feed, mut follow: Follow, begin: Begin, start: Start) {
    let Err(ending) = follow_all(&mut feed, &mut follow, begin, start).await;
    feed.end(ending).await;
}

async fn follow_all(
    feed: &mut Feed,
    follow: &mut Follow,
    begin: Begin,
    start: Start,
) -> Result<std::convert::Infallible, Ending> {
    feed.say(&EventMessage::Begin { from: begin }).await?;
    match start {
        Start::At(position) => follow.next = position,
        Start::Since(at) => follow.catch_up(feed, at).await?,
    }
    let mut current = false;
    loop {
        match feed.api().site.hub.recent().from(follow.next, BATCH) {
            None => {
                feed.say(&EventMessage::Lagged).await?;
                let since = follow.last_at.unwrap_or_else(|| (feed.api().now)());
                follow.next = *follow.newest.borrow();
                follow.catch_up(feed, since).await?;
                current = false;
            }
            Some(events) if events.is_empty() => {
                if !current {
                    feed.say(&EventMessage::Current).await?;
                    current = true;
                }
                follow.wait(feed).await?;
            }
            Some(events) => {
                let taken_at = (feed.api().now)();
                for event in events {
                    follow.next += 1;
                    follow.send(feed, &event, taken_at).await?;
                }
                follow.last_at = Some(taken_at);
            }
        }
    }
}

impl Follow {
    /// Waits for the next event, and answers what the client says meanwhile.
    async fn wait(&mut self, feed: &mut Feed) -> Result<(), Ending> {
        loop {
            tokio::select! {
                changed = self.newest.changed() => {
                    return changed.map_err(|_closed| Ending::Stopping);
                }
                heard = feed.hear() => match heard {
                    Heard::Beat => feed.beat(&EventMessage::Alive).await?,
                    Heard::Text(_) => return Err(Ending::Misspoken),
                    Heard::End(ending) => return Err(ending),
                },
            }
        }
    }

    async fn send(
        &mut self,
        feed: &mut Feed,
        event: &Arc<EventRecord>,
        handed_out: WallTime,
    ) -> Result<(), Ending> {
        if !self.filter.wants(event) || !self.sent.is_new(&event.id) {
            return Ok(());
        }
        let position = Position::Behind {
            id: event.id.clone(),
            handed_out: Some(handed_out),
        };
        self.say(feed, &position, EventRecord::clone(event)).await
    }

    /// Sends what the store has since shortly before `since`, in order of time, except what was
    /// sent lately.
    async fn catch_up(&mut self, feed: &mut Feed, since: WallTime) -> Result<(), Ending> {
        let Some(names) = self.names.clone() else {
            return Ok(());
        };
        let from = WallTime {
            micros: since.micros.saturating_sub(LATE_SECS * 1_000_000),
        };
        let mut question = EventQuery {
            from: Some(from),
            order: Order::OldestFirst,
            limit: PAGE_MAX,
            ..self.filter.question(names)
        };
        loop {
            let page = feed.api().site.store.query(question.clone()).await;
            let page = page.map_err(|error| {
                tracing::error!(%error, "a feed cannot be caught up");
                Ending::Failed
            })?;
            for event in page.events {
                if !self.filter.wants(&event) || !self.sent.is_new(&event.id) {
                    continue;
                }
                let at = event.wall().unwrap_or(from).max(from);
                let at = at.min((feed.api().now)());
                self.say(feed, &Position::CaughtUpTo(at), event).await?;
            }
            // The client may have left meanwhile, and the token may have ended.
            feed.beat(&EventMessage::Alive).await?;
            match page.next {
                Some(next) => question.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn say(
        &mut self,
        feed: &mut Feed,
        position: &Position,
        event: EventRecord,
    ) -> Result<(), Ending> {
        let message = EventMessage::Event {
            cursor: position.to_string(),
            event: Box::new(EventEntry(event)),
        };
        feed.say(&message).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_what_they_print() {
        let at = WallTime {
            micros: 1_795_509_000_123_456,
        };
        for position in [
            Position::Behind {
                id: "0000000000000abc-11".to_owned(),
                handed_out: Some(at),
            },
            Position::Behind {
                id: "0000000000000abc-11".to_owned(),
                handed_out: None,
            },
            Position::CaughtUpTo(at),
        ] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for bad in [
            "",
            "l",
            "l.1",
            "l.x.0-1",
            "l.1.zz",
            "s.",
            "s.1.2",
            "nothing",
            "l.1.0-1.2",
        ] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }
}
