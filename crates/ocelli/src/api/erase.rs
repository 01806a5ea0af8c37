//! Erasing what a stream's cameras saw, by those who protect.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use ocelli_core::WallTime;
use ocelli_sinks::store::Erased;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    body::{Json, Segments},
    identity::Asker,
    problem::Problem,
    trace,
};
use crate::record::{Deed, Who};

/// An erasure that takes longer goes on without whoever asked.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// What is to be erased of a stream.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erasure {
    /// Events from this time on.
    #[schema(format = DateTime)]
    from: String,
    /// Events before this time; not in the future.
    #[schema(format = DateTime)]
    to: String,
    /// Only say how many events there are; nothing is erased.
    #[serde(default)]
    only_count: bool,
}

/// What became of an erasure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErasureEntry {
    /// Whether it is done. Otherwise it goes on, and the record says when it is.
    done: bool,
    /// Events that were taken out, or, where they were only counted, that would be.
    events: u64,
    /// Stills whose keys were destroyed.
    stills: u64,
    /// Files that were written anew or removed.
    files: Vec<String>,
    /// Different byte strings of what was erased that were looked for afterwards.
    searched_for: u64,
    /// Bytes of the store that were searched for them.
    searched_bytes: u64,
    /// How often one was found: 0 is the proof.
    found: u64,
}

/// Erases the events and stills of a stream in a range of time: the files that hold events are
/// written anew, the old ones overwritten, the keys of stills destroyed, and all bytes searched for
/// what was erased.
#[utoipa::path(
    post,
    path = "/api/v1/streams/{name}/erase",
    tag = "record",
    params(("name" = String, Path, description = "Name of the stream; it need not run any longer.")),
    request_body = Erasure,
    responses(
        (status = 200, description = "It is done, or counted.", body = ErasureEntry),
        (status = 202, description = "It goes on.", body = ErasureEntry),
    )
)]
pub(crate) async fn erase(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    Segments(name): Segments<String>,
    Json(erasure): Json<Erasure>,
) -> Result<Response, Problem> {
    let from = time("/from", &erasure.from)?;
    let to = time("/to", &erasure.to)?;
    let events = api.site.store.erasable(&name, from, to).await?;
    if erasure.only_count {
        let counted = ErasureEntry {
            done: false,
            events,
            stills: 0,
            files: Vec::new(),
            searched_for: 0,
            searched_bytes: 0,
            found: 0,
        };
        return Ok(axum::Json(counted).into_response());
    }
    let who = trace::who(&principal);
    let asked = Deed::ErasureAsked {
        stream: name.clone(),
        from: from.to_rfc3339(),
        to: to.to_rfc3339(),
    };
    trace::note(&api, Some(who.clone()), asked).await?;
    // Nobody's patience ends it half way.
    let work = tokio::spawn(erased(Arc::clone(&api), who, name, from, to));
    match tokio::time::timeout(ANSWERED_WITHIN, work).await {
        Ok(Ok(erased)) => {
            let (erased, stills) = erased?;
            Ok(axum::Json(entry(erased, stills)).into_response())
        }
        Ok(Err(_panicked)) => Err(Problem::unavailable("the erasure did not end")),
        Err(_elapsed) => {
            let goes_on = ErasureEntry {
                done: false,
                ..entry(Erased::default(), 0)
            };
            Ok((StatusCode::ACCEPTED, axum::Json(goes_on)).into_response())
        }
    }
}

async fn erased(
    api: Arc<Api>,
    who: Who,
    stream: String,
    from: WallTime,
    to: WallTime,
) -> Result<(Erased, u64), Problem> {
    let stills = api.site.stills.erase(&stream, from, to).await?;
    let mut erased = api.site.store.erase(&stream, from, to).await?;
    stills.add_to(&mut erased);
    api.site.hub.recent().forget(&stream, from, to);
    let deed = Deed::Erased {
        stream,
        from: from.to_rfc3339(),
        to: to.to_rfc3339(),
        events: erased.events,
        searched_bytes: erased.searched_bytes,
        found: erased.found,
    };
    trace::note(&api, Some(who), deed).await?;
    Ok((erased, stills.stills))
}

fn entry(erased: Erased, stills: u64) -> ErasureEntry {
    ErasureEntry {
        done: true,
        events: erased.events,
        stills,
        files: erased.files.into_iter().map(|file| file.file).collect(),
        searched_for: erased.searched_for,
        searched_bytes: erased.searched_bytes,
        found: erased.found,
    }
}

fn time(at: &str, text: &str) -> Result<WallTime, Problem> {
    WallTime::from_rfc3339(text)
        .ok_or_else(|| Problem::invalid_at(at, "not a time such as 2026-11-24T08:30:00Z"))
}
