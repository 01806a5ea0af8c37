//! The web API: routes, who may use them, and the server.
//!
//! [`Api::router`] makes the routes, [`serve::serve`] answers with them. Every request passes the
//! guard: Host, proof of who asks, rate, and the one table of route x right x object.

mod account;
mod body;
mod boxes;
mod counts;
mod erase;
mod events;
mod exports;
mod eyes;
mod groups;
mod guard;
mod health;
mod histograms;
mod host;
mod identity;
mod kinds;
mod launch;
mod live_events;
mod login;
mod metrics;
mod notices;
mod openapi;
mod page;
mod patience;
mod probe;
mod problem;
mod query;
mod rate;
mod record;
mod scene;
mod sent;
pub mod serve;
mod settings;
mod socket;
mod stills;
mod streams;
mod system;
mod table;
mod ticket;
mod tls;
mod tokens;
mod trace;
mod users;
mod watching;

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use axum::{Router, middleware};
use bytes::Bytes;
use ocelli_core::WallTime;
use ocelli_sinks::{stills::Stills, store::Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Configuration, Hub,
    access::{Access, PrincipalId},
    edit::Editor,
    keep::Plates,
    record::{Record, Sight},
    sinks::SinkBoard,
    token::TokenCheck,
};
pub use launch::{LaunchError, Running, launch};
pub use rate::Rate;
use rate::{Attempts, RateLimit};
pub use tls::TlsError;
pub use watching::Watching;

/// How the API behaves.
#[derive(Clone)]
pub struct ApiOptions {
    /// Host names, besides addresses and `localhost`, that requests may name.
    pub hosts: Vec<String>,
    /// A token from the configuration, of the owner.
    pub token: Option<TokenCheck>,
    /// Requests of one token or user.
    pub requests: Rate,
    /// Wrong tokens of one address; beyond it the answers wait.
    pub refusals: Rate,
    /// Most bytes of a request's body.
    pub body_bytes_max: usize,
    /// Whether browsers come over TLS only.
    pub secure: bool,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            token: None,
            requests: Rate {
                burst: 200.0,
                per_sec: 50.0,
            },
            refusals: Rate {
                burst: 30.0,
                per_sec: 1.0,
            },
            body_bytes_max: 1 << 20,
            secure: false,
        }
    }
}

/// What is served.
pub struct Served {
    /// Runs the streams.
    pub engine: Arc<dyn Watching>,
    /// What happened.
    pub store: Store,
    /// Stills of tags.
    pub stills: Stills,
    /// The empty scenes.
    pub plates: Plates,
    /// What happens now.
    pub hub: Hub,
    /// Who looked, and what was changed.
    pub record: Record,
    /// Changes streams.
    pub editor: Editor,
    /// The configuration that is in force.
    pub configuration: watch::Receiver<Arc<Configuration>>,
    /// How the sinks do.
    pub sinks: SinkBoard,
    /// When the program was started.
    pub started: WallTime,
}

/// What the routes serve from.
pub struct Api {
    site: Served,
    settings: ApiOptions,
    access: Access,
    /// Wall time now.
    now: fn() -> WallTime,
    /// Ends live feeds.
    stop: CancellationToken,
    tickets: ticket::Tickets,
    requests: RateLimit<PrincipalId>,
    refusals: RateLimit<IpAddr>,
    attempts: Attempts,
    sight: Sight,
    followed: boxes::Followed,
    probes: probe::Probes,
    document: OnceLock<Bytes>,
}

impl Api {
    /// Makes the API; live feeds end at `stop`.
    pub fn new(
        settings: ApiOptions,
        site: Served,
        access: Access,
        now: fn() -> WallTime,
        stop: CancellationToken,
    ) -> Self {
        Self {
            requests: RateLimit::new(settings.requests),
            refusals: RateLimit::new(settings.refusals),
            attempts: Attempts::new(),
            sight: Sight::default(),
            settings,
            site,
            access,
            now,
            stop,
            tickets: ticket::Tickets::default(),
            followed: boxes::Followed::default(),
            probes: probe::Probes::default(),
            document: OnceLock::new(),
        }
    }

    /// The routes with everything that guards them.
    pub fn router(self: Arc<Self>) -> Router {
        let (router, document) = routes_and_document();
        // The document of an API that was asked for its routes before is the same.
        let _same = self.document.set(openapi::finished(&document));
        router
            .fallback(guard::no_route)
            .method_not_allowed_fallback(guard::no_method)
            .layer(middleware::from_fn_with_state(
                Arc::clone(&self),
                guard::inner,
            ))
            // Behind the outer guard only: the page's own files are for everyone.
            .merge(page::router())
            .layer(middleware::from_fn_with_state(
                Arc::clone(&self),
                guard::outer,
            ))
            .with_state(self)
    }
}

/// Every route, and the document that describes them.
fn routes_and_document() -> (Router<Arc<Api>>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(openapi::begun())
        .routes(routes!(system::healthz))
        .routes(routes!(system::readyz))
        .routes(routes!(openapi::document))
        .routes(routes!(notices::page))
        .routes(routes!(notices::page_of))
        .routes(routes!(notices::list))
        .routes(routes!(ticket::issue))
        .routes(routes!(login::login))
        .routes(routes!(login::login_by_link))
        .routes(routes!(login::logout))
        .routes(routes!(account::me))
        .routes(routes!(account::set_password))
        .routes(routes!(tokens::list, tokens::add))
        .routes(routes!(tokens::remove))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::show, users::change, users::remove))
        .routes(routes!(users::new_link))
        .routes(routes!(groups::list))
        .routes(routes!(groups::put, groups::remove))
        .routes(routes!(kinds::kinds))
        .routes(routes!(metrics::metrics))
        .routes(routes!(health::health))
        .routes(routes!(eyes::list))
        .routes(routes!(streams::list))
        .routes(routes!(streams::show))
        .routes(routes!(erase::erase))
        .routes(routes!(scene::show))
        .routes(routes!(settings::show, settings::put, settings::remove))
        .routes(routes!(settings::profiles))
        .routes(routes!(probe::probe))
        .routes(routes!(stills::plate))
        .routes(routes!(events::list))
        .routes(routes!(stills::of_event))
        .routes(routes!(counts::counts))
        .routes(routes!(exports::counts))
        .routes(routes!(record::list))
        .routes(routes!(record::checkpoint))
        .routes(routes!(live_events::live))
        .routes(routes!(boxes::live))
        .split_for_parts()
}
