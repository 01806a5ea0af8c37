//! The live feed of boxes: who is where now. Boxes are live only: nothing keeps them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{extract::State, response::Response};
use ocelli_core::{Label, wire::TrackBox};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use utoipa::ToSchema;

use super::{
    Api,
    problem::Problem,
    query::Query,
    socket::{Ending, Feed, Heard, Opening},
    trace,
};
use crate::{
    access::{Principal, PrincipalId},
    live::BoxUpdate,
};

/// Streams of one subscription: following people across cameras is made hard.
const STREAMS_MAX: usize = 16;

/// What the feed of boxes says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum BoxMessage {
    /// From now on these streams are followed.
    Following {
        /// Their names.
        streams: Vec<String>,
    },
    /// What a look found.
    Boxes {
        /// Name of the stream.
        stream: String,
        /// Wall time of the look.
        #[schema(format = DateTime)]
        time: String,
        /// Media time of the look.
        media_secs: f64,
        /// Who is where.
        boxes: Vec<BoxEntry>,
    },
    /// Updates were left out because they were not taken in time.
    Lagged {
        /// How many, of all streams.
        missed: u64,
    },
    /// The streams that were asked for cannot be followed; the ones before are.
    Refused {
        /// Why.
        detail: String,
    },
    /// Nothing else to say: the feed lives.
    Alive,
}

/// One tag in a picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BoxEntry {
    /// Its anonymous name.
    tag: String,
    /// What it is.
    #[schema(value_type = String)]
    label: Label,
    /// `[x, y, w, h]`, 0..1, origin top left.
    #[serde(rename = "box")]
    #[schema(min_items = 4, max_items = 4)]
    bbox: [f32; 4],
    /// Confidence, 0..1.
    score: f32,
    /// Whether the last look saw it; otherwise the box is predicted.
    seen: bool,
    /// Whether it stands still.
    stationary: bool,
}

/// What a client may say: follow these streams instead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Follow {
    /// Names of at most 16 streams.
    #[schema(max_items = 16)]
    streams: Vec<String>,
}

impl From<&TrackBox> for BoxEntry {
    fn from(track: &TrackBox) -> Self {
        let bbox = track.bbox;
        Self {
            tag: track.tag.to_string(),
            label: track.label,
            bbox: [bbox.x, bbox.y, bbox.w, bbox.h].map(|side| (side * 1e4).round() / 1e4),
            score: (track.score * 1e3).round() / 1e3,
            seen: track.seen,
            stationary: track.stationary,
        }
    }
}

/// Follows the boxes of up to 16 streams over a WebSocket. A text message
/// `{"streams": [...]}` follows others instead. Each message is a `BoxMessage`.
#[utoipa::path(
    get,
    path = "/api/v1/boxes/live",
    tag = "live",
    params(
        ("stream" = Vec<String>, Query, min_items = 1, max_items = 16,
            description = "The streams to follow."),
        ("ticket" = Option<String>, Query, description = "Instead of a token."),
    ),
    responses(
        (status = 101, description = "The feed of `BoxMessage`.", body = BoxMessage,
            content_type = "application/json"),
        (status = 404, description = "There is no such stream within reach.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn live(
    State(api): State<Arc<Api>>,
    mut query: Query,
    opening: Result<Opening, Problem>,
) -> Result<Response, Problem> {
    let streams: Vec<String> = query.many("stream", STREAMS_MAX);
    let _ticket: Option<String> = query.one("ticket");
    if streams.is_empty() {
        query.refuse("stream", "name a stream to follow");
    }
    query.finish()?;
    let opening = opening?;
    let follow = following(&api, opening.principal(), streams)?;
    Ok(opening.run(&api, |feed| run(feed, follow)))
}

/// Checks the streams, and counts them as followed.
fn following(
    api: &Arc<Api>,
    principal: &Arc<Principal>,
    streams: Vec<String>,
) -> Result<Following, Problem> {
    if streams.len() > STREAMS_MAX {
        return Err(Problem::invalid_at(
            "/streams",
            format!("at most {STREAMS_MAX} streams at a time"),
        ));
    }
    let streams: BTreeSet<String> = streams.into_iter().collect();
    for name in &streams {
        if !principal.sees(name) || api.site.engine.stream(name).is_none() {
            return Err(Problem::not_found("stream", name));
        }
    }
    let most = principal.role.box_streams_max();
    if !api.followed.add(&principal.id, &streams, most) {
        return Err(Problem::forbidden(format!(
            "the boxes of at most {most} streams may be followed at a time"
        )));
    }
    Ok(Following {
        api: Arc::clone(api),
        principal: principal.id.clone(),
        streams,
    })
}

/// Streams that a feed follows; they are counted until it is dropped.
struct Following {
    api: Arc<Api>,
    principal: PrincipalId,
    streams: BTreeSet<String>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.api.followed.remove(&self.principal, &self.streams);
    }
}

/// How many feeds of each principal follow each stream.
#[derive(Default)]
pub(crate) struct Followed(Mutex<HashMap<PrincipalId, HashMap<String, usize>>>);

impl Followed {
    /// Counts `streams`, unless the principal would follow more than `most` different ones.
    fn add(&self, principal: &PrincipalId, streams: &BTreeSet<String>, most: usize) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let have = all.entry(principal.clone()).or_default();
        let new = streams
            .iter()
            .filter(|name| !have.contains_key(*name))
            .count();
        let fits = have.len() + new <= most;
        if fits {
            for name in streams {
                *have.entry(name.clone()).or_default() += 1;
            }
        } else if have.is_empty() {
            all.remove(principal);
        }
        fits
    }

    fn remove(&self, principal: &PrincipalId, streams: &BTreeSet<String>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(have) = all.get_mut(principal) else {
            return;
        };
        for name in streams {
            if let Some(feeds) = have.get_mut(name) {
                *feeds -= 1;
                if *feeds == 0 {
                    have.remove(name);
                }
            }
        }
        if have.is_empty() {
            all.remove(principal);
        }
    }
}

async fn run(mut feed: Feed, follow: Following) {
    let updates = feed.api().site.hub.subscribe_boxes();
    let ending = match follow_all(&mut feed, follow, updates).await {
        Ok(()) => Ending::Left,
        Err(ending) => ending,
    };
    feed.end(ending).await;
}

async fn follow_all(
    feed: &mut Feed,
    mut follow: Following,
    mut updates: Receiver<Arc<BoxUpdate>>,
) -> Result<(), Ending> {
    feed.say(&told(&follow)).await?;
    loop {
        tokio::select! {
            heard = feed.hear() => match heard {
                Heard::Text(text) => follow = changed(feed, follow, &text).await?,
                Heard::Beat => feed.beat(&BoxMessage::Alive).await?,
                Heard::End(ending) => return Err(ending),
            },
            update = updates.recv() => match update {
                Ok(update) if follow.streams.contains(&*update.stream) => {
                    feed.say(&message(&update)).await?;
                }
                Ok(_another) => {}
                Err(RecvError::Lagged(missed)) => feed.say(&BoxMessage::Lagged { missed }).await?,
                Err(RecvError::Closed) => return Err(Ending::Stopping),
            },
        }
    }
}

/// Follows other streams, if they may be.
async fn changed(feed: &mut Feed, follow: Following, text: &str) -> Result<Following, Ending> {
    let Follow { streams } = serde_json::from_str(text).map_err(|_other| Ending::Misspoken)?;
    let before: Vec<String> = follow.streams.iter().cloned().collect();
    // Given back first: the old ones do not count against the new ones.
    drop(follow);
    let (api, principal) = (Arc::clone(feed.api()), Arc::clone(feed.principal()));
    let recorded = follow_recorded(&api, &principal, streams).await;
    match recorded {
        Ok(follow) => {
            feed.say(&told(&follow)).await?;
            Ok(follow)
        }
        Err(problem) => {
            let follow = following(&api, &principal, before).map_err(|_gone| Ending::NoLonger)?;
            let detail = problem.told();
            feed.say(&BoxMessage::Refused { detail }).await?;
            Ok(follow)
        }
    }
}

/// [`following`], once it is recorded.
async fn follow_recorded(
    api: &Arc<Api>,
    principal: &Arc<Principal>,
    streams: Vec<String>,
) -> Result<Following, Problem> {
    let follow = following(api, principal, streams)?;
    let names = follow.streams.iter().cloned().collect();
    trace::look_at(api, principal, "/api/v1/boxes/live", names, true).await?;
    Ok(follow)
}

fn told(follow: &Following) -> BoxMessage {
    BoxMessage::Following {
        streams: follow.streams.iter().cloned().collect(),
    }
}

fn message(update: &BoxUpdate) -> BoxMessage {
    BoxMessage::Boxes {
        stream: update.stream.to_string(),
        time: update.wall.to_rfc3339(),
        media_secs: (update.at.as_secs() * 1e3).round() / 1e3,
        boxes: update.boxes.iter().map(BoxEntry::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_streams_are_counted_over_all_feeds() {
        let followed = Followed::default();
        let anna = PrincipalId::User("anna".to_owned());
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        assert!(followed.add(&anna, &set(&["a", "b"]), 3));
        assert!(followed.add(&anna, &set(&["b", "c"]), 3));
        assert!(!followed.add(&anna, &set(&["c", "d"]), 3));
        let other = PrincipalId::User("ben".to_owned());
        assert!(followed.add(&other, &set(&["d"]), 3));
        followed.remove(&anna, &set(&["a", "b"]));
        assert!(followed.add(&anna, &set(&["d"]), 3));
        followed.remove(&anna, &set(&["b", "c"]));
        followed.remove(&anna, &set(&["d"]));
        followed.remove(&other, &set(&["d"]));
        assert!(followed.0.lock().unwrap().is_empty());
    }
}
