//! A live feed over a WebSocket: what every one of them does.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        FromRequestParts,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code},
    },
    http::request::Parts,
    response::Response,
};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use serde::Serialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Api, identity::Asker, problem::Problem, serve::Peer};
use crate::access::Principal;

/// How often a feed says that it lives, and asks whether it still may.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// A client that answers nothing for so long is given up.
const SILENCE_MAX: Duration = Duration::from_mins(1);
/// Most bytes that a client may send at a time.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// A request for a feed.
pub(crate) struct Opening {
    upgrade: WebSocketUpgrade,
    principal: Arc<Principal>,
    peer: Peer,
}

impl<S: Send + Sync> FromRequestParts<S> for Opening {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Asker(principal) = Asker::from_request_parts(parts, state).await?;
        let peer = Peer::from_request_parts(parts, state).await?;
        let upgrade = WebSocketUpgrade::from_request_parts(parts, state)
            .await
            .map_err(|_no_upgrade| Problem::upgrade_required())?;
        Ok(Self {
            upgrade,
            principal,
            peer,
        })
    }
}

impl Opening {
    /// Who asks.
    pub(crate) fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// Answers, and runs `feed` once the client has changed to WebSocket.
    pub(crate) fn run<F: Future<Output = ()> + Send + 'static>(
        self,
        api: &Arc<Api>,
        feed: impl FnOnce(Feed) -> F + Send + 'static,
    ) -> Response {
        let Self {
            upgrade,
            principal,
            peer,
        } = self;
        let api = Arc::clone(api);
        upgrade
            .max_message_size(MESSAGE_BYTES_MAX)
            .max_frame_size(MESSAGE_BYTES_MAX)
            .on_upgrade(move |socket| {
                // The feed holds the connection's place until it ends.
                feed(Feed::new(api, principal, peer, socket))
            })
    }
}

/// One open feed.
pub(crate) struct Feed {
    api: Arc<Api>,
    principal: Arc<Principal>,
    _peer: Peer,
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
    beat: Interval,
    heard_at: Instant,
    /// When it was last asked what the client says.
    asked_at: Instant,
}

/// What came from the client, or from the clock.
pub(crate) enum Heard {
    /// The client says this.
    Text(Utf8Bytes),
    /// It is time to say that the feed lives.
    Beat,
    /// The feed ends, for this reason.
    End(Ending),
}

/// Why a feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client left, or does not answer.
    Left,
    /// The program stops.
    Stopping,
    /// Whoever asked may no longer.
    NoLonger,
    /// The client said something that cannot be.
    Misspoken,
    /// What was to be sent cannot be had.
    Failed,
}

impl Feed {
    fn new(api: Arc<Api>, principal: Arc<Principal>, peer: Peer, socket: WebSocket) -> Self {
        let now = Instant::now();
        let mut beat = interval_at(now + BEAT_EVERY, BEAT_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (sink, stream) = socket.split();
        Self {
            api,
            principal,
            _peer: peer,
            sink,
            stream,
            beat,
            heard_at: now,
            asked_at: now,
        }
    }

    /// What the feed serves from.
    pub(crate) fn api(&self) -> &Arc<Api> {
        &self.api
    }

    /// Who gets it.
    pub(crate) fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// Waits for what comes next. Nothing is lost when it is dropped.
    pub(crate) async fn hear(&mut self) -> Heard {
        let now = Instant::now();
        if now.duration_since(self.asked_at) > 2 * BEAT_EVERY {
            // Busy with sending: nobody looked whether the client said something.
            self.heard_at = now;
        }
        loop {
            self.asked_at = Instant::now();
            tokio::select! {
                () = self.api.stop.cancelled() => return Heard::End(Ending::Stopping),
                message = self.stream.next() => {
                    self.heard_at = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => return Heard::Text(text),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => return Heard::End(Ending::Misspoken),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => {
                            return Heard::End(Ending::Left);
                        }
                    }
                }
                _ = self.beat.tick() => {
                    if self.heard_at.elapsed() > SILENCE_MAX {
                        return Heard::End(Ending::Left);
                    }
                    return Heard::Beat;
                }
            }
        }
    }

    /// Says that the feed lives, in words and with a ping, if whoever asked may still.
    pub(crate) async fn beat<T: Serialize>(&mut self, alive: &T) -> Result<(), Ending> {
        let now = (self.api.now)();
        match self.api.access.still(&self.principal, now).await {
            Ok(true) => {}
            Ok(false) => return Err(Ending::NoLonger),
            Err(error) => {
                tracing::error!(%error, "a feed ends: users and tokens cannot be read");
                return Err(Ending::Failed);
            }
        }
        self.say(alive).await?;
        self.send(Message::Ping(bytes::Bytes::new())).await
    }

    /// Sends a message as JSON.
    pub(crate) async fn say<T: Serialize>(&mut self, message: &T) -> Result<(), Ending> {
        let text = serde_json::to_string(message).map_err(|error| {
            tracing::error!(%error, "a message of a feed has no JSON");
            Ending::Failed
        })?;
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Ending> {
        // A client that takes nothing ends the connection: see `Patient`.
        tokio::select! {
            sent = self.sink.send(message) => sent.map_err(|_closed| Ending::Left),
            () = self.api.stop.cancelled() => Err(Ending::Stopping),
        }
    }

    /// Says goodbye.
    pub(crate) async fn end(mut self, ending: Ending) {
        let (code, reason) = match ending {
            Ending::Left => return,
            Ending::Stopping => (close_code::AWAY, "the program stops"),
            Ending::NoLonger => (close_code::POLICY, "access has ended"),
            Ending::Misspoken => (close_code::INVALID, "not a message of this feed"),
            Ending::Failed => (close_code::AGAIN, "try again"),
        };
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        let goodbye = async {
            if self.sink.send(Message::Close(Some(frame))).await.is_ok() {
                // The client's own goodbye, so that it reads ours.
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        let _in_time = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }
}
