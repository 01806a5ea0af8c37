//! Notices for the people in front of the cameras: why, what is computed, how long it is kept, whom
//! to ask. They never hold a stream's name or address; a stream appears by its public id, or, without
//! one, as one of so many cameras with the same purpose.
//!
//! Everything that is said to people stands in `texts.json`, by language.

mod page;

use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::Label;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Configuration, config::StreamConfig, keep::TRAIL_HOURS_MAX};

pub use page::{LANGUAGES, page};

/// Notices of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notices {
    /// The site's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub site: Option<String>,
    /// Whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub contact: Option<String>,
    /// One for each camera with a public id, and one for each group of others that are alike.
    pub notices: Vec<Notice>,
}

/// What people in front of a camera, or of some that are alike, may know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Notice {
    /// The camera's public id; left out: this is about several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<String>,
    /// Cameras that this is about.
    pub cameras: u64,
    /// Why they are watched.
    pub purpose: String,
    /// What is looked for.
    pub labels: Vec<String>,
    /// Kinds of rules that count something of it.
    pub rules: BTreeSet<String>,
    /// How long events are kept, in hours.
    pub retention_hours: u32,
    /// How long it is kept at most where something went in the picture, in hours.
    pub trail_hours: u32,
}

impl Notices {
    /// The notices of the streams that run.
    pub fn of(configuration: &Configuration) -> Self {
        let mut alike: BTreeMap<Notice, u64> = BTreeMap::new();
        for stream in configuration
            .streams
            .values()
            .filter(|stream| stream.enabled)
        {
            *alike.entry(notice(stream)).or_default() += 1;
        }
        let counted = |(notice, cameras)| Notice { cameras, ..notice };
        Self {
            site: configuration.site.name.clone(),
            contact: configuration.site.contact.clone(),
            notices: alike.into_iter().map(counted).collect(),
        }
    }

    /// The notice of one camera alone.
    pub fn only(mut self, id: &str) -> Option<Self> {
        self.notices
            .retain(|notice| notice.id.as_deref() == Some(id));
        (!self.notices.is_empty()).then_some(self)
    }
}

fn notice(stream: &StreamConfig) -> Notice {
    let scene = &stream.settings.scene;
    let labels = if scene.labels.is_empty() {
        Label::ALL.to_vec()
    } else {
        scene.labels.clone()
    };
    let hours = stream.retention.hours();
    Notice {
        id: stream.public_id.clone(),
        cameras: 1,
        purpose: stream.purpose.clone(),
        labels: labels.iter().map(ToString::to_string).collect(),
        rules: scene.rules.iter().map(|rule| rule.kind.clone()).collect(),
        retention_hours: hours,
        trail_hours: hours.min(TRAIL_HOURS_MAX),
    }
}
