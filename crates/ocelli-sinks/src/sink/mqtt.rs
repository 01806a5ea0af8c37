//! `mqtt`: publishes to a broker in Frigate's dialect, and tells Home Assistant what there is.
//!
//! Boxes are live and exact here: nothing of them is retained.

use std::{collections::BTreeMap, time::Duration};

use ocelli_core::{
    EventRecord, Secret, StageError,
    seam::{BoxFuture, Sink},
};
use rumqttc::mqttbytes::{
    QoS,
    v4::{Connect, LastWill},
};
use serde::{Deserialize, Deserializer};
use tokio::sync::{mpsc, oneshot};

use super::{SinkKind, SinkRequest};
use crate::{
    mqtt::{
        Message,
        broker::{Batch, Broker, KEEP_ALIVE_SECS, answer},
        frigate::{Dialect, Told},
        home_assistant::Known,
        level,
    },
    outgoing::{Endpoint, Scheme, parse},
};

/// The kind.
pub static KIND: SinkKind = SinkKind {
    name: "mqtt",
    summary: "an MQTT broker, in Frigate's dialect, with discovery by Home Assistant",
    options_schema: super::schema::<Options>,
    check: |request| checked(request).map(drop),
    build: |request| Mqtt::new(&request).map(|sink| Box::new(sink) as Box<dyn Sink>),
    example: r#"{"url":"mqtt://broker.site.example","user":"ocelli","password":"changeme","home_assistant":"homeassistant"}"#,
};

const SCHEMES: &[Scheme] = &[("mqtt", 1883, false), ("mqtts", 8883, true)];
const ACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// Messages that are in the air together: well below the 65,535 that MQTT can number.
const MESSAGES_MAX: usize = 5000;

/// Its configuration.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The broker: mqtt:// or mqtts://.
    url: String,
    /// User name.
    #[serde(default)]
    user: Option<String>,
    /// Password.
    #[serde(default, deserialize_with = "secret")]
    #[schemars(with = "Option<String>")]
    password: Option<Secret>,
    /// The first level of every topic.
    #[serde(default = "frigate")]
    prefix: String,
    /// Width and height in pixels in which boxes are told.
    #[serde(default = "hd")]
    pixels: [u32; 2],
    /// The first level of Home Assistant's discovery; without it nothing is told to it.
    #[serde(default)]
    home_assistant: Option<String>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| text.map(Secret::new))
}

fn frigate() -> String {
    "frigate".to_owned()
}

fn hd() -> [u32; 2] {
    [1280, 720]
}

struct Mqtt {
    dialect: Dialect,
    discovery: Option<String>,
    told: Told,
    known: Known,
    batches: mpsc::Sender<Batch>,
}

/// The options, and where the broker is.
fn checked(request: &SinkRequest) -> Result<(Options, Endpoint), StageError> {
    let options: Options = super::options(request)?;
    let rejected = |text: &str| Err(StageError::Rejected(text.to_owned()));
    let (_, endpoint) = parse(&options.url, SCHEMES, request.reach)?;
    for (key, prefix) in std::iter::once(("prefix", &options.prefix)).chain(
        options
            .home_assistant
            .iter()
            .map(|at| ("home_assistant", at)),
    ) {
        if prefix.is_empty()
            || prefix
                .split('/')
                .any(|part| part.is_empty() || part != level(part))
        {
            return rejected(&format!(
                "`{key}` is not one or more levels of a topic, without `+` and `#`"
            ));
        }
    }
    if options.pixels.iter().any(|side| !(1..=8192).contains(side)) {
        return rejected("`pixels` are width and height, 1 to 8192");
    }
    if options.user.is_none() && options.password.is_some() {
        return rejected("a `password` needs a `user`");
    }
    Ok((options, endpoint))
}

impl Mqtt {
    fn new(request: &SinkRequest) -> Result<Self, StageError> {
        let (options, endpoint) = checked(request)?;
        let dialect = Dialect {
            prefix: options.prefix,
            pixels: options.pixels,
        };
        let available = dialect.available();
        let mut connect = Connect::new(format!(
            "ocelli-{}-{:08x}",
            request.name,
            rand::random::<u32>()
        ));
        connect.keep_alive = KEEP_ALIVE_SECS;
        connect.last_will = Some(LastWill::new(&available, "offline", QoS::AtLeastOnce, true));
        if let Some(user) = options.user {
            let password = options.password.as_ref().map_or("", Secret::expose);
            connect.set_login(user, password);
        }
        let broker = Broker {
            endpoint,
            connect,
            greeting: Message::retained(available, "online"),
            again: options
                .home_assistant
                .as_ref()
                .map(|discovery| (format!("{discovery}/status"), &b"online"[..])),
            kept: BTreeMap::new(),
        };
        let (batches, queued) = mpsc::channel(1);
        tokio::runtime::Handle::try_current()
            .map_err(|error| StageError::Unavailable(error.to_string()))?
            .spawn(broker.run(queued));
        Ok(Self {
            dialect,
            discovery: options.home_assistant,
            told: Told::default(),
            known: Known::default(),
            batches,
        })
    }

    async fn publish(&mut self, events: &[EventRecord]) -> Result<(), StageError> {
        // What was told only counts once the broker has it.
        let (mut told, mut known) = (self.told.clone(), self.known.clone());
        let mut messages = Vec::new();
        for event in events {
            if let Some(discovery) = &self.discovery {
                messages.extend(known.hear(event, discovery, &self.dialect));
            }
            messages.extend(self.dialect.say(event, &mut told));
        }
        while !messages.is_empty() {
            let rest = messages.split_off(messages.len().min(MESSAGES_MAX));
            let (done, waiting) = oneshot::channel();
            let batch = Batch { messages, done };
            self.batches.send(batch).await.map_err(|_gone| {
                StageError::Unavailable("nothing speaks to the broker any more".to_owned())
            })?;
            answer(waiting, ACKNOWLEDGED_MAX).await?;
            messages = rest;
        }
        (self.told, self.known) = (told, known);
        Ok(())
    }
}

impl Sink for Mqtt {
    fn deliver<'a>(
        &'a mut self,
        events: &'a [EventRecord],
    ) -> BoxFuture<'a, Result<(), StageError>> {
        Box::pin(self.publish(events))
    }
}
