//! Asks a running ocelli through its API.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use ocelli_core::Secret;
use ocelli_engine::clock;
use serde::de::DeserializeOwned;
use url::Url;

use super::{CommandError, variable};
use crate::{
    access::{Access, Right},
    config::default_data_dir,
};

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How long work that was asked for may take: the API answers within 30 s.
const WORK_WITHIN: Duration = Duration::from_secs(45);
/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Which ocelli to ask.
#[derive(Debug, Clone, Args)]
pub(super) struct ClientArguments {
    /// Where the API is.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8750")]
    api: String,

    /// A file with the API's token; without it, the environment's `OCELLI_TOKEN`, or one that is
    /// made for an hour in the data directory.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// The data directory of the running ocelli.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A connection to the API.
pub(super) struct Client {
    agent: ureq::Agent,
    base: Url,
    token: Secret,
}

impl Client {
    /// Finds the API and its token, to look.
    pub(super) fn new(arguments: &ClientArguments) -> Result<Self, CommandError> {
        Self::with(arguments, &[Right::View])
    }

    /// Finds the API and its token; one that is made in the data directory has these rights.
    pub(super) fn with(
        arguments: &ClientArguments,
        rights: &[Right],
    ) -> Result<Self, CommandError> {
        let base = Url::parse(&arguments.api)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                CommandError::Usage("--api is not an http or https address".to_owned())
            })?;
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_WITHIN))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        Ok(Self {
            agent,
            base,
            token: find_token(arguments, rights)?,
        })
    }

    /// What the API answers to `path` with these queries.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, CommandError> {
        let mut url = self.base.clone();
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let asked = self
            .agent
            .get(url.as_str())
            .header("Authorization", self.bearer())
            .call();
        self.answer(path, asked)
    }

    /// What the API answers to `body`, sent to the path of these segments.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &serde_json::Value,
    ) -> Result<T, CommandError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        let asked = self
            .agent
            .post(url.as_str())
            .config()
            .timeout_global(Some(WORK_WITHIN))
            .build()
            .header("Authorization", self.bearer())
            .send_json(body);
        self.answer(url.path(), asked)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token.expose())
    }

    fn answer<T: DeserializeOwned>(
        &self,
        path: &str,
        asked: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, CommandError> {
        let mut answer = asked.map_err(|error| {
            CommandError::Failed(format!(
                "no answer from {}: {error}; is ocelli running there? (--api)",
                self.base
            ))
        })?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        if status == 401 {
            let reason =
                "the API refuses the token: name the right one with --token-file or --data";
            return Err(CommandError::failed(reason));
        }
        if !status.is_success() {
            let problem: serde_json::Value = body.read_json().unwrap_or_default();
            let detail = ["detail", "title"]
                .iter()
                .find_map(|key| problem.get(key)?.as_str())
                .unwrap_or("no reason given");
            return Err(CommandError::Failed(format!(
                "the API answers {status}: {detail}"
            )));
        }
        body.read_json().map_err(|error| {
            CommandError::Failed(format!("the answer to {path} is not understood: {error}"))
        })
    }
}

fn find_token(arguments: &ClientArguments, rights: &[Right]) -> Result<Secret, CommandError> {
    if let Some(file) = &arguments.token_file {
        return std::fs::read_to_string(file)
            .map(|text| Secret::new(text.trim()))
            .map_err(|error| CommandError::Failed(format!("{}: {error}", file.display())));
    }
    if let Some(token) = variable("OCELLI_TOKEN").filter(|token| !token.is_empty()) {
        return Ok(Secret::new(token));
    }
    let data_dir = match &arguments.data {
        Some(dir) => dir.clone(),
        None => default_data_dir(&variable),
    };
    let none = |reason: &str| {
        CommandError::Failed(format!(
            "no token: {reason} {}; name it with --token-file or --data",
            data_dir.display()
        ))
    };
    Access::local_token(&data_dir, rights, clock::wall())
        .map_err(|error| none(&format!("{error}:")))?
        .ok_or_else(|| none("ocelli was never started with"))
}
