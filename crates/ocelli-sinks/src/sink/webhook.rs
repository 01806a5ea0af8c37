//! `webhook`: posts events to an address, signed, out of a queue that outlives this process.
//!
//! The signature is that of the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks>): `webhook-id`, `webhook-timestamp`
//! (Unix seconds) and `webhook-signature: v1,<base64>` with HMAC-SHA256 over
//! `<id>.<timestamp>.<body>`. A message may come twice, with the same id. Positions are as coarse
//! as the store's.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use minijinja::{Environment, UndefinedBehavior};
use ocelli_core::{
    EventKind, EventRecord, Secret, StageError,
    seam::{BoxFuture, Sink},
};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use tokio::sync::Notify;

use super::{SinkKind, SinkRequest};
use crate::{
    health::SinkHealth,
    post::Target,
    queue::{Queue, QueueError, Waiting},
    store::{Clock, Positions, SystemClock},
};

/// The kind.
pub static KIND: SinkKind = SinkKind {
    name: "webhook",
    summary: "signed requests over HTTP, repeated until they arrive",
    options_schema: super::schema::<Options>,
    check: |request| Checked::new(request).map(drop),
    build: |request| Webhook::new(&request).map(|sink| Box::new(sink) as Box<dyn Sink>),
    example: r#"{"url":"https://hooks.site.example/ocelli","secret":"at least 16 bytes that nobody guesses","kinds":["crossed"]}"#,
};

const SECRET_BYTES_MIN: usize = 16;
const TEMPLATE_BYTES_MAX: usize = 64 << 10;
/// Steps of a template: what runs longer is refused.
const TEMPLATE_FUEL: u64 = 50_000;
const MESSAGE_BYTES_MAX: usize = 1 << 20;
const MESSAGES_MAX: u64 = 100_000;
/// Events in one message, without a template.
const EVENTS_MAX: usize = 100;
const KEEP_HOURS_MAX: u32 = 720;
const HOUR_MS: i64 = 3_600_000;
/// The first pause after a failure; it doubles.
const PAUSE_MIN_MS: u64 = 1000;
const PAUSE_MAX_MS: u64 = 300_000;
/// How often the queue is looked at when nothing happens.
const IDLE: Duration = Duration::from_secs(30);

/// Its configuration.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Where requests go: http:// or https://. Redirects are not followed.
    url: String,
    /// The key of the signature: at least 16 bytes.
    #[serde(deserialize_with = "secret")]
    #[schemars(with = "String")]
    secret: Secret,
    /// Kinds of events that are sent; all by default.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    kinds: Vec<EventKind>,
    /// A minijinja template for the body of one event, whose fields it sees as `event`. Without it
    /// a body is `{"version":1,"events":[...]}`.
    #[serde(default)]
    template: Option<String>,
    /// The type of the body.
    #[serde(default = "json")]
    content_type: String,
    /// A message that did not arrive for so many hours is dropped: 1 to 720.
    #[serde(default = "day")]
    keep_hours: u32,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

fn json() -> String {
    "application/json".to_owned()
}

fn day() -> u32 {
    24
}

struct Webhook {
    kinds: Vec<EventKind>,
    template: Option<Environment<'static>>,
    queue: Arc<Mutex<Queue>>,
    news: Arc<Notify>,
    sending: tokio::task::AbortHandle,
}

/// A configuration that makes sense.
struct Checked {
    options: Options,
    target: Target,
    template: Option<Environment<'static>>,
}

impl Checked {
    fn new(request: &SinkRequest) -> Result<Self, StageError> {
        let mut options: Options = super::options(request)?;
        let rejected = |text: String| Err(StageError::Rejected(text));
        let target = Target::parse(&options.url, request.reach)?;
        if options.secret.expose().len() < SECRET_BYTES_MIN {
            return rejected(format!("`secret` is under {SECRET_BYTES_MIN} bytes"));
        }
        if !(1..=KEEP_HOURS_MAX).contains(&options.keep_hours) {
            return rejected(format!(
                "`keep_hours` is {}, expected 1 to {KEEP_HOURS_MAX}",
                options.keep_hours
            ));
        }
        let template = options.template.take().map(template).transpose()?;
        Ok(Self {
            options,
            target,
            template,
        })
    }
}

impl Webhook {
    fn new(request: &SinkRequest) -> Result<Self, StageError> {
        let Checked {
            options,
            target,
            template,
        } = Checked::new(request)?;
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|error| StageError::Unavailable(error.to_string()))?;
        std::fs::create_dir_all(&request.folder)
            .map_err(|error| StageError::Unavailable(error.to_string()))?;
        let path = request.folder.join(format!("webhook-{}.db", request.name));
        let (queue, damage) = Queue::open(&path, MESSAGES_MAX).map_err(failed)?;
        if let Some(damage) = damage {
            tracing::warn!(sink = request.name, damage, "a damaged queue is begun anew");
        }
        let queue = Arc::new(Mutex::new(queue));
        let news = Arc::new(Notify::new());
        let sender = Sender {
            name: request.name.clone(),
            target,
            secret: options.secret,
            content_type: options.content_type,
            keep_ms: i64::from(options.keep_hours) * HOUR_MS,
            queue: Arc::clone(&queue),
            news: Arc::clone(&news),
            health: Arc::clone(&request.health),
        };
        Ok(Self {
            kinds: options.kinds,
            template,
            queue,
            news,
            sending: runtime.spawn(sender.run()).abort_handle(),
        })
    }

    /// The bodies for some events.
    fn bodies(&self, events: &[EventRecord]) -> Result<Vec<Vec<u8>>, StageError> {
        let wanted: Vec<EventRecord> = events
            .iter()
            .filter(|event| self.kinds.is_empty() || self.kinds.contains(&event.kind))
            .map(|event| {
                let mut event = event.clone();
                Positions::Grid.limit(&mut event);
                event
            })
            .collect();
        let odd = |text: String| StageError::Rejected(text);
        if let Some(environment) = &self.template {
            let template = environment
                .get_template(TEMPLATE)
                .map_err(|error| odd(error.to_string()))?;
            return wanted
                .iter()
                .map(|event| {
                    let event = value(event).map_err(|error| odd(error.to_string()))?;
                    template
                        .render(minijinja::context!(event))
                        .map_err(|error| odd(format!("the template fails: {error}")))
                        .and_then(|body| limited(body.into_bytes()))
                })
                .collect();
        }
        let body = |events: &[EventRecord]| {
            let body = serde_json::json!({"version": EventRecord::VERSION, "events": events});
            serde_json::to_vec(&body).map_err(|error| odd(error.to_string()))
        };
        wanted.chunks(EVENTS_MAX).map(body).collect()
    }
}

/// An event as a template sees it: with the numbers that its JSON shows.
fn value(event: &EventRecord) -> serde_json::Result<minijinja::Value> {
    let text = serde_json::to_string(event)?;
    let event: serde_json::Value = serde_json::from_str(&text)?;
    Ok(minijinja::Value::from(minijinja::value::Serde(event)))
}

const TEMPLATE: &str = "template";

fn template(source: String) -> Result<Environment<'static>, StageError> {
    if source.len() > TEMPLATE_BYTES_MAX {
        return Err(StageError::Rejected(format!(
            "`template` is over {TEMPLATE_BYTES_MAX} bytes"
        )));
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(TEMPLATE_FUEL));
    environment
        .add_template_owned(TEMPLATE, source)
        .map_err(|error| StageError::Rejected(format!("`template` is wrong: {error}")))?;
    Ok(environment)
}

fn limited(body: Vec<u8>) -> Result<Vec<u8>, StageError> {
    if body.len() > MESSAGE_BYTES_MAX {
        return Err(StageError::Rejected(format!(
            "the template makes over {MESSAGE_BYTES_MAX} bytes"
        )));
    }
    Ok(body)
}

fn failed(error: QueueError) -> StageError {
    match error {
        QueueError::Full(reason) => StageError::Exhausted(reason),
        QueueError::Failed(reason) => StageError::Unavailable(reason),
    }
}

impl Sink for Webhook {
    fn deliver<'a>(
        &'a mut self,
        events: &'a [EventRecord],
    ) -> BoxFuture<'a, Result<(), StageError>> {
        Box::pin(async move {
            let bodies = self.bodies(events)?;
            if bodies.is_empty() {
                return Ok(());
            }
            let queue = Arc::clone(&self.queue);
            with_queue(queue, move |queue| queue.push(&bodies, now_ms())).await?;
            self.news.notify_one();
            Ok(())
        })
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

fn now_ms() -> i64 {
    SystemClock.wall().micros.div_euclid(1000)
}

/// Works on the queue where waiting for a disk holds nobody up.
async fn with_queue<T: Send + 'static>(
    queue: Arc<Mutex<Queue>>,
    work: impl FnOnce(&Queue) -> Result<T, QueueError> + Send + 'static,
) -> Result<T, StageError> {
    tokio::task::spawn_blocking(move || {
        let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        work(&queue).map_err(failed)
    })
    .await
    .map_err(|error| StageError::Unavailable(error.to_string()))?
}

/// What sends the messages, one after the other.
struct Sender {
    name: String,
    target: Target,
    secret: Secret,
    content_type: String,
    keep_ms: i64,
    queue: Arc<Mutex<Queue>>,
    news: Arc<Notify>,
    health: Arc<SinkHealth>,
}

impl Sender {
    async fn run(self) {
        let mut failures = 0;
        loop {
            match self.step().await {
                Ok(true) => failures = 0,
                Ok(false) => {
                    // Whatever happens first: something new, or something that was put off.
                    tokio::time::timeout(IDLE, self.news.notified()).await.ok();
                }
                Err(error) => {
                    self.health.failed(&error);
                    let pause = pause_ms(failures, rand::random());
                    failures += 1;
                    tracing::warn!(sink = self.name, %error, pause_ms = pause, "a webhook fails");
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }
        }
    }

    /// Sends what is due first. Ok: whether there was something.
    async fn step(&self) -> Result<bool, StageError> {
        let oldest = now_ms() - self.keep_ms;
        let (dropped, next, waiting) = with_queue(Arc::clone(&self.queue), move |queue| {
            let dropped = queue.drop_before(oldest)?;
            Ok((dropped, queue.next(now_ms())?, queue.count()?))
        })
        .await?;
        self.health.set_waiting(waiting);
        self.health.gave_up(dropped as u64);
        if dropped > 0 {
            tracing::warn!(sink = self.name, dropped, "messages did not arrive in time");
        }
        let Some(message) = next else {
            return Ok(false);
        };
        let id = message.id;
        match self.send(message).await {
            Ok(()) => {
                self.health.sent();
                with_queue(Arc::clone(&self.queue), move |queue| queue.remove(id)).await?;
                Ok(true)
            }
            Err(StageError::Rejected(reason)) => {
                // Only a person can change that: others go first, this one is tried rarely.
                self.health.failed(&reason);
                tracing::warn!(sink = self.name, reason, "a webhook is refused");
                let due = now_ms() + HOUR_MS;
                with_queue(Arc::clone(&self.queue), move |queue| {
                    queue.postpone(id, due)
                })
                .await?;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    async fn send(&self, message: Waiting) -> Result<(), StageError> {
        let id = format!("msg_{:x}_{:x}", message.made_ms, message.id);
        let timestamp = (now_ms() / 1000).to_string();
        let signature = sign(&self.secret, &id, &timestamp, &message.body)?;
        let headers = [
            ("content-type", self.content_type.clone()),
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature),
        ];
        self.target.post(&headers, Bytes::from(message.body)).await
    }
}

/// The signature of a message.
fn sign(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> Result<String, StageError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .map_err(|error| StageError::Rejected(error.to_string()))?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    let sum = mac.finalize().into_bytes();
    Ok(format!("v1,{}", BASE64_STANDARD.encode(sum)))
}

/// The pause after some failures in a row: doubled each time, between half and all of it by
/// chance.
fn pause_ms(failures: u32, chance: f64) -> u64 {
    let whole = PAUSE_MIN_MS << failures.min(20);
    let whole = whole.min(PAUSE_MAX_MS) as f64;
    (whole * (0.5 + chance / 2.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_as_openssl_makes_it() {
        // printf 'msg_1.1795509000.{"a":1}' | openssl dgst -sha256 -hmac '0123456789abcdef' -binary | base64
        let secret = Secret::new("0123456789abcdef");
        let signature = sign(&secret, "msg_1", "1795509000", br#"{"a":1}"#).unwrap();
        assert_eq!(signature, "v1,QqSbtP923luBW54IYQIxho/ewVto4Xn/DezpurmJcUc=");
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        assert_eq!(pause_ms(0, 1.0), 1000);
        assert_eq!(pause_ms(3, 1.0), 8000);
        assert_eq!(pause_ms(3, 0.0), 4000);
        assert_eq!(pause_ms(u32::MAX, 1.0), PAUSE_MAX_MS);
    }
}
