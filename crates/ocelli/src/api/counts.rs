//! How many events there were, in buckets of time.

use std::{collections::BTreeSet, str::FromStr, sync::Arc};

use axum::{Json, extract::State};
use ocelli_core::{Direction, EventKind, Label, WallTime};
use ocelli_sinks::store::{BUCKETS_MAX, CountBucket, CountQuery, NAMES_MAX, SplitBy};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, events, identity::Asker, problem::Problem, query::Query};

/// Without `from`, so far back.
const SPAN_SECS: i64 = 86_400;
/// Longest bucket: a leap year.
const BUCKET_SECS_MAX: u64 = 366 * 86_400;

/// Numbers of events.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Those that are not zero, by time.
    buckets: Vec<CountEntry>,
    /// Files of the store that could not be read whole: something may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<String>,
}

/// The number of events of one sort in one bucket of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountEntry {
    /// When the bucket begins.
    #[schema(format = DateTime)]
    start: String,
    /// The stream, where split by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stream: Option<String>,
    /// The kind, where split by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    kind: Option<&'static str>,
    /// The label, where split by it and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    label: Option<&'static str>,
    /// The zone or line, where split by it and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    place: Option<String>,
    /// The direction across a line, where split by it and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    direction: Option<&'static str>,
    /// How many.
    events: u64,
}

impl From<CountBucket> for CountEntry {
    fn from(bucket: CountBucket) -> Self {
        Self {
            start: bucket.start.to_rfc3339(),
            stream: bucket.stream,
            kind: bucket.kind.map(EventKind::as_str),
            label: bucket.label.map(Label::as_str),
            place: bucket.place,
            direction: bucket.direction.map(|direction| match direction {
                Direction::Right => "right",
                Direction::Left => "left",
            }),
            events: bucket.events,
        }
    }
}

/// Counts events within reach, in buckets of time.
#[utoipa::path(
    get,
    path = "/api/v1/counts",
    tag = "events",
    params(
        ("stream" = Option<Vec<String>>, Query, description = "Only of one of these streams."),
        ("kind" = Option<Vec<String>>, Query, description = "Only of one of these kinds."),
        ("label" = Option<Vec<String>>, Query, description = "Only with one of these labels."),
        ("rule" = Option<String>, Query, description = "Only of the rule of this name."),
        ("place" = Option<String>, Query, description = "Only in this zone or at this line."),
        ("from" = Option<String>, Query, format = DateTime,
            description = "From this time on; a day back without it."),
        ("to" = Option<String>, Query, format = DateTime,
            description = "Before this time; now without it."),
        ("bucket_secs" = Option<u64>, Query, minimum = 1, maximum = 31_622_400,
            description = "Length of a bucket; 3600 without it. Multiples of 300 are fast."),
        ("by" = Option<Vec<String>>, Query,
            description = "Split by `stream`, `kind`, `label`, `place`, `direction`."),
    ),
    responses((status = 200, description = "The counts.", body = Counts))
)]
pub(crate) async fn counts(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    mut query: Query,
) -> Result<Json<Counts>, Problem> {
    let streams: Vec<String> = query.many("stream", NAMES_MAX);
    let kinds = query.many("kind", EventKind::ALL.len());
    let labels = query.many("label", Label::ALL.len());
    let (rule, place) = (query.one("rule"), query.one("place"));
    let (from, to) = (query.time("from"), query.time("to"));
    let bucket_secs = query.number("bucket_secs", 1, BUCKET_SECS_MAX, 3600) as u32;
    let by: BTreeSet<Split> = query.many("by", 5).into_iter().collect();
    query.finish()?;
    if let Some(foreign) = streams.iter().find(|name| !principal.sees(name)) {
        return Err(Problem::not_found("stream", foreign));
    }
    let to = to.unwrap_or_else(|| (api.now)());
    let from = from.unwrap_or(WallTime {
        micros: to.micros.saturating_sub(SPAN_SECS * 1_000_000),
    });
    if from >= to {
        return Err(Problem::invalid_at("from", "not before `to`"));
    }
    let span_secs = to.micros.saturating_sub(from.micros) / 1_000_000;
    if span_secs / i64::from(bucket_secs) >= BUCKETS_MAX {
        let text = format!("more than {BUCKETS_MAX} buckets: take longer ones");
        return Err(Problem::invalid_at("bucket_secs", text));
    }
    let Some(streams) = events::names(&api, &principal, &streams)? else {
        return Ok(Json(Counts::default()));
    };
    let question = CountQuery {
        streams,
        kinds,
        labels,
        rule,
        place,
        from,
        to,
        bucket_secs,
        by: SplitBy {
            stream: by.contains(&Split::Stream),
            kind: by.contains(&Split::Kind),
            label: by.contains(&Split::Label),
            place: by.contains(&Split::Place),
            direction: by.contains(&Split::Direction),
        },
    };
    let counts = api.site.store.counts(question).await?;
    Ok(Json(Counts {
        buckets: counts.buckets.into_iter().map(CountEntry::from).collect(),
        damaged: counts.damaged,
    }))
}

/// What buckets are split by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Split {
    Stream,
    Kind,
    Label,
    Place,
    Direction,
}

impl FromStr for Split {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "stream" => Ok(Self::Stream),
            "kind" => Ok(Self::Kind),
            "label" => Ok(Self::Label),
            "place" => Ok(Self::Place),
            "direction" => Ok(Self::Direction),
            _ => Err("expected one of: stream, kind, label, place, direction"),
        }
    }
}
