//! Counts for others: guarded, so that they show nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Json, extract::State};
use ocelli_core::{EventKind, Label, WallTime};
use ocelli_sinks::store::{Cursor, EventQuery, NAMES_MAX, Order, PAGE_MAX};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, identity::Asker, problem::Problem, query::Query, trace};
use crate::{
    Configuration,
    config::Guard,
    export::{self, Cell},
    record::Deed,
};

const HOUR_MICROS: i64 = 3_600_000_000;
/// Cells of one export: hours times streams times labels.
const CELLS_MAX: usize = 50_000;
/// Events that are read for one.
const EVENTS_MAX: usize = 1_000_000;

/// Numbers of tags, guarded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Export {
    /// How small numbers are guarded, in words.
    guard: String,
    /// The numbers, by time, stream and label.
    counts: Vec<ExportEntry>,
}

/// The number of different tags in one hour or day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportEntry {
    /// When it begins.
    #[schema(format = DateTime)]
    start: String,
    /// The stream.
    stream: String,
    /// The label.
    label: String,
    /// Tags, as far as they are published: the sum over hours. Noise may make it negative.
    tags: i64,
    /// Hours that are left out of it because they held too few.
    left_out_hours: u32,
}

/// Exports numbers of tags: of whole hours that are over, guarded as the configuration says.
#[utoipa::path(
    get,
    path = "/api/v1/exports/counts",
    tag = "events",
    params(
        ("stream" = Option<Vec<String>>, Query, description = "Only of these streams."),
        ("kind" = Option<String>, Query,
            description = "What happened to the tags: `appeared` (without it), `entered` or `crossed`."),
        ("place" = Option<String>, Query,
            description = "The zone or line; needed for `entered` and `crossed`."),
        ("from" = String, Query, format = DateTime, description = "From the hour of this time on."),
        ("to" = String, Query, format = DateTime, description = "Before the hour of this time."),
        ("every" = Option<String>, Query, description = "One number for each `hour` (without it) or `day`."),
    ),
    responses((status = 200, description = "The numbers.", body = Export))
)]
pub(crate) async fn counts(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    mut query: Query,
) -> Result<Json<Export>, Problem> {
    let mut streams: Vec<String> = query.many("stream", NAMES_MAX);
    let kind: Option<String> = query.one("kind");
    let place: Option<String> = query.one("place");
    let (from, to) = (query.time("from"), query.time("to"));
    let every: Option<String> = query.one("every");
    let kind = match (kind.as_deref(), &place) {
        (None | Some("appeared"), None) => EventKind::Appeared,
        (Some("entered"), Some(_)) => EventKind::Entered,
        (Some("crossed"), Some(_)) => EventKind::Crossed,
        _ => {
            query.refuse(
                "kind",
                "`appeared` without a place, or `entered` or `crossed` with one",
            );
            EventKind::Appeared
        }
    };
    let bucket_hours = match every.as_deref() {
        None | Some("hour") => 1,
        Some("day") => 24,
        Some(_) => {
            query.refuse("every", "expected `hour` or `day`");
            1
        }
    };
    if from.is_none() || to.is_none() {
        query.refuse("from", "both `from` and `to` are needed");
    }
    query.finish()?;
    let hour = |time: Option<WallTime>| time.unwrap_or_default().micros.div_euclid(HOUR_MICROS);
    // What goes on would show who came since the export before.
    let hours = hour(from)..hour(to).min(hour(Some((api.now)())));
    let configuration = Arc::clone(&api.site.configuration.borrow());
    if let Some(foreign) = streams
        .iter()
        .find(|name| !principal.sees(name) || !configuration.streams.contains_key(name.as_str()))
    {
        return Err(Problem::not_found("stream", foreign));
    }
    let all = streams.is_empty();
    if all {
        let names = configuration
            .streams
            .keys()
            .filter(|name| principal.sees(name));
        streams = names.map(ToString::to_string).collect();
    }
    streams.sort_unstable();
    streams.dedup();
    let guard = configuration.exports;
    let exported = Deed::Exported {
        what: "/api/v1/exports/counts".to_owned(),
        streams: if all {
            Vec::new()
        } else {
            streams.iter().take(20).cloned().collect()
        },
        from: at(hours.start).to_rfc3339(),
        to: at(hours.end).to_rfc3339(),
        guard: told(guard),
    };
    trace::note(&api, Some(trace::who(&principal)), exported).await?;
    let released = Released {
        labels: streams
            .iter()
            .map(|name| (name.clone(), labels(&configuration, name)))
            .collect(),
        kind,
        place: place.unwrap_or_default(),
        hours,
    };
    let cells: usize = released.labels.values().map(Vec::len).sum();
    if cells.saturating_mul(released.hours.clone().count()) > CELLS_MAX {
        return Err(Problem::invalid_at(
            "from",
            "too much at once: ask for fewer hours or streams",
        ));
    }
    let tags = released.tags(&api).await?;
    let data_dir = configuration.data_dir.clone();
    let key = tokio::task::spawn_blocking(move || export::key(&data_dir))
        .await
        .map_err(|_panicked| Problem::unavailable("there is no key for exports"))?
        .map_err(|error| Problem::unavailable(format!("there is no key for exports: {error}")))?;
    Ok(Json(Export {
        guard: told(guard),
        counts: released.counts(guard, &key, &tags, bucket_hours),
    }))
}

/// What an export is made of.
struct Released {
    labels: BTreeMap<String, Vec<Label>>,
    kind: EventKind,
    place: String,
    hours: std::ops::Range<i64>,
}

type Tags = BTreeMap<(i64, String, Label), BTreeSet<String>>;

impl Released {
    /// The different tags of each cell that has any.
    async fn tags(&self, api: &Api) -> Result<Tags, Problem> {
        let mut tags = Tags::new();
        if self.labels.is_empty() || self.hours.is_empty() {
            return Ok(tags);
        }
        let mut question = EventQuery {
            streams: self.labels.keys().cloned().collect(),
            kinds: vec![self.kind],
            place: Some(self.place.clone()).filter(|place| !place.is_empty()),
            from: Some(at(self.hours.start)),
            to: Some(at(self.hours.end)),
            order: Order::OldestFirst,
            limit: PAGE_MAX,
            ..EventQuery::default()
        };
        let mut read = 0;
        loop {
            let page = api.site.store.query(question.clone()).await?;
            read += page.events.len();
            for event in page.events {
                let hour = event.wall().map(|wall| wall.micros.div_euclid(HOUR_MICROS));
                if let (Some(hour), Some(tag), Some(label)) = (hour, event.tag, event.label) {
                    tags.entry((hour, event.stream, label))
                        .or_default()
                        .insert(tag);
                }
            }
            let next: Option<Cursor> = page.next;
            if next.is_none() {
                return Ok(tags);
            }
            if read > EVENTS_MAX {
                let text = "too much at once: ask for fewer hours or streams";
                return Err(Problem::invalid_at("from", text));
            }
            question.after = next;
        }
    }

    fn counts(
        &self,
        guard: Guard,
        key: &export::ExportKey,
        tags: &Tags,
        bucket_hours: i64,
    ) -> Vec<ExportEntry> {
        let mut counts: BTreeMap<(i64, &str, Label), (i64, u32)> = BTreeMap::new();
        for hour in self.hours.clone() {
            for (stream, labels) in &self.labels {
                for label in labels {
                    let number = tags
                        .get(&(hour, stream.clone(), *label))
                        .map_or(0, BTreeSet::len);
                    let cell = Cell {
                        stream,
                        kind: self.kind.as_str(),
                        label: label.as_str(),
                        place: &self.place,
                        hour,
                    };
                    let start = hour.div_euclid(bucket_hours) * bucket_hours;
                    let (sum, left_out) = counts.entry((start, stream, *label)).or_default();
                    match export::guarded(guard, key, &cell, number as u64) {
                        Some(number) => *sum += number,
                        None => *left_out += 1,
                    }
                }
            }
        }
        let entry = |((start, stream, label), (tags, left_out_hours)): ((i64, &str, Label), _)| {
            ExportEntry {
                start: at(start).to_rfc3339(),
                stream: stream.to_owned(),
                label: label.as_str().to_owned(),
                tags,
                left_out_hours,
            }
        };
        counts.into_iter().map(entry).collect()
    }
}

/// The labels that a stream follows: what is exported does not depend on what was seen.
fn labels(configuration: &Configuration, stream: &str) -> Vec<Label> {
    let followed = configuration
        .streams
        .get(stream)
        .map(|stream| stream.settings.scene.labels.clone())
        .unwrap_or_default();
    if followed.is_empty() {
        Label::ALL.to_vec()
    } else {
        followed
    }
}

fn at(hour: i64) -> WallTime {
    WallTime {
        micros: hour.saturating_mul(HOUR_MICROS),
    }
}

fn told(guard: Guard) -> String {
    match guard {
        Guard::Least(least) => format!("hours with fewer than {least} tags are left out"),
        Guard::Noise { epsilon_milli } => format!(
            "two-sided geometric noise, epsilon {} for a tag in an hour",
            f64::from(epsilon_milli) / 1000.0
        ),
    }
}
